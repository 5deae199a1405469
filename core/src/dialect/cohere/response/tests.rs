use super::*;
use crate::chat::Citation;
use crate::dialect::fixtures;
use crate::usage::Usage;
use serde_json::value::RawValue;

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
        if let Some(raw) = &choice.logprobs {
            lines.push_str(&format!("logprobs {raw}\n"));
        }
    }
    lines.push_str(&format!("{:?}\nlosses: {}\n\nwritten again:\n", response.usage, response.losses.header()));
    let mut losses = Losses::default();
    let again = encode(&response, &Asked::default(), &mut losses);
    lines.push_str(std::str::from_utf8(&again).unwrap());
    lines.push_str(&format!("\nlosses: {}\n", losses.header()));
    lines
}

#[test]
fn answers_as_documented() {
    fixtures::check("cohere", "responses", |_, body| render(body));
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, body) in fixtures::files("cohere", "responses") {
        let Ok(first) = decode(&body) else { continue };
        let again = encode(&first, &Asked::default(), &mut Losses::default());
        let mut second = decode(&again).unwrap();
        assert_eq!(encode(&second, &Asked::default(), &mut Losses::default()), again, "{name}");
        second.losses = first.losses.clone();
        if name == "citations" {
            continue; // two texts become one
        }
        if name == "unknown" {
            second.choices[0].stop = first.choices[0].stop.clone(); // an unknown reason is `COMPLETE`
        }
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "{name}");
    }
}

fn text(text: &'static str, citations: Vec<Citation<'static>>) -> Part<'static> {
    Part::Text(TextPart { text: text.into(), citations, cache: None })
}

fn call(arguments: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall {
        id: "call_1".into(),
        name: "f".into(),
        arguments: arguments.into(),
        ..Default::default()
    })
}

/// The answer must hold the fragment, and exactly these things are lost.
#[track_caller]
fn check(parts: Vec<Part<'_>>, stop: StopReason<'_>, expected: &str, lost: &str) {
    let choices = vec![Choice { index: 0, parts, stop, logprobs: None }];
    let response = Response { id: "i".into(), choices, ..Response::default() };
    let mut losses = Losses::default();
    let body = String::from_utf8(encode(&response, &Asked::default(), &mut losses)).unwrap();
    assert!(body.contains(expected), "{body} has no {expected}");
    assert_eq!(losses.header(), lost, "{body}");
}

#[test]
fn answers_of_other_dialects() {
    let end = StopReason::End;
    check(
        vec![call("")],
        end.clone(),
        r#""finish_reason":"TOOL_CALL","message":{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
        "",
    );
    check(
        vec![text("a", vec![]), text("", vec![]), text("b", vec![])],
        end.clone(),
        r#""content":[{"type":"text","text":"ab"}]"#,
        "",
    );
    check(
        vec![Part::Refusal("No.".into())],
        StopReason::Refused,
        r#""finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"No."}]}"#,
        "finish_reason.refusal",
    );
    check(vec![], StopReason::Unknown("eos".into()), r#""finish_reason":"COMPLETE""#, "finish_reason.eos");
    check(vec![], StopReason::Sequence(Some("x".into())), r#""finish_reason":"STOP_SEQUENCE""#, "stop_sequence");
    let signed = Part::Thinking { text: "hm".into(), signature: Some("s".into()) };
    check(
        vec![signed, text("a", vec![])],
        end.clone(),
        r#"[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}]"#,
        "content.thinking.signature",
    );
    check(
        vec![Part::RedactedThinking { data: "x".into() }],
        end,
        r#""message":{"role":"assistant"}"#,
        "content.redacted_thinking",
    );
}

#[test]
fn citations_of_other_dialects() {
    let web = || Citation { url: Some("https://a".into()), quote: Some("q".into()), ..Citation::default() };
    let parts = vec![
        text("Ä, ", vec![]),
        text("cited", vec![web()]),
        Part::Thinking { text: "hm".into(), signature: None },
        text("é!", vec![Citation { span: Some((9, 10)), document: Some("0".into()), ..web() }]),
    ];
    let source = |id: &str| {
        format!(r#""sources":[{{"type":"document","id":"{id}","document":{{"url":"https://a","snippet":"q"}}}}]"#)
    };
    let first = format!(r#"{{"start":3,"end":8,"text":"cited",{},"content_index":0"#, source("https://a"));
    let second = format!(r#"{{"start":1,"end":2,"text":"!",{},"content_index":2"#, source("0"));
    check(parts.clone(), StopReason::End, &first, "");
    check(parts, StopReason::End, &second, "");
}

#[test]
fn what_no_field_holds_is_lost() {
    let usage = Usage { input: 9, cache_write: 1, output: 8, reasoning: 2, audio_input: 1, ..Usage::default() };
    let raw =
        RawValue::from_string(r#"{"content":[{"token":"a","logprob":-1,"top_logprobs":[{}]}]}"#.to_owned()).unwrap();
    let choice = |index| Choice { index, parts: vec![], stop: StopReason::End, logprobs: Some(Cow::Borrowed(&*raw)) };
    let response = Response {
        choices: vec![choice(0), choice(1)],
        usage: Some(usage),
        service_tier: Some("flex".into()),
        ..Response::default()
    };
    let mut losses = Losses::default();
    let body = String::from_utf8(encode(&response, &Asked::default(), &mut losses)).unwrap();
    assert_eq!(
        losses.header(),
        "choices, service_tier, choices.logprobs, usage.cache_write_tokens, usage.reasoning_tokens, usage.audio_tokens"
    );
    assert!(
        body.contains(r#""id":"unknown""#)
            && body.contains(r#""logprobs":[{"text":"a","token_ids":[],"logprobs":[-1]}]"#),
        "{body}"
    );
}

#[test]
fn no_answer() {
    for (body, words) in [
        ("{", "cannot be read"),
        ("{}", "has no message"),
        (r#"{"message":7}"#, "cannot be read"),
        (r#"{"message":{"tool_calls":[{"id":"a"}]}}"#, "without an id or a name"),
    ] {
        let fault = decode(body.as_bytes()).unwrap_err();
        assert!(fault.message.contains(words) && fault.status == 502, "{fault:?}");
    }
}
