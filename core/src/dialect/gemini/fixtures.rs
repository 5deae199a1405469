//! Fixtures: inputs as the API documents them, each with a snapshot of what was made of it beside it.

use proptest::prelude::*;
use std::path::PathBuf;

/// The files of one area, by name.
pub(super) fn files(area: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder(area))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "snap" && extension != "new"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {area}");
    files
}

/// Compares what `render` makes of every file of an area with its snapshot.
pub(super) fn check(area: &str, render: impl Fn(&str, &[u8]) -> String) {
    for (name, bytes) in files(area) {
        let rendered = render(&name, &bytes);
        insta::with_settings!({
            snapshot_path => folder(area), prepend_module_to_snapshot => false, omit_expression => true,
        }, { insta::assert_snapshot!(name.as_str(), rendered) });
    }
}

fn folder(area: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "gemini", area].iter().collect()
}

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
