use super::{decode, encode};
use crate::chat::{
    CacheMark, Effort, Format, Media, MediaKind, Message, Part, Reasoning, Request, Role, ServiceTier, Source,
    TextPart, Tool, ToolCall, ToolChoice, ToolResult,
};
use crate::dialect::Upstream;
use crate::dialect::fixtures;
use crate::dialect::gemini::words;
use crate::endpoint::Hosting;
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::borrow::Cow;

// ---- what clients send ----

/// The hub as lines, and the request written again for an old model and a new one.
fn render(body: &[u8]) -> String {
    let request = match decode(body) {
        Ok(request) => request,
        Err(fault) => return format!("{fault:#?}"),
    };
    let written = |model| match encode(&request, &Upstream::new(model)) {
        Ok(encoded) => {
            format!("{}\nlosses: {}\n", String::from_utf8(encoded.body).unwrap(), encoded.losses.header())
        }
        Err(fault) => format!("{fault:#?}\n"),
    };
    let (old, new) = (written("gemini-2.5-flash"), written("gemini-3-pro-preview"));
    let mut out = format!("{}\nwritten again:\n{old}", hub(&request));
    if new != old {
        out.push_str(&format!("\nfor a newer model:\n{new}"));
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
        presence_penalty,
        frequency_penalty,
        seed,
        n,
        logprobs,
        format,
        reasoning,
        service_tier
    );
    out.push_str(&format!("stop: {:?}\nlosses: {}\n", request.stop, request.losses.header()));
    out
}

#[test]
fn requests_as_documented() {
    fixtures::check("gemini", "requests", |_, body| render(body));
}

#[test]
fn what_is_written_reads_the_same() {
    for (name, body) in fixtures::files("gemini", "requests") {
        let Ok(mut first) = decode(&body) else { continue };
        // Neighbours of one role become one, and results come in the order of their calls.
        if matches!(name.as_str(), "levels" | "bad_role" | "tool_ids" | "server_tools") {
            continue;
        }
        if name == "tool_loop" {
            first.messages.iter_mut().filter(|m| m.role == Role::Tool).for_each(|m| m.role = Role::User);
        }
        let encoded = encode(&first, &Upstream::new("gemini-2.5-flash")).unwrap();
        let mut second = decode(&encoded.body).unwrap();
        (first.losses, second.losses) = Default::default();
        first.n = first.n.filter(|n| *n > 1);
        let mut lines = (hub(&first), hub(&second));
        if name == "media" {
            // Neither a file's name is written, nor what an uploaded one is: its provider knows.
            lines.0 = lines.0.replace("Some(\"a.pdf\")", "None");
            lines.0 = lines.0.replace("Video, source: FileId", "Document, source: FileId");
        }
        assert_eq!(lines.0, lines.1, "{name}");
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
    refused("", "", "is not a request of the Gemini API");
    refused("[]", "", "expected an object");
    refused("{}", "contents", "contents is missing");
    let part = |part: &str| format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#);
    refused(&part("7"), "contents[0].parts[0]", "expected an object");
    refused(&part(r#"{"inlineData":{"data":"aa"}}"#), "contents[0].parts[0].inlineData.mimeType", "a media type");
    refused(&part(r#"{"fileData":{}}"#), "contents[0].parts[0].fileData.fileUri", "where the file is");
    refused(&part(r#"{"functionCall":{}}"#), "contents[0].parts[0].functionCall.name", "the function's name");
    refused(
        &part(r#"{"functionResponse":{"name":"f","response":[1]}}"#),
        "contents[0].parts[0].functionResponse.response",
        "a JSON object",
    );
    let with = |field: &str| format!(r#"{{"contents":[{{"parts":[{{"text":"x"}}]}}],{field}}}"#);
    refused(&with(r#""cachedContent":"cachedContents/a""#), "cachedContent", "kept at Google");
    refused(&with(r#""continuation_token":"aa""#), "continuationToken", "kept at Google");
    refused(&with(r#""tools":[{"functionDeclarations":[{}]}]"#), "tools[0].functionDeclarations[0].name", "name");
    refused(
        &with(r#""tools":[{"functionDeclarations":[{"name":"f","parameters":7}]}]"#),
        "tools[0].functionDeclarations[0].parameters",
        "is no schema",
    );
    refused(
        &with(r#""toolConfig":{"functionCallingConfig":{"mode":"SOME"}}"#),
        "toolConfig.functionCallingConfig.mode",
        "`SOME`",
    );
    let limit = with(r#""generationConfig":{"maxOutputTokens":-1}"#);
    refused(&limit, "generationConfig.maxOutputTokens", "a positive number");
}

#[test]
fn nothing_is_copied_without_need() {
    let body = br#"{"contents":[{"parts":[{"text":"plain"},{"inlineData":{"mimeType":"image/png","data":"aaaa"}}]}]}"#;
    let request = decode(body).unwrap();
    let [Part::Text(part), Part::Media(Media { source: Source::Base64 { data, .. }, .. })] =
        request.messages[0].parts.as_slice()
    else {
        panic!("a text and an image")
    };
    assert!(body.as_ptr_range().contains(&part.text.as_str().as_ptr()));
    assert!(body.as_ptr_range().contains(&data.as_str().as_ptr()));
}

#[test]
fn choices_of_functions() {
    let tools = r#""tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"}]}]"#;
    let names = "toolConfig.functionCallingConfig.allowedFunctionNames";
    for (config, expected, lost) in [
        (r#"{"mode":"MODE_UNSPECIFIED"}"#, "None", ""),
        (r#"{"mode":"any"}"#, "Some(Required)", ""),
        (r#"{"mode":"ANY","allowed_function_names":["f","g"]}"#, "Some(Required)", ""),
        (r#"{"mode":"ANY","allowedFunctionNames":["f"]}"#, "Some(Named(\"f\"))", ""),
        (r#"{"mode":"ANY","allowedFunctionNames":["f","h"]}"#, "Some(Required)", names),
        (r#"{"mode":"NONE"}"#, "Some(None)", ""),
        (r#"{"mode":"VALIDATED"}"#, "Some(Auto)", "toolConfig.functionCallingConfig.mode"),
        (
            r#"{"mode":"AUTO","streamFunctionCallArguments":true}"#,
            "Some(Auto)",
            "toolConfig.functionCallingConfig.streamFunctionCallArguments",
        ),
    ] {
        let body = format!(
            r#"{{"contents":[{{"parts":[{{"text":"x"}}]}}],{tools},"tool_config":{{"function_calling_config":{config}}}}}"#
        );
        let request = decode(body.as_bytes()).unwrap();
        assert_eq!((format!("{:?}", request.tool_choice).as_str(), request.losses.header().as_str()), (expected, lost));
    }
}

// ---- what providers get ----

fn say(role: Role<'static>, parts: Vec<Part<'static>>) -> Message<'static> {
    Message { role, name: None, parts }
}

fn text(text: &'static str) -> Part<'static> {
    Part::Text(TextPart { text: text.into(), ..TextPart::default() })
}

fn call(id: &'static str, name: &'static str, arguments: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), ..ToolCall::default() })
}

fn result(id: &'static str, words: &'static str) -> Part<'static> {
    Part::ToolResult(ToolResult { id: id.into(), content: vec![text(words)], is_error: false, cache: None })
}

fn tool(name: &'static str) -> Tool<'static> {
    Tool { name: name.into(), description: None, schema: None, strict: None, cache: None }
}

fn asked(messages: Vec<Message<'static>>) -> Request<'static> {
    Request { messages, ..Request::default() }
}

fn hi() -> Message<'static> {
    say(Role::User, vec![text("hi")])
}

#[track_caller]
fn check_for(model: &str, request: &Request<'_>, expected: &str, lost: &str) {
    let encoded = encode(request, &Upstream::new(model)).unwrap();
    assert_eq!((String::from_utf8(encoded.body).unwrap().as_str(), encoded.losses.header().as_str()), (expected, lost));
}

#[track_caller]
fn check(request: &Request<'_>, expected: &str, lost: &str) {
    check_for("gemini-2.5-flash", request, expected, lost);
}

const HI: &str = r#""contents":[{"role":"user","parts":[{"text":"hi"}]}]"#;

/// What stands in the body of such a request behind its contents, and the losses.
#[track_caller]
fn check_rest(request: Request<'_>, expected: &str, lost: &str) {
    check(&Request { messages: vec![hi()], ..request }, &format!("{{{HI}{expected}}}"), lost);
}

#[test]
fn turns() {
    check(
        &asked(vec![
            say(Role::System, vec![text("Be brief.")]),
            hi(),
            say(Role::Developer, vec![text("Be kind.")]),
            say(Role::User, vec![text(""), text("you")]),
            say(Role::Assistant, vec![]),
            say(Role::Assistant, vec![text("yes"), Part::Refusal("no".into())]),
        ]),
        r#"{"contents":[{"role":"user","parts":[{"text":"hi"},{"text":"you"}]},{"role":"model","parts":[{"text":"yes"},{"text":"no"}]}],"systemInstruction":{"parts":[{"text":"Be brief."},{"text":"Be kind."}]}}"#,
        "messages.role.system",
    );
    for (messages, words) in [
        (vec![], "say nothing"),
        (vec![say(Role::System, vec![text("x")])], "say nothing"),
        (vec![say(Role::Unknown("critic".into()), vec![text("x")])], "`critic`"),
    ] {
        let fault = encode(&asked(messages), &Upstream::new("gemini-2.5-flash")).unwrap_err();
        assert!(fault.message.contains(words) && fault.status == 400, "{fault:?}");
    }
}

#[test]
fn results_stand_behind_their_calls_in_their_order() {
    let messages = vec![
        hi(),
        say(Role::Assistant, vec![call("1", "f", ""), call("2", "g", r#"{"x":1e400}"#)]),
        say(Role::Tool, vec![result("2", "two")]),
        say(Role::Tool, vec![result("1", r#"{"one": 1}"#)]),
        say(Role::User, vec![text("go on")]),
    ];
    let contents = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}},{"functionCall":{"id":"2","name":"g","args":{"x":1e400}}}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"one": 1}}},{"functionResponse":{"id":"2","name":"g","response":{"output":"two"}}},{"text":"go on"}]}]}"#;
    check(&asked(messages), contents, "");
}

#[test]
fn what_functions_said() {
    for (words, expected) in [
        ("", r#"{"output":""}"#),
        ("plain", r#"{"output":"plain"}"#),
        ("[1]", r#"{"output":"[1]"}"#),
        ("{broken", r#"{"output":"{broken"}"#),
        (" {\"a\":1} ", r#"{"a":1}"#),
        // What this dialect's own names would hide, and what a double would change, goes as a text.
        (r#"{"error":"x"}"#, r#"{"output":"{\"error\":\"x\"}"}"#),
        (r#"{"id":12345678901234567}"#, r#"{"output":"{\"id\":12345678901234567}"}"#),
    ] {
        let messages =
            vec![hi(), say(Role::Assistant, vec![call("1", "f", "{}")]), say(Role::Tool, vec![result("1", words)])];
        let body = encode(&asked(messages), &Upstream::new("gemini-2.5-flash")).unwrap().body;
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains(&format!(r#""response":{expected}}}"#)), "{body}");
    }
    let failed = ToolResult { id: "7".into(), content: vec![text("a"), text("b")], is_error: true, cache: None };
    check(
        &asked(vec![say(Role::User, vec![Part::ToolResult(failed)])]),
        r#"{"contents":[{"role":"user","parts":[{"functionResponse":{"id":"7","name":"_7","response":{"error":"a\nb"}}}]}]}"#,
        "messages.tool_calls.function.name",
    );
}

#[test]
fn new_models_want_signatures() {
    let signed = Part::ToolCall(ToolCall {
        id: "2".into(),
        name: "f".into(),
        signature: Some("c2ln".into()),
        ..ToolCall::default()
    });
    let messages = vec![
        hi(),
        say(Role::Assistant, vec![call("0", "f", "")]),
        say(Role::Tool, vec![result("0", "x")]),
        say(Role::Assistant, vec![text("done")]),
        hi(),
        say(Role::Assistant, vec![call("1", "f", ""), call("1b", "f", "")]),
        say(Role::Tool, vec![result("1", "x"), result("1b", "x")]),
        say(Role::Assistant, vec![signed]),
        say(Role::Tool, vec![result("2", "x")]),
    ];
    let signatures = |model| {
        let body = encode(&asked(messages.clone()), &Upstream::new(model)).unwrap().body;
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let parts = body["contents"].as_array().unwrap().iter().flat_map(|turn| turn["parts"].as_array().unwrap());
        let calls = parts.filter(|part| part.get("functionCall").is_some());
        calls.map(|part| part["thoughtSignature"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(signatures("gemini-2.5-pro"), ["-", "-", "-", "c2ln"]);
    let stand_in = "skip_thought_signature_validator";
    assert_eq!(signatures("gemini-3-pro-preview"), ["-", stand_in, "-", "c2ln"]);
    assert_eq!(signatures("models/gemini-flash-latest"), ["-", stand_in, "-", "c2ln"]);
}

#[test]
fn thoughts() {
    let thought = |text: &'static str, signature: Option<&'static str>| Part::Thinking {
        text: text.into(),
        signature: signature.map(Into::into),
    };
    let parts = vec![
        thought("hm", None),
        thought("", Some("c2ln")),
        thought("aha", Some("not base64!")),
        thought("", None),
        Part::RedactedThinking { data: "x".into() },
        text("so"),
    ];
    check(
        &asked(vec![hi(), say(Role::Assistant, parts), hi()]),
        &format!(
            r#"{{{},{{"role":"model","parts":[{{"text":"hm","thought":true}},{{"text":"","thoughtSignature":"c2ln"}},{{"text":"aha","thought":true}},{{"text":"so"}}]}},{{"role":"user","parts":[{{"text":"hi"}}]}}]}}"#,
            HI.trim_end_matches(']')
        ),
        "messages.content.thinking.signature, messages.content.redacted_thinking",
    );
}

#[test]
fn media() {
    let medium = |kind, source| {
        Part::Media(Media { kind, source, name: None, context: None, detail: None, citations: false, cache: None })
    };
    let base64 = |media_type: &'static str| Source::Base64 { media_type: media_type.into(), data: "aaaa".into() };
    for (part, expected, lost) in [
        (
            medium(MediaKind::Image, base64("image/jpg")),
            r#"{"inlineData":{"mimeType":"image/jpeg","data":"aaaa"}}"#,
            "",
        ),
        (
            medium(MediaKind::Image, Source::Url("https://x/a.png?b".into())),
            r#"{"fileData":{"mimeType":"image/png","fileUri":"https://x/a.png?b"}}"#,
            "",
        ),
        (
            medium(MediaKind::Video, Source::Url("https://x/a".into())),
            r#"{"fileData":{"mimeType":"video/mp4","fileUri":"https://x/a"}}"#,
            "",
        ),
        (
            medium(MediaKind::Document, Source::FileId("gs://b/a.pdf".into())),
            r#"{"fileData":{"mimeType":"application/pdf","fileUri":"gs://b/a.pdf"}}"#,
            "",
        ),
        (
            medium(MediaKind::Document, Source::FileId("files/abc".into())),
            r#"{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/abc"}}"#,
            "",
        ),
        (medium(MediaKind::Document, Source::Text("words".into())), r#"{"text":"words"}"#, ""),
        (medium(MediaKind::Document, Source::FileId("file-abc".into())), r#"{"text":"-"}"#, "messages.content.file_id"),
    ] {
        let parts = if lost.is_empty() { vec![part] } else { vec![part, text("-")] };
        let body = format!(r#"{{"contents":[{{"role":"user","parts":[{expected}]}}]}}"#);
        check(&asked(vec![say(Role::User, parts)]), &body, lost);
    }
    let named = Part::Media(Media {
        kind: MediaKind::Image,
        source: base64("image/png"),
        name: Some("a".into()),
        context: Some("b".into()),
        detail: Some("high".into()),
        citations: true,
        cache: Some(CacheMark::default()),
    });
    let encoded = encode(&asked(vec![say(Role::User, vec![named])]), &Upstream::new("m")).unwrap();
    assert_eq!(encoded.losses.names().count(), 5);
}

#[test]
fn what_a_function_shows() {
    let image = Part::Media(Media {
        kind: MediaKind::Image,
        source: Source::Base64 { media_type: "image/png".into(), data: "aaaa".into() },
        name: None,
        context: None,
        detail: None,
        citations: false,
        cache: None,
    });
    let shown = ToolResult { id: "1".into(), content: vec![text("see"), image], is_error: false, cache: None };
    let request = asked(vec![
        hi(),
        say(Role::Assistant, vec![call("1", "f", "")]),
        say(Role::Tool, vec![Part::ToolResult(shown)]),
    ]);
    let image = r#"{"inlineData":{"mimeType":"image/png","data":"aaaa"}}"#;
    for (model, expected) in [
        ("gemini-2.5-pro", format!(r#""response":{{"output":"see"}}}}}},{image}]"#)),
        ("gemini-3-flash", format!(r#""response":{{"output":"see"}},"parts":[{image}]}}}}]"#)),
    ] {
        let body = String::from_utf8(encode(&request, &Upstream::new(model)).unwrap().body).unwrap();
        assert!(body.contains(&expected), "{body}");
    }
}

#[test]
fn tools_and_their_choice() {
    let schema = RawValue::from_string(r#"{"properties":{},"additionalProperties":false}"#.to_owned()).unwrap();
    let full =
        Tool { description: Some("d".into()), schema: Some(Cow::Owned(schema)), strict: Some(true), ..tool("f") };
    let declared = r#","tools":[{"functionDeclarations":[{"name":"f","description":"d","parametersJsonSchema":{"properties":{},"additionalProperties":false,"type":"object"}}]}]"#;
    let config = |config: &str| format!(r#"{declared},"toolConfig":{{"functionCallingConfig":{config}}}"#);
    let with = |choice| Request { tools: vec![full.clone()], tool_choice: choice, ..Request::default() };
    check_rest(with(None), &config(r#"{"mode":"VALIDATED"}"#), "");
    check_rest(with(Some(ToolChoice::None)), &config(r#"{"mode":"NONE"}"#), "");
    check_rest(with(Some(ToolChoice::Required)), &config(r#"{"mode":"ANY"}"#), "");
    let named = with(Some(ToolChoice::Named("f".into())));
    check_rest(named, &config(r#"{"mode":"ANY","allowedFunctionNames":["f"]}"#), "");
    let bare = r#","tools":[{"functionDeclarations":[{"name":"f"}]}]"#;
    check_rest(Request { tools: vec![tool("f")], ..Request::default() }, bare, "");
    let single = Request { tools: vec![tool("f")], parallel_tools: Some(false), ..Request::default() };
    check_rest(single, bare, "parallel_tool_calls");
    check_rest(Request { tool_choice: Some(ToolChoice::Auto), ..Request::default() }, "", "");
    let fails = |request: Request<'static>, words: &str| {
        let fault = encode(&Request { messages: vec![hi()], ..request }, &Upstream::new("m")).unwrap_err();
        assert!(fault.message.contains(words), "{fault:?}");
    };
    fails(Request { tool_choice: Some(ToolChoice::Required), ..Request::default() }, "has no tools");
    fails(Request { tools: vec![tool("a b")], ..Request::default() }, "`a b`");
    fails(Request { tools: vec![tool("1a")], ..Request::default() }, "begins with a letter");
    let list = Some(Cow::Owned(RawValue::from_string("[]".to_owned()).unwrap()));
    fails(Request { tools: vec![Tool { schema: list, ..tool("f") }], ..Request::default() }, "not a JSON object");
}

#[test]
fn settings() {
    let config = |config: &str| format!(r#","generationConfig":{config}"#);
    let stop = ["a", "", "b", "c", "d", "e", "f"].map(Into::into).to_vec();
    check_rest(Request { stop, ..Request::default() }, &config(r#"{"stopSequences":["a","b","c","d","e"]}"#), "stop");
    check_rest(Request { n: Some(1), seed: Some(5_000_000_000u64.into()), ..Request::default() }, "", "seed");
    check_rest(Request { logprobs: Some(0), ..Request::default() }, &config(r#"{"responseLogprobs":true}"#), "");
    check_rest(
        Request { reasoning: Some(Reasoning::Effort(Effort::Low)), max_tokens: Some(9), ..Request::default() },
        &config(r#"{"maxOutputTokens":9,"thinkingConfig":{"includeThoughts":true,"thinkingBudget":1024}}"#),
        "",
    );
    check_rest(
        Request {
            service_tier: Some(ServiceTier::Other("priority".into())),
            user: Some("u".into()),
            verbosity: Some("low".into()),
            cache: Some(CacheMark::default()),
            ..Request::default()
        },
        r#","serviceTier":"priority""#,
        "verbosity, user, cache_control",
    );
    check_rest(
        Request { service_tier: Some(ServiceTier::Other("scale".into())), ..Request::default() },
        "",
        "service_tier",
    );
    let format = Some(Format::JsonObject);
    let json = config(r#"{"responseMimeType":"application/json"}"#);
    check_rest(Request { format: format.clone(), ..Request::default() }, &json, "");
    let both = Request { format, tools: vec![tool("f")], messages: vec![hi()], ..Request::default() };
    let bare = r#","tools":[{"functionDeclarations":[{"name":"f"}]}]"#;
    check_for("gemini-2.5-flash", &both, &format!("{{{HI}{bare}}}"), "response_format");
    check_for("gemini-3-flash", &both, &format!("{{{HI}{bare}{json}}}"), "");
    let tier =
        Request { messages: vec![hi()], service_tier: Some(ServiceTier::Other("flex".into())), ..Request::default() };
    let vertex = Upstream { hosting: Hosting::Vertex, ..Upstream::new("m") };
    assert_eq!(encode(&tier, &vertex).unwrap().losses.header(), "service_tier");
    let unsampled = Upstream { sampling: false, ..Upstream::new("m") };
    let request =
        Request { messages: vec![hi()], temperature: Some(1.into()), top_k: Some(3.into()), ..Request::default() };
    let encoded = encode(&request, &unsampled).unwrap();
    assert_eq!(encoded.losses.header(), "temperature, top_k");
}

proptest! {
    #[test]
    fn nothing_panics(body in words::json()) {
        if let Ok(request) = decode(body.as_bytes())
            && let Ok(encoded) = encode(&request, &Upstream::new("gemini-3-flash"))
        {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&encoded.body).is_ok());
            prop_assert!(decode(&encoded.body).is_ok(), "{}", String::from_utf8_lossy(&encoded.body));
        }
    }
}
