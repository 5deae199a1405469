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

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "amazon.nova-2-lite-v1:0";
const LLAMA: &str = "meta.llama3-8b-instruct-v1:0";

// ---- what clients send ----

/// The hub as lines, and the request written again for models of three families.
fn render(body: &[u8]) -> String {
    let request = match decode(body) {
        Ok(request) => request,
        Err(fault) => return format!("{fault:#?}"),
    };
    let written = |model: &str| {
        let thinking = if model == CLAUDE { ThinkingStyle::Budget } else { ThinkingStyle::Adaptive };
        let encoded = encode(&request, &Upstream { thinking, ..Upstream::new(model) }).unwrap();
        format!("{}\nlosses: {}\n", String::from_utf8(encoded.body).unwrap(), encoded.losses.header())
    };
    let mut out = hub(&request);
    for model in [CLAUDE, "anthropic.claude-opus-4-7-v1:0", NOVA, LLAMA] {
        out.push_str(&format!("\nfor {model}:\n{}", written(model)));
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
    lines!(tool_choice, max_tokens, temperature, top_p, top_k, format, reasoning, metadata, service_tier);
    out.push_str(&format!("stop: {:?}\n", request.stop));
    out.push_str(&format!("losses: {}\n", request.losses.header()));
    out
}

#[test]
fn requests_as_documented() {
    fixtures::check("converse", "requests", |_, body| render(body));
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, body) in fixtures::files("converse", "requests") {
        if name == "cited" || name == "media" {
            continue; // instructions and marks change their place, texts join
        }
        let model = if name == "nova" { NOVA } else { CLAUDE };
        let thinking = if name == "effort" { ThinkingStyle::Adaptive } else { ThinkingStyle::Budget };
        let mut first = decode(&body).unwrap();
        let encoded = encode(&first, &Upstream { thinking, ..Upstream::new(model) }).unwrap();
        let mut second = decode(&encoded.body).unwrap();
        (first.losses, second.losses) = Default::default();
        // `topP: 1` says nothing, and a schema without a type is completed.
        (first.top_p, second.top_p) = (None, None);
        if name == "thinking" {
            (first.tools, second.tools) = Default::default();
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
    refused("", "", "is not a request of the Bedrock Converse API");
    refused("[]", "", "expected an object");
    refused("{}", "messages", "messages is missing");
    refused(r#"{"messages":[]}"#, "messages", "messages is missing");
    refused(r#"{"messages":[{"content":[]}]}"#, "messages[0].role", "`user` or");
    refused(r#"{"messages":[{"role":"user"}]}"#, "messages[0].content", "content blocks");
    refused(r#"{"messages":[{"role":"user","content":"x"}]}"#, "messages[0].content", "expected a sequence");
    let block = |block: &str| format!(r#"{{"messages":[{{"role":"user","content":[{block}]}}]}}"#);
    refused(&block(r#"{"text":7}"#), "messages[0].content[0].text", "expected a string");
    refused(&block(r#"{"image":{"format":"png"}}"#), "messages[0].content[0].image.source", "`bytes`");
    refused(&block(r#"{"image":{"source":{"bytes":"AA"}}}"#), "messages[0].content[0].image.format", "format");
    refused(&block(r#"{"toolUse":{"name":"f"}}"#), "messages[0].content[0].toolUse", "`toolUseId`");
    refused(&block(r#"{"toolResult":{"content":[]}}"#), "messages[0].content[0].toolResult.toolUseId", "the id");
    let with = |field: &str| format!(r#"{{"messages":[{{"role":"user","content":[]}}],{field}}}"#);
    refused(&with(r#""toolConfig":{"tools":[{"toolSpec":{}}]}"#), "toolConfig.tools[0].toolSpec.name", "name");
    let thinking = with(r#""additionalModelRequestFields":{"thinking":{"type":"enabled"}}"#);
    refused(&thinking, "additionalModelRequestFields.thinking.budget_tokens", "needs a budget");
    let schema =
        with(r#""outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{"}}}}"#);
    refused(&schema, "outputConfig.textFormat.structure.jsonSchema.schema", "not a JSON text");
}

#[test]
fn a_prompt_of_the_accounts_own_brings_its_messages() {
    let request = decode(br#"{"promptVariables":{"a":{"text":"x"}}}"#).unwrap();
    assert_eq!(request.losses.header(), "promptVariables");
    assert!(request.messages.is_empty());
}

// ---- what the hub says ----

fn text(text: &'static str) -> Part<'static> {
    Part::Text(TextPart { text: text.into(), ..TextPart::default() })
}

fn marked(text: &'static str, ttl: Option<&'static str>) -> Part<'static> {
    let cache = Some(CacheMark { ttl: ttl.map(Into::into) });
    Part::Text(TextPart { text: text.into(), cache, ..TextPart::default() })
}

fn says(role: Role<'static>, parts: Vec<Part<'static>>) -> Message<'static> {
    Message { role, name: None, parts }
}

fn hi() -> Vec<Message<'static>> {
    vec![says(Role::User, vec![text("hi")])]
}

fn tool(name: &'static str) -> Tool<'static> {
    Tool { name: name.into(), description: Some("".into()), schema: None, strict: None, cache: None }
}

fn call(id: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: "[1]".into(), ..ToolCall::default() })
}

fn result(id: &'static str) -> Part<'static> {
    let content = vec![marked("7", None)];
    Part::ToolResult(ToolResult { id: id.into(), content, is_error: false, cache: None })
}

fn medium(kind: MediaKind, source: Source<'static>, name: Option<&'static str>) -> Part<'static> {
    let name = name.map(Into::into);
    Part::Media(Media { kind, source, name, context: None, detail: None, citations: false, cache: None })
}

/// The body and the losses that a request becomes.
#[track_caller]
fn check_for(upstream: &Upstream, request: &Request<'_>, expected: &str, lost: &str) {
    let encoded = encode(request, upstream).unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    assert!(body.contains(expected), "{body}\nhas no\n{expected}");
    assert_eq!(encoded.losses.header(), lost, "{body}");
}

#[track_caller]
fn check(request: &Request<'_>, expected: &str, lost: &str) {
    check_for(&Upstream::new(CLAUDE), request, expected, lost);
}

#[test]
fn the_order_of_turns() {
    let messages = vec![
        says(Role::Assistant, vec![text("hello")]),
        says(Role::Developer, vec![text("be brief"), text("  ")]),
        says(Role::User, vec![text("a"), text("")]),
        says(Role::User, vec![text("b")]),
        says(Role::Assistant, vec![call("functions.f:0 ü")]),
        says(Role::Tool, vec![result("functions.f:0 ü")]),
        says(Role::Assistant, vec![text("done ")]),
    ];
    let request = Request { messages, tools: vec![tool("f")], ..Request::default() };
    let encoded = String::from_utf8(encode(&request, &Upstream::new(CLAUDE)).unwrap().body).unwrap();
    let ids: Vec<&str> =
        encoded.split("\"toolUseId\":\"").skip(1).filter_map(|after| after.split('"').next()).collect();
    // The call and its result still belong together.
    assert!(ids.len() == 2 && ids[0] == ids[1] && ids[0].starts_with("functions.f:0___"), "{ids:?}");
    let expected = concat!(
        r#"{"messages":[{"role":"user","content":[{"text":"(The conversation begins with the assistant.)"}]},"#,
        r#"{"role":"assistant","content":[{"text":"hello"}]},{"role":"user","content":[{"text":"a"},{"text":"b"}]},"#,
    );
    let lost = "messages.role.system, messages.tool_calls.function.arguments, messages.role.assistant";
    check(&request, expected, lost);
    // A cache point within a result moves behind it.
    check(&request, r#""content":[{"text":"7"}]}},{"cachePoint":{"type":"default"}}]}"#, lost);
    check(&request, r#"{"role":"assistant","content":[{"text":"done"}]}],"system":[{"text":"be brief"}]"#, lost);
    let adaptive = Upstream { thinking: ThinkingStyle::Adaptive, ..Upstream::new(CLAUDE) };
    check_for(&adaptive, &request, r#"{"role":"user","content":[{"text":"Continue."}]}]"#, lost);

    let nobody = Request { messages: vec![says(Role::User, vec![text(" ")])], ..Request::default() };
    assert_eq!(encode(&nobody, &Upstream::new(CLAUDE)).unwrap_err().param.as_deref(), Some("messages"));
    let odd = Request { messages: vec![says(Role::Unknown("critic".into()), vec![])], ..Request::default() };
    assert_eq!(encode(&odd, &Upstream::new(CLAUDE)).unwrap_err().param.as_deref(), Some("messages[0].role"));
}

#[test]
fn tools_and_choices() {
    let with = |choice: Option<ToolChoice<'static>>, tools: Vec<Tool<'static>>, messages| Request {
        messages,
        tools,
        tool_choice: choice,
        ..Request::default()
    };
    let spec =
        r#""toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]"#;
    for (choice, expected) in [
        (None, "}"),
        (Some(ToolChoice::Auto), r#","toolChoice":{"auto":{}}}"#),
        (Some(ToolChoice::Required), r#","toolChoice":{"any":{}}}"#),
        (Some(ToolChoice::Named("f".into())), r#","toolChoice":{"tool":{"name":"f"}}}"#),
    ] {
        check(&with(choice, vec![tool("f")], hi()), &format!("{spec}{expected}"), "");
    }
    // No word for "no tool": they are left out, unless the conversation holds calls.
    check(
        &with(Some(ToolChoice::None), vec![tool("f")], hi()),
        r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#,
        "",
    );
    let used = || {
        let mut messages = hi();
        messages.push(says(Role::Assistant, vec![call("a")]));
        messages.push(says(Role::User, vec![result("a")]));
        messages
    };
    let broken = "messages.tool_calls.function.arguments";
    check(
        &with(Some(ToolChoice::None), vec![tool("f")], used()),
        &format!("{spec}}}"),
        &format!("{broken}, tool_choice"),
    );
    check(&with(None, vec![], used()), &format!("{spec}}}"), &format!("{broken}, tools"));
    let fault = encode(&with(Some(ToolChoice::Required), vec![], hi()), &Upstream::new(CLAUDE)).unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("tool_choice"));
    let fault = encode(&with(None, vec![tool("a.b")], hi()), &Upstream::new(CLAUDE)).unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("tools[0].name"));
    let mut one_by_one = with(None, vec![tool("f")], hi());
    one_by_one.parallel_tools = Some(false);
    check(&one_by_one, spec, "parallel_tool_calls");
    let mut thinking = with(Some(ToolChoice::Required), vec![tool("f")], hi());
    thinking.reasoning = Some(Reasoning::Budget(2000));
    check(&thinking, &format!("{spec}}}"), "tool_choice");
}

#[test]
fn media_by_format_and_name() {
    let base64 = |media_type: &'static str| Source::Base64 { media_type: media_type.into(), data: "AAAA".into() };
    let only = |part| Request { messages: vec![says(Role::User, vec![part])], ..Request::default() };
    let png = r#""content":[{"image":{"format":"png","source":{"bytes":"AAAA"}}}]"#;
    check(&only(medium(MediaKind::Image, base64("image/png"), None)), png, "");
    let s3 = || Source::Url("s3://bucket/cat.jpg".into());
    let place = r#"{"image":{"format":"jpeg","source":{"s3Location":{"uri":"s3://bucket/cat.jpg"}}}}"#;
    check(&only(medium(MediaKind::Image, s3(), None)), place, "");
    let document = concat!(
        r#""content":[{"document":{"format":"pdf","name":"report","source":{"bytes":"AAAA"}}},"#,
        r#"{"text":"(See the document.)"}]"#
    );
    check(&only(medium(MediaKind::Document, base64("application/pdf"), Some("report.pdf"))), document, "");
    let renamed = r#"{"document":{"format":"txt","name":"a-b","source":{"text":"words"}}}"#;
    check(
        &only(medium(MediaKind::Document, Source::Text("words".into()), Some("a_b"))),
        renamed,
        "messages.content.file.filename",
    );
    check(&only(medium(MediaKind::Video, base64("video/mp4"), None)), r#"{"video":{"format":"mp4""#, "");
    check(&only(medium(MediaKind::Audio, base64("audio/wav"), None)), r#"{"audio":{"format":"wav""#, "");
    for (part, lost) in [
        (medium(MediaKind::Image, Source::Url("https://a.example/x.png".into()), None), "messages.content.image_url"),
        (medium(MediaKind::Image, base64("image/tiff"), None), "messages.content.image_url"),
        (medium(MediaKind::Document, Source::FileId("file-1".into()), None), "messages.content.file"),
    ] {
        let messages = vec![says(Role::User, vec![text("x"), part])];
        check(&Request { messages, ..Request::default() }, r#""content":[{"text":"x"}]"#, lost);
    }
}

#[test]
fn cache_points_where_the_model_takes_them() {
    let mut marked_tool = tool("f");
    marked_tool.cache = Some(CacheMark::default());
    let messages = vec![
        says(Role::System, vec![marked("s", Some("1h"))]),
        says(Role::User, vec![marked("a", Some("7d")), marked("b", None)]),
    ];
    let cache = Some(CacheMark::default());
    let request = Request { messages, tools: vec![marked_tool], cache, ..Request::default() };
    let all = r#"[{"text":"a"},{"cachePoint":{"type":"default"}},{"text":"b"},{"cachePoint":{"type":"default"}}]}],"system":[{"text":"s"},{"cachePoint":{"type":"default","ttl":"1h"}}]"#;
    check(&request, all, "");
    check(&request, r#"}}},{"cachePoint":{"type":"default"}}]}"#, "");
    check_for(&Upstream::new(NOVA), &request, all, "tools.cache_control");
    let plain = r#"{"messages":[{"role":"user","content":[{"text":"a"},{"text":"b"}]}],"system":[{"text":"s"}]"#;
    check_for(&Upstream::new(LLAMA), &request, plain, "messages.content.cache_control, tools.cache_control");

    let five = vec![says(Role::User, ["1", "2", "3", "4", "5"].map(|text| marked(text, None)).to_vec())];
    let expected = r#"[{"text":"1"},{"text":"2"},{"cachePoint":{"type":"default"}},{"text":"3"}"#;
    check(&Request { messages: five, ..Request::default() }, expected, "cache_control");
}

#[test]
fn thoughts_in_the_words_of_the_family() {
    let with = |reasoning| Request {
        messages: hi(),
        reasoning: Some(reasoning),
        max_tokens: Some(9000),
        temperature: Number::from_f64(0.5),
        top_k: Some(Number::from(3)),
        ..Request::default()
    };
    let claude = r#""inferenceConfig":{"maxTokens":9000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2048}}}"#;
    check(&with(Reasoning::Effort(Effort::Low)), claude, "temperature, top_k");
    let adaptive = Upstream { thinking: ThinkingStyle::Adaptive, ..Upstream::new(CLAUDE) };
    let expected =
        r#""additionalModelRequestFields":{"thinking":{"type":"adaptive"}},"outputConfig":{"effort":"high"}}"#;
    check_for(&adaptive, &with(Reasoning::Effort(Effort::High)), expected, "temperature, top_k");
    let nova = r#"{"maxTokens":9000,"temperature":0.5},"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"},"inferenceConfig":{"topK":3}}}"#;
    check_for(&Upstream::new(NOVA), &with(Reasoning::Effort(Effort::Low)), nova, "");
    let high = r#"[{"text":"hi"}]}],"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}}"#;
    let lost = "temperature, top_k, max_tokens";
    check_for(&Upstream::new(NOVA), &with(Reasoning::Effort(Effort::Max)), high, lost);
    let oss = Upstream::new("openai.gpt-oss-20b-1:0");
    let expected = r#""additionalModelRequestFields":{"reasoning_effort":"low"}}"#;
    check_for(&oss, &with(Reasoning::Off), expected, "reasoning_effort, top_k");
    check_for(
        &Upstream::new(LLAMA),
        &with(Reasoning::Budget(5)),
        "{",
        "thinking.budget_tokens, reasoning_effort, top_k",
    );
    check_for(&Upstream::new(LLAMA), &with(Reasoning::Off), "{", "top_k");
    let mute = Upstream { reasoning: false, ..Upstream::new(NOVA) };
    check_for(&mute, &with(Reasoning::Effort(Effort::Low)), r#"{"inferenceConfig":{"topK":3}}"#, "reasoning_effort");

    // A thought that nobody signed, or that is no base64, does not go back.
    let parts = vec![
        Part::Thinking { text: "hm".into(), signature: None },
        Part::RedactedThinking { data: "ü".into() },
        Part::RedactedThinking { data: "b3BhcXVl".into() },
        text("a"),
    ];
    let mut messages = hi();
    messages.push(says(Role::Assistant, parts));
    let expected = r#"[{"reasoningContent":{"redactedContent":"b3BhcXVl"}},{"text":"a"}]"#;
    check(&Request { messages, ..Request::default() }, expected, "messages.content.thinking");
}

#[test]
fn settings_and_their_losses() {
    let metadata = |json: &str| Some(Cow::Owned(RawValue::from_string(json.to_owned()).unwrap()));
    let request = Request {
        messages: hi(),
        temperature: Number::from_f64(1.5),
        stop: vec!["END".into(), " ".into()],
        metadata: metadata(r#"{"team":"a b"}"#),
        service_tier: Some(ServiceTier::Standard),
        format: Some(Format::JsonObject),
        seed: Some(Number::from(1)),
        n: Some(2),
        user: Some("u".into()),
        ..Request::default()
    };
    let expected = concat!(
        r#""inferenceConfig":{"temperature":1,"stopSequences":["END"]},"additionalModelResponseFieldPaths":["/stop_sequence"],"#,
        r#""requestMetadata":{"team":"a b"},"serviceTier":{"type":"default"}}"#,
    );
    check(&request, expected, "temperature, response_format, seed, n, user, stop");
    for (json, lost) in
        [("{}", ""), (r#"{"a":1}"#, "metadata"), (r#"{"a":"ü"}"#, "metadata"), (r#"{"":"a"}"#, "metadata")]
    {
        check(&Request { messages: hi(), metadata: metadata(json), ..Request::default() }, "{", lost);
    }
    let schema = RawValue::from_string(r#"{"type":"object"}"#.to_owned()).unwrap();
    let format = Format::JsonSchema {
        name: Some("n".into()),
        description: None,
        schema: Some(Cow::Owned(schema)),
        strict: Some(false),
    };
    let expected = r#""outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\"}","name":"n"}}}}}"#;
    check(&Request { messages: hi(), format: Some(format), ..Request::default() }, expected, "");
    let tier = Some(ServiceTier::Other("scale".into()));
    check(&Request { messages: hi(), service_tier: tier, ..Request::default() }, "{", "service_tier");
}

/// JSON of the API's own words in any order.
pub(in super::super) fn json() -> impl Strategy<Value = String> {
    const KEYS: [&str; 50] = [
        "messages",
        "role",
        "content",
        "text",
        "json",
        "system",
        "image",
        "document",
        "video",
        "audio",
        "format",
        "source",
        "bytes",
        "s3Location",
        "uri",
        "name",
        "toolUse",
        "toolUseId",
        "input",
        "toolResult",
        "status",
        "cachePoint",
        "type",
        "ttl",
        "reasoningContent",
        "reasoningText",
        "signature",
        "redactedContent",
        "citationsContent",
        "citations",
        "location",
        "guardContent",
        "inferenceConfig",
        "maxTokens",
        "toolConfig",
        "tools",
        "toolSpec",
        "inputSchema",
        "toolChoice",
        "additionalModelRequestFields",
        "thinking",
        "outputConfig",
        "output",
        "message",
        "stopReason",
        "usage",
        "inputTokens",
        "delta",
        "start",
        "contentBlockIndex",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i32>().prop_map(|n| n.to_string()),
        prop::sample::select(["user", "assistant", "png", "enabled", "a", "é"].as_slice())
            .prop_map(|s| format!("{s:?}")),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec((prop::sample::select(KEYS.as_slice()), inner), 0..6).prop_map(|fields| {
                let fields: Vec<String> = fields.into_iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics(body in prop_oneof![
        json(),
        ".{0,80}",
        json().prop_map(|inner| format!(r#"{{"messages":[{{"role":"user","content":[{inner}]}},{{"role":"assistant","content":[{inner},{{"text":"x"}}]}}]}}"#)),
    ]) {
        if let Ok(request) = decode(body.as_bytes()) {
            for model in [CLAUDE, NOVA, LLAMA] {
                if let Ok(encoded) = encode(&request, &Upstream::new(model)) {
                    prop_assert!(decode(&encoded.body).is_ok());
                }
            }
        }
    }
}
