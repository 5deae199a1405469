//! What a request or an answer says, as plain sentences that any dialect can be asked for.

use attache_core::chat::{Format, Media, Part, Reasoning, Request, Response, Role, Source, StopReason};
use attache_core::fault::Fault;
use attache_core::stream::Event;
use attache_core::usage::Usage;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Sentences, in no order.
pub type Facts = Vec<String>;

/// What is said in `before` and no more in `after`.
pub fn gone(before: &Facts, after: &Facts) -> Facts {
    let mut left = after.clone();
    let is_gone = |fact: &&String| match left.iter().position(|other| other == *fact) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    before.iter().filter(is_gone).cloned().collect()
}

/// JSON with its keys in order and no blanks.
fn canonical(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).map_or_else(|_| json.to_owned(), |value| value.to_string())
}

/// A signature. To Gemini's clients those of others travel in an envelope, which they send back.
fn signed_by(signature: &str) -> String {
    let inner = STANDARD.decode(signature).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let inner = inner.as_deref().and_then(|text| text.strip_prefix("attache:s:"));
    format!("signature {}", inner.unwrap_or(signature))
}

pub fn of_request(request: &Request<'_>) -> Facts {
    let mut facts = Facts::new();
    let calls: Vec<_> = request.messages.iter().flat_map(|message| &message.parts).collect();
    let called = |id: &str| {
        calls.iter().find_map(|part| match part {
            Part::ToolCall(call) if *call.id == *id => Some(call.name.as_str()),
            _ => None,
        })
    };
    for message in &request.messages {
        let role = match &message.role {
            Role::System | Role::Developer => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
            Role::Unknown(role) => role,
        };
        for part in &message.parts {
            if let Part::ToolResult(result) = part {
                let name = called(&result.id).unwrap_or("nobody");
                facts.extend(result.content.iter().flat_map(of_part).map(|said| format!("{name} gave {said}")));
            } else {
                facts.extend(of_part(part).into_iter().map(|said| format!("{role} says {said}")));
            }
        }
    }
    for tool in &request.tools {
        let schema = tool.schema.as_ref().map(|schema| canonical(schema.get())).unwrap_or_default();
        facts.push(format!("tool {} {} {schema}", tool.name, tool.description.as_deref().unwrap_or_default()));
    }
    facts.extend(request.tool_choice.as_ref().map(|choice| format!("tool choice {choice:?}")));
    facts.extend(request.max_tokens.map(|most| format!("at most {most} tokens")));
    facts.extend(request.temperature.as_ref().map(|temperature| format!("temperature {temperature}")));
    facts.extend(request.stop.iter().map(|stop| format!("stops at {stop}")));
    facts.extend(request.format.as_ref().map(|format| match format {
        Format::JsonObject => "gives JSON".to_owned(),
        Format::JsonSchema { schema, .. } => {
            format!("gives JSON as {}", schema.as_ref().map(|schema| canonical(schema.get())).unwrap_or_default())
        }
    }));
    facts.extend(request.reasoning.map(|reasoning| match reasoning {
        Reasoning::Off => "thinks not".to_owned(),
        Reasoning::Effort(_) | Reasoning::Budget(_) | Reasoning::Adaptive => "thinks".to_owned(),
    }));
    facts
}

fn of_part(part: &Part<'_>) -> Facts {
    match part {
        Part::Text(text) => {
            let cached = text.cache.is_some().then(|| format!("{} (cached up to here)", text.text));
            [text.text.as_str().to_owned()].into_iter().chain(cached).collect()
        }
        Part::Media(Media { kind, source, .. }) => vec![match source {
            Source::Base64 { media_type, data } => format!("{kind:?} {media_type} {data}"),
            Source::Url(url) => format!("{kind:?} at {url}"),
            Source::FileId(id) => format!("{kind:?} of id {id}"),
            Source::Text(text) => format!("{kind:?} {text}"),
        }],
        Part::Thinking { text, signature } => {
            let signed = signature.as_ref().map(|signature| signed_by(signature));
            [format!("thought {text}")].into_iter().chain(signed).collect()
        }
        Part::RedactedThinking { data } => vec![format!("thought hidden {data}")],
        Part::ToolCall(call) => {
            let signed = call.signature.as_ref().map(|signature| signed_by(signature));
            [format!("call {} {}", call.name, canonical(&call.arguments))].into_iter().chain(signed).collect()
        }
        Part::ToolResult(_) => Vec::new(),
        Part::Refusal(text) => vec![format!("refuses {text}")],
    }
}

pub fn of_response(response: &Response<'_>) -> Facts {
    let mut facts = vec![format!("model {}", response.model)];
    for choice in &response.choices {
        facts.extend(choice.parts.iter().flat_map(of_part));
        facts.push(of_stop(&choice.stop));
    }
    facts.extend(response.usage.iter().flat_map(of_usage));
    facts
}

fn of_stop(reason: &StopReason<'_>) -> String {
    format!("ends with {reason:?}")
}

fn of_usage(usage: &Usage) -> Facts {
    let counts = [
        ("input", usage.input),
        ("cached", usage.cached_input),
        ("newly cached", usage.cache_write),
        ("output", usage.output),
        ("thinking", usage.reasoning),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} tokens {name}")).collect()
}

pub fn of_fault(fault: &Fault) -> Facts {
    vec![format!("{} fault", fault.kind.as_str()), format!("message {}", fault.message)]
}

/// What a stream says, piece by piece.
#[derive(Default)]
pub struct Told {
    model: String,
    text: String,
    thought: String,
    signatures: Facts,
    calls: Vec<(String, String)>,
    others: Facts,
    usage: Option<Usage>,
    pub done: bool,
}

impl Told {
    pub fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { model, .. } => self.model = model.as_str().to_owned(),
            Event::Text { text, .. } => self.text.push_str(text),
            Event::Thinking { text, .. } => self.thought.push_str(text),
            Event::Signature { signature, .. } | Event::ToolSignature { signature, .. } => {
                self.signatures.push(signed_by(signature));
            }
            Event::RedactedThinking { data, .. } => self.others.push(format!("thought hidden {data}")),
            Event::Refusal { text, .. } => self.others.push(format!("refuses {text}")),
            Event::ToolStart { name, .. } => self.calls.push((name.as_str().to_owned(), String::new())),
            Event::ToolArguments { tool, json, .. } => self.calls[*tool as usize].1.push_str(json),
            Event::Finish { reason, .. } => self.others.push(of_stop(reason)),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error(fault) => self.others.extend(of_fault(fault)),
            Event::Done => self.done = true,
            Event::Citation { .. }
            | Event::PartEnd { .. }
            | Event::Logprobs { .. }
            | Event::ServiceTier(_)
            | Event::Ping
            | Event::Loss(_) => {}
        }
    }

    pub fn facts(self) -> Facts {
        let mut facts = self.others;
        facts.push(format!("model {}", self.model));
        facts.extend(
            [("", self.text), ("thought ", self.thought)]
                .into_iter()
                .filter_map(|(what, said)| (!said.is_empty()).then(|| format!("{what}{said}"))),
        );
        facts.extend(self.signatures);
        facts.extend(self.calls.into_iter().map(|(name, json)| format!("call {name} {}", canonical(&json))));
        facts.extend(self.usage.iter().flat_map(of_usage));
        facts
    }
}
