use super::{decode, encode};
use crate::chat::{
    Effort, Format, Media, MediaKind, Message, Part, Reasoning, Request, Role, Source, TextPart, Tool, ToolCall,
    ToolChoice, ToolResult,
};
use crate::dialect::quirks::Quirks;
use crate::dialect::{Upstream, fixtures};
use proptest::prelude::*;

// ---- what clients send ----

fn render(body: &[u8]) -> String {
    let request = match decode(body) {
        Ok(request) => request,
        Err(fault) => return format!("{fault:#?}"),
    };
    let encoded = encode(&request, &Upstream::new("target")).unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    format!("{request:#?}\n\nwritten again:\n{body}\nlosses: {}\n", encoded.losses.header())
}

#[test]
fn requests_as_documented() {
    fixtures::check("completions", "requests", |_, body| render(body));
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, body) in fixtures::files("completions", "requests") {
        let Ok(first) = decode(&body) else { continue };
        let upstream = Upstream::new(first.model.as_str());
        let encoded = encode(&first, &upstream).unwrap().body;
        let again = encode(&decode(&encoded).unwrap(), &upstream).unwrap().body;
        assert_eq!(String::from_utf8(again), String::from_utf8(encoded), "{name}");
    }
}

#[test]
fn what_cannot_be_asked_of_a_model_that_chats() {
    let refused = |body: &str, param: &str, words: &str| {
        let fault = decode(body.as_bytes()).unwrap_err();
        assert_eq!((fault.status, fault.param.as_deref().unwrap_or_default()), (400, param), "{fault:?}");
        assert!(fault.message.contains(words), "{fault:?}");
    };
    refused("[]", "", "expected an object");
    refused(r#"{"prompt":"x"}"#, "model", "model is missing");
    refused(r#"{"model":"m"}"#, "prompt", "prompt is missing");
    refused(r#"{"model":"m","prompt":[]}"#, "prompt", "prompt is missing");
    refused(r#"{"model":"m","prompt":7}"#, "prompt", "a string or an array");
    refused(r#"{"model":"m","prompt":["a","b"]}"#, "prompt", "send them one by one");
    refused(r#"{"model":"m","prompt":["a",7]}"#, "prompt", "send them one by one");
    refused(r#"{"model":"m","prompt":[[7],[8]]}"#, "prompt", "send it as text");
    refused(r#"{"model":"m","prompt":[{}]}"#, "prompt[0]", "a string, a token");
}

// ---- what providers get ----

fn say(role: Role<'static>, parts: Vec<Part<'static>>) -> Message<'static> {
    Message { role, name: None, parts }
}

fn text(text: &'static str) -> Part<'static> {
    Part::Text(TextPart { text: text.into(), ..TextPart::default() })
}

fn asking(messages: Vec<Message<'static>>) -> Request<'static> {
    Request { model: "ours".into(), messages, ..Request::default() }
}

fn hi() -> Request<'static> {
    asking(vec![say(Role::User, vec![text("hi")])])
}

/// What stands in the body behind its model, and what is lost.
#[track_caller]
fn check(request: &Request<'_>, expected: &str, lost: &str) {
    let encoded = encode(request, &Upstream::new("m")).unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    assert_eq!(body, format!(r#"{{"model":"m",{expected}}}"#));
    assert_eq!(encoded.losses.header(), lost, "{body}");
}

const HI: &str = r#""prompt":"hi","max_tokens":2048"#;

#[test]
fn a_question_is_the_prompt() {
    check(&hi(), HI, "");
    check(
        &asking(vec![
            say(Role::System, vec![text("Be brief.")]),
            say(Role::User, vec![text("a"), text("b")]),
            say(Role::User, vec![]),
            say(Role::User, vec![text("c")]),
        ]),
        r#""prompt":"Be brief.\n\na\n\nb\n\nc","max_tokens":2048"#,
        "",
    );
    check(&asking(vec![say(Role::System, vec![text("Once upon")])]), r#""prompt":"Once upon","max_tokens":2048"#, "");
}

#[test]
fn a_conversation_is_a_transcript() {
    let turns = || {
        vec![
            say(Role::Developer, vec![text("Be brief.")]),
            say(Role::User, vec![text("Hi")]),
            say(Role::Assistant, vec![text("Hello!")]),
        ]
    };
    let mut open = turns();
    open.push(say(Role::User, vec![text("Who?")]));
    let prompt =
        r#""prompt":"Be brief.\n\nUser: Hi\n\nAssistant: Hello!\n\nUser: Who?\n\nAssistant:","max_tokens":2048"#;
    check(&asking(open.clone()), &format!(r#"{prompt},"stop":["\n\nUser:"]"#), "messages.role");
    let stop = ["a", "b", "c", "d"].map(Into::into).to_vec();
    check(
        &Request { stop, ..asking(open) },
        &format!(r#"{prompt},"stop":["a","b","c","\n\nUser:"]"#),
        "messages.role, stop_sequences",
    );
    // The model goes on with what is in its mouth.
    let prompt = r#""prompt":"Be brief.\n\nUser: Hi\n\nAssistant: Hello!","max_tokens":2048"#;
    check(&asking(turns()), &format!(r#"{prompt},"stop":["\n\nUser:"]"#), "messages.role");
}

#[test]
fn only_text_can_be_completed() {
    let media = |kind, source| {
        Part::Media(Media { kind, source, name: None, context: None, detail: None, citations: false, cache: None })
    };
    let with = |part| asking(vec![say(Role::User, vec![text("hi"), part])]);
    check(&with(media(MediaKind::Image, Source::Url("https://x".into()))), HI, "messages.content.image");
    let document = media(MediaKind::Document, Source::Text("says".into()));
    check(&with(document), r#""prompt":"hi\n\nsays","max_tokens":2048"#, "");

    let refused = |request: &Request<'_>, param: &str| {
        let fault = encode(request, &Upstream::new("m")).unwrap_err();
        assert_eq!((fault.status, fault.param.as_deref()), (400, Some(param)), "{fault:?}");
    };
    let tools = vec![Tool { name: "f".into(), description: None, schema: None, strict: None, cache: None }];
    refused(&Request { tools: tools.clone(), ..hi() }, "tools");
    check(&Request { tools, tool_choice: Some(ToolChoice::None), ..hi() }, HI, "tools");
    refused(&asking(vec![say(Role::Assistant, vec![Part::ToolCall(ToolCall::default())])]), "messages[0]");
    let result = ToolResult { id: "c".into(), content: vec![], is_error: false, cache: None };
    refused(&asking(vec![say(Role::Tool, vec![Part::ToolResult(result)])]), "messages[0]");
    refused(&asking(vec![say(Role::Unknown("x".into()), vec![])]), "messages[0].role");
    refused(&asking(vec![say(Role::User, vec![])]), "messages");
}

#[test]
fn small_things() {
    let check = |request: Request<'_>, expected: &str, lost: &str| check(&request, &format!("{HI}{expected}"), lost);
    check(Request { stream: true, ..hi() }, r#","stream":true,"stream_options":{"include_usage":true}"#, "");
    check(Request { logprobs: Some(0), n: Some(1), ..hi() }, r#","logprobs":0"#, "");
    check(Request { logprobs: Some(9), n: Some(2), ..hi() }, r#","n":2,"logprobs":5"#, "top_logprobs");
    check(Request { format: Some(Format::JsonObject), top_k: Some(3.into()), ..hi() }, "", "response_format, top_k");
    check(Request { reasoning: Some(Reasoning::Effort(Effort::Low)), ..hi() }, "", "thinking");
    check(Request { reasoning: Some(Reasoning::Off), ..hi() }, "", "");
    check(
        Request { temperature: Some(1.into()), user: Some("u".into()), ..hi() },
        r#","temperature":1,"user":"u""#,
        "",
    );

    let quirks = Quirks { stream_options: Some(false), ..Quirks::default() }.into();
    let upstream = Upstream { quirks, sampling: false, max_tokens_default: 99, ..Upstream::new("m") };
    let encoded = encode(&Request { stream: true, top_p: Some(1.into()), ..hi() }, &upstream).unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    assert_eq!(body, r#"{"model":"m","prompt":"hi","max_tokens":99,"stream":true}"#);
    assert_eq!(encoded.losses.header(), "top_p");
}

/// JSON of the dialect's own words in any order.
pub(in super::super) fn json() -> impl Strategy<Value = String> {
    const KEYS: [&str; 18] = [
        "model",
        "prompt",
        "stop",
        "logprobs",
        "stream_options",
        "choices",
        "text",
        "index",
        "finish_reason",
        "usage",
        "prompt_tokens",
        "tokens",
        "token_logprobs",
        "top_logprobs",
        "text_offset",
        "error",
        "message",
        "id",
    ];
    let leaf = prop_oneof![
        4 => prop::sample::select(["stop", "length", "a", "é\n"].as_slice()).prop_map(|word| format!("{word:?}")),
        2 => (0u8..4).prop_map(|n| n.to_string()),
        1 => prop::sample::select(["null", "true", "-1.5", "{}", "[]"].as_slice()).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            3 => prop::collection::vec((prop::sample::select(KEYS.as_slice()), inner), 0..7).prop_map(|members| {
                let members: Vec<String> = members.into_iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics(body in prop_oneof![json(), ".{0,80}"], prompt in json()) {
        for body in [body, format!(r#"{{"model":"m","prompt":{prompt}}}"#)] {
            if let Ok(request) = decode(body.as_bytes())
                && let Ok(encoded) = encode(&request, &Upstream::new("m"))
            {
                prop_assert!(decode(&encoded.body).is_ok());
            }
            for body in [body.clone(), format!(r#"{{"choices":[{body}]}}"#)] {
                if let Ok(response) = super::super::response::decode(body.as_bytes()) {
                    let again = super::super::response::encode(&response, &Default::default(), &mut Default::default());
                    prop_assert!(super::super::response::decode(&again).is_ok());
                }
            }
        }
    }
}
