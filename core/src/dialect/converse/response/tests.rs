use super::{decode, encode};
use crate::chat::{Choice, Citation, Part, Response, StopReason, TextPart, ToolCall};
use crate::dialect::Asked;
use crate::dialect::converse::request::tests::json;
use crate::dialect::fixtures;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
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
    fixtures::check("converse", "responses", |_, body| render(body));
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, body) in fixtures::files("converse", "responses") {
        let Ok(first) = decode(&body) else { continue };
        let again = encode(&first, &Asked::default(), &mut Losses::default());
        let mut second = decode(&again).unwrap();
        second.losses = first.losses.clone();
        second.model = first.model.clone(); // a router's choice is not ours to tell
        if name == "malformed" || name == "guardrail" {
            second.choices[0].stop = first.choices[0].stop.clone(); // an unknown reason becomes `end_turn`
        }
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "{name}");
    }
}

fn answer(parts: Vec<Part<'static>>, stop: StopReason<'static>) -> Response<'static> {
    let choice = Choice { index: 0, parts, stop, logprobs: None };
    Response { choices: vec![choice], usage: Some(Usage::default()), ..Response::default() }
}

fn check(response: &Response<'_>, expected: &str, lost: &str) {
    let mut losses = Losses::default();
    let body = encode(response, &Asked::default(), &mut losses);
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains(expected), "{body} has no {expected}");
    assert_eq!(losses.header(), lost, "{body}");
}

fn call(arguments: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall {
        id: "call_1".into(),
        name: "f".into(),
        arguments: arguments.into(),
        ..ToolCall::default()
    })
}

#[test]
fn answers_of_other_dialects() {
    let tools = StopReason::ToolCalls;
    let broken = "choices.message.tool_calls.function.arguments";
    check(&answer(vec![call("")], tools.clone()), r#""input":{}"#, "");
    check(&answer(vec![call(" {\"a\": 1e400} ")], tools.clone()), r#""input":{"a": 1e400}"#, "");
    check(&answer(vec![call("{\"a\":")], tools), r#""input":{"arguments":"{\"a\":"}"#, broken);
    check(&answer(vec![call("{}")], StopReason::End), r#""stopReason":"tool_use""#, "");
    check(&answer(vec![Part::Refusal("No.".into())], StopReason::End), r#""stopReason":"content_filtered""#, "");
    check(&answer(vec![Part::Text(Str::from("").into())], StopReason::End), r#""content":[]"#, "");
    let filter = StopReason::Unknown("eos".into());
    check(&answer(vec![], filter), r#""stopReason":"end_turn""#, "finish_reason.eos");
    let thought = Part::Thinking { text: "hm".into(), signature: None };
    let expected = r#"{"reasoningContent":{"reasoningText":{"text":"hm"}}}"#;
    check(&answer(vec![thought], StopReason::Length), expected, "");
    let cited = TextPart {
        text: "a".into(),
        citations: vec![Citation { span: Some((0, 1)), document: Some("7".into()), ..Citation::default() }],
        cache: None,
    };
    let expected = r#"{"citationsContent":{"content":[{"text":"a"}],"citations":[{"location":{"documentChar":{"documentIndex":7}}}]}}"#;
    check(&answer(vec![Part::Text(cited)], StopReason::End), expected, "choices.message.annotations.span");

    let mut two = answer(vec![Part::Text(Str::from("first").into())], StopReason::End);
    two.choices.push(Choice { index: 1, parts: vec![], stop: StopReason::End, logprobs: None });
    two.service_tier = Some("scale".into());
    two.usage = Some(Usage { output: 5, reasoning: 3, ..Usage::default() });
    check(&two, r#""text":"first""#, "choices, service_tier, usage.reasoning_tokens");
    check(&Response::default(), r#""content":[]"#, "usage");
}

proptest! {
    #[test]
    fn nothing_panics(body in prop_oneof![json(), ".{0,80}"]) {
        if let Ok(response) = decode(body.as_bytes()) {
            let again = encode(&response, &Asked::default(), &mut Losses::default());
            prop_assert!(decode(&again).is_ok());
        }
    }
}
