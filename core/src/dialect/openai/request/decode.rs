//! A client's `POST /v1/chat/completions` → the hub.

use super::content::CacheControl;
use super::messages::{self, Message};
use super::reasoning::{self, AnthropicThinking, OpenRouterReasoning};
use super::tools::{self, Function, Named, WireTool, WireToolChoice};
use crate::chat::{Format, Request, ServiceTier};
use crate::dialect::openai::json::{self, TextOr};
use crate::dialect::wire::{OneOrMany, Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

wire! {
    /// The parameters of a request: OpenAI's own, then what the field has added.
    struct Params<'a> {
        model: Str<'a>,
        messages: Vec<Message<'a>>,
        tools: Vec<WireTool<'a>>,
        tool_choice: TextOr<'a, WireToolChoice<'a>>,
        parallel_tool_calls: bool,
        functions: Vec<Function<'a>>,
        function_call: TextOr<'a, Named<'a>>,
        max_completion_tokens: u64,
        max_tokens: u64,
        temperature: Number,
        top_p: Number,
        presence_penalty: Number,
        frequency_penalty: Number,
        seed: Number,
        stop: OneOrMany<'a, Str<'a>>,
        n: u64,
        logprobs: bool,
        top_logprobs: u64,
        response_format: ResponseFormat<'a>,
        reasoning_effort: TextOr<'a, OpenRouterReasoning<'a>>,
        verbosity: Str<'a>,
        stream: bool,
        stream_options: StreamOptions<'a>,
        user: Str<'a>,
        safety_identifier: Str<'a>,
        metadata: Raw<'a>,
        service_tier: Str<'a>,
        // Known, but nothing in the hub can hold them.
        audio: Raw<'a>,
        logit_bias: Raw<'a>,
        modalities: Raw<'a>,
        moderation: Raw<'a>,
        prediction: Raw<'a>,
        prompt_cache_key: Raw<'a>,
        prompt_cache_options: Raw<'a>,
        prompt_cache_retention: Raw<'a>,
        store: Raw<'a>,
        web_search_options: Raw<'a>,
        // Not OpenAI's, but widely sent.
        top_k: Number,
        thinking: AnthropicThinking<'a>,
        reasoning: OpenRouterReasoning<'a>,
        cache_control: CacheControl<'a>,
    }
}
wire! { struct ResponseFormat<'a> { kind "type": Str<'a>, json_schema: JsonSchema<'a> } }
wire! { struct JsonSchema<'a> { name: Str<'a>, description: Str<'a>, schema: Raw<'a>, strict: bool } }
wire! { struct StreamOptions<'a> { include_usage: bool, _include_obfuscation "include_obfuscation": bool } }
/// Reads a chat request.
///
/// # Errors
/// A [`Fault`] of kind `InvalidRequest` that names the field, for a body that is not a chat request.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let mut params: Params<'_> = json::read_request(body)?;
    let mut losses = Losses::default();
    let model = params.model.take().ok_or_else(|| missing("model", "the name of a model"))?;
    let wire_messages = params.messages.take().ok_or_else(|| missing("messages", "an array of messages"))?;
    let messages = messages::decode(wire_messages, &mut losses)?;
    note_what_is_lost(&params, &mut losses);
    // Who knows functions and no tools reads one call at most.
    let one_call = (params.functions.is_some() && params.tools.is_none()).then_some(false);
    let tool_choice = tools::decode_choice(params.tool_choice.take(), params.function_call.take(), &mut losses)?;
    Ok(Request {
        model,
        messages,
        tools: tools::decode(params.tools.take(), params.functions.take(), &mut losses)?,
        tool_choice,
        parallel_tools: params.parallel_tool_calls.or(one_call),
        max_tokens: params.max_completion_tokens.or(params.max_tokens),
        temperature: params.temperature.take(),
        top_p: params.top_p.take(),
        top_k: params.top_k.take(),
        presence_penalty: params.presence_penalty.take().filter(is_not_zero),
        frequency_penalty: params.frequency_penalty.take().filter(is_not_zero),
        seed: params.seed.take(),
        stop: stop(params.stop.take()),
        n: params.n.filter(|n| *n != 1),
        logprobs: logprobs(&params, &mut losses),
        format: format(params.response_format.take(), &mut losses)?,
        reasoning: reasoning::decode(
            params.reasoning_effort.take(),
            params.reasoning.take(),
            params.thinking.take(),
            &mut losses,
        ),
        verbosity: params.verbosity.take(),
        stream: params.stream.unwrap_or(false),
        stream_usage: stream_usage(params.stream_options.take(), &mut losses),
        user: user(&mut params, &mut losses),
        metadata: params.metadata.filter(|metadata| !json::is(metadata, "{}")).map(Cow::Borrowed),
        service_tier: params.service_tier.take().map(service_tier),
        cache: params.cache_control.take().map(|control| control.into_mark("cache_control", &mut losses)),
        losses,
    })
}

/// A required field is not there.
pub(in crate::dialect) fn missing(path: &str, expected: &str) -> Fault {
    Fault::invalid(format!("{path} is missing: expected {expected}")).with_param(path)
}

/// Names the parameters that have no place in the hub, unless they say what holds anyway.
fn note_what_is_lost(params: &Params<'_>, losses: &mut Losses) {
    let known: [(&'static str, Option<&RawValue>, &str); 10] = [
        ("audio", params.audio, "{}"),
        ("logit_bias", params.logit_bias, "{}"),
        ("modalities", params.modalities, r#"["text"]"#),
        ("moderation", params.moderation, "{}"),
        ("prediction", params.prediction, "{}"),
        ("prompt_cache_key", params.prompt_cache_key, "\"\""),
        ("prompt_cache_options", params.prompt_cache_options, "{}"),
        ("prompt_cache_retention", params.prompt_cache_retention, "\"\""),
        ("store", params.store, "false"),
        ("web_search_options", params.web_search_options, "null"),
    ];
    for (name, value, default) in known {
        if value.is_some_and(|value| !json::is(value, default)) {
            losses.add(name);
        }
    }
    for name in &params.unknown {
        losses.add_unknown("", name);
    }
}

fn is_not_zero(number: &Number) -> bool {
    number.as_f64() != Some(0.0)
}

fn stop<'a>(stop: Option<OneOrMany<'a, Str<'a>>>) -> Vec<Str<'a>> {
    match stop {
        Some(OneOrMany::One(one)) => vec![one],
        Some(OneOrMany::Many(many)) => many,
        None => Vec::new(),
    }
}

fn logprobs(params: &Params<'_>, losses: &mut Losses) -> Option<u64> {
    let top = params.top_logprobs.unwrap_or(0);
    if params.logprobs == Some(true) {
        return Some(top);
    }
    if top > 0 {
        losses.add("top_logprobs");
    }
    None
}

fn stream_usage(options: Option<StreamOptions<'_>>, losses: &mut Losses) -> bool {
    let Some(options) = options else { return false };
    for name in &options.unknown {
        losses.add_unknown("stream_options", name);
    }
    options.include_usage.unwrap_or(false)
}

/// `user` is what everybody sends; `safety_identifier` is its successor at OpenAI.
fn user<'a>(params: &mut Params<'a>, losses: &mut Losses) -> Option<Str<'a>> {
    let (user, identifier) = (params.user.take(), params.safety_identifier.take());
    if user.is_some() && identifier.is_some() && user != identifier {
        losses.add("safety_identifier");
    }
    user.or(identifier)
}

pub(in crate::dialect) fn service_tier(tier: Str<'_>) -> ServiceTier<'_> {
    match tier.as_str() {
        "auto" => ServiceTier::Auto,
        "default" => ServiceTier::Standard,
        _ => ServiceTier::Other(tier),
    }
}

fn format<'a>(format: Option<ResponseFormat<'a>>, losses: &mut Losses) -> Result<Option<Format<'a>>, Fault> {
    let Some(format) = format else { return Ok(None) };
    for name in &format.unknown {
        losses.add_unknown("response_format", name);
    }
    match format.kind.as_deref() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Format::JsonObject)),
        Some("json_schema") => {
            let schema =
                format.json_schema.ok_or_else(|| missing("response_format.json_schema", "the schema with its name"))?;
            for name in &schema.unknown {
                losses.add_unknown("response_format.json_schema", name);
            }
            Ok(Some(Format::JsonSchema {
                name: schema.name,
                description: schema.description,
                schema: schema.schema.map(Cow::Borrowed),
                strict: schema.strict,
            }))
        }
        Some(_) => {
            losses.add("response_format");
            Ok(None)
        }
        None => Err(missing("response_format.type", "`text`, `json_object` or `json_schema`")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::dialect::openai::request) fn told(value: impl std::fmt::Debug) -> String {
        format!("{value:?}")
    }

    /// What a plain request with these fields means, and what is lost of them.
    pub(in crate::dialect::openai::request) fn check(
        fields: &str,
        of: impl Fn(Request<'_>) -> String,
        expected: &str,
        losses: &str,
    ) {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{fields}}}"#);
        let request = decode(body.as_bytes()).unwrap();
        assert_eq!(request.losses.header(), losses, "{fields}");
        assert_eq!(of(request), expected, "{fields}");
    }

    #[test]
    fn small_things() {
        check(
            r#""seed":-9223372036854775808"#,
            |request| told(request.seed.map(|seed| seed.as_i64())),
            "Some(Some(-9223372036854775808))",
            "",
        );
        check(
            r#""seed":18446744073709551615"#,
            |request| told(request.seed.map(|seed| seed.as_u64())),
            "Some(Some(18446744073709551615))",
            "",
        );
        check(r#""top_logprobs":3"#, |request| told(request.logprobs), "None", "top_logprobs");
        check(r#""logprobs":true"#, |request| told(request.logprobs), "Some(0)", "");
        check(
            r#""user":"a","safety_identifier":"b""#,
            |request| told(request.user),
            "Some(\"a\")",
            "safety_identifier",
        );
        check(r#""user":"a","safety_identifier":"a""#, |request| told(request.user), "Some(\"a\")", "");
        check(r#""response_format":{"type":"text"}"#, |request| told(request.format.is_none()), "true", "");
        check(
            r#""response_format":{"type":"grammar"}"#,
            |request| told(request.format.is_none()),
            "true",
            "response_format",
        );
        check(r#""service_tier":"default""#, |request| told(request.service_tier), "Some(Standard)", "");
        check(
            r#""stream":null,"tools":null,"stop":null"#,
            |request| told((request.stream, request.stop)),
            "(false, [])",
            "",
        );
        check(r#""modalities":[ "text" ],"store": false"#, |request| told(request.n), "None", "");
    }
}
