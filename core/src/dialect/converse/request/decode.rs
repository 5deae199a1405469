//! A client's request → the hub.

use super::super::block::Block;
use super::additional::{self, Additional};
use super::content::{self, MessageFields};
use super::tools::{self, ToolConfig};
use crate::chat::{Effort, Format, Request, ServiceTier};
use crate::dialect::claude;
use crate::dialect::wire::{BadJson, Raw, read, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::{Str, cut};
use serde::de::IgnoredAny;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;

wire! {
    struct Body<'a> {
        messages: Vec<MessageFields<'a>>,
        system: Vec<Block<'a>>,
        inference "inferenceConfig": Inference<'a>,
        tools "toolConfig": ToolConfig<'a>,
        guardrail "guardrailConfig": IgnoredAny,
        additional "additionalModelRequestFields": Additional<'a>,
        response_fields "additionalModelResponseFieldPaths": Vec<Str<'a>>,
        variables "promptVariables": IgnoredAny,
        metadata "requestMetadata": Raw<'a>,
        performance "performanceConfig": Performance<'a>,
        tier "serviceTier": Tier<'a>,
        output "outputConfig": OutputConfig<'a>,
    }
}

wire! {
    struct Inference<'a> {
        max_tokens "maxTokens": u64,
        temperature: Number,
        top_p "topP": Number,
        stop "stopSequences": Vec<Str<'a>>,
    }
}

wire! {
    struct Performance<'a> { latency: Str<'a> }
}

wire! {
    struct Tier<'a> { kind "type": Str<'a> }
}

wire! {
    struct OutputConfig<'a> { format "textFormat": TextFormat<'a>, effort: Str<'a> }
}

wire! {
    struct TextFormat<'a> { kind "type": Str<'a>, structure: Structure<'a> }
}

wire! {
    struct Structure<'a> { schema "jsonSchema": JsonSchema<'a> }
}

wire! {
    /// The schema is a JSON text in a string.
    struct JsonSchema<'a> { name: Str<'a>, description: Str<'a>, schema: Str<'a> }
}

/// Reads a client's request. Model and stream flag are not in it.
///
/// # Errors
/// A [`Fault`] that names the field, for a body that the API would refuse as well.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(unreadable)?;
    let mut losses = Losses::default();
    for field in &body.unknown {
        losses.add_unknown("", field);
    }
    for (set, field) in [
        // It decides what may be said, and another provider does not have it: policy has to judge.
        (body.guardrail.is_some(), "guardrailConfig"),
        (body.variables.is_some(), "promptVariables"),
        (
            body.response_fields.iter().flatten().any(|path| *path != "/stop_sequence"),
            "additionalModelResponseFieldPaths",
        ),
        (
            body.performance.and_then(|wish| wish.latency).is_some_and(|latency| latency != "standard"),
            "performanceConfig",
        ),
    ] {
        if set {
            losses.add(field);
        }
    }
    let mut messages = content::system(body.system.unwrap_or_default(), &mut losses)?;
    // A prompt of the account's own (an ARN as the model) brings its messages with it.
    if body.messages.as_ref().is_none_or(Vec::is_empty) && body.variables.is_none() {
        return Err(Fault::invalid("messages is missing: the Converse API needs one at least").with_param("messages"));
    }
    for (index, fields) in body.messages.unwrap_or_default().into_iter().enumerate() {
        messages.push(content::message(fields, index, &mut losses)?);
    }
    let inference = body.inference.unwrap_or_default();
    for field in &inference.unknown {
        losses.add_unknown("inferenceConfig", field);
    }
    let (effort, format) = output(body.output, &mut losses)?;
    let (tools, tool_choice) = tools::decode(body.tools, &mut losses)?;
    let additional = additional::decode(body.additional.unwrap_or_default(), effort, &mut losses)?;
    Ok(Request {
        messages,
        tools,
        tool_choice,
        max_tokens: inference.max_tokens,
        temperature: inference.temperature,
        top_p: inference.top_p,
        top_k: additional.top_k,
        stop: inference.stop.unwrap_or_default(),
        format,
        reasoning: additional.reasoning,
        stream_usage: true,
        metadata: body.metadata.map(Cow::Borrowed),
        service_tier: body.tier.and_then(|tier| tier.kind).map(service_tier),
        losses,
        ..Request::default()
    })
}

/// How much of a parser's message is repeated, in bytes: it may quote the client's value.
const PARSER_BYTES_MAX: usize = 200;

fn unreadable(bad: BadJson) -> Fault {
    let found = cut(&bad.message, PARSER_BYTES_MAX);
    let fault = Fault::invalid(format!("the body is not a request of the Bedrock Converse API: {found}"));
    match bad.path {
        Some(path) => fault.with_param(path),
        None => fault,
    }
}

/// The output's effort and form.
fn output<'a>(
    config: Option<OutputConfig<'a>>,
    losses: &mut Losses,
) -> Result<(Option<Effort>, Option<Format<'a>>), Fault> {
    let config = config.unwrap_or_default();
    for field in &config.unknown {
        losses.add_unknown("outputConfig", field);
    }
    let effort = config.effort.and_then(|effort| {
        let known = claude::effort_of(&effort);
        if known.is_none() {
            losses.add("outputConfig.effort");
        }
        known
    });
    let Some(format) = config.format else { return Ok((effort, None)) };
    let schema = format.structure.unwrap_or_default().schema;
    let Some(schema) = schema.filter(|_| format.kind.as_deref() == Some("json_schema")) else {
        losses.add("outputConfig.textFormat");
        return Ok((effort, None));
    };
    const PATH: &str = "outputConfig.textFormat.structure.jsonSchema.schema";
    let text = schema.schema.unwrap_or_default();
    let raw = RawValue::from_string(text.into_string())
        .map_err(|_| Fault::invalid(format!("{PATH} is not a JSON text")).with_param(PATH))?;
    let format = Format::JsonSchema {
        name: schema.name,
        description: schema.description,
        schema: Some(Cow::Owned(raw)),
        strict: Some(true), // the API has no other way
    };
    Ok((effort, Some(format)))
}

fn service_tier(tier: Str<'_>) -> ServiceTier<'_> {
    if tier == "default" { ServiceTier::Standard } else { ServiceTier::Other(tier) }
}
