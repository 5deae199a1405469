//! Streams of every dialect, split and cut everywhere: each text is what it would be if it came whole.

mod citations;
mod double;
mod real;
mod streams;
mod told;

use super::*;
use crate::chat::StopReason;
use crate::stream::Event;
use double::Double;
use proptest::prelude::*;
use streams::{Said, said};

/// Veils a stream that comes in these pieces.
fn veiled(rules: &Double, dialect: Dialect, framing: Framing, pieces: &[&[u8]]) -> (Vec<u8>, VeilStream) {
    let mut stream = VeilStream::new(Box::new(rules.clone()), dialect, framing);
    let mut out = Vec::new();
    pieces.iter().for_each(|piece| stream.push(piece, &mut out));
    stream.end(&mut out);
    (out, stream)
}

/// What the texts of a stream become if each is looked at whole.
fn expected(rules: &Double, dialect: Dialect, stream: &[u8]) -> Vec<Said> {
    let mut all = said(dialect, stream);
    for text in &mut all {
        text.text = if text.json { rules.json(&text.text) } else { rules.text(&text.text) };
    }
    all
}

const TEXT: &str = "Dear [NAME-0001], write \\\"to\\\" é a1@x.de or [NAME-0002]; not [NAME-00x. \u{1F600}#77#";
const JSON: &str = r#"{"to [NAME-0001]":["a\n[NAME-0002]","x\u00e9 #12# \ud83d\ude00"],"n":4111,"m":12}"#;

#[test]
fn any_split_of_any_delta_says_the_same() {
    let rules = Double::default();
    for dialect in Dialect::ALL {
        for (json, text) in [(false, TEXT.replace("\\\"", "\"")), (true, JSON.to_owned())] {
            if json && dialect == Dialect::Completions {
                continue;
            }
            let whole = streams::stream(dialect, &[&text], json);
            let expected = expected(&rules, dialect, &whole);
            let wanted = if json { "\\n\":[\"a\\nBo\u{1F600}\"" } else { "<N>" };
            assert!(expected.iter().any(|said| said.text.contains(wanted)), "{dialect:?}: {expected:?}");
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let (first, second) = text.split_at(at);
                let stream = streams::stream(dialect, &[first, second], json);
                let (out, _) = veiled(&rules, dialect, Framing::Sse, &[&stream]);
                assert_eq!(said(dialect, &out), expected, "{dialect:?} split at {at}");
                streams::clean(&out);
            }
            let characters: Vec<String> = text.chars().map(String::from).collect();
            let pieces: Vec<&str> = characters.iter().map(String::as_str).collect();
            let stream = streams::stream(dialect, &pieces, json);
            let (out, _) = veiled(&rules, dialect, Framing::Sse, &[&stream]);
            assert_eq!(said(dialect, &out), expected, "{dialect:?} by character");
        }
    }
}

#[test]
fn any_cut_of_the_network_gives_the_same_bytes() {
    let rules = Double::default();
    for dialect in Dialect::ALL {
        let framing = Endpoint::from(dialect).framing;
        let framings = match dialect {
            Dialect::Gemini => vec![Framing::Sse, Framing::JsonArray],
            Dialect::Anthropic => vec![Framing::Sse, Framing::Chunks],
            Dialect::OpenAi | Dialect::Responses | Dialect::Completions | Dialect::Converse | Dialect::Cohere => {
                vec![framing]
            }
        };
        for framing in framings {
            let text = TEXT.replace("\\\"", "\"");
            let (first, second) = text.split_at(12);
            let stream = streams::framed(framing, &streams::stream(dialect, &[first, second], false));
            let (whole, _) = veiled(&rules, dialect, framing, &[&stream]);
            assert_ne!(whole, stream);
            for at in (0..=stream.len()).step_by(3) {
                let (before, after) = stream.split_at(at);
                assert_eq!(veiled(&rules, dialect, framing, &[before, after]).0, whole, "{dialect:?} cut at {at}");
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(veiled(&rules, dialect, framing, &bytes).0, whole, "{dialect:?} byte by byte");
            let flat = streams::unframed(framing, &whole);
            assert_eq!(
                said(dialect, &flat),
                self::expected(&rules, dialect, &streams::stream(dialect, &[first, second], false)),
                "{dialect:?} {framing:?}"
            );
        }
    }
}

/// Every stream that this crate has for its decoders holds nothing that these rules find.
#[test]
fn without_findings_every_byte_passes() {
    let rules = Double { held: false, ..Double::default() };
    for dialect in Dialect::ALL {
        for (name, stream) in crate::dialect::fixtures::files(dialect.as_str(), "streams") {
            let unreadable = ["not_json", "not-json", "not-a-chunk", "broken", "error_no_json"].contains(&&*name);
            let (out, _) = veiled(&rules, dialect, Framing::Sse, &[&stream]);
            if !unreadable {
                assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&stream), "{dialect:?} {name}");
            }
        }
    }
}

#[test]
fn an_abort_lets_no_part_of_a_candidate_out() {
    let rules = Double::default();
    for dialect in Dialect::ALL {
        let stream = streams::stream(dialect, &["say", " #7", "7", "# [NA", "ME-000", "1]"], false);
        for at in (0..=stream.len()).step_by(3) {
            let (out, _) = veiled(&rules, dialect, Framing::Sse, &[stream.get(..at).unwrap()]);
            for text in said(dialect, &out) {
                assert!(!text.text.contains('#') && !text.text.contains('['), "{dialect:?} cut at {at}: {text:?}");
            }
        }
    }
}

#[test]
fn what_blocks_ends_the_stream_as_a_refusal() {
    let rules = Double { block: true, ..Double::default() };
    for dialect in Dialect::ALL {
        let stream = streams::stream(dialect, &["before ", "#7", "7# behind"], false);
        let (out, stream) = veiled(&rules, dialect, Framing::Sse, &[&stream]);
        assert_eq!(stream.blocked(), Some("number"), "{dialect:?}");
        let shown = String::from_utf8_lossy(&out);
        assert!(!shown.contains("77") && !shown.contains("behind"), "{dialect:?}: {shown}");
        let mut decoder = dialect.stream_decoder();
        let (mut text, mut refused, mut done) = (String::new(), false, false);
        streams::frames(&out, &mut |frame| {
            let decoded = decoder.frame(&frame, &mut |event| {
                done |= matches!(event, Event::Done);
                if let Event::Text { text: more, .. } = &event {
                    text.push_str(more);
                }
                if let Event::Finish { reason, .. } = &event {
                    refused = *reason == StopReason::Refused;
                }
            });
            assert!(decoded.is_ok(), "{dialect:?}: {decoded:?}");
        });
        // Cohere has no word for a refusal.
        refused |= dialect == Dialect::Cohere;
        assert_eq!((text.as_str(), refused, done), ("before ", true, true), "{dialect:?}: {shown}");
    }
}

#[test]
fn choices_thoughts_and_calls_are_texts_of_their_own() {
    let rules = Double::default();
    let stream = br##"data: {"choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"#7"}},{"index":1,"delta":{"content":"#"}}]}

data: {"choices":[{"index":0,"delta":{"reasoning_content":"7#","content":"[NAME"},"logprobs":{"content":[{"token":"#77#"}]}}]}

data: {"choices":[{"index":1,"delta":{"content":"12#"},"finish_reason":"stop"}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\":\"#1"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"f","arguments":"{\"b\":\"[NAME-00"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1#\"}"}},{"index":1,"function":{"arguments":"01]\"}"}}]}}]}

data: {"choices":[{"index":0,"delta":{"content":"-0001]"},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: [DONE]

"##;
    let (out, veiled) = veiled(&rules, Dialect::OpenAi, Framing::Sse, &[stream]);
    assert_eq!(said(Dialect::OpenAi, &out), expected(&rules, Dialect::OpenAi, stream));
    let shown = String::from_utf8(out).unwrap();
    assert!(!shown.contains("77") && shown.contains(r#""logprobs":null"#), "{shown}");
    assert_eq!(veiled.tally().0.values().sum::<u64>(), 3);
}

#[test]
fn what_goes_out_late_says_only_what_is_new() {
    let rules = Double::default();
    let stream = br#"data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"a [NAME"},"finish_reason":null}],"usage":null}

data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}

data: [DONE]

"#;
    let (out, _) = veiled(&rules, Dialect::OpenAi, Framing::Sse, &[stream]);
    insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
    data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"a "},"finish_reason":null}],"usage":null}

    data: {"id":"c","choices":[{"index":0,"delta":{"content":"[NAME"},"finish_reason":null}]}

    data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}

    data: [DONE]

    "#);
}

#[test]
fn numbers_of_events_grow() {
    let rules = Double::default();
    let stream = streams::stream(Dialect::Responses, &["a [NA"], false);
    let (out, _) = veiled(&rules, Dialect::Responses, Framing::Sse, &[&stream]);
    let mut last = None;
    streams::frames(&out, &mut |frame| {
        let event: serde_json::Value = serde_json::from_slice(&frame.data).unwrap();
        let number = event["sequence_number"].as_u64();
        assert!(number > last, "{event}");
        last = number;
    });
}

#[test]
fn an_event_without_end_ends_the_stream() {
    let rules = Double::default();
    let mut stream = VeilStream::new(Box::new(rules), Dialect::OpenAi, Framing::Sse);
    let mut out = Vec::new();
    for _ in 0..40 {
        stream.push(&vec![b'x'; 1 << 20], &mut out);
    }
    assert!(String::from_utf8(out).unwrap().contains("\"error\""));
}

/// Ordinary words wait for nothing; of the beginning of a number or a placeholder only that waits.
#[test]
fn what_is_held_is_less_than_a_word() {
    let rules = Double::default();
    let mut stream = VeilStream::new(Box::new(rules), Dialect::OpenAi, Framing::Sse);
    let (mut held, mut pieces) = (0, 0);
    let prose = "The quick [brown] fox of [NAME-0001] says #12# and, at 7 o'clock, #hashtags that are long. ".repeat(8);
    for piece in prose.as_bytes().chunks(4) {
        let piece = std::str::from_utf8(piece).unwrap();
        let events = streams::stream(Dialect::OpenAi, &[piece], false);
        let delta = events.split_inclusive(|byte| *byte == b'\n').nth(2).unwrap();
        stream.push(&[delta, b"\n"].concat(), &mut Vec::new());
        held += stream.flow.held_bytes();
        pieces += 1;
    }
    assert!(held > 0 && held < pieces, "{held} bytes in {pieces} pieces");
}

/// What stands before an object in place of an array is no part of how it is read.
#[test]
fn a_cut_behind_what_does_not_belong_does_not_show() {
    let (rules, stream) = (Double::default(), br#"}{"choices":[{"delta":{"content":"a"}}]}"#);
    let whole = veiled(&rules, Dialect::OpenAi, Framing::JsonArray, &[stream]).0;
    for at in 0..stream.len() {
        let (before, after) = stream.split_at(at);
        assert_eq!(veiled(&rules, Dialect::OpenAi, Framing::JsonArray, &[before, after]).0, whole, "cut at {at}");
    }
}

proptest! {
    #[test]
    fn any_text_in_any_pieces(
        pieces in prop::collection::vec(r#"(\[NAME-000[12]\]|\[NAM|E-0001\]|#|7|a|é|"|\\){0,6}"#, 1..8),
        dialect in 0usize..7,
        json: bool,
    ) {
        let rules = Double::default();
        let dialect = *Dialect::ALL.get(dialect).unwrap();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let json = json && !matches!(dialect, Dialect::Gemini | Dialect::Completions);
        let stream = streams::stream(dialect, &pieces, json);
        let (out, _) = veiled(&rules, dialect, Framing::Sse, &[&stream]);
        prop_assert_eq!(said(dialect, &out), expected(&rules, dialect, &stream));
    }

    #[test]
    fn any_bytes_at_any_cut(
        stream in r#"(data: |event: x|\n|\{"choices":\[\{"delta":\{"content":"|a#1"|\}|\]|,|[\[\{\]\}":a\\]){0,24}"#,
        cut in 0usize..300,
        dialect in 0usize..7,
        framing in 0usize..4,
    ) {
        let rules = Double::default();
        let dialect = *Dialect::ALL.get(dialect).unwrap();
        let all = [Framing::Sse, Framing::JsonArray, Framing::EventStream, Framing::Chunks];
        let framing = *all.get(framing).unwrap();
        let (before, after) = stream.as_bytes().split_at(cut.min(stream.len()));
        let whole = veiled(&rules, dialect, framing, &[stream.as_bytes()]).0;
        prop_assert_eq!(veiled(&rules, dialect, framing, &[before, after]).0, whole);
    }
}
