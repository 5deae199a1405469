//! Input for property tests.

use proptest::prelude::*;

/// Any JSON that is made of this dialect's words.
pub(super) fn json() -> impl Strategy<Value = String> {
    const KEYS: [&str; 40] = [
        "contents",
        "role",
        "parts",
        "text",
        "thought",
        "thoughtSignature",
        "inlineData",
        "mimeType",
        "data",
        "fileData",
        "fileUri",
        "functionCall",
        "name",
        "args",
        "id",
        "functionResponse",
        "response",
        "systemInstruction",
        "tools",
        "functionDeclarations",
        "parameters",
        "type",
        "properties",
        "items",
        "anyOf",
        "toolConfig",
        "functionCallingConfig",
        "mode",
        "allowedFunctionNames",
        "generationConfig",
        "responseSchema",
        "thinkingConfig",
        "candidates",
        "content",
        "index",
        "finishReason",
        "usageMetadata",
        "groundingMetadata",
        "error",
        "enum",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        (-2i64..9).prop_map(|n| n.to_string()),
        prop::sample::select(["user", "model", "STRING", "OBJECT", "ANY", "STOP", "image/png", "é😀", ""].as_slice())
            .prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let object = prop::collection::vec((prop::sample::select(KEYS.as_slice()), inner.clone()), 0..6)
            .prop_map(|all| all.iter().map(|(key, value)| format!("{key:?}:{value}")).collect::<Vec<_>>().join(","));
        let list = prop::collection::vec(inner, 0..4).prop_map(|all| all.join(","));
        prop_oneof![3 => object.prop_map(|all| format!("{{{all}}}")), 1 => list.prop_map(|all| format!("[{all}]"))]
    })
}
