//! The hub → a provider's `POST /v1/chat/completions`.
//!
//! The widest-understood form of each thing: text-only content is one string (several texts are joined by a blank line,
//! those of the model by nothing, since they may be pieces of one sentence), because many servers of this dialect refuse
//! lists of parts; `user` and not its successor `safety_identifier`; no parameter that says what holds anyway.
//!
//! Losses are named as Anthropic's dialect spells them where OpenAI's has no word for the thing.

use super::conversation::{self, Message, note_cache};
use super::effort::{self, Told};
use crate::chat::{self, Format, Part, Reasoning, Role, ToolChoice};
use crate::dialect::openai::fingerprint::fingerprint;
use crate::dialect::quirks::MaxTokensField;
use crate::dialect::schema::completed;
use crate::dialect::wire;
use crate::dialect::{Encoded, Upstream};
use crate::fault::Fault;
use crate::loss::Losses;
use serde::Serialize;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// OpenAI takes users of at most this many characters.
const USER_CHARS_MAX: usize = 64;
/// OpenAI takes this many stop sequences.
const STOPS_MAX: usize = 4;
/// A JSON schema must have a name; this is it when the client gave none.
pub(in crate::dialect) const SCHEMA_NAME: &str = "response";

#[derive(Serialize)]
struct Body<'b> {
    model: &'b str,
    messages: Vec<Message<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'b>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<&'b Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<&'b Number>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'b>>,
    #[serde(flatten)]
    reasoning: Told,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'b, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'b RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Tool<'b> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'b>,
}

#[derive(Serialize)]
struct Function<'b> {
    name: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Cow<'b, RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'b> {
    Word(&'static str),
    Named {
        #[serde(rename = "type")]
        kind: &'static str,
        function: Named<'b>,
    },
}

#[derive(Serialize)]
struct Named<'b> {
    name: &'b str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'b> {
    JsonObject,
    JsonSchema { json_schema: JsonSchema<'b> },
}

#[derive(Serialize)]
struct JsonSchema<'b> {
    name: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'b RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Writes a chat request for a provider. A stream always asks for its usage: our own metering needs it.
///
/// # Errors
/// A [`Fault`] when nothing of the conversation can be said in this dialect.
pub fn encode(request: &chat::Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
    let mut losses = Losses::default();
    let messages =
        conversation::encode(&request.messages, upstream.quirks.thoughts_back.unwrap_or_default(), &mut losses);
    if messages.is_empty() {
        let message = "nothing of the messages can be said to this model's provider";
        return Err(Fault::invalid(message).with_param("messages"));
    }
    if request.messages.last().is_some_and(is_prefill) {
        losses.add("messages.role.assistant");
    }
    let body = body(request, messages, upstream, &mut losses);
    Ok(Encoded { body: wire::written(&body), losses })
}

/// Whether the conversation ends with words that are put into the model's mouth: Claude goes on with them, here the model
/// begins anew.
pub(in crate::dialect) fn is_prefill(last: &chat::Message<'_>) -> bool {
    last.role == Role::Assistant && !last.parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
}

fn body<'b>(
    request: &'b chat::Request<'_>,
    messages: Vec<Message<'b>>,
    upstream: &'b Upstream,
    losses: &mut Losses,
) -> Body<'b> {
    note_cache(request.cache.as_ref(), losses);
    if request.top_k.is_some() {
        losses.add("top_k");
    }
    let has_tools = !request.tools.is_empty();
    let is_new_field = upstream.quirks.max_tokens_field.unwrap_or_default() == MaxTokensField::MaxCompletionTokens;
    Body {
        model: &upstream.model,
        messages,
        tools: request.tools.iter().map(|tool| encode_tool(tool, losses)).collect(),
        tool_choice: tool_choice(request.tool_choice.as_ref(), has_tools, losses),
        // Refused by OpenAI where there are no tools.
        parallel_tool_calls: request.parallel_tools.filter(|_| has_tools),
        max_completion_tokens: request.max_tokens.filter(|_| is_new_field),
        max_tokens: request.max_tokens.filter(|_| !is_new_field),
        temperature: sampling(request.temperature.as_ref(), "temperature", upstream, losses),
        top_p: sampling(request.top_p.as_ref(), "top_p", upstream, losses),
        presence_penalty: request.presence_penalty.as_ref(),
        frequency_penalty: request.frequency_penalty.as_ref(),
        seed: request.seed.as_ref(),
        stop: stop(request, losses),
        n: request.n.filter(|n| *n != 1),
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|top| *top > 0),
        response_format: request.format.as_ref().map(response_format),
        reasoning: request.reasoning.map(|reasoning| told(reasoning, upstream, losses)).unwrap_or_default(),
        verbosity: request.verbosity.as_deref(),
        user: request.user.as_deref().map(user),
        metadata: request.metadata.as_deref(),
        service_tier: request.service_tier.as_ref().and_then(service_tier),
        stream: request.stream.then_some(true),
        stream_options: request.stream.then_some(StreamOptions { include_usage: true }),
    }
}

pub(in crate::dialect) fn sampling<'b>(
    value: Option<&'b Number>,
    field: &'static str,
    upstream: &Upstream,
    losses: &mut Losses,
) -> Option<&'b Number> {
    if value.is_some() && !upstream.sampling {
        losses.add(field);
        return None;
    }
    value
}

fn stop<'b>(request: &'b chat::Request<'_>, losses: &mut Losses) -> Vec<&'b str> {
    if request.stop.len() > STOPS_MAX {
        losses.add("stop_sequences");
    }
    request.stop.iter().take(STOPS_MAX).map(|stop| stop.as_str()).collect()
}

/// OpenAI refuses a longer user, and Claude Code sends some 150 characters: a fingerprint is as stable as the whole.
pub(in crate::dialect) fn user(user: &str) -> Cow<'_, str> {
    if user.chars().nth(USER_CHARS_MAX).is_none() {
        return Cow::Borrowed(user);
    }
    Cow::Owned(format!("{:032x}", fingerprint(user)))
}

fn encode_tool<'b>(tool: &'b chat::Tool<'_>, losses: &mut Losses) -> Tool<'b> {
    note_cache(tool.cache.as_ref(), losses);
    Tool {
        kind: "function",
        function: Function {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.schema.as_deref().map(parameters),
            strict: tool.strict,
        },
    }
}

/// OpenAI refuses a schema of an object without `properties`, as tools without arguments come from MCP servers.
pub(in crate::dialect) fn parameters(schema: &RawValue) -> Cow<'_, RawValue> {
    completed(schema, &[("type", "\"object\""), ("properties", "{}")]).unwrap_or(Cow::Borrowed(schema))
}

/// OpenAI refuses a choice where there are no tools; one that changes nothing then is no loss.
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
        ToolChoice::Named(name) => Some(Choice::Named { kind: "function", function: Named { name } }),
    }
}

fn response_format<'b>(format: &'b Format<'_>) -> ResponseFormat<'b> {
    match format {
        Format::JsonObject => ResponseFormat::JsonObject,
        Format::JsonSchema { name, description, schema, strict } => ResponseFormat::JsonSchema {
            json_schema: JsonSchema {
                name: name.as_deref().unwrap_or(SCHEMA_NAME),
                description: description.as_deref(),
                schema: schema.as_deref(),
                strict: *strict,
            },
        },
    }
}

/// How much to think, where the model can be told.
fn told(reasoning: Reasoning, upstream: &Upstream, losses: &mut Losses) -> Told {
    match reasoning {
        // Such a model does not think: that is no loss for those who leave it to the model, or do not want it.
        Reasoning::Off | Reasoning::Adaptive if !upstream.reasoning => Told::default(),
        Reasoning::Effort(_) | Reasoning::Budget(_) if !upstream.reasoning => {
            losses.add("thinking");
            Told::default()
        }
        Reasoning::Off | Reasoning::Effort(_) | Reasoning::Budget(_) | Reasoning::Adaptive => {
            effort::tell(reasoning, &upstream.quirks, losses)
        }
    }
}

/// `auto` is what holds without the field, which many servers do not know.
pub(in crate::dialect) fn service_tier<'b>(tier: &'b chat::ServiceTier<'_>) -> Option<&'b str> {
    match tier {
        chat::ServiceTier::Auto => None,
        chat::ServiceTier::Standard => Some("default"),
        chat::ServiceTier::Other(other) => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Effort, Request, ServiceTier, Tool};
    use crate::dialect::quirks::Quirks;

    fn encoded(request: &Request<'_>, upstream: &Upstream) -> (String, String) {
        let said = chat::Message {
            role: chat::Role::User,
            name: None,
            parts: vec![chat::Part::Text(crate::text::Str::from("hi").into())],
        };
        let encoded = encode(&Request { messages: vec![said], ..request.clone() }, upstream).unwrap();
        (String::from_utf8(encoded.body).unwrap(), encoded.losses.header())
    }

    /// What stands in the body of such a request behind its model and messages, and the losses.
    fn check(request: Request<'_>, expected: &str, losses: &str) {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{expected}}}"#);
        assert_eq!(encoded(&request, &Upstream::new("m")), (body, losses.to_owned()));
    }

    fn tool(name: &str) -> Tool<'_> {
        Tool { name: name.into(), description: None, schema: None, strict: None, cache: None }
    }

    #[test]
    fn thinking() {
        for (reasoning, expected, losses) in [
            (Reasoning::Off, "", "thinking.disabled"),
            (Reasoning::Adaptive, "", ""),
            (Reasoning::Effort(Effort::Minimal), r#","reasoning_effort":"minimal""#, ""),
            (Reasoning::Effort(Effort::Max), r#","reasoning_effort":"max""#, ""),
            (Reasoning::Budget(1024), r#","reasoning_effort":"low""#, ""),
            (Reasoning::Budget(2048), r#","reasoning_effort":"low""#, ""),
            (Reasoning::Budget(2049), r#","reasoning_effort":"medium""#, ""),
            (Reasoning::Budget(8192), r#","reasoning_effort":"medium""#, ""),
            (Reasoning::Budget(8193), r#","reasoning_effort":"high""#, ""),
        ] {
            check(Request { reasoning: Some(reasoning), ..Request::default() }, expected, losses);
        }
    }

    #[test]
    fn tools_and_their_choice() {
        let choice = |choice| Request { tool_choice: Some(choice), parallel_tools: Some(true), ..Request::default() };
        check(choice(ToolChoice::Auto), "", "");
        check(choice(ToolChoice::None), "", "");
        check(choice(ToolChoice::Required), "", "tool_choice");
        check(choice(ToolChoice::Named("f".into())), "", "tool_choice");
        let schema = RawValue::from_string(r#"{"type":"object"}"#.to_owned()).unwrap();
        let bare = Tool { schema: Some(Cow::Owned(schema)), ..tool("f") };
        let parameters = r#""parameters":{"type":"object","properties":{}}"#;
        let tools = format!(r#","tools":[{{"type":"function","function":{{"name":"f",{parameters}}}}}]"#);
        check(Request { tools: vec![bare], ..Request::default() }, &tools, "");
        let with = |name| Request { tools: vec![tool("f")], ..choice(name) };
        let tools = r#","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"#;
        check(with(ToolChoice::Required), &format!(r#"{tools}"required","parallel_tool_calls":true"#), "");
        let named = r#"{"type":"function","function":{"name":"f"}},"parallel_tool_calls":true"#;
        check(with(ToolChoice::Named("f".into())), &format!("{tools}{named}"), "");
    }

    #[test]
    fn words_in_the_models_mouth_are_lost() {
        let said = |role, text: &'static str| chat::Message {
            role,
            name: None,
            parts: vec![Part::Text(crate::text::Str::from(text).into())],
        };
        let messages = vec![said(Role::User, "hi"), said(Role::Assistant, "{")];
        let encoded = encode(&Request { messages, ..Request::default() }, &Upstream::new("m")).unwrap();
        assert_eq!(encoded.losses.header(), "messages.role.assistant");
    }

    #[test]
    fn small_things() {
        let stop = ["a", "b", "c", "d", "e"].map(Into::into).to_vec();
        check(Request { stop, ..Request::default() }, r#","stop":["a","b","c","d"]"#, "stop_sequences");
        check(Request { service_tier: Some(ServiceTier::Auto), ..Request::default() }, "", "");
        check(
            Request { service_tier: Some(ServiceTier::Standard), ..Request::default() },
            r#","service_tier":"default""#,
            "",
        );
        check(Request { n: Some(1), ..Request::default() }, "", "");
        check(Request { logprobs: Some(0), ..Request::default() }, r#","logprobs":true"#, "");
        check(Request { top_k: Some(5.into()), ..Request::default() }, "", "top_k");
        check(
            Request { user: Some("é".repeat(64).into()), ..Request::default() },
            &format!(r#","user":"{}""#, "é".repeat(64)),
            "",
        );
        let long = "user_0123456789abcdef_account__session_0123456789abcdef-0123456789abcdef";
        check(
            Request { user: Some(long.into()), ..Request::default() },
            r#","user":"f10b7c9756ce8a8a2dc65b4891d62af3""#,
            "",
        );
        let stream = r#","stream":true,"stream_options":{"include_usage":true}"#;
        check(Request { stream: true, ..Request::default() }, stream, "");
        let schema = Format::JsonSchema { name: None, description: None, schema: None, strict: Some(true) };
        let format = r#","response_format":{"type":"json_schema","json_schema":{"name":"response","strict":true}}"#;
        check(Request { format: Some(schema), ..Request::default() }, format, "");
        let format = r#","response_format":{"type":"json_object"}"#;
        check(Request { format: Some(Format::JsonObject), ..Request::default() }, format, "");
    }

    #[test]
    fn the_upstreams_habits() {
        let request = Request { max_tokens: Some(9), temperature: Some(1.into()), ..Request::default() };
        check(request.clone(), r#","max_completion_tokens":9,"temperature":1"#, "");
        let old = Quirks { max_tokens_field: Some(MaxTokensField::MaxTokens), ..Quirks::default() };
        let upstream = Upstream { quirks: old.into(), sampling: false, ..Upstream::new("m") };
        let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
        assert_eq!(encoded(&request, &upstream), (body.to_owned(), "temperature".to_owned()));

        let thoughtless = Upstream { reasoning: false, ..Upstream::new("m") };
        let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
        for (reasoning, losses) in [
            (Reasoning::Off, ""),
            (Reasoning::Adaptive, ""),
            (Reasoning::Effort(Effort::Low), "thinking"),
            (Reasoning::Budget(1024), "thinking"),
        ] {
            let request = Request { reasoning: Some(reasoning), ..Request::default() };
            assert_eq!(encoded(&request, &thoughtless), (body.to_owned(), losses.to_owned()), "{reasoning:?}");
        }
    }
}
