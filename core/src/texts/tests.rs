//! Every place of every dialect, as fixtures list it; and what holds for any body whatsoever.

use super::*;
use crate::chat::{Part, Request, Source};
use crate::dialect::{Dialect, fixtures};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::fmt::Write as _;

/// What texts become where a test replaces all of them: a character that is in no fixture.
const MARK: &str = "Ⓧ";

type Walked = Result<Option<Vec<u8>>, Unreadable>;

fn walk(is_answer: bool, endpoint: &Endpoint, body: &[u8], visit: &mut Visit<'_>) -> Walked {
    if is_answer { answer(endpoint, body, visit) } else { request(endpoint, body, visit) }
}

/// Every text of a body with its place.
fn seen(is_answer: bool, endpoint: &Endpoint, body: &[u8]) -> Vec<(Place, String)> {
    let mut seen = Vec::new();
    let walked = walk(is_answer, endpoint, body, &mut |place, text, _| seen.push((*place, text.to_owned())));
    assert_eq!(walked, Ok(None));
    seen
}

/// A body with every text replaced, but for those that are signed.
fn marked(is_answer: bool, endpoint: &Endpoint, body: &[u8], signed: bool) -> Vec<u8> {
    let walked = walk(is_answer, endpoint, body, &mut |place, text, splices| {
        if signed || !place.signed {
            splices.push(Splice { range: 0..text.len(), text: MARK.to_owned() });
        }
    });
    walked.unwrap().unwrap_or_else(|| body.to_vec())
}

fn asks(text: &str) -> Vec<(Place, String)> {
    seen(false, &Dialect::OpenAi.into(), text.as_bytes())
}

fn render(is_answer: bool, endpoint: &Endpoint, body: &[u8]) -> String {
    let mut out = String::new();
    for (place, text) in seen(is_answer, endpoint, body) {
        let mut how = format!("{:?}", place.scope);
        let flags = [(place.form == Form::Key, "key"), (place.form == Form::Number, "number")];
        let more = [(place.signed, "signed"), (place.server_tool, "server tool")];
        flags.iter().chain(&more).filter(|(is, _)| *is).for_each(|(_, flag)| how = format!("{how} {flag}"));
        if place.choice > 0 {
            how = format!("{how} choice {}", place.choice);
        }
        let _ = writeln!(out, "{how}: {text:?}");
    }
    let marked = marked(is_answer, endpoint, body, false);
    let json: Value = serde_json::from_slice(&marked).unwrap();
    format!("{out}\n{}", serde_json::to_string_pretty(&json).unwrap())
}

#[test]
fn every_place_of_every_dialect() {
    for (folder, path) in [
        ("openai", "/v1/chat/completions"),
        ("responses", "/v1/responses"),
        ("completions", "/v1/completions"),
        ("anthropic", "/v1/messages"),
        ("gemini", "/v1beta/models/g:generateContent"),
        ("converse", "/model/m/converse"),
        ("cohere", "/v2/chat"),
        ("embeddings", "/v1/embeddings"),
        ("rankings", "/v2/rerank"),
        ("passed", "/v1/images/generations"),
        ("invoked", "/model/m/invoke"),
    ] {
        let endpoint = Endpoint::of(path, false).unwrap();
        fixtures::check("texts", folder, |name, body| render(name.starts_with("answer"), &endpoint, body));
    }
    fixtures::check("texts", "others", |name, body| {
        let path = match name {
            "request_batch" => "/v1/messages/batches",
            "request_assistant" => "/v1/assistants",
            _ => "/v1/conversations",
        };
        render(false, &Endpoint::of(path, false).unwrap(), body)
    });
}

/// What a chat request says, as the hub reads it.
fn said(request: &Request<'_>) -> Vec<String> {
    fn parts(parts: &[Part<'_>], said: &mut Vec<String>) {
        for part in parts {
            match part {
                Part::Text(text) => said.push(text.text.to_string()),
                Part::Refusal(text) => said.push(text.to_string()),
                Part::Thinking { text, .. } => said.push(text.to_string()),
                Part::ToolCall(call) => said.push(call.arguments.to_string()),
                Part::ToolResult(result) => parts_of(&result.content, said),
                Part::Media(media) => {
                    said.extend(media.context.as_ref().map(ToString::to_string));
                    match &media.source {
                        Source::Text(text) | Source::Url(text) => said.push(text.to_string()),
                        Source::Base64 { .. } | Source::FileId(_) => {}
                    }
                }
                Part::RedactedThinking { .. } => {}
            }
        }
    }
    fn parts_of(all: &[Part<'_>], said: &mut Vec<String>) {
        parts(all, said);
    }
    let mut said = Vec::new();
    for message in &request.messages {
        parts(&message.parts, &mut said);
    }
    said.extend(request.tools.iter().filter_map(|tool| tool.description.as_ref()).map(ToString::to_string));
    said.extend(request.stop.iter().map(ToString::to_string));
    said.extend(request.user.as_ref().map(ToString::to_string));
    said.extend(request.metadata.as_ref().map(|metadata| metadata.get().to_owned()));
    said
}

/// What a translation takes for text is text for us: with every text replaced, it finds nothing else.
#[test]
fn no_text_is_forgotten() {
    for dialect in Dialect::ALL {
        let endpoint = Endpoint::from(dialect);
        let mut texts = 0;
        for (name, body) in fixtures::files(dialect.as_str(), "requests") {
            if dialect.decode_request(&body).is_err() || name.starts_with("bad") {
                continue;
            }
            let marked = marked(false, &endpoint, &body, true);
            let request = dialect.decode_request(&marked).unwrap();
            for text in said(&request) {
                // The words of JSON, and the name that a translation gives a free text.
                let rest = [MARK, "true", "false", "null", "\"input\""]
                    .iter()
                    .fold(text.clone(), |rest, word| rest.replace(word, ""));
                assert!(!rest.contains(char::is_alphabetic), "{dialect:?}/{name}: {text}");
                texts += 1;
            }
        }
        assert!(texts > 3, "{dialect:?} has {texts} texts");
    }
}

/// The same bytes come out where nothing changes, whatever goes in; and every answer can be read.
#[test]
fn other_fixtures_are_read_and_left_alone() {
    for dialect in Dialect::ALL {
        let endpoint = Endpoint::from(dialect);
        for (area, is_answer) in [("requests", false), ("responses", true)] {
            for (name, body) in fixtures::files(dialect.as_str(), area) {
                if serde_json::from_slice::<Value>(&body).is_err() {
                    continue;
                }
                let texts = seen(is_answer, &endpoint, &body);
                let marked = marked(is_answer, &endpoint, &body, true);
                serde_json::from_slice::<IgnoredAny>(&marked).unwrap();
                let again = seen(is_answer, &endpoint, &marked);
                assert!(again.iter().all(|(_, text)| text == MARK), "{dialect:?}/{name}: {again:?}");
                assert!(again.len() <= texts.len());
            }
        }
    }
}

/// The body with every `from` in its texts replaced by `to`.
fn replaced(is_answer: bool, endpoint: &Endpoint, body: &str, from: &str, to: &str) -> Option<String> {
    let walked = walk(is_answer, endpoint, body.as_bytes(), &mut |_, text, splices| {
        splices.extend(
            text.match_indices(from).map(|(at, found)| Splice { range: at..at + found.len(), text: to.to_owned() }),
        );
    });
    walked.unwrap().map(|body| String::from_utf8(body).unwrap())
}

fn chat(content: &str) -> String {
    format!(r#"{{"messages":[{{"role":"user","content":"{content}"}}]}}"#)
}

#[test]
fn only_the_found_pieces_change() {
    let endpoint = Dialect::OpenAi.into();
    for (before, after) in [
        ("a @ b", "a [X] b"),
        (r"\u0061\/\n\u00e9 @ \ud83d\ude00 é\t", r"\u0061\/\n\u00e9 [X] \ud83d\ude00 é\t"),
        (r"\u0040\u0040", "[X][X]"),
        // Halves of pairs stay what they are, and hide nothing beside them.
        (r"\ud83d@\ude00 \ud83d", r"\ud83d[X]\ude00 \ud83d"),
        (r#"\"@\\"#, r#"\"[X]\\"#),
    ] {
        assert_eq!(replaced(false, &endpoint, &chat(before), "@", "[X]"), Some(chat(after)), "{before}");
    }
    assert_eq!(replaced(false, &endpoint, &chat("@"), "@", "\"\\\n"), Some(chat(r#"\"\\\n"#)));
    assert_eq!(replaced(false, &endpoint, &chat("plain"), "@", "X"), None);
    let spaced = "{ \"messages\" :\n[ {\"role\": \"user\", \"content\" :\"@\"} ] , \"x\": 1.50 }\n";
    assert_eq!(replaced(false, &endpoint, spaced, "@", "X"), Some(spaced.replace('@', "X")));
}

#[test]
fn json_in_a_string_is_read_as_json() {
    let endpoint = Dialect::OpenAi.into();
    let call = |arguments: &str| {
        format!(
            r#"{{"messages":[{{"role":"assistant","tool_calls":[{{"function":{{"name":"f","arguments":"{arguments}"}}}}]}}]}}"#
        )
    };
    for (before, after) in [
        (r#"{\"a\": \"b @\\n\\u0040\"}"#, r#"{\"a\": \"b \\\"[X]\\\"\\n\\\"[X]\\\"\"}"#),
        (r#"{\"@\":1}"#, r#"{\"\\\"[X]\\\"\":1}"#),
        // Escaped in the outer literal only.
        (r#"{\u0022a\u0022:\u0022\u0040\u0022}"#, r#"{\u0022a\u0022:\u0022\\\"[X]\\\"\u0022}"#),
        (r#"[{\"a\":[\"@\"]}]"#, r#"[{\"a\":[\"\\\"[X]\\\"\"]}]"#),
        // No JSON: a text.
        (r#"{\"a\": \"@"#, r#"{\"a\": \"\"[X]\""#),
        ("@", r#"\"[X]\""#),
    ] {
        assert_eq!(replaced(false, &endpoint, &call(before), "@", "\"[X]\""), Some(call(after)), "{before}");
    }
    // A number becomes a string; one that is short, or no whole one, is no more than a number.
    let number = call(r#"{\"card\": 4111111111111111, \"x\":[41111, 4111111111111111.5, -4111111]}"#);
    let masked = call(r#"{\"card\": \"[X]111\", \"x\":[41111, 4111111111111111.5, \"-[X]\"]}"#);
    let once = replaced(false, &endpoint, &number, "4111111", "[X]").unwrap();
    assert_eq!(once, masked.replace("[X]111\\\"", "[X]111111111\\\""));
    let place = Place::of(Scope::ToolCalls);
    let mark = &mut |_: &Place, text: &str, splices: &mut Vec<Splice>| {
        splices.push(Splice { range: 0..text.len(), text: "\"".to_owned() });
    };
    assert_eq!(arguments(r#"{"a":["b"]}"#, place, mark).as_deref(), Some(r#"{"\"":["\""]}"#));
    assert_eq!(arguments("[1,true]", place, mark), None);
    assert_eq!(arguments("", place, mark), None);
}

#[test]
fn keys_that_come_twice_are_both_visited() {
    let texts = asks(
        r#"{"messages":[{"content":"a","role":"system","content":"b","role":"user"}],"messages":[{"content":"c"}]}"#,
    );
    let texts: Vec<(Scope, &str)> = texts.iter().map(|(place, text)| (place.scope, text.as_str())).collect();
    assert_eq!(texts, [(Scope::User, "a"), (Scope::User, "b"), (Scope::User, "c")]);
}

/// As deep as a body may be, twice.
#[test]
fn depth_is_no_danger() {
    let deep = |levels: usize, inner: &str| format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels));
    let inner = deep(256, "\\\"a\\\"");
    let body = format!(
        r#"{{"messages":{}}}"#,
        deep(250, &format!(r#"{{"tool_calls":{{"function":{{"arguments":"{inner}"}}}}}}"#))
    );
    assert_eq!(asks(&body).len(), 1);
    let too_deep = body.replace(&inner, &deep(257, "\\\"a\\\""));
    assert_eq!(asks(&too_deep)[0].1.len(), 257 * 2 + 3);
}

#[test]
fn escaped_keys_are_the_same_keys() {
    let texts = asks(r#"{"mess\u0061ges":[{"\u0072ole":"system","content":"a"}],"\u006dodel":"m"}"#);
    assert_eq!(
        texts.iter().map(|(place, text)| (place.scope, text.as_str())).collect::<Vec<_>>(),
        [(Scope::System, "a")]
    );
}

/// What looks like bytes where somebody may speak is looked at.
#[test]
fn bytes_are_left_out_and_texts_are_not() {
    let long = "QUJD".repeat(200);
    let png = format!("iVBORw0KGgo{}", "AAAA".repeat(200));
    for (body, expected) in [
        (chat(&long), 1),
        (format!(r#"{{"messages":[],"unheard_of":{{"data":"{png}"}}}}"#), 0),
        (format!(r#"{{"messages":[],"unheard_of":{{"note":"{png}"}}}}"#), 1),
        (format!(r#"{{"messages":[],"unheard_of":{{"data":"{png} "}}}}"#), 1),
        (
            format!(
                r#"{{"messages":[{{"role":"user","content":[{{"image_url":{{"url":"data:image/png;base64,{png}"}}}}]}}]}}"#
            ),
            0,
        ),
        (format!(r#"{{"messages":[{{"role":"user","content":[{{"image_url":{{"url":"{png}"}}}}]}}]}}"#), 1),
    ] {
        assert_eq!(asks(&body).len(), expected, "{body}");
    }
}

#[test]
fn files_of_text_are_texts() {
    let body = |data: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":[{{"document":{{"format":"txt","name":"n","source":{{"bytes":"{data}"}}}}}}]}}]}}"#
        )
    };
    let endpoint = Dialect::Converse.into();
    // "mail a@b.c" and "mail aXb.c"
    assert_eq!(replaced(false, &endpoint, &body("bWFpbCBhQGIuYw=="), "@", "X"), Some(body("bWFpbCBhWGIuYw==")));
    assert_eq!(replaced(false, &endpoint, &body("JVBERi0xLjcKQA=="), "@", "X"), None);
}

/// A visitor that answers nonsense makes no invalid body, and what it meant is gone.
/// Where something could leave unseen: as a float, beside a text to be ranked, in a program's JSON, in a file under a name
/// that only announces bytes.
#[test]
fn nothing_slips_through() {
    let openai = Endpoint::from(Dialect::OpenAi);
    let rank = Endpoint::of("/v1/rerank", false).unwrap();
    let arguments = |json: &str| {
        format!(r#"{{"messages":[{{"role":"assistant","tool_calls":[{{"function":{{"arguments":"{json}"}}}}]}}]}}"#)
    };
    let file = |text: &str| {
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        format!(r#"{{"messages":[],"unheard_of":{{"data":"{encoded}"}}}}"#)
    };
    let long = "x".repeat(600);
    for (endpoint, before, after) in [
        (&openai, arguments(r#"{\"card\":4111111111111111.0}"#), arguments(r#"{\"card\":\"X\"}"#)),
        (
            &rank,
            r#"{"query":"q","documents":[{"card":4111111111111111}]}"#.to_owned(),
            r#"{"query":"q","documents":[{"card":"X"}]}"#.to_owned(),
        ),
        (&openai, chat(r#"{\"card\":\"\\u0034111111111111111\"}"#), chat(r#"{\"card\":\"X\"}"#)),
        (&openai, file(&format!("4111111111111111 {long}")), file(&format!("X {long}"))),
    ] {
        assert_eq!(replaced(false, endpoint, &before, "4111111111111111", "X"), Some(after), "{before}");
    }
    let seal = file(&format!("4111111111111111 {long}")).replace("data", "signature");
    assert_eq!(replaced(false, &openai, &seal, "4111111111111111", "X"), None);
}

#[test]
fn improper_splices_take_more_rather_than_less() {
    let body = chat("aé字b");
    for (ranges, after) in [
        (vec![(2, 3)], "aX字b"),
        (vec![(4, 5), (1, 2)], "aXXb"),
        (vec![(0, 4), (2, 6)], "XXb"),
        (vec![(3, 99)], "aéX"),
        (vec![(5, 2)], "aéX字b"),
    ] {
        let walked = request(&Dialect::OpenAi.into(), body.as_bytes(), &mut |_, _, splices| {
            splices.extend(ranges.iter().map(|(start, end)| Splice { range: *start..*end, text: "X".to_owned() }));
        });
        assert_eq!(String::from_utf8(walked.unwrap().unwrap()).unwrap(), chat(after), "{ranges:?}");
    }
}

#[test]
fn what_cannot_be_read_says_so() {
    let endpoint: Endpoint = Dialect::OpenAi.into();
    for (body, message) in [
        (&b"hello"[..], "the body is not valid JSON: expected a value at byte 0"),
        (b"{\"messages\":[", "the body is not valid JSON: expected a value at byte 13"),
        (b"{\"a\":\"\xff\"}", "the body is not UTF-8: invalid utf-8 sequence of 1 bytes from index 6"),
    ] {
        let error = request(&endpoint, body, &mut |_, _, _| {}).unwrap_err();
        assert_eq!(error.0, message);
    }
    assert_eq!(request(&endpoint, b" \n", &mut |_, _, _| {}), Ok(None));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(300), "]".repeat(300));
    assert!(request(&endpoint, deep.as_bytes(), &mut |_, _, _| {}).unwrap_err().0.contains("nested deeper"));
}

#[test]
fn answers_that_are_no_json() {
    let chats: Endpoint = Dialect::OpenAi.into();
    let sound = Endpoint::of("/v1/audio/speech", false).unwrap();
    assert_eq!(replaced(true, &chats, "upstream @ failed", "@", "X").as_deref(), Some("upstream X failed"));
    assert_eq!(answer(&sound, b"ID3\xff\xfb", &mut |_, _, _| {}), Ok(None));
    assert!(answer(&chats, b"ID3\xff\xfb", &mut |_, _, _| {}).is_err());
    assert!(answer(&chats, b"{\"choices\":[", &mut |_, _, _| {}).is_err());
    assert_eq!(replaced(true, &sound, "1\n00:00 --> 00:01\n@\n", "@", "X").as_deref(), Some("1\n00:00 --> 00:01\nX\n"));
}

#[test]
fn forms_have_fields_and_files() {
    let endpoint = Endpoint::of("/v1/files", false).unwrap();
    let part =
        |head: &str, content: &str| format!("--xx\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n");
    let form = |prompt: &str, file: &str| {
        let parts = [
            part("name=\"prompt\"", prompt),
            part("name=\"model\"", "m@"),
            part("name=\"file\"; filename=\"a\"", file),
        ];
        format!("{}--xx--\r\n", parts.concat())
    };
    assert_eq!(replaced(false, &endpoint, &form("a@b", "{\"@\""), "@", "X"), Some(form("aXb", "{\"X\"")));
    assert_eq!(replaced(false, &endpoint, &form("ab", "\0@"), "@", "X"), None);
    let ended = request(&endpoint, form("@", "").as_bytes(), &mut |_, text, splices| {
        splices.push(Splice { range: 0..text.len(), text: "--xx".to_owned() });
    });
    assert!(ended.is_err());
    assert!(request(&endpoint, b"--xx\r\nno form", &mut |_, _, _| {}).is_err());
}

#[test]
fn positions_and_probabilities_follow() {
    let answer = r#"{"choices":[{"logprobs":{"content":[]},"message":{"annotations":[{"url_citation":{"start_index":0,"end_index":1}},{"url_citation":{"start_index":4,"end_index":9}}],"content":"a @@ cited"}},{"index":1,"logprobs":{"content":[]},"message":{"content":"b"}}]}"#;
    let moved = answer
        .replacen(r#"{"content":[]}"#, "null", 1)
        .replace("4,", "8,")
        .replace(":9", ":13")
        .replace("@@", "placed");
    assert_eq!(replaced(true, &Dialect::OpenAi.into(), answer, "@@", "placed"), Some(moved));
    // What a request asks for is no answer.
    let ask = r#"{"messages":[{"role":"user","content":"@"}],"logprobs":true}"#;
    assert_eq!(replaced(false, &Dialect::Cohere.into(), ask, "@", "X"), Some(ask.replace('@', "X")));
}

/// Any JSON, with escapes of every kind.
fn json() -> impl Strategy<Value = String> {
    let text = prop::collection::vec(
        prop_oneof!["[a-z0-9 é字😀]{0,4}", r#"\\["\\/nt]"#, r"\\u00[4-6][0-9]", Just(r"\ud83d".to_owned())],
        0..4,
    );
    let text = text.prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    let leaf = prop_oneof![text, Just("null".to_owned()), Just("12345678901".to_owned()), Just("-1.5e3".to_owned())];
    let key = prop::sample::select(vec![
        "messages",
        "content",
        "role",
        "text",
        "parts",
        "contents",
        "tool_calls",
        "function",
        "arguments",
        "type",
        "input",
        "output",
        "system",
        "choices",
        "message",
        "data",
        "tools",
        "parameters",
        "description",
        "signature",
        "x",
    ]);
    leaf.prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|fields| {
                let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
                format!("{{{}}}", fields.join(" , "))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever a body is: nothing changes by itself, what is replaced is there, and nothing but that has changed.
    #[test]
    fn texts_are_replaced_and_nothing_else(json in json(), dialect in 0usize..7, is_answer in any::<bool>()) {
        let endpoint = Endpoint::from(Dialect::ALL[dialect]);
        let before = match walk(is_answer, &endpoint, json.as_bytes(), &mut |_, _, _| {}) {
            Ok(edited) => { prop_assert_eq!(edited, None); seen(is_answer, &endpoint, json.as_bytes()) }
            Err(_) => return Ok(()),
        };
        let marked = marked(is_answer, &endpoint, json.as_bytes(), true);
        if json.starts_with(['{', '[', '"']) {
            serde_json::from_slice::<IgnoredAny>(&marked).unwrap();
        }
        let after = seen(is_answer, &endpoint, &marked);
        prop_assert!(after.iter().all(|(_, text)| text == MARK), "{} -> {}", json, String::from_utf8_lossy(&marked));
        // A number has become a string, arguments that were no JSON may have; everything else is where it was.
        prop_assert_eq!(after.len(), before.len());
        for ((one, _), (other, _)) in before.iter().zip(&after) {
            prop_assert_eq!((one.scope, one.signed, one.choice), (other.scope, other.signed, other.choice));
        }
    }

    /// A text with a change in its middle keeps every byte around it.
    #[test]
    fn bytes_around_a_change_stay(left in r#"([a-zé字😀]|\\["\\/nt]|\\u00e9|\\ud83d){0,6}"#, right in r#"([a-zé字]|\\["\\/nt]|\\ude00){0,6}"#) {
        let endpoint = Dialect::OpenAi.into();
        let after = replaced(false, &endpoint, &chat(&format!("{left}@{right}")), "@", "[CARD-1]");
        prop_assert_eq!(after, Some(chat(&format!("{left}[CARD-1]{right}"))));
    }
}
