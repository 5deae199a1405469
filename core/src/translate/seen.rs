//! What was seen in an answer on its way.

use crate::fault::Fault;
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;

/// What an answer told about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Tokens used, as far as the provider has said.
    pub usage: Option<Usage>,
    /// The model that answered, in the provider's words.
    pub model: Option<String>,
    /// Something of the answer itself (text, thought, tool call) has come.
    pub content: bool,
    /// The answer is whole: the dialect's last event has come.
    pub done: bool,
    /// Whoever watches held it up: nothing more is written until it is stopped.
    pub held: bool,
    /// It was stopped by us before its end.
    pub stopped: bool,
    /// What went wrong in it.
    pub fault: Option<Fault>,
    /// What could not be carried to the client.
    pub losses: Losses,
}

impl Seen {
    /// Takes note of an event.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { model, .. } => {
                if self.model.is_none() && !model.is_empty() {
                    self.model = Some(model.as_str().to_owned());
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Loss(field) => self.losses.add(field),
            Event::Done => self.done = true,
            Event::Error(fault) => self.fault = Some(fault.clone()),
            Event::Text { .. }
            | Event::Thinking { .. }
            | Event::Signature { .. }
            | Event::RedactedThinking { .. }
            | Event::Refusal { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. } => self.content = true,
            Event::PartEnd { .. }
            | Event::Citation { .. }
            | Event::ToolSignature { .. }
            | Event::Logprobs { .. }
            | Event::Finish { .. }
            | Event::ServiceTier(_)
            | Event::Ping => {}
        }
    }
}
