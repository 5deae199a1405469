//! The hub → a request for a provider.

use super::super::model::{Habits, Thinks, habits};
use super::super::stop::SEQUENCE_PATH;
use super::additional::Written;
use super::body::{Body, Inference, JsonSchema, OutputConfig, Structure, TextFormat, Tier};
use super::conversation::Conversation;
use super::tools::{self, Around};
use crate::chat::{Format, Request, ServiceTier};
use crate::dialect::claude::{self, Plan, Sampling, Thinking, Wish};
use crate::dialect::wire;
use crate::dialect::{Encoded, ThinkingStyle, Upstream};
use crate::fault::Fault;
use crate::loss::Losses;
use serde_json::Number;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// What a model is told that has to answer in JSON without a schema: the API has no field for it.
const JSON_INSTRUCTION: &str =
    "Respond with a single valid JSON object and nothing else: no other text and no code fence around it.";
/// How many tags a request may have, and how long a key or a value may be, in characters.
const TAGS_MAX: usize = 16;
const TAG_CHARS_MAX: usize = 256;

/// Writes a request for a provider.
///
/// # Errors
/// A [`Fault`] when the request makes no sense in this dialect: no message, an unknown role, a tool with a name or a
/// schema that the API refuses, a forced call without tools.
pub fn encode(request: &Request<'_>, upstream: &Upstream) -> Result<Encoded, Fault> {
    let mut losses = Losses::default();
    let habits = habits(&upstream.model);
    let mut conversation = Conversation::of(&request.messages, habits, &mut losses)?;
    let mut additional = Written::default();
    let settings = match habits.thinks {
        Thinks::Claude => for_claude(request, upstream, &mut conversation, &mut additional, &mut losses),
        Thinks::Nova | Thinks::Effort | Thinks::Not => {
            for_others(request, upstream, habits, &mut additional, &mut losses)
        }
    };
    additional.set_top_k(settings.sampling.top_k, habits, &mut losses);
    let text_format = format(request, &mut conversation, &mut losses);
    let around =
        Around { called: &conversation.called, in_use: conversation.uses_tools, thinks: settings.thinks, habits };
    let mut tool_config = tools::encode(request, around, &mut losses)?;
    let on_tools = || tool_config.iter().flat_map(|config| &config.tools).filter(|tool| tool.mark.is_some());
    let off_tools = conversation.keep_marks(request.cache.as_ref(), on_tools().count(), &mut losses);
    let marked = tool_config.iter_mut().flat_map(|config| &mut config.tools).filter(|tool| tool.mark.is_some());
    marked.take(off_tools).for_each(|tool| tool.mark = None);
    note_unsayable(request, &mut losses);
    let stop_sequences = stop_sequences(request, &mut losses);
    let effort = settings.effort;
    let body = Body {
        additional_model_response_field_paths: if habits.tells_sequence && !stop_sequences.is_empty() {
            &[SEQUENCE_PATH]
        } else {
            &[]
        },
        messages: conversation.turns,
        system: conversation.system,
        inference_config: Inference {
            max_tokens: settings.max_tokens,
            temperature: settings.sampling.temperature,
            top_p: settings.sampling.top_p,
            stop_sequences,
        },
        tool_config,
        additional_model_request_fields: additional,
        request_metadata: tags(request, &mut losses),
        service_tier: service_tier(request, &mut losses),
        output_config: (text_format.is_some() || effort.is_some()).then_some(OutputConfig { text_format, effort }),
    };
    let body = wire::written(&body);
    Ok(Encoded { body, losses })
}

/// What the model's family decides.
#[derive(Debug)]
struct Settings<'a> {
    max_tokens: Option<u64>,
    sampling: Sampling<'a>,
    effort: Option<&'static str>,
    /// The model is told to think.
    thinks: bool,
}

/// Claude is told what its own API would be told.
fn for_claude<'a>(
    request: &'a Request<'_>,
    upstream: &Upstream,
    conversation: &mut Conversation<'_>,
    additional: &mut Written<'_>,
    losses: &mut Losses,
) -> Settings<'a> {
    let wish = Wish {
        reasoning: request.reasoning,
        can_think: upstream.reasoning,
        style: upstream.thinking,
        max_tokens: request.max_tokens,
        max_tokens_default: upstream.max_tokens_default,
        goes_on_without_thought: conversation.goes_on_without_thought(),
    };
    let plan: Plan = claude::plan(wish, losses);
    if upstream.thinking == ThinkingStyle::Adaptive {
        // From Claude 4.6 on, models do not continue an assistant's turn.
        conversation.end_with_user(losses);
    }
    additional.set_plan(&plan);
    let thinks = plan.thinks();
    let by_budget = matches!(plan.thinking, Some(Thinking::Enabled { .. }));
    Settings {
        // The API's own default is the most that the model can; only a budget for thoughts needs a limit beside it.
        max_tokens: request.max_tokens.or(by_budget.then_some(plan.max_tokens)),
        sampling: claude::sampling(request, upstream, thinks, losses),
        effort: plan.effort,
        thinks,
    }
}

fn for_others<'a>(
    request: &'a Request<'_>,
    upstream: &Upstream,
    habits: Habits,
    additional: &mut Written<'_>,
    losses: &mut Losses,
) -> Settings<'a> {
    let wish = request.reasoning.filter(|_| upstream.reasoning);
    if wish.is_none() && request.reasoning.is_some_and(claude::asks_for_thoughts) {
        losses.add("reasoning_effort");
    }
    let unlimited = additional.set_reasoning(wish, habits, losses);
    let mut settings = Settings {
        max_tokens: request.max_tokens,
        sampling: Sampling {
            temperature: request.temperature.clone(),
            top_p: request.top_p.as_ref(),
            top_k: request.top_k.as_ref(),
        },
        effort: None,
        thinks: false,
    };
    if settings.sampling.temperature.as_ref().and_then(Number::as_f64).is_some_and(|temperature| temperature > 1.0) {
        losses.add("temperature");
        settings.sampling.temperature = Some(Number::from(1));
    }
    if unlimited || !upstream.sampling {
        let Sampling { temperature, top_p, top_k } = std::mem::take(&mut settings.sampling);
        for (field, set) in
            [("temperature", temperature.is_some()), ("top_p", top_p.is_some()), ("top_k", top_k.is_some())]
        {
            if set {
                losses.add(field);
            }
        }
    }
    if unlimited && settings.max_tokens.take().is_some() {
        losses.add("max_tokens");
    }
    settings
}

/// The answer's form. With a schema the API constrains the output
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>); without one the model is told.
fn format<'a>(
    request: &'a Request<'_>,
    conversation: &mut Conversation<'a>,
    losses: &mut Losses,
) -> Option<TextFormat<'a>> {
    match &request.format {
        None => None,
        Some(Format::JsonSchema { schema: Some(schema), name, description, .. }) => {
            let schema: &RawValue = schema;
            let (name, description) = (name.as_deref(), description.as_deref());
            let json_schema = JsonSchema { schema: schema.get(), name, description };
            Some(TextFormat { structure: Structure { json_schema } })
        }
        Some(Format::JsonSchema { schema: None, .. } | Format::JsonObject) => {
            losses.add("response_format");
            conversation.add_instruction(JSON_INSTRUCTION);
            None
        }
    }
}

/// The API refuses empty sequences.
fn stop_sequences<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Vec<&'a str> {
    let blank = |stop: &str| stop.trim().is_empty();
    if request.stop.iter().any(|stop| blank(stop)) {
        losses.add("stop");
    }
    request.stop.iter().map(|stop| stop.as_str()).filter(|stop| !blank(stop)).collect()
}

/// The client's tags, where the API takes them: few, short, and of plain characters.
fn tags<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<&'a RawValue> {
    let raw: &RawValue = request.metadata.as_deref()?;
    let plain = |text: &String| {
        text.chars().count() <= TAG_CHARS_MAX
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "_:@$#=/+,-.".contains(c))
    };
    let tags: Option<HashMap<String, String>> = serde_json::from_str(raw.get()).ok();
    let fits = tags.as_ref().is_some_and(|tags| {
        (1..=TAGS_MAX).contains(&tags.len())
            && tags.iter().all(|(key, value)| !key.is_empty() && plain(key) && plain(value))
    });
    if !fits && tags.is_none_or(|tags| !tags.is_empty()) {
        losses.add("metadata");
    }
    fits.then_some(raw)
}

fn service_tier<'a>(request: &'a Request<'_>, losses: &mut Losses) -> Option<Tier<'a>> {
    match &request.service_tier {
        None | Some(ServiceTier::Auto) => None,
        Some(ServiceTier::Standard) => Some(Tier { kind: "default" }),
        Some(ServiceTier::Other(tier)) if matches!(tier.as_str(), "priority" | "flex" | "reserved") => {
            Some(Tier { kind: tier })
        }
        Some(ServiceTier::Other(_)) => {
            losses.add("service_tier");
            None
        }
    }
}

/// Notes the fields that this dialect has nothing for, unless they say what it does anyway.
fn note_unsayable(request: &Request<'_>, losses: &mut Losses) {
    let is_set = |number: &Option<Number>| number.as_ref().is_some_and(|number| number.as_f64() != Some(0.0));
    let fields = [
        ("presence_penalty", is_set(&request.presence_penalty)),
        ("frequency_penalty", is_set(&request.frequency_penalty)),
        ("seed", request.seed.is_some()),
        ("n", request.n.is_some_and(|n| n > 1)),
        ("logprobs", request.logprobs.is_some()),
        ("verbosity", request.verbosity.as_deref().is_some_and(|verbosity| verbosity != "medium")),
        ("user", request.user.is_some()),
    ];
    for (field, lost) in fields {
        if lost {
            losses.add(field);
        }
    }
}
