use super::{decode, encode};
use crate::chat::{
    CacheMark, Effort, Format, Media, MediaKind, Message, Part, Reasoning, Request, Role, ServiceTier, Source,
    TextPart, Tool, ToolCall, ToolChoice, ToolResult,
};
use crate::dialect::fixtures;
use crate::dialect::{ThinkingStyle, Upstream};
use proptest::prelude::*;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

// ---- what clients send ----

/// The hub as lines, and the request written again in both styles of thinking.
fn render(body: &[u8]) -> String {
    let request = match decode(body) {
        Ok(request) => request,
        Err(fault) => return format!("{fault:#?}"),
    };
    let written = |style| {
        let encoded = encode(&request, &upstream(style)).unwrap();
        format!("{}\nlosses: {}\n", String::from_utf8(encoded.body).unwrap(), encoded.losses.header())
    };
    let (budget, adaptive) = (written(ThinkingStyle::Budget), written(ThinkingStyle::Adaptive));
    let mut out = format!("{}\nwritten again:\n{budget}", hub(&request));
    if adaptive != budget {
        out.push_str(&format!("\nfor a model that thinks by effort:\n{adaptive}"));
    }
    out
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
        parallel_tools,
        max_tokens,
        temperature,
        top_p,
        top_k,
        format,
        reasoning,
        user,
        service_tier,
        cache
    );
    out.push_str(&format!("stop: {:?}, stream: {}\n", request.stop, request.stream));
    out.push_str(&format!("losses: {}\n", request.losses.header()));
    out
}

fn upstream(thinking: ThinkingStyle) -> Upstream {
    Upstream { thinking, ..Upstream::new("claude") }
}

#[test]
fn requests_as_documented() {
    fixtures::check("anthropic", "requests", |_, body| render(body));
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, body) in fixtures::files("anthropic", "requests") {
        if matches!(name.as_str(), "mid_conversation") {
            continue; // the instructions change their place
        }
        let style =
            if name == "adaptive" || name == "thinking_off" { ThinkingStyle::Adaptive } else { ThinkingStyle::Budget };
        let mut first = decode(&body).unwrap();
        let encoded = encode(&first, &Upstream { thinking: style, ..Upstream::new(first.model.as_str()) }).unwrap();
        let mut second = decode(&encoded.body).unwrap();
        (first.losses, second.losses) = Default::default();
        if name == "server_tools" {
            first.messages.clear(); // two messages of one role become one
            second.messages.clear();
        }
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
    let m = r#""model":"m","max_tokens":1"#;
    refused("", "", "is not a request of the Anthropic messages API");
    refused("[]", "", "expected an object");
    refused("{}", "model", "model is missing");
    refused(r#"{"model":"m"}"#, "max_tokens", "max_tokens is missing");
    refused(r#"{"model":"m","max_tokens":"x"}"#, "max_tokens", "expected u64");
    refused(&format!("{{{m}}}"), "messages", "messages is missing");
    refused(&format!(r#"{{{m},"messages":[]}}"#), "messages", "messages is missing");
    refused(&format!(r#"{{{m},"messages":[{{"content":"x"}}]}}"#), "messages[0].role", "expected `user`");
    refused(&format!(r#"{{{m},"messages":[{{"role":"user"}}]}}"#), "messages[0].content", "a string or an array");
    let block = |block: &str| format!(r#"{{{m},"messages":[{{"role":"user","content":["#) + block + "]}]}";
    refused(&block("7"), "messages[0].content[0]", "an object");
    refused(&block("{}"), "messages[0].content[0].type", "the block's type");
    refused(&block(r#"{"type":"text"}"#), "messages[0].content[0].text", "a string");
    refused(&block(r#"{"type":"image"}"#), "messages[0].content[0].source", "an object");
    refused(&block(r#"{"type":"image","source":{"type":"url"}}"#), "messages[0].content[0].source.url", "a string");
    refused(&block(r#"{"type":"tool_use","name":"f"}"#), "messages[0].content[0].id", "`id` and `name`");
    refused(&block(r#"{"type":"tool_result"}"#), "messages[0].content[0].tool_use_id", "a string");
    refused(&block(r#"{"type":"text","text":"x"},{"type":3}"#), "messages[0].content[1].type", "expected a string");
    let with = |field: &str| format!(r#"{{{m},"messages":[{{"role":"user","content":"x"}}],{field}}}"#);
    refused(&with(r#""thinking":{"type":"enabled"}"#), "thinking.budget_tokens", "needs a budget");
    refused(&with(r#""tool_choice":{"type":"tool"}"#), "tool_choice.name", "needs the tool's name");
    refused(&with(r#""tool_choice":{"type":"some"}"#), "tool_choice.type", "`some`");
    refused(&with(r#""tools":[{}]"#), "tools[0].name", "needs a name");
    refused(&with(r#""system":7"#), "system", "a string or an array");
}

#[test]
fn nothing_is_copied_without_need() {
    let body =
        br#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"plain"}]}]}"#;
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

fn user(words: &'static str) -> Message<'static> {
    say(Role::User, vec![text(words)])
}

fn call(id: &'static str, arguments: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), ..ToolCall::default() })
}

fn result(id: &'static str, words: &'static str) -> Message<'static> {
    let result = ToolResult { id: id.into(), content: vec![text(words)], is_error: false, cache: None };
    say(Role::Tool, vec![Part::ToolResult(result)])
}

fn tool(schema: Option<&str>) -> Tool<'static> {
    let schema = schema.map(|schema| Cow::Owned(RawValue::from_string(schema.to_owned()).unwrap()));
    Tool { name: "f".into(), description: None, schema, strict: None, cache: None }
}

fn asking(messages: Vec<Message<'static>>) -> Request<'static> {
    Request { model: "ours".into(), messages, max_tokens: Some(100), ..Request::default() }
}

fn hi() -> Request<'static> {
    asking(vec![user("hi")])
}

/// The body must hold the fragment (or must not, after a `!`), and exactly these things are lost.
#[track_caller]
fn check_with(style: ThinkingStyle, sampling: bool, request: &Request<'_>, fragments: &[&str], lost: &str) {
    let encoded = encode(request, &Upstream { sampling, ..upstream(style) }).unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    for fragment in fragments {
        match fragment.strip_prefix('!') {
            Some(absent) => assert!(!body.contains(absent), "{body} has {absent}"),
            None => assert!(body.contains(fragment), "{body} has no {fragment}"),
        }
    }
    assert_eq!(encoded.losses.header(), lost, "{body}");
}

#[track_caller]
fn check(request: &Request<'_>, fragments: &[&str], lost: &str) {
    check_with(ThinkingStyle::Budget, true, request, fragments, lost);
}

#[track_caller]
fn check_adaptive(request: &Request<'_>, fragments: &[&str], lost: &str) {
    check_with(ThinkingStyle::Adaptive, true, request, fragments, lost);
}

#[track_caller]
fn faulty(request: &Request<'_>, param: &str) {
    let fault = encode(request, &upstream(ThinkingStyle::Budget)).unwrap_err();
    assert_eq!(fault.param.as_deref(), Some(param), "{fault:?}");
}

#[test]
fn the_least() {
    let encoded = encode(&Request { max_tokens: None, ..hi() }, &Upstream::new("claude")).unwrap();
    let expected = r#"{"model":"claude","max_tokens":8192,"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(String::from_utf8(encoded.body).unwrap(), expected);
}

#[test]
fn system_messages() {
    let system = |words| say(Role::System, vec![text(words)]);
    let developer = say(Role::Developer, vec![text("b")]);
    check(&asking(vec![system("a"), user("hi")]), &[r#""system":"a","messages":[{"role":"user""#], "");
    let both = r#""system":[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#;
    check(&asking(vec![system("a"), developer.clone(), user("hi")]), &[both], "");
    check(&asking(vec![system("a"), user("hi"), developer]), &[both], "messages.role.system");
    check(&asking(vec![system(" \n"), user("hi")]), &["!system"], "");
}

#[test]
fn turns() {
    let assistant = |parts| say(Role::Assistant, parts);
    let joined = r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]"#;
    check(&asking(vec![user("a"), user("b")]), &[joined], "");
    let begins = asking(vec![assistant(vec![text("hello")]), user("hi")]);
    check(&begins, &[r#""messages":[{"role":"user","content":"(The"#], "messages.role.assistant");
    let prefill = asking(vec![user("hi"), assistant(vec![text("so: \n")])]);
    check(&prefill, &[r#"{"role":"assistant","content":"so:"}]"#], "");
    let goes_on = r#"{"role":"assistant","content":"so:"},{"role":"user","content":"Continue."}]"#;
    check_adaptive(&prefill, &[goes_on], "messages.role.assistant");
    check(
        &asking(vec![user("hi"), assistant(vec![]), user(" "), user("you")]),
        &[r#"[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"text","text":"you"}]}]"#],
        "",
    );
    let refusal = asking(vec![user("hi"), assistant(vec![Part::Refusal("no".into())]), user("why")]);
    check(&refusal, &[r#"{"role":"assistant","content":"no"}"#], "");
    faulty(&asking(vec![user("")]), "messages");
    faulty(&asking(vec![]), "messages");
    faulty(&asking(vec![say(Role::Unknown("critic".into()), vec![text("x")])]), "messages[0].role");
    let named = asking(vec![Message { name: Some("ann".into()), ..user("hi") }]);
    check(&named, &[], "messages.name");
}

#[test]
fn tool_calls_and_results() {
    let calls = say(Role::Assistant, vec![text(""), call("call_1", ""), call("call_2", "{\"a\": 1}")]);
    let mut request = asking(vec![user("go"), calls, user("quick"), result("call_2", "two"), result("call_1", " ")]);
    request.tools = vec![tool(None)];
    check(
        &request,
        &[
            r#"{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f","input":{}},{"type":"tool_use","id":"call_2","name":"f","input":{"a": 1}}]}"#,
            r#"[{"type":"tool_result","tool_use_id":"call_2","content":"two"},{"type":"tool_result","tool_use_id":"call_1"},{"type":"text","text":"quick"}]"#,
            r#""tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}]"#,
            "!tool_choice",
        ],
        "",
    );
    let odd = asking(vec![
        user("go"),
        say(Role::Assistant, vec![call("functions.f:0", "{}"), call("functions_f_0", "not json")]),
        result("functions.f:0", "a"),
        result("functions_f_0", "b"),
    ]);
    let body = String::from_utf8(encode(&odd, &Upstream::new("m")).unwrap().body).unwrap();
    let sanitised = body.matches("\"functions_f_0_").count();
    assert_eq!((sanitised, body.matches("\"functions_f_0\"").count()), (2, 2), "{body}");
    check(&odd, &[r#""input":{"arguments":"not json"}"#], "messages.tool_calls.function.arguments");
}

#[test]
fn tools() {
    let with = |tool| Request { tools: vec![tool], ..hi() };
    check(&with(tool(Some("{}"))), &[r#""input_schema":{"type":"object"}"#], "");
    check(&with(tool(Some(r#"{ "properties":{}}"#))), &[r#""input_schema":{ "properties":{},"type":"object"}"#], "");
    let whole = r#"{"$defs":{"type":1},"type":"object","n":123456789012345678901234567890}"#;
    check(&with(tool(Some(whole))), &[whole], "");
    check(&with(Tool { strict: Some(true), ..tool(None) }), &[r#""strict":true"#], "");
    check(&with(Tool { strict: Some(false), ..tool(None) }), &["!strict"], "");
    faulty(&with(tool(Some("true"))), "tools[0].input_schema");
    faulty(&with(Tool { name: "a.b".into(), ..tool(None) }), "tools[0].name");
    faulty(&with(Tool { name: "".into(), ..tool(None) }), "tools[0].name");
    faulty(&with(Tool { name: "x".repeat(129).into(), ..tool(None) }), "tools[0].name");
}

#[test]
fn tool_choices() {
    let with =
        |choice, parallel_tools| Request { tools: vec![tool(None)], tool_choice: choice, parallel_tools, ..hi() };
    check(&with(None, None), &["!tool_choice"], "");
    check(&with(None, Some(true)), &["!tool_choice"], "");
    check(&with(None, Some(false)), &[r#""tool_choice":{"type":"auto","disable_parallel_tool_use":true}"#], "");
    check(&with(Some(ToolChoice::Auto), None), &[r#""tool_choice":{"type":"auto"}"#], "");
    check(&with(Some(ToolChoice::Required), None), &[r#""tool_choice":{"type":"any"}"#], "");
    check(&with(Some(ToolChoice::None), Some(false)), &[r#""tool_choice":{"type":"none"}"#], "");
    let named = ToolChoice::Named("f".into());
    let disabled = r#""tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true}"#;
    check(&with(Some(named.clone()), Some(false)), &[disabled], "");
    let without = |choice| Request { tool_choice: Some(choice), parallel_tools: Some(false), ..hi() };
    check(&without(ToolChoice::Auto), &["!tool_choice"], "");
    check(&without(ToolChoice::None), &["!tool_choice"], "");
    faulty(&without(ToolChoice::Required), "tool_choice");
    faulty(&without(named), "tool_choice");
}

#[test]
fn thinking_by_budget() {
    let with = |reasoning, max_tokens| Request { reasoning: Some(reasoning), max_tokens, ..hi() };
    let effort = Reasoning::Effort;
    check(&with(Reasoning::Off, None), &["!thinking"], "");
    let low = [r#""max_tokens":10240"#, r#""thinking":{"type":"enabled","budget_tokens":2048}"#];
    check(&with(effort(Effort::Low), None), &low, "");
    check(&with(effort(Effort::Max), None), &[r#""budget_tokens":32768"#, r#""max_tokens":40960"#], "");
    check(&with(effort(Effort::High), Some(4000)), &[r#""budget_tokens":3200"#, r#""max_tokens":4000"#], "");
    check(&with(effort(Effort::High), Some(1024)), &["!thinking", r#""max_tokens":1024"#], "reasoning_effort");
    check(&with(effort(Effort::Minimal), Some(1025)), &[r#""budget_tokens":1024"#], "");
    check(&with(Reasoning::Budget(7), Some(5000)), &[r#""budget_tokens":1024"#], "");
    check(&with(Reasoning::Budget(u64::MAX), None), &[r#""max_tokens":18446744073709551615"#], "");
    check(&with(Reasoning::Adaptive, None), &[r#""budget_tokens":8192"#], "thinking");
}

#[test]
fn a_model_that_does_not_think() {
    for style in [ThinkingStyle::Budget, ThinkingStyle::Adaptive] {
        for (reasoning, losses) in [
            (Reasoning::Off, ""),
            (Reasoning::Adaptive, ""),
            (Reasoning::Effort(Effort::Low), "reasoning_effort"),
            (Reasoning::Budget(1024), "reasoning_effort"),
        ] {
            let request = Request { reasoning: Some(reasoning), ..hi() };
            let encoded = encode(&request, &Upstream { reasoning: false, ..upstream(style) }).unwrap();
            let body = String::from_utf8(encoded.body).unwrap();
            assert!(!body.contains("thinking") && !body.contains("output_config"), "{body}");
            assert_eq!(encoded.losses.header(), losses);
        }
    }
}

#[test]
fn thinking_by_effort() {
    let with = |reasoning| Request { reasoning: Some(reasoning), ..hi() };
    let adaptive = r#""thinking":{"type":"adaptive"}"#;
    check_adaptive(&with(Reasoning::Off), &[r#""thinking":{"type":"disabled"}"#, "!output_config"], "");
    check_adaptive(&with(Reasoning::Adaptive), &[adaptive, "!output_config"], "");
    let xhigh = [adaptive, r#""output_config":{"effort":"xhigh"}"#];
    check_adaptive(&with(Reasoning::Effort(Effort::XHigh)), &xhigh, "");
    check_adaptive(&with(Reasoning::Effort(Effort::Minimal)), &[adaptive, r#""effort":"low""#], "");
    check_adaptive(&with(Reasoning::Budget(9000)), &[adaptive, r#""effort":"medium""#], "thinking.budget_tokens");
}

#[test]
fn what_thinking_forbids() {
    let mut request = Request {
        reasoning: Some(Reasoning::Effort(Effort::Low)),
        max_tokens: None,
        temperature: Number::from_f64(0.5),
        top_p: Number::from_f64(0.5),
        top_k: Some(Number::from(5)),
        tools: vec![tool(None)],
        tool_choice: Some(ToolChoice::Required),
        ..hi()
    };
    let forbidden = ["!temperature", "!top_p", "!top_k", r#""tool_choice":{"type":"auto"}"#];
    check(&request, &forbidden, "temperature, top_p, top_k, tool_choice");
    request.temperature = Some(Number::from(1));
    request.top_p = Number::from_f64(0.97);
    request.top_k = None;
    request.tool_choice = Some(ToolChoice::None);
    check(&request, &["!temperature", r#""top_p":0.97"#, r#"{"type":"none"}"#], "");
}

#[test]
fn thinking_in_the_middle_of_a_turn() {
    let thought = Part::Thinking { text: "hm".into(), signature: Some("sig".into()) };
    let unsigned = Part::Thinking { text: "hm".into(), signature: None };
    let calls = |first| say(Role::Assistant, vec![first, call("1", "{}")]);
    let with = |first, then: Vec<Message<'static>>| {
        let mut messages = vec![user("go"), calls(first), result("1", "x")];
        messages.extend(then);
        Request { reasoning: Some(Reasoning::Budget(2048)), max_tokens: None, ..asking(messages) }
    };
    let on = r#""thinking":{"type":"enabled""#;
    let off = r#"!"type":"enabled""#;
    check(&with(thought.clone(), vec![]), &[on, r#"{"type":"thinking","thinking":"hm","signature":"sig"}"#], "");
    check(&with(text("x"), vec![]), &[off, r#""max_tokens":8192"#], "reasoning_effort");
    check(&with(unsigned.clone(), vec![]), &[off], "messages.content.thinking, reasoning_effort");
    // Further calls of the same turn need no thought of their own.
    let further = vec![say(Role::Assistant, vec![call("2", "{}")]), result("2", "y")];
    check(&with(thought, further), &[on], "");
    // The user has spoken since: the old turn is over.
    let over = vec![say(Role::Assistant, vec![text("done")]), user("more")];
    check(&with(text("x"), over.clone()), &[on], "");
    check_adaptive(&with(text("x"), vec![]), &[r#""thinking":{"type":"adaptive"}"#], "thinking.budget_tokens");
    check(&with(unsigned, over), &[on], "messages.content.thinking");
}

#[test]
fn sampling() {
    let number = |value: f64| Number::from_f64(value);
    let with = |temperature, top_p| Request { temperature, top_p, ..hi() };
    check(&with(number(0.3), None), &[r#""temperature":0.3"#], "");
    check(&with(number(1.7), None), &[r#""temperature":1}"#], "temperature");
    check(&with(number(0.3), number(0.9)), &[r#""temperature":0.3"#, "!top_p"], "top_p");
    check(&with(number(0.3), number(1.0)), &[r#""temperature":0.3"#, "!top_p"], "");
    check(&with(number(1.0), number(0.9)), &[r#""top_p":0.9"#, "!temperature"], "");
    check(&with(None, number(0.9)), &[r#""top_p":0.9"#], "");
    let refuses = |request: &Request<'_>, lost| {
        check_with(ThinkingStyle::Adaptive, false, request, &["!temperature", "!top_p", "!top_k"], lost);
    };
    refuses(&with(number(0.3), number(0.97)), "temperature, top_p");
    refuses(&with(number(1.0), number(1.0)), "");
    refuses(&Request { top_k: Some(Number::from(4)), ..hi() }, "top_k");
}

#[test]
fn formats() {
    let schema = r#"{"type":"object","additionalProperties":false}"#;
    let with = |format| Request { format: Some(format), ..hi() };
    let by_schema = |schema: Option<&str>, description| Format::JsonSchema {
        name: Some("x".into()),
        description,
        schema: schema.map(|schema| Cow::Owned(RawValue::from_string(schema.to_owned()).unwrap())),
        strict: None,
    };
    let written = format!(r#""output_config":{{"format":{{"type":"json_schema","schema":{schema}}}}}"#);
    check(&with(by_schema(Some(schema), None)), &[&written], "");
    check(&with(by_schema(Some(schema), Some("d".into()))), &[&written], "response_format.json_schema.description");
    check(&with(by_schema(None, None)), &[r#""system":"Respond with a single"#, "!output_config"], "response_format");
    check(&with(Format::JsonObject), &[r#""system":"Respond with a single"#], "response_format");
}

#[test]
fn cache_marks() {
    let marked = |words: &'static str, ttl: Option<&'static str>| {
        let cache = Some(CacheMark { ttl: ttl.map(Into::into) });
        say(Role::User, vec![Part::Text(TextPart { text: words.into(), cache, ..TextPart::default() })])
    };
    check(
        &asking(vec![marked("a", Some("1h"))]),
        &[r#"[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]"#],
        "",
    );
    let mark = Some(CacheMark::default());
    let mut request = asking(vec![marked("a", None), marked("b", None), marked("c", None), marked("d", None)]);
    request.tools = vec![Tool { cache: mark.clone(), ..tool(None) }];
    check(&request, &[r#""text":"a","cache_control""#, r#""properties":{}}}]"#], "cache_control");
    request.cache = mark;
    let kept =
        [r#""text":"b","cache_control""#, r#"{"type":"text","text":"a"}"#, r#""cache_control":{"type":"ephemeral"}}"#];
    check(&request, &kept, "cache_control");
    check(&asking(vec![marked(" ", None), user("x")]), &[], "messages.content.cache_control");
}

#[test]
fn media() {
    let medium = |kind, source| Media {
        kind,
        source,
        name: Some("n".into()),
        context: None,
        detail: None,
        citations: false,
        cache: None,
    };
    let with = |medium: Media<'static>| asking(vec![say(Role::User, vec![text("see"), Part::Media(medium)])]);
    let url = || Source::Url("https://x/y.png".into());
    let image = r#"{"type":"image","source":{"type":"url","url":"https://x/y.png"}}"#;
    check(&with(medium(MediaKind::Image, url())), &[image], "");
    let detail = |detail: &'static str| Media { detail: Some(detail.into()), ..medium(MediaKind::Image, url()) };
    check(&with(detail("auto")), &[image], "");
    check(&with(detail("low")), &[image], "messages.content.image_url.detail");
    check(&with(medium(MediaKind::Audio, url())), &["!https"], "messages.content.input_audio");
    let pdf = Source::Base64 { media_type: "application/pdf".into(), data: "JVBE".into() };
    check(
        &with(medium(MediaKind::Document, pdf)),
        &[r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"},"title":"n"}"#],
        "",
    );
    let file = |data: &'static str| {
        let source = Source::Base64 { media_type: "text/markdown".into(), data: data.into() };
        with(medium(MediaKind::Document, source))
    };
    let as_text = |text: &str| format!(r#""source":{{"type":"text","media_type":"text/plain","data":"{text}"}}"#);
    check(&file("aGVsbG8="), &[&as_text("hello")], "");
    check(&file("aMOpbGzDtiE"), &[&as_text("héllö!")], "");
    check(&file("8J+YgCA/"), &[&as_text("😀 ?")], "");
    check(&file("/w=="), &[r#"{"type":"base64","media_type":"text/markdown","data":"/w=="}"#], "");
    let base64 = |media_type: &'static str| Source::Base64 { media_type: media_type.into(), data: "e30=".into() };
    check(&with(medium(MediaKind::Document, base64("application/json"))), &[&as_text("{}")], "");
    let jpeg = r#"{"type":"base64","media_type":"image/jpeg","data":"e30="}"#;
    check(&with(medium(MediaKind::Image, base64("image/jpg"))), &[jpeg], "");
}

#[test]
fn what_this_dialect_cannot_say() {
    let request = Request {
        presence_penalty: Number::from_f64(0.5),
        frequency_penalty: Number::from_f64(-0.5),
        seed: Some(Number::from(u64::MAX)),
        n: Some(2),
        logprobs: Some(0),
        verbosity: Some("low".into()),
        metadata: Some(Cow::Owned(RawValue::from_string(r#"{"a":"b"}"#.to_owned()).unwrap())),
        service_tier: Some(ServiceTier::Other("flex".into())),
        stop: vec!["\n".into(), "END".into()],
        user: Some("u-1".into()),
        ..hi()
    };
    let fragments = [r#""stop_sequences":["END"]"#, r#""metadata":{"user_id":"u-1"}"#, "!service_tier", "!seed"];
    let lost = "presence_penalty, frequency_penalty, seed, n, logprobs, verbosity, metadata, stop, service_tier";
    check(&request, &fragments, lost);
    let defaults = Request {
        presence_penalty: Some(Number::from(0)),
        frequency_penalty: Number::from_f64(0.0),
        n: Some(1),
        verbosity: Some("medium".into()),
        metadata: Some(Cow::Owned(RawValue::from_string("{ }".to_owned()).unwrap())),
        service_tier: Some(ServiceTier::Auto),
        stream: true,
        ..hi()
    };
    check(&defaults, &[r#""service_tier":"auto""#, r#""stream":true"#], "");
}

// ---- anything at all ----

/// Any JSON that is made of this dialect's words.
pub(in super::super) fn json() -> impl Strategy<Value = String> {
    const KEYS: [&str; 46] = [
        "type",
        "model",
        "max_tokens",
        "messages",
        "role",
        "content",
        "text",
        "system",
        "tools",
        "name",
        "input_schema",
        "tool_choice",
        "thinking",
        "budget_tokens",
        "output_config",
        "format",
        "schema",
        "effort",
        "source",
        "data",
        "media_type",
        "url",
        "signature",
        "id",
        "input",
        "tool_use_id",
        "is_error",
        "cache_control",
        "ttl",
        "stream",
        "usage",
        "input_tokens",
        "output_tokens",
        "cache_creation",
        "stop_reason",
        "stop_details",
        "explanation",
        "error",
        "message",
        "index",
        "delta",
        "content_block",
        "partial_json",
        "citations",
        "caller",
        "stop_sequences",
    ];
    const WORDS: [&str; 38] = [
        "user",
        "assistant",
        "system",
        "text",
        "image",
        "document",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "mid_conv_system",
        "server_tool_use",
        "base64",
        "url",
        "content",
        "enabled",
        "adaptive",
        "disabled",
        "json_schema",
        "any",
        "tool",
        "auto",
        "message",
        "message_start",
        "message_delta",
        "message_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "text_delta",
        "input_json_delta",
        "thinking_delta",
        "signature_delta",
        "ping",
        "error",
        "refusal",
        "end_turn",
        "",
    ];
    let leaf = prop_oneof![
        5 => prop::sample::select(WORDS.as_slice()).prop_map(|word| format!("{word:?}")),
        1 => any::<i64>().prop_map(|n| n.to_string()),
        1 => (0u8..4).prop_map(|n| n.to_string()),
        1 => prop::sample::select(["null", "true", "false", "1.5", "\"é\\n\\u0000\"", "{}", "[]"].as_slice())
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
    fn nothing_panics(body in prop_oneof![json(), ".{0,80}"], content in json(), style in any::<bool>()) {
        let style = if style { ThinkingStyle::Budget } else { ThinkingStyle::Adaptive };
        let around = format!(r#"{{"model":"m","max_tokens":2000,"messages":[{{"role":"user","content":[{content}]}}]}}"#);
        for body in [body, around] {
            let Ok(request) = decode(body.as_bytes()) else { continue };
            let Ok(encoded) = encode(&request, &upstream(style)) else { continue };
            prop_assert!(decode(&encoded.body).is_ok(), "{body} became {}", String::from_utf8_lossy(&encoded.body));
        }
    }
}
