use super::{decode, encode};
use crate::chat::{
    CacheMark, Citation, Effort, Format, Media, MediaKind, Message, Part, Reasoning, Request, Role, ServiceTier,
    Source, TextPart, Tool, ToolCall, ToolChoice, ToolResult,
};
use crate::dialect::{Upstream, fixtures};
use proptest::prelude::*;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

// ---- what clients send ----

/// The hub as lines, and the request written again.
fn render(body: &[u8]) -> String {
    let request = match decode(body) {
        Ok(request) => request,
        Err(fault) => return format!("{fault:#?}"),
    };
    let encoded = encode(&request, &Upstream::new("target")).unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    format!("{}\nwritten again:\n{body}\nlosses: {}\n", hub(&request), encoded.losses.header())
}

/// What is set, line by line.
fn hub(request: &Request<'_>) -> String {
    let mut out = String::new();
    for message in &request.messages {
        out.push_str(&format!("{:?}\n", message.role));
        message.parts.iter().for_each(|part| out.push_str(&format!("  {part:?}\n")));
    }
    request.tools.iter().for_each(|tool| out.push_str(&format!("{tool:?}\n")));
    macro_rules! lines {
        ($($field:ident),*) => {
            $(if request.$field.is_some() {
                out.push_str(&format!("{}: {:?}\n", stringify!($field), request.$field));
            })*
        };
    }
    lines!(
        tool_choice,
        max_tokens,
        temperature,
        top_p,
        top_k,
        presence_penalty,
        frequency_penalty,
        seed,
        logprobs,
        format,
        reasoning
    );
    out.push_str(&format!("stop: {:?}, stream: {}\n", request.stop, request.stream));
    out.push_str(&format!("losses: {}\n", request.losses.header()));
    out
}

#[test]
fn requests_as_documented() {
    fixtures::check("cohere", "requests", |_, body| render(body));
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, body) in fixtures::files("cohere", "requests") {
        let mut first = decode(&body).unwrap();
        let encoded = encode(&first, &Upstream::new(first.model.as_str())).unwrap();
        let mut second = decode(&encoded.body).unwrap();
        (first.losses, second.losses) = Default::default();
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "{name}");
    }
}

fn refused(body: &str, param: &str, words: &str) {
    let fault = decode(body.as_bytes()).unwrap_err();
    assert_eq!(fault.param.as_deref().unwrap_or_default(), param, "{fault:?}");
    assert!(fault.message.contains(words), "{fault:?}");
    assert_eq!(fault.status, 400);
}

#[test]
fn what_the_api_refuses() {
    refused("", "", "EOF");
    refused("[]", "", "expected an object");
    refused("{}", "model", "model is missing");
    refused(r#"{"model":"m"}"#, "messages", "messages is missing");
    refused(r#"{"model":"m","messages":[]}"#, "messages", "messages is missing");
    refused(r#"{"model":"m","max_tokens":"x"}"#, "max_tokens", "expected u64");
    let message = |message: &str| format!(r#"{{"model":"m","messages":[{message}]}}"#);
    refused(&message(r#"{"content":"x"}"#), "messages[0].role", "has to be `user`");
    refused(&message(r#"{"role":"developer","content":"x"}"#), "messages[0].role", "has to be `user`");
    refused(&message(r#"{"role":"user"}"#), "messages[0].content", "a string or content blocks");
    refused(&message(r#"{"role":"tool","content":"x"}"#), "messages[0].tool_call_id", "the id of the tool call");
    refused(&message(r#"{"role":"tool","tool_call_id":"x"}"#), "messages[0].content", "a string or content blocks");
    let block = |block: &str| message(&format!(r#"{{"role":"user","content":[{block}]}}"#));
    refused(&block("7"), "messages[0].content[0]", "an object");
    refused(&block("{}"), "messages[0].content[0].type", "`text`");
    refused(&block(r#"{"type":"text"}"#), "messages[0].content[0].text", "a string");
    refused(&block(r#"{"type":"image_url"}"#), "messages[0].content[0].image_url", "an object");
    refused(&block(r#"{"type":"image_url","image_url":{}}"#), "messages[0].content[0].image_url.url", "a URL");
    refused(
        &block(r#"{"type":"image_url","image_url":{"url":"data:,x"}}"#),
        "messages[0].content[0].image_url.url",
        "`;base64,`",
    );
    let call = |call: &str| message(&format!(r#"{{"role":"assistant","tool_calls":[{call}]}}"#));
    refused(&call("{}"), "messages[0].tool_calls[0].id", "the call's id");
    refused(&call(r#"{"id":"a"}"#), "messages[0].tool_calls[0].function.name", "the function's name");
    let with = |field: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{field}}}"#);
    refused(&with(r#""tools":[{"type":"function"}]"#), "tools[0].function", "definition");
    refused(&with(r#""tools":[{"function":{}}]"#), "tools[0].function.name", "the function's name");
    refused(&with(r#""documents":[{"id":"a"}]"#), "documents[0].data", "data is missing");
    refused(&with(r#""response_format":{}"#), "response_format.type", "`json_object`");
}

#[test]
fn nothing_is_copied_without_need() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"plain"}]}]}"#;
    let request = decode(body).unwrap();
    let Part::Text(part) = &request.messages[0].parts[0] else { panic!("a text") };
    assert!(body.as_ptr_range().contains(&part.text.as_str().as_ptr()));
}

// ---- what providers get ----

fn say(role: Role<'static>, parts: Vec<Part<'static>>) -> Message<'static> {
    Message { role, name: None, parts }
}

fn text(text: &'static str) -> Part<'static> {
    Part::Text(TextPart { text: text.into(), ..TextPart::default() })
}

fn thought(text: &'static str, signature: Option<&'static str>) -> Part<'static> {
    Part::Thinking { text: text.into(), signature: signature.map(Into::into) }
}

fn call(id: &'static str, arguments: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), ..ToolCall::default() })
}

fn media(kind: MediaKind, source: Source<'static>) -> Media<'static> {
    Media { kind, source, name: None, context: None, detail: None, citations: false, cache: None }
}

fn tool(name: &'static str, schema: Option<&str>, strict: Option<bool>) -> Tool<'static> {
    let schema = schema.map(|schema| Cow::Owned(RawValue::from_string(schema.to_owned()).unwrap()));
    Tool { name: name.into(), description: None, schema, strict, cache: None }
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

/// The same of the conversation alone.
#[track_caller]
fn check_messages(messages: Vec<Message<'static>>, expected: &str, lost: &str) {
    check(&asking(messages), &format!(r#""messages":[{expected}]"#), lost);
}

const HI: &str = r#"{"role":"user","content":"hi"}"#;

#[test]
fn instructions_come_first() {
    check_messages(
        vec![
            say(Role::System, vec![text("a")]),
            say(Role::User, vec![text("hi")]),
            say(Role::Developer, vec![text("b"), text("")]),
        ],
        &format!(r#"{{"role":"system","content":[{{"type":"text","text":"a"}},{{"type":"text","text":"b"}}]}},{HI}"#),
        "messages.role.system",
    );
}

#[test]
fn the_tool_loop() {
    let result = ToolResult {
        id: "call_1".into(),
        content: vec![text("24"), Part::Media(media(MediaKind::Image, Source::Url("https://x/a.png".into())))],
        is_error: true,
        cache: None,
    };
    let table = Media { name: Some("T".into()), ..media(MediaKind::Document, Source::Text("1,2".into())) };
    let other = ToolResult { id: "call_2".into(), content: vec![Part::Media(table)], is_error: false, cache: None };
    let empty = ToolResult { id: "call_3".into(), content: vec![], is_error: false, cache: None };
    check_messages(
        vec![
            say(Role::User, vec![text("hi")]),
            say(
                Role::Assistant,
                vec![
                    thought("a", Some("sig")),
                    thought("b", None),
                    text("Hm."),
                    call("call_1", ""),
                    call("call_2", "{\"a\":1}"),
                ],
            ),
            say(Role::User, vec![text("and?"), Part::ToolResult(result), Part::ToolResult(other)]),
            say(Role::Tool, vec![Part::ToolResult(empty)]),
        ],
        &format!(
            "{HI},{},{},{},{},{}",
            r#"{"role":"assistant","content":"Hm.","tool_plan":"a\n\nb","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call_2","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}"#,
            r#"{"role":"tool","content":"24","tool_call_id":"call_1"}"#,
            r#"{"role":"tool","content":[{"type":"document","document":{"data":{"title":"T","text":"1,2"}}}],"tool_call_id":"call_2"}"#,
            r#"{"role":"user","content":"and?"}"#,
            r#"{"role":"tool","content":"","tool_call_id":"call_3"}"#,
        ),
        "messages.content.thinking.signature, messages.content.tool_result.is_error, messages.content.tool_result.content",
    );
}

#[test]
fn what_the_model_said() {
    let cited = TextPart { text: "b".into(), citations: vec![Citation::default()], cache: None };
    check_messages(
        vec![
            say(Role::User, vec![text("hi")]),
            say(Role::Assistant, vec![]),
            say(
                Role::Assistant,
                vec![
                    thought("a", None),
                    Part::Text(cited),
                    Part::Refusal("No.".into()),
                    Part::RedactedThinking { data: "x".into() },
                ],
            ),
        ],
        &format!(
            r#"{HI},{{"role":"assistant","content":[{{"type":"thinking","thinking":"a"}},{{"type":"text","text":"b"}},{{"type":"text","text":"No."}}]}}"#
        ),
        "messages.content.citations, messages.content.redacted_thinking, messages.role.assistant",
    );
}

#[test]
fn documents_leave_the_messages() {
    let document = |citations| {
        let titled = Media { name: Some("T".into()), ..media(MediaKind::Document, Source::Text("says".into())) };
        Part::Media(Media { citations, context: Some("c".into()), ..titled })
    };
    let messages = |citations| vec![say(Role::User, vec![document(citations), text("hi")])];
    let documents = r#""documents":[{"data":{"title":"T","text":"says"}}]"#;
    check(&asking(messages(true)), &format!(r#""messages":[{HI}],{documents}"#), "messages.content.context");
    check(
        &asking(messages(false)),
        &format!(r#""messages":[{HI}],{documents},"citation_options":{{"mode":"OFF"}}"#),
        "messages.content.context",
    );
    // The API takes no form of the answer beside them.
    check(
        &Request { format: Some(Format::JsonObject), ..asking(messages(true)) },
        r#""messages":[{"role":"user","content":[{"type":"text","text":"says"},{"type":"text","text":"hi"}]}],"response_format":{"type":"json_object"}"#,
        "messages.content.context, messages.content.citations, messages.content.title",
    );
}

#[test]
fn media_that_cannot_travel() {
    use MediaKind::{Audio, Document, Image, Video};
    let base64 = || Source::Base64 { media_type: "application/pdf".into(), data: "aGk=".into() };
    for (kind, source, lost) in [
        (Image, Source::FileId("f".into()), "messages.content.image"),
        (Document, base64(), "messages.content.document"),
        (Document, Source::Url("https://x/a.pdf".into()), "messages.content.document"),
        (Audio, base64(), "messages.content.audio"),
        (Video, base64(), "messages.content.video"),
    ] {
        check_messages(vec![say(Role::User, vec![text("hi"), Part::Media(media(kind, source))])], HI, lost);
    }
    let image = Media {
        detail: Some("high".into()),
        ..media(Image, Source::Base64 { media_type: "image/png".into(), data: "aGk=".into() })
    };
    check_messages(
        vec![say(Role::User, vec![Part::Media(image)])],
        r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk=","detail":"high"}}]}"#,
        "",
    );
}

#[test]
fn tools_and_their_choice() {
    let none = r#"{"type":"object","properties":{}}"#;
    let one = |name: &str, schema: &str| {
        format!(r#"{{"type":"function","function":{{"name":"{name}","parameters":{schema}}}}}"#)
    };
    let with = |choice, strict: [Option<bool>; 2]| Request {
        tools: vec![tool("f", None, strict[0]), tool("g", Some(r#"{"properties":{}}"#), strict[1])],
        tool_choice: choice,
        ..hi()
    };
    let both = format!(
        r#""messages":[{HI}],"tools":[{},{}]"#,
        one("f", none),
        one("g", r#"{"properties":{},"type":"object"}"#)
    );
    check(&with(None, [None, None]), &both, "");
    check(&with(Some(ToolChoice::Auto), [Some(true), None]), &both, "tools.strict");
    check(&with(Some(ToolChoice::None), [Some(false), None]), &format!(r#"{both},"tool_choice":"NONE""#), "");
    check(
        &with(Some(ToolChoice::Required), [Some(true), Some(true)]),
        &format!(r#"{both},"strict_tools":true,"tool_choice":"REQUIRED""#),
        "",
    );
    let only = format!(r#""messages":[{HI}],"tools":[{}],"tool_choice":"REQUIRED""#, one("f", none));
    check(&with(Some(ToolChoice::Named("f".into())), [None, None]), &only, "");
    check(
        &with(Some(ToolChoice::Named("h".into())), [None, None]),
        &format!(r#"{both},"tool_choice":"REQUIRED""#),
        "tool_choice",
    );
    let plain = format!(r#""messages":[{HI}]"#);
    check(&Request { tool_choice: Some(ToolChoice::Required), ..hi() }, &plain, "tool_choice");
    check(&Request { tool_choice: Some(ToolChoice::None), ..hi() }, &plain, "");
    let formed = Request { format: Some(Format::JsonObject), parallel_tools: Some(false), ..with(None, [None, None]) };
    check(&formed, &both, "response_format, parallel_tool_calls");
}

#[test]
fn thinking() {
    for (reasoning, expected) in [
        (Reasoning::Off, r#"{"type":"disabled"}"#),
        (Reasoning::Adaptive, r#"{"type":"enabled"}"#),
        (Reasoning::Effort(Effort::Low), r#"{"type":"enabled","token_budget":2048}"#),
        (Reasoning::Effort(Effort::High), r#"{"type":"enabled"}"#),
        (Reasoning::Budget(0), r#"{"type":"enabled","token_budget":1}"#),
        (Reasoning::Budget(900), r#"{"type":"enabled","token_budget":900}"#),
    ] {
        let request = Request { reasoning: Some(reasoning), ..hi() };
        check(&request, &format!(r#""messages":[{HI}],"thinking":{expected}"#), "");
        let thoughtless = encode(&request, &Upstream { reasoning: false, ..Upstream::new("m") }).unwrap();
        assert_eq!(String::from_utf8(thoughtless.body).unwrap(), format!(r#"{{"model":"m","messages":[{HI}]}}"#));
        let lost = matches!(reasoning, Reasoning::Effort(_) | Reasoning::Budget(_));
        assert_eq!(thoughtless.losses.is_empty(), !lost, "{reasoning:?}");
    }
}

#[test]
fn small_things() {
    let number = |number: f64| Number::from_f64(number);
    let plain = format!(r#""messages":[{HI}]"#);
    let check = |request: Request<'_>, expected: &str, lost: &str| check(&request, &format!("{plain}{expected}"), lost);
    check(
        Request { temperature: number(1.5), top_p: number(1.0), ..hi() },
        r#","temperature":1,"p":0.99"#,
        "temperature, top_p",
    );
    check(Request { top_k: Some(40.into()), seed: Some(7.into()), ..hi() }, r#","seed":7,"k":40"#, "");
    check(
        Request { seed: Some((-7).into()), presence_penalty: number(-1.0), ..hi() },
        r#","presence_penalty":0"#,
        "seed, presence_penalty",
    );
    let stop = ["a", "b", "c", "d", "e", "f"].map(Into::into).to_vec();
    check(Request { stop, ..hi() }, r#","stop_sequences":["a","b","c","d","e"]"#, "stop_sequences");
    check(Request { logprobs: Some(3), n: Some(2), ..hi() }, r#","logprobs":true"#, "n, top_logprobs");
    check(Request { user: Some("u".into()), verbosity: Some("low".into()), ..hi() }, "", "verbosity, user");
    check(
        Request { service_tier: Some(ServiceTier::Auto), cache: Some(CacheMark::default()), ..hi() },
        "",
        "cache_control",
    );
    check(Request { service_tier: Some(ServiceTier::Other("flex".into())), ..hi() }, "", "service_tier");
    let schema = RawValue::from_string(r#"{"type":"object"}"#.to_owned()).unwrap();
    let format = Format::JsonSchema {
        name: Some("n".into()),
        description: Some("d".into()),
        schema: Some(Cow::Owned(schema)),
        strict: Some(true),
    };
    check(
        Request { format: Some(format), stream: true, ..hi() },
        r#","response_format":{"type":"json_object","json_schema":{"type":"object"}},"stream":true"#,
        "response_format.json_schema.description",
    );
}

#[test]
fn requests_without_sense() {
    let fault = encode(&asking(vec![say(Role::User, vec![])]), &Upstream::new("m")).unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("messages"));
    let fault = encode(&asking(vec![say(Role::Unknown("x".into()), vec![])]), &Upstream::new("m")).unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("messages[0].role"));
    let cold =
        encode(&Request { temperature: Some(1.into()), ..hi() }, &Upstream { sampling: false, ..Upstream::new("m") });
    assert_eq!(cold.unwrap().losses.header(), "temperature");
}

/// JSON of the dialect's own words in any order.
pub(in super::super) fn json() -> impl Strategy<Value = String> {
    const KEYS: [&str; 34] = [
        "model",
        "messages",
        "role",
        "content",
        "type",
        "text",
        "thinking",
        "image_url",
        "url",
        "document",
        "documents",
        "data",
        "id",
        "title",
        "tool_plan",
        "tool_calls",
        "tool_call_id",
        "function",
        "name",
        "arguments",
        "citations",
        "sources",
        "start",
        "end",
        "index",
        "delta",
        "message",
        "finish_reason",
        "usage",
        "tokens",
        "logprobs",
        "error",
        "tools",
        "token_budget",
    ];
    const WORDS: [&str; 24] = [
        "user",
        "assistant",
        "system",
        "tool",
        "text",
        "thinking",
        "image_url",
        "document",
        "function",
        "enabled",
        "json_object",
        "REQUIRED",
        "COMPLETE",
        "TOOL_CALL",
        "ERROR",
        "message-start",
        "message-end",
        "content-start",
        "content-delta",
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "citation-start",
        "data:é,",
    ];
    let leaf = prop_oneof![
        5 => prop::sample::select(WORDS.as_slice()).prop_map(|word| format!("{word:?}")),
        1 => any::<i64>().prop_map(|n| n.to_string()),
        1 => (0u8..4).prop_map(|n| n.to_string()),
        1 => prop::sample::select(["null", "true", "1.5", "\"é\\n\\u0000\"", "{}", "[]"].as_slice())
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            4 => prop::collection::vec((prop::sample::select(KEYS.as_slice()), inner), 0..8).prop_map(|members| {
                let members: Vec<String> = members.into_iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics(body in prop_oneof![json(), ".{0,80}"], content in json()) {
        let around = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{content}]}},{{"role":"assistant","content":{content}}}]}}"#);
        for body in [body, around] {
            let Ok(request) = decode(body.as_bytes()) else { continue };
            let Ok(encoded) = encode(&request, &Upstream::new("m")) else { continue };
            prop_assert!(decode(&encoded.body).is_ok(), "{body} became {}", String::from_utf8_lossy(&encoded.body));
        }
    }

    #[test]
    fn no_answer_panics(body in prop_oneof![json(), ".{0,80}"]) {
        let around = format!(r#"{{"message":{body}}}"#);
        for body in [body, around] {
            if let Ok(response) = super::super::response::decode(body.as_bytes()) {
                let again = super::super::response::encode(&response, &Default::default(), &mut Default::default());
                prop_assert!(super::super::response::decode(&again).is_ok());
            }
            prop_assert!(!super::super::error::decode(500, body.as_bytes()).message.is_empty());
        }
    }
}
