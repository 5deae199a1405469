use super::{decode, encode};
use crate::chat::{Choice, Part, Response, StopReason, TextPart, ToolCall};
use crate::dialect::Asked;
use crate::dialect::fixtures;
use crate::dialect::gemini::words;
use crate::loss::Losses;
use proptest::prelude::*;

/// The hub as lines, and the answer written again.
fn render(body: &[u8]) -> String {
    let response = match decode(body) {
        Ok(response) => response,
        Err(fault) => return format!("{fault:#?}"),
    };
    let mut lines = format!("id {:?}, model {:?}\n", response.id, response.model);
    for choice in &response.choices {
        for part in &choice.parts {
            lines.push_str(&format!("{part:?}\n"));
        }
        lines.push_str(&format!("stop {:?}\n", choice.stop));
        if let Some(logprobs) = &choice.logprobs {
            lines.push_str(&format!("logprobs {}\n", logprobs.get()));
        }
    }
    lines.push_str(&format!("{:?}\ntier {:?}\n", response.usage, response.service_tier));
    lines.push_str(&format!("losses: {}\n\nwritten again:\n", response.losses.header()));
    let mut losses = Losses::default();
    let again = encode(&response, &Asked::default(), &mut losses);
    lines.push_str(std::str::from_utf8(&again).unwrap());
    lines.push_str(&format!("\nlosses: {}\n", losses.header()));
    lines
}

#[test]
fn answers_as_documented() {
    fixtures::check("gemini", "responses", |_, body| render(body));
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, body) in fixtures::files("gemini", "responses") {
        let Ok(mut first) = decode(&body) else { continue };
        if matches!(name.as_str(), "safety" | "no_candidates") {
            continue; // words of refusal become text, no reason `OTHER`
        }
        let again = encode(&first, &Asked::default(), &mut Losses::default());
        let mut second = decode(&again).unwrap();
        (first.losses, second.losses) = Default::default();
        (first.service_tier, second.service_tier) = Default::default();
        // To a client, a signature is a text that travels as bytes.
        let told = format!("{first:?}").replace("\"c2ln\"", &format!("{:?}", super::super::signature::signed("c2ln")));
        assert_eq!(told, format!("{second:?}"), "{name}");
    }
}

#[track_caller]
fn check(parts: Vec<Part<'static>>, stop: StopReason<'static>, expected: &str, lost: &str) {
    let choice = Choice { index: 0, parts, stop, logprobs: None };
    let response = Response { id: "i".into(), model: "m".into(), choices: vec![choice], ..Response::default() };
    let mut losses = Losses::default();
    let body = String::from_utf8(encode(&response, &Asked::default(), &mut losses)).unwrap();
    let head = r#"{"candidates":[{"content":{"parts":["#;
    assert_eq!(body, format!(r#"{head}{expected},"index":0}}],"modelVersion":"m","responseId":"i"}}"#));
    assert_eq!(losses.header(), lost);
}

#[test]
fn answers_of_other_dialects() {
    let stop = r#"],"role":"model"},"finishReason":"STOP""#;
    let call = |arguments: &'static str| {
        Part::ToolCall(ToolCall {
            id: "c".into(),
            name: "f".into(),
            arguments: arguments.into(),
            ..ToolCall::default()
        })
    };
    check(vec![], StopReason::Sequence(Some("x".into())), stop, "");
    let args = |args: &str| format!(r#"{{"functionCall":{{"id":"c","name":"f","args":{args}}}}}{stop}"#);
    check(vec![call("")], StopReason::ToolCalls, &args("{}"), "");
    let broken = "choices.message.tool_calls.function.arguments";
    check(vec![call("{\"a\":")], StopReason::ToolCalls, &args(r#"{"arguments":"{\"a\":"}"#), broken);
    let refused = r#"{"text":"No."}],"role":"model"},"finishReason":"SAFETY""#;
    check(vec![Part::Refusal("No.".into())], StopReason::Refused, refused, "");
    let other = r#"],"role":"model"},"finishReason":"OTHER""#;
    check(vec![], StopReason::Unknown("eos".into()), other, "finish_reason");
    let redacted = Part::RedactedThinking { data: "x".into() };
    let opaque = format!(r#"{{"text":"","thoughtSignature":"YXR0YWNoZTpyOng="}}{stop}"#);
    check(vec![redacted], StopReason::End, &opaque, "");
    let thought = Part::Thinking { text: "hm".into(), signature: Some("a".into()) };
    let signed = format!(r#"{{"text":"hm","thought":true,"thoughtSignature":"YXR0YWNoZTpzOmE="}}{stop}"#);
    check(vec![thought], StopReason::End, &signed, "");
}

#[test]
fn ids_are_made_up_the_same_way_each_time() {
    let ids = |answer: &str| -> Vec<String> {
        let calls = r#"[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}}]"#;
        let body = format!(r#"{{"candidates":[{{"content":{{"parts":{calls}}}}}],"responseId":"{answer}"}}"#);
        let response = decode(body.as_bytes()).unwrap();
        let parts = response.choices.iter().flat_map(|choice| &choice.parts);
        parts
            .map(|part| {
                let Part::ToolCall(call) = part else { panic!("{part:?}") };
                call.id.as_str().to_owned()
            })
            .collect()
    };
    let first = ids("r");
    assert_eq!(first, ids("r"));
    assert_ne!(first, ids("q"));
    assert!(first[0] != first[1] && first.iter().all(|id| id.len() <= 40 && id.starts_with("call_")));
}

#[test]
fn a_source_hangs_on_its_piece() {
    let body = r#"{"candidates":[{"content":{"parts":[{"text":"å"},{"text":"bc"}]},"finishReason":"STOP","groundingMetadata":
        {"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"partIndex":1,"startIndex":1,"endIndex":2},"groundingChunkIndices":[0]}]}}]}"#;
    let response = decode(body.as_bytes()).unwrap();
    let Part::Text(TextPart { text, citations, .. }) = &response.choices[0].parts[1] else { panic!("a text") };
    assert_eq!((text.as_str(), citations[0].span), ("bc", Some((2, 3))));
}

proptest! {
    #[test]
    fn nothing_panics(body in prop_oneof![words::json(), ".{0,80}"]) {
        if let Ok(response) = decode(body.as_bytes()) {
            let again = encode(&response, &Asked::default(), &mut Losses::default());
            prop_assert!(decode(&again).is_ok(), "{}", String::from_utf8_lossy(&again));
        }
    }
}
