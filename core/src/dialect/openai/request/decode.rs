//! A client's `POST /v1/chat/completions` → the hub.

use super::content::CacheControl;
use super::messages::{self, Message};
use crate::chat::{Effort, Format, Reasoning, Request, ServiceTier, Tool, ToolChoice};
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
wire! { struct WireTool<'a> { kind "type": Str<'a>, function: Function<'a>, cache_control: CacheControl<'a> } }
wire! {
    struct Function<'a> {
        name: Str<'a>,
        description: Str<'a>,
        parameters: Raw<'a>,
        strict: bool,
        cache_control: CacheControl<'a>,
    }
}
wire! { struct Named<'a> { name: Str<'a> } }
wire! { struct WireToolChoice<'a> { kind "type": Str<'a>, function: Named<'a>, allowed_tools: AllowedTools<'a> } }
wire! { struct AllowedTools<'a> { mode: Str<'a> } }
wire! { struct ResponseFormat<'a> { kind "type": Str<'a>, json_schema: JsonSchema<'a> } }
wire! { struct JsonSchema<'a> { name: Str<'a>, description: Str<'a>, schema: Raw<'a>, strict: bool } }
wire! { struct StreamOptions<'a> { include_usage: bool, _include_obfuscation "include_obfuscation": bool } }
wire! {
    /// LiteLLM passes Anthropic's parameter through; DeepSeek, Kimi and GLM use it without a budget.
    struct AnthropicThinking<'a> { kind "type": Str<'a>, budget_tokens: u64 }
}
wire! {
    /// <https://openrouter.ai/docs/use-cases/reasoning-tokens>
    struct OpenRouterReasoning<'a> { effort: Str<'a>, max_tokens: u64, enabled: bool, exclude: bool }
}

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
    let tool_choice = tool_choice(params.tool_choice.take(), params.function_call.take(), &mut losses)?;
    Ok(Request {
        model,
        messages,
        tools: tools(params.tools.take(), params.functions.take(), &mut losses)?,
        tool_choice,
        parallel_tools: params.parallel_tool_calls,
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
        reasoning: reasoning(&mut params, &mut losses),
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
pub(super) fn missing(path: &str, expected: &str) -> Fault {
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

fn service_tier(tier: Str<'_>) -> ServiceTier<'_> {
    match tier.as_str() {
        "auto" => ServiceTier::Auto,
        "default" => ServiceTier::Standard,
        _ => ServiceTier::Other(tier),
    }
}

fn tools<'a>(
    tools: Option<Vec<WireTool<'a>>>,
    functions: Option<Vec<Function<'a>>>,
    losses: &mut Losses,
) -> Result<Vec<Tool<'a>>, Fault> {
    let mut decoded = Vec::new();
    for (i, mut tool) in tools.unwrap_or_default().into_iter().enumerate() {
        match (tool.kind.as_deref(), tool.function.take()) {
            (Some("function") | None, Some(function)) => {
                for name in &tool.unknown {
                    losses.add_unknown("tools", name);
                }
                let path = || format!("tools[{i}].function.name");
                decoded.push(function_tool(function, tool.cache_control, path, losses)?);
            }
            (Some("function"), None) => {
                return Err(missing(&format!("tools[{i}].function"), "the function's definition"));
            }
            (Some("custom"), _) => losses.add("tools.custom"),
            (Some(kind), _) => losses.add_unknown("tools", kind),
            (None, None) => return Err(missing(&format!("tools[{i}].type"), "`function`")),
        }
    }
    for (i, function) in functions.unwrap_or_default().into_iter().enumerate() {
        let path = || format!("functions[{i}].name");
        decoded.push(function_tool(function, None, path, losses)?);
    }
    Ok(decoded)
}

fn function_tool<'a>(
    function: Function<'a>,
    cache_control: Option<CacheControl<'a>>,
    path: impl Fn() -> String,
    losses: &mut Losses,
) -> Result<Tool<'a>, Fault> {
    for name in &function.unknown {
        losses.add_unknown("tools.function", name);
    }
    Ok(Tool {
        name: function.name.ok_or_else(|| missing(&path(), "the function's name"))?,
        description: function.description,
        schema: function.parameters.map(Cow::Borrowed),
        strict: function.strict,
        cache: cache_control.or(function.cache_control).map(|control| control.into_mark("tools.cache_control", losses)),
    })
}

fn tool_choice<'a>(
    choice: Option<TextOr<'a, WireToolChoice<'a>>>,
    legacy: Option<TextOr<'a, Named<'a>>>,
    losses: &mut Losses,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    match choice {
        Some(TextOr::Text(word)) => Ok(choice_word(&word, "tool_choice", losses)),
        Some(TextOr::Object(choice)) => choice_object(choice, losses),
        None => match legacy {
            Some(TextOr::Text(word)) => Ok(choice_word(&word, "function_call", losses)),
            Some(TextOr::Object(named)) => {
                named.name.map(ToolChoice::Named).map(Some).ok_or_else(|| missing("function_call.name", "a name"))
            }
            None => Ok(None),
        },
    }
}

fn choice_word<'a>(word: &str, field: &'static str, losses: &mut Losses) -> Option<ToolChoice<'a>> {
    match word {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" | "any" => Some(ToolChoice::Required),
        _ => {
            losses.add(field);
            None
        }
    }
}

fn choice_object<'a>(choice: WireToolChoice<'a>, losses: &mut Losses) -> Result<Option<ToolChoice<'a>>, Fault> {
    match choice.kind.as_deref() {
        Some("function") | None => {
            let name = choice.function.and_then(|function| function.name);
            let name = name.ok_or_else(|| missing("tool_choice.function.name", "the name of a function"))?;
            Ok(Some(ToolChoice::Named(name)))
        }
        Some("allowed_tools") => {
            // That a tool must be called can still be said, which ones are allowed cannot.
            losses.add("tool_choice.allowed_tools");
            let mode = choice.allowed_tools.and_then(|allowed| allowed.mode);
            Ok(mode.and_then(|mode| choice_word(&mode, "tool_choice.allowed_tools.mode", losses)))
        }
        Some("custom") => {
            losses.add("tool_choice.custom");
            Ok(None)
        }
        Some(word) => Ok(choice_word(word, "tool_choice", losses)),
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

/// How much to think, from whichever of the three parameters says most: `thinking` (Anthropic's), `reasoning`
/// (OpenRouter's), `reasoning_effort` (OpenAI's; LiteLLM takes an object there too).
fn reasoning(params: &mut Params<'_>, losses: &mut Losses) -> Option<Reasoning> {
    let (word, in_effort) = match params.reasoning_effort.take() {
        Some(TextOr::Text(word)) => (Some(word), None),
        Some(TextOr::Object(object)) => (None, Some(object)),
        None => (None, None),
    };
    let object = params.reasoning.take().or(in_effort);
    let effort = word.and_then(|word| effort(&word, "reasoning_effort", losses));
    let asked = object.and_then(|object| openrouter_reasoning(object, losses)).or(effort);
    match params.thinking.take() {
        Some(thinking) => anthropic_thinking(&thinking, asked, losses),
        None => asked,
    }
}

fn effort(word: &str, field: &'static str, losses: &mut Losses) -> Option<Reasoning> {
    let effort = match word {
        "none" => return Some(Reasoning::Off),
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::XHigh,
        "max" => Effort::Max,
        _ => {
            losses.add(field);
            return None;
        }
    };
    Some(Reasoning::Effort(effort))
}

fn openrouter_reasoning(reasoning: OpenRouterReasoning<'_>, losses: &mut Losses) -> Option<Reasoning> {
    for name in &reasoning.unknown {
        losses.add_unknown("reasoning", name);
    }
    if reasoning.exclude == Some(true) {
        losses.add("reasoning.exclude");
    }
    if reasoning.enabled == Some(false) {
        return Some(Reasoning::Off);
    }
    if let Some(budget) = reasoning.max_tokens {
        return Some(Reasoning::Budget(budget));
    }
    let effort = reasoning.effort.and_then(|word| effort(&word, "reasoning.effort", losses));
    effort.or((reasoning.enabled == Some(true)).then_some(Reasoning::Adaptive))
}

fn anthropic_thinking(
    thinking: &AnthropicThinking<'_>,
    asked: Option<Reasoning>,
    losses: &mut Losses,
) -> Option<Reasoning> {
    for name in &thinking.unknown {
        losses.add_unknown("thinking", name);
    }
    match (thinking.kind.as_deref(), thinking.budget_tokens) {
        (Some("disabled"), _) => Some(Reasoning::Off),
        (Some("enabled"), Some(budget)) => {
            if asked.is_some_and(|asked| asked != Reasoning::Budget(budget)) {
                losses.add("reasoning_effort");
            }
            Some(Reasoning::Budget(budget))
        }
        (Some("enabled" | "adaptive"), _) => asked.or(Some(Reasoning::Adaptive)),
        (Some(_) | None, _) => {
            losses.add("thinking");
            asked
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: impl std::fmt::Debug) -> String {
        format!("{value:?}")
    }

    /// What a plain request with these fields means, and what is lost of them.
    fn check(fields: &str, of: impl Fn(Request<'_>) -> String, expected: &str, losses: &str) {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{fields}}}"#);
        let request = decode(body.as_bytes()).unwrap();
        assert_eq!(request.losses.header(), losses, "{fields}");
        assert_eq!(of(request), expected, "{fields}");
    }

    #[test]
    fn thinking_in_every_spelling() {
        for (fields, expected, losses) in [
            (r#""reasoning_effort":"none""#, "Some(Off)", ""),
            (r#""reasoning_effort":"minimal""#, "Some(Effort(Minimal))", ""),
            (r#""reasoning_effort":"max""#, "Some(Effort(Max))", ""),
            (r#""reasoning_effort":"huge""#, "None", "reasoning_effort"),
            (r#""reasoning_effort":null"#, "None", ""),
            (r#""reasoning_effort":{"effort":"low","summary":"auto"}"#, "Some(Effort(Low))", "reasoning.summary"),
            (r#""reasoning":{"effort":"high"}"#, "Some(Effort(High))", ""),
            (r#""reasoning":{"max_tokens":2000,"exclude":true}"#, "Some(Budget(2000))", "reasoning.exclude"),
            (r#""reasoning":{"enabled":true}"#, "Some(Adaptive)", ""),
            (r#""reasoning":{"enabled":false,"effort":"low"}"#, "Some(Off)", ""),
            (r#""reasoning":{"effort":"odd"}"#, "None", "reasoning.effort"),
            (r#""thinking":{"type":"enabled","budget_tokens":1024}"#, "Some(Budget(1024))", ""),
            (
                r#""thinking":{"type":"enabled","budget_tokens":1024},"reasoning_effort":"low""#,
                "Some(Budget(1024))",
                "reasoning_effort",
            ),
            (r#""thinking":{"type":"enabled"}"#, "Some(Adaptive)", ""),
            (
                r#""thinking":{"type":"adaptive","display":"omitted"},"reasoning_effort":"low""#,
                "Some(Effort(Low))",
                "thinking.display",
            ),
            (r#""thinking":{"type":"disabled"}"#, "Some(Off)", ""),
            (r#""thinking":{"type":"new"}"#, "None", "thinking"),
        ] {
            check(fields, |request| told(request.reasoning), expected, losses);
        }
    }

    #[test]
    fn choices_of_tools() {
        for (fields, expected, losses) in [
            (r#""tool_choice":"auto""#, "Some(Auto)", ""),
            (r#""tool_choice":"none""#, "Some(None)", ""),
            (r#""tool_choice":"required""#, "Some(Required)", ""),
            (r#""tool_choice":"any""#, "Some(Required)", ""),
            (r#""tool_choice":"new""#, "None", "tool_choice"),
            (r#""tool_choice":{"type":"function","function":{"name":"f"}}"#, "Some(Named(\"f\"))", ""),
            (
                r#""tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[]}}"#,
                "Some(Required)",
                "tool_choice.allowed_tools",
            ),
            (r#""tool_choice":{"type":"custom","custom":{"name":"c"}}"#, "None", "tool_choice.custom"),
            (r#""function_call":"none""#, "Some(None)", ""),
            (r#""function_call":{"name":"f"}"#, "Some(Named(\"f\"))", ""),
            (r#""function_call":"auto","tool_choice":"required""#, "Some(Required)", ""),
        ] {
            check(fields, |request| told(request.tool_choice), expected, losses);
        }
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
