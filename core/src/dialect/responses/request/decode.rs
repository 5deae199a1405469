//! A client's request → the hub.

use super::input::{self, Item};
use super::tools::{self, WireTool, WireToolChoice};
use crate::chat::{Format, Message, Part, Reasoning, Request, Role};
use crate::dialect::openai::json::{self, TextOr};
use crate::dialect::openai::request::decode::{missing, service_tier};
use crate::dialect::openai::request::reasoning::effort_of;
use crate::dialect::wire::{OneOrMany, Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

wire! {
    /// The parameters of a request.
    struct Params<'a> {
        model: Str<'a>,
        input: OneOrMany<'a, Item<'a>>,
        instructions: Str<'a>,
        tools: Vec<WireTool<'a>>,
        tool_choice: TextOr<'a, WireToolChoice<'a>>,
        parallel_tool_calls: bool,
        max_output_tokens: u64,
        temperature: Number,
        top_p: Number,
        top_logprobs: u64,
        include: Vec<Str<'a>>,
        text: TextConfig<'a>,
        reasoning: WireReasoning<'a>,
        stream: bool,
        stream_options: StreamOptions<'a>,
        user: Str<'a>,
        safety_identifier: Str<'a>,
        metadata: Raw<'a>,
        service_tier: Str<'a>,
        // What refers to something that only a provider of this dialect keeps.
        previous_response_id: Raw<'a>,
        conversation: Raw<'a>,
        prompt: Raw<'a>,
        background: Raw<'a>,
        // Known, but nothing in the hub can hold them.
        access_programs: Raw<'a>,
        context_management: Raw<'a>,
        image: Raw<'a>,
        max_tool_calls: Raw<'a>,
        moderation: Raw<'a>,
        prompt_cache_key: Raw<'a>,
        prompt_cache_options: Raw<'a>,
        prompt_cache_retention: Raw<'a>,
        store: Raw<'a>,
        truncation: Raw<'a>,
    }
}
wire! { struct TextConfig<'a> { format: WireFormat<'a>, verbosity: Str<'a> } }
wire! {
    struct WireFormat<'a> { kind "type": Str<'a>, name: Str<'a>, description: Str<'a>, schema: Raw<'a>, strict: bool }
}
wire! {
    struct WireReasoning<'a> {
        effort: Str<'a>,
        summary: Str<'a>,
        generate_summary: Str<'a>,
        context: Str<'a>,
        mode: Str<'a>,
    }
}
wire! { struct StreamOptions<'a> { include_obfuscation: bool } }

/// Reads a request.
///
/// # Errors
/// A [`Fault`] of kind `InvalidRequest` that names the field, for a body that is no request of this dialect, and for one
/// that refers to what only a provider of this dialect keeps.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let mut params: Params<'_> = json::read_request(body)?;
    refuse_state(&params)?;
    let mut losses = Losses::default();
    let model = params.model.take().ok_or_else(|| missing("model", "the name of a model"))?;
    let input = params.input.take().ok_or_else(|| missing("input", "a string or an array of items"))?;
    let mut messages = Vec::new();
    if let Some(text) = params.instructions.take().filter(|text| !text.is_empty()) {
        messages.push(Message { role: Role::System, name: None, parts: vec![Part::Text(text.into())] });
    }
    input::decode(input, &mut messages, &mut losses)?;
    note_what_is_lost(&params, &mut losses);
    let logprobs = logprobs(&mut params, &mut losses);
    let text = params.text.take().unwrap_or_default();
    for name in &text.unknown {
        losses.add_unknown("text", name);
    }
    Ok(Request {
        model,
        messages,
        tools: tools::decode(params.tools.take(), &mut losses)?,
        tool_choice: tools::decode_choice(params.tool_choice.take(), &mut losses)?,
        parallel_tools: params.parallel_tool_calls,
        max_tokens: params.max_output_tokens,
        temperature: params.temperature.take(),
        top_p: params.top_p.take(),
        logprobs,
        format: format(text.format, &mut losses)?,
        reasoning: params.reasoning.take().and_then(|asked| reasoning(&asked, &mut losses)),
        verbosity: text.verbosity,
        stream: params.stream.unwrap_or(false),
        stream_usage: true,
        user: user(&mut params, &mut losses),
        metadata: params.metadata.filter(|metadata| !json::is(metadata, "{}")).map(Cow::Borrowed),
        service_tier: params.service_tier.take().map(service_tier),
        losses,
        ..Request::default()
    })
}

/// State that this gateway does not keep cannot be left out of a request: it would mean something else.
fn refuse_state(params: &Params<'_>) -> Result<(), Fault> {
    let is_given = |value: Option<&RawValue>| value.is_some_and(|value| !json::is(value, "false"));
    for (name, value, way_out) in [
        ("previous_response_id", params.previous_response_id, "send the whole conversation in `input`"),
        ("conversation", params.conversation, "send the whole conversation in `input`"),
        ("prompt", params.prompt, "send what the template says in `instructions` and `input`"),
        ("background", params.background, "leave it out and wait for the answer or stream it"),
    ] {
        if is_given(value) {
            let message = format!(
                "{name} works only with a provider that speaks the Responses API itself, and the one of this model does \
                 not: {way_out}"
            );
            return Err(Fault::invalid(message).with_param(name).with_code("unsupported_parameter"));
        }
    }
    Ok(())
}

/// Names the parameters that have no place in the hub, unless they say what holds anyway.
fn note_what_is_lost(params: &Params<'_>, losses: &mut Losses) {
    let known: [(&'static str, Option<&RawValue>, &str); 10] = [
        ("access_programs", params.access_programs, "{}"),
        ("context_management", params.context_management, "[]"),
        ("image", params.image, "{}"),
        ("max_tool_calls", params.max_tool_calls, "null"),
        ("moderation", params.moderation, "{}"),
        ("prompt_cache_key", params.prompt_cache_key, "\"\""),
        ("prompt_cache_options", params.prompt_cache_options, "{}"),
        ("prompt_cache_retention", params.prompt_cache_retention, "\"\""),
        // Nothing is stored. Who does not ask for it gets the id of an answer that nobody can refer to.
        ("store", params.store, "false"),
        ("truncation", params.truncation, "\"disabled\""),
    ];
    for (name, value, default) in known {
        if value.is_some_and(|value| !json::is(value, default)) {
            losses.add(name);
        }
    }
    if params.stream_options.as_ref().is_some_and(|options| options.include_obfuscation == Some(true)) {
        losses.add("stream_options.include_obfuscation");
    }
    for name in params.stream_options.iter().flat_map(|options| &options.unknown) {
        losses.add_unknown("stream_options", name);
    }
    for name in &params.unknown {
        losses.add_unknown("", name);
    }
}

/// Log probabilities are asked for in `include`; what else stands there is about what only this API has.
fn logprobs(params: &mut Params<'_>, losses: &mut Losses) -> Option<u64> {
    let top = params.top_logprobs.unwrap_or(0);
    let mut wanted = top > 0;
    for name in params.include.take().unwrap_or_default() {
        match name.as_str() {
            "message.output_text.logprobs" => wanted = true,
            // Thoughts always come with what they need to go back.
            "reasoning.encrypted_content" => {}
            _ => losses.add_unknown("include", &name),
        }
    }
    wanted.then_some(top)
}

fn format<'a>(format: Option<WireFormat<'a>>, losses: &mut Losses) -> Result<Option<Format<'a>>, Fault> {
    let Some(format) = format else { return Ok(None) };
    for name in &format.unknown {
        losses.add_unknown("text.format", name);
    }
    match format.kind.as_deref() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Format::JsonObject)),
        Some("json_schema") => Ok(Some(Format::JsonSchema {
            name: format.name,
            description: format.description,
            schema: format.schema.map(Cow::Borrowed),
            strict: format.strict,
        })),
        Some(_) => {
            losses.add("text.format");
            Ok(None)
        }
        None => Err(missing("text.format.type", "`text`, `json_object` or `json_schema`")),
    }
}

/// How much to think. Who only asks for a summary wants thoughts, as many as the model sees fit.
fn reasoning(asked: &WireReasoning<'_>, losses: &mut Losses) -> Option<Reasoning> {
    for name in &asked.unknown {
        losses.add_unknown("reasoning", name);
    }
    let summary = asked.summary.as_deref().or(asked.generate_summary.as_deref());
    if summary.is_some_and(|summary| summary != "auto") {
        losses.add("reasoning.summary");
    }
    if asked.context.as_deref().is_some_and(|context| context != "auto") {
        losses.add("reasoning.context");
    }
    if asked.mode.as_deref().is_some_and(|mode| mode != "standard") {
        losses.add("reasoning.mode");
    }
    let effort = asked.effort.as_deref().and_then(|word| effort_of(word, "reasoning.effort", losses));
    effort.or(summary.map(|_| Reasoning::Adaptive))
}

/// `user` is what everybody sends; `safety_identifier` is its successor.
fn user<'a>(params: &mut Params<'a>, losses: &mut Losses) -> Option<Str<'a>> {
    let (user, identifier) = (params.user.take(), params.safety_identifier.take());
    if user.is_some() && identifier.is_some() && user != identifier {
        losses.add("safety_identifier");
    }
    user.or(identifier)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::fmt::Debug;

    /// A value of the hub in words.
    pub(in crate::dialect::responses::request) fn told(value: impl Debug) -> String {
        format!("{value:?}")
    }

    /// What such a request means, and what of it is lost.
    pub(in crate::dialect::responses::request) fn check(
        fields: &str,
        tell: impl Fn(Request<'_>) -> String,
        expected: &str,
        losses: &str,
    ) {
        let body = format!(r#"{{"model":"m","input":"hi",{fields}}}"#);
        let request = decode(body.as_bytes()).unwrap();
        assert_eq!(request.losses.header(), losses, "{fields}");
        assert_eq!(tell(request), expected, "{fields}");
    }

    /// Such a request is refused over this field, in these words.
    pub(in crate::dialect::responses::request) fn refused(fields: &str, param: &str, words: &str) {
        let body = format!(r#"{{"model":"m","input":"hi",{fields}}}"#);
        let fault = decode(body.as_bytes()).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some(param), "{fault:?}");
        assert!(fault.message.contains(words), "{fault:?}");
        assert_eq!(fault.status, 400);
    }

    #[test]
    fn state_is_refused_with_a_way_out() {
        refused(r#""previous_response_id":"resp_1""#, "previous_response_id", "send the whole conversation");
        refused(r#""conversation":"conv_1""#, "conversation", "send the whole conversation");
        refused(r#""conversation":{"id":"conv_1"}"#, "conversation", "speaks the Responses API itself");
        refused(r#""prompt":{"id":"pmpt_1"}"#, "prompt", "`instructions`");
        refused(r#""background":true"#, "background", "stream it");
        let none = r#""previous_response_id":null,"conversation":null,"prompt":null,"background":false"#;
        check(none, |request| told(request.stream), "false", "");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (body, param, words) in [
            ("{}", Some("model"), "model is missing"),
            (r#"{"model":"m"}"#, Some("input"), "a string or an array of items"),
            (r#"{"model":"m","input":7}"#, Some("input"), "a string or an array"),
            (r#"{"model":"m","input":[{}]}"#, Some("input[0].type"), "the item's type"),
            (r#"{"model":"m","input":[{"role":"user"}]}"#, Some("input[0].content"), "a string or an array"),
            (
                r#"{"model":"m","input":[{"role":"user","content":[{}]}]}"#,
                Some("input[0].content[0].type"),
                "`input_text`",
            ),
            (r#"{"model":"m","input":[{"type":"function_call"}]}"#, Some("input[0].call_id"), "the id"),
            (
                r#"{"model":"m","input":[{"type":"function_call_output","call_id":"c"}]}"#,
                Some("input[0].output"),
                "a string",
            ),
            (
                r#"{"model":"m","input":[{"type":"function_call_output","call_id":"c","output":{}}]}"#,
                Some("input[0].output"),
                "must be a string",
            ),
            (
                r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png,x"}]}]}"#,
                Some("input[0].content[0].image_url"),
                "without base64",
            ),
            (
                r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_file"}]}]}"#,
                Some("input[0].content[0].file_data"),
                "file_url",
            ),
            (r#"{"model":"m","input":"x""#, None, "EOF"),
            ("[]", None, "an object"),
        ] {
            let fault = decode(body.as_bytes()).unwrap_err();
            assert_eq!(fault.param.as_deref(), param, "{body}: {fault:?}");
            assert!(fault.message.contains(words), "{body}: {fault:?}");
        }
        refused(r#""text":{"format":{}}"#, "text.format.type", "`json_schema`");
    }

    #[test]
    fn how_much_to_think() {
        for (fields, expected, losses) in [
            (r#""reasoning":{"effort":"none"}"#, "Some(Off)", ""),
            (r#""reasoning":{"effort":"minimal"}"#, "Some(Effort(Minimal))", ""),
            (r#""reasoning":{"effort":"high","summary":"auto"}"#, "Some(Effort(High))", ""),
            (r#""reasoning":{"effort":"high","summary":"detailed"}"#, "Some(Effort(High))", "reasoning.summary"),
            (r#""reasoning":{"summary":"auto"}"#, "Some(Adaptive)", ""),
            (r#""reasoning":{"effort":"odd"}"#, "None", "reasoning.effort"),
            (
                r#""reasoning":{"effort":"low","mode":"pro","context":"all_turns"}"#,
                "Some(Effort(Low))",
                "reasoning.context, reasoning.mode",
            ),
            (r#""reasoning":{}"#, "None", ""),
            (r#""reasoning":null"#, "None", ""),
        ] {
            check(fields, |request| told(request.reasoning), expected, losses);
        }
    }

    #[test]
    fn small_things() {
        let logprobs = |request: Request<'_>| told(request.logprobs);
        check(r#""top_logprobs":3"#, logprobs, "Some(3)", "");
        check(r#""include":["message.output_text.logprobs","reasoning.encrypted_content"]"#, logprobs, "Some(0)", "");
        check(r#""include":["file_search_call.results"]"#, logprobs, "None", "include.file_search_call.results");
        let user = |request: Request<'_>| told(request.user);
        check(r#""user":"u","safety_identifier":"s""#, user, "Some(\"u\")", "safety_identifier");
        check(r#""safety_identifier":"s""#, user, "Some(\"s\")", "");
        let tier = |request: Request<'_>| told(request.service_tier);
        check(r#""service_tier":"flex""#, tier, "Some(Other(\"flex\"))", "");
        check(r#""store":false,"truncation":"disabled","metadata":{}"#, |request| told(request.metadata), "None", "");
        check(
            r#""store":true,"truncation":"auto","max_tool_calls":3"#,
            user,
            "None",
            "max_tool_calls, store, truncation",
        );
        let obfuscated = r#""stream_options":{"include_obfuscation":true}"#;
        check(obfuscated, user, "None", "stream_options.include_obfuscation");
        check(
            r#""text":{"format":{"type":"text"},"verbosity":"low"}"#,
            |request| told(request.verbosity),
            "Some(\"low\")",
            "",
        );
        check(r#""text":{"format":{"type":"new"}}"#, |request| told(request.format), "None", "text.format");
    }
}
