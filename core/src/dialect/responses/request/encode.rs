//! The hub → a request for a provider.
//!
//! Nothing is stored there (`store: false`): the next turn brings the whole conversation again, and thoughts with it as
//! `encrypted_content`, which must be asked for.

use super::items::{self, Item};
use crate::chat::{self, Format, Part, Reasoning, ToolChoice};
use crate::dialect::openai::request::conversation::note_cache;
use crate::dialect::openai::request::effort::effort;
use crate::dialect::openai::request::encode::{SCHEMA_NAME, is_prefill, parameters, sampling, service_tier, user};
use crate::dialect::quirks::EffortWord;
use crate::dialect::wire;
use crate::dialect::{Encoded, Upstream};
use crate::fault::Fault;
use crate::loss::Losses;
use serde::Serialize;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The API refuses a lower limit: <https://platform.openai.com/docs/api-reference/responses/create> says nothing of it,
/// its error does ("Expected a value >= 16").
const OUTPUT_TOKENS_MIN: u64 = 16;
/// The schema of a tool without arguments.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

#[derive(Serialize)]
struct Body<'b> {
    model: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<Cow<'b, str>>,
    input: Vec<Item<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<ReasoningOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'b, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'b RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'b str>,
    store: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
}

#[derive(Serialize)]
struct Tool<'b> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'b str>,
    parameters: Cow<'b, RawValue>,
    strict: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'b> {
    Word(&'static str),
    Named {
        #[serde(rename = "type")]
        kind: &'static str,
        name: &'b str,
    },
}

#[derive(Serialize)]
struct Text<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<FormatOut<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'b str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FormatOut<'b> {
    JsonObject,
    JsonSchema {
        name: &'b str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'b str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        schema: Option<&'b RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

#[derive(Serialize)]
struct ReasoningOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<EffortWord>,
    /// Without it the thoughts stay dark, and other dialects show them.
    summary: &'static str,
}

/// Writes a request for a provider.
///
/// # Errors
/// A [`Fault`] when nothing of the conversation can be said in this dialect.
pub fn encode(request: &chat::Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
    let mut losses = Losses::default();
    let (instructions, input) = items::encode(&request.messages, upstream.reasoning, &mut losses);
    if input.is_empty() {
        let message = "nothing of the messages can be said to this model's provider";
        return Err(Fault::invalid(message).with_param("messages"));
    }
    if request.messages.last().is_some_and(is_prefill) {
        losses.add("messages.role.assistant");
    }
    note_what_is_lost(request, &mut losses);
    let body = body(request, instructions, input, upstream, &mut losses);
    Ok(Encoded { body: wire::written(&body), losses })
}

/// Names what this API has no parameter for.
fn note_what_is_lost(request: &chat::Request<'_>, losses: &mut Losses) {
    note_cache(request.cache.as_ref(), losses);
    let lost = [
        ("top_k", request.top_k.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("seed", request.seed.is_some()),
        ("stop", !request.stop.is_empty()),
        ("n", request.n.is_some_and(|n| n != 1)),
    ];
    for (name, _) in lost.iter().filter(|(_, is_lost)| *is_lost) {
        losses.add(name);
    }
}

fn body<'b>(
    request: &'b chat::Request<'_>,
    instructions: Option<Cow<'b, str>>,
    input: Vec<Item<'b>>,
    upstream: &'b Upstream,
    losses: &mut Losses,
) -> Body<'b> {
    let has_tools = !request.tools.is_empty();
    Body {
        model: &upstream.model,
        instructions,
        include: include(request, upstream),
        input,
        tools: request.tools.iter().filter_map(|tool| encode_tool(tool, losses)).collect(),
        tool_choice: tool_choice(request.tool_choice.as_ref(), has_tools, losses),
        parallel_tool_calls: request.parallel_tools.filter(|_| has_tools),
        max_output_tokens: request.max_tokens.map(|most| output_tokens(most, losses)),
        temperature: sampling(request.temperature.as_ref(), "temperature", upstream, losses),
        top_p: sampling(request.top_p.as_ref(), "top_p", upstream, losses),
        top_logprobs: request.logprobs.filter(|top| *top > 0),
        text: text(request),
        reasoning: request.reasoning.and_then(|asked| reasoning(asked, upstream, losses)),
        user: request.user.as_deref().map(user),
        metadata: request.metadata.as_deref(),
        service_tier: request.service_tier.as_ref().and_then(service_tier),
        store: false,
        stream: request.stream.then_some(true),
    }
}

/// What an answer leaves out unless it is asked for. A model that does not think refuses to be asked for its thoughts.
fn include(request: &chat::Request<'_>, upstream: &Upstream) -> Vec<&'static str> {
    let is_signed = |part: &Part<'_>| matches!(part, Part::Thinking { signature: Some(_), .. });
    let thinks = match request.reasoning {
        Some(Reasoning::Off) => false,
        Some(Reasoning::Effort(_) | Reasoning::Budget(_) | Reasoning::Adaptive) => true,
        None => request.messages.iter().any(|message| message.parts.iter().any(is_signed)),
    };
    let thoughts = (thinks && upstream.reasoning).then_some("reasoning.encrypted_content");
    thoughts.into_iter().chain(request.logprobs.map(|_| "message.output_text.logprobs")).collect()
}

fn output_tokens(most: u64, losses: &mut Losses) -> u64 {
    if most < OUTPUT_TOKENS_MIN {
        losses.add("max_tokens");
    }
    most.max(OUTPUT_TOKENS_MIN)
}

/// Functions here are strict unless they say otherwise, which changes what a schema means.
fn encode_tool<'b>(tool: &'b chat::Tool<'_>, losses: &mut Losses) -> Option<Tool<'b>> {
    note_cache(tool.cache.as_ref(), losses);
    let schema = match tool.schema.as_deref() {
        Some(schema) => parameters(schema),
        None => Cow::Borrowed(serde_json::from_str(NO_ARGUMENTS).ok()?),
    };
    Some(Tool {
        kind: "function",
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters: schema,
        strict: tool.strict.unwrap_or(false),
    })
}

/// A choice where there are no tools is refused; one that changes nothing then is no loss.
fn tool_choice<'b>(choice: Option<&'b ToolChoice<'_>>, has_tools: bool, losses: &mut Losses) -> Option<Choice<'b>> {
    match choice? {
        ToolChoice::Auto | ToolChoice::None if !has_tools => None,
        ToolChoice::Required | ToolChoice::Named(_) if !has_tools => {
            losses.add("tool_choice");
            None
        }
        ToolChoice::Auto => Some(Choice::Word("auto")),
        ToolChoice::None => Some(Choice::Word("none")),
        ToolChoice::Required => Some(Choice::Word("required")),
        ToolChoice::Named(name) => Some(Choice::Named { kind: "function", name }),
    }
}

fn text<'b>(request: &'b chat::Request<'_>) -> Option<Text<'b>> {
    let format = request.format.as_ref().map(|format| match format {
        Format::JsonObject => FormatOut::JsonObject,
        Format::JsonSchema { name, description, schema, strict } => FormatOut::JsonSchema {
            name: name.as_deref().unwrap_or(SCHEMA_NAME),
            description: description.as_deref(),
            schema: schema.as_deref(),
            strict: *strict,
        },
    });
    let verbosity = request.verbosity.as_deref();
    (format.is_some() || verbosity.is_some()).then_some(Text { format, verbosity })
}

fn reasoning(asked: Reasoning, upstream: &Upstream, losses: &mut Losses) -> Option<ReasoningOut> {
    let effort = effort(asked, upstream, losses);
    let thinks = upstream.reasoning && asked != Reasoning::Off;
    thinks.then_some(ReasoningOut { effort, summary: "auto" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Effort, Message, Request, Role};
    use crate::text::Str;

    fn said(role: Role<'static>, text: &'static str) -> Message<'static> {
        Message { role, name: None, parts: vec![Part::Text(Str::from(text).into())] }
    }

    fn encoded(request: &Request<'_>, upstream: &Upstream) -> (String, String) {
        let encoded = encode(&Request { messages: vec![said(Role::User, "hi")], ..request.clone() }, upstream).unwrap();
        (String::from_utf8(encoded.body).unwrap(), encoded.losses.header())
    }

    /// What stands in the body of such a request between its input and `store`, and the losses.
    fn check(request: Request<'_>, expected: &str, losses: &str) {
        let input = r#"[{"type":"message","role":"user","content":"hi"}]"#;
        let stream = if request.stream { r#","stream":true"# } else { "" };
        let body = format!(r#"{{"model":"m","input":{input}{expected},"store":false{stream}}}"#);
        assert_eq!(encoded(&request, &Upstream::new("m")), (body, losses.to_owned()));
    }

    #[test]
    fn thoughts_are_asked_for_where_there_are_some() {
        let asked = |reasoning| Request { reasoning: Some(reasoning), ..Request::default() };
        let include = r#","include":["reasoning.encrypted_content"],"reasoning":"#;
        check(asked(Reasoning::Off), "", "thinking.disabled");
        check(asked(Reasoning::Adaptive), &format!(r#"{include}{{"summary":"auto"}}"#), "");
        let low = format!(r#"{include}{{"effort":"low","summary":"auto"}}"#);
        check(asked(Reasoning::Budget(1024)), &low, "");
        let high = format!(r#"{include}{{"effort":"xhigh","summary":"auto"}}"#);
        check(asked(Reasoning::Effort(Effort::XHigh)), &high, "");
        let thoughtless = Upstream { reasoning: false, ..Upstream::new("m") };
        let request = Request { reasoning: Some(Reasoning::Effort(Effort::Low)), ..Request::default() };
        let (body, losses) = encoded(&request, &thoughtless);
        assert!(!body.contains("reasoning"), "{body}");
        assert_eq!(losses, "thinking");
    }

    #[test]
    fn tools_are_not_strict_unless_they_say_so() {
        let tool = chat::Tool { name: "f".into(), description: None, schema: None, strict: None, cache: None };
        let written = |strict| {
            format!(
                r#","tools":[{{"type":"function","name":"f","parameters":{{"type":"object","properties":{{}}}},"strict":{strict}}}]"#
            )
        };
        for (strict, expected) in [(None, false), (Some(true), true)] {
            let request = Request { tools: vec![chat::Tool { strict, ..tool.clone() }], ..Request::default() };
            check(request, &written(expected), "");
        }
        let named = Request {
            tools: vec![tool],
            tool_choice: Some(ToolChoice::Named("f".into())),
            parallel_tools: Some(false),
            ..Request::default()
        };
        let choice = r#","tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false"#;
        check(named, &format!("{}{choice}", written(false)), "");
        let without =
            Request { tool_choice: Some(ToolChoice::Required), parallel_tools: Some(true), ..Request::default() };
        check(without, "", "tool_choice");
    }

    #[test]
    fn what_has_no_parameter_is_named() {
        let request = Request {
            top_k: Some(5.into()),
            presence_penalty: Some(1.into()),
            frequency_penalty: Some(1.into()),
            seed: Some(1.into()),
            stop: vec!["x".into()],
            n: Some(2),
            ..Request::default()
        };
        check(request, "", "top_k, presence_penalty, frequency_penalty, seed, stop, n");
        check(Request { max_tokens: Some(1), ..Request::default() }, r#","max_output_tokens":16"#, "max_tokens");
        check(Request { max_tokens: Some(16), ..Request::default() }, r#","max_output_tokens":16"#, "");
        let logprobs = r#","top_logprobs":2,"include":["message.output_text.logprobs"]"#;
        check(Request { logprobs: Some(2), ..Request::default() }, logprobs, "");
        let format = Request { format: Some(Format::JsonObject), verbosity: Some("low".into()), ..Request::default() };
        check(format, r#","text":{"format":{"type":"json_object"},"verbosity":"low"}"#, "");
        check(Request { stream: true, ..Request::default() }, "", "");
    }

    #[test]
    fn a_request_that_says_nothing_is_refused() {
        assert_eq!(encode(&Request::default(), &Upstream::new("m")).unwrap_err().param.as_deref(), Some("messages"));
        let prefilled = vec![said(Role::User, "hi"), said(Role::Assistant, "{")];
        let request = Request { messages: prefilled, ..Request::default() };
        assert_eq!(encode(&request, &Upstream::new("m")).unwrap().losses.header(), "messages.role.assistant");
    }
}
