//! The answer that grows while it is streamed: its last event repeats all of it.

use super::ITEMS_MAX;
use super::told::json;
use crate::chat::StopReason;
use crate::dialect::Asked;
use crate::dialect::openai::fingerprint::{extended, fingerprint};
use crate::dialect::openai::response::service_tier;
use crate::dialect::responses::Echo;
use crate::dialect::responses::error::ErrorOut;
use crate::dialect::responses::item::{Content, Item, State, Words};
use crate::dialect::responses::usage::CountsOut;
use crate::fault::Fault;
use crate::usage::Usage;
use std::sync::LazyLock;

/// How many bytes of one answer are held: some two million tokens of text. The longest answers of today's models are a
/// tenth of that.
pub(super) const HELD_BYTES_MAX: usize = 8 << 20;

/// How many parts of one message are taken before anything is said in them.
pub(super) const PARTS_MAX: usize = 1024;

/// What an answer repeats of a request that nobody remembers.
static NOTHING_ASKED: LazyLock<Echo> = LazyLock::new(Echo::default);

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) asked: Asked,
    pub(super) id: String,
    pub(super) model: String,
    pub(super) created: Option<u64>,
    pub(super) tier: Option<String>,
    pub(super) usage: Option<Usage>,
    pub(super) finish: Option<Finish>,
    /// The items that something is known of, in their order.
    pub(super) items: Vec<Item>,
    /// Where the next item stands.
    pub(super) next_index: usize,
    /// Characters of text so far, in all items.
    pub(super) chars: u64,
    held_bytes: usize,
    is_bounded: bool,
}

/// How an answer ended, as far as this API tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Whole,
    OutOfTokens,
    /// A filter or the model stepped in; whole if the model said so in words.
    Refused,
}

impl From<&StopReason<'_>> for Finish {
    fn from(reason: &StopReason<'_>) -> Self {
        match reason {
            StopReason::Length => Self::OutOfTokens,
            StopReason::Refused => Self::Refused,
            StopReason::End
            | StopReason::Sequence(_)
            | StopReason::ToolCalls
            | StopReason::Paused
            | StopReason::Unknown(_) => Self::Whole,
        }
    }
}

impl Answer {
    pub(super) fn new(asked: Asked, is_bounded: bool) -> Self {
        Self {
            asked,
            id: String::new(),
            model: String::new(),
            created: None,
            tier: None,
            usage: None,
            finish: None,
            items: Vec::new(),
            next_index: 0,
            chars: 0,
            held_bytes: 0,
            is_bounded,
        }
    }

    /// Begins the answer. One without an id gets one of its own, from when and what was asked.
    pub(super) fn begin(&mut self, id: &str, model: &str) {
        self.id = match id {
            "" => {
                let asked = extended(fingerprint(self.echo().members()), &self.asked.now.to_be_bytes());
                format!("resp_{asked:032x}")
            }
            id => id.to_owned(),
        };
        model.clone_into(&mut self.model);
    }

    /// What the request said.
    pub(super) fn echo(&self) -> &Echo {
        self.asked.echo.as_deref().unwrap_or(&NOTHING_ASKED)
    }

    /// Adds an item that is in progress.
    ///
    /// # Errors
    /// A [`Fault`] for one item too many.
    pub(super) fn add(&mut self, content: Content) -> Result<(), Fault> {
        if self.items.len() >= ITEMS_MAX && self.is_bounded {
            return Err(Fault::upstream(format!("the provider's answer has more than {ITEMS_MAX} parts")));
        }
        let prefix = match &content {
            Content::Message(_) => "msg",
            Content::Reasoning { .. } => "rs",
            Content::Call(call) if call.is_freeform => "ctc",
            Content::Call(_) => "fc",
        };
        // The same answer has the same ids wherever it is read.
        let id = extended(fingerprint(&self.id), format!("/{}", self.items.len()).as_bytes());
        let (id, index) = (format!("{prefix}_{id:032x}"), self.next_index);
        self.next_index = index.saturating_add(1);
        self.items.push(Item { id, index, state: State::InProgress, content });
        Ok(())
    }

    /// Notes that so many bytes more are held.
    ///
    /// # Errors
    /// A [`Fault`] when that is too much.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), Fault> {
        self.held_bytes = self.held_bytes.saturating_add(bytes);
        if self.held_bytes > HELD_BYTES_MAX && self.is_bounded {
            let message = format!(
                "the answer is longer than {HELD_BYTES_MAX} bytes: the Responses API repeats an answer at its end, and more \
                 is not held"
            );
            return Err(Fault::upstream(message).with_code("answer_too_long"));
        }
        Ok(())
    }

    /// How it ends, and why it is not whole if it is not.
    pub(super) fn end(&self) -> (State, Option<&'static str>) {
        match self.finish {
            Some(Finish::OutOfTokens) => (State::Incomplete, Some("max_output_tokens")),
            Some(Finish::Refused) if !self.has_refusal() => (State::Incomplete, Some("content_filter")),
            Some(Finish::Refused | Finish::Whole) | None => (State::Completed, None),
        }
    }

    fn has_refusal(&self) -> bool {
        let declines = |parts: &[Words]| parts.iter().any(|part| part.is_refusal);
        self.items.iter().any(|item| matches!(&item.content, Content::Message(parts) if declines(parts)))
    }

    /// Writes the answer as it is now.
    pub(super) fn write(&self, status: State, fault: Option<&Fault>, out: &mut Vec<u8>) {
        let reason = self.end().1.filter(|_| status == State::Incomplete);
        let is_begun = status == State::InProgress;
        let mut member = |name: &str, value: &dyn Fn(&mut Vec<u8>)| {
            out.extend_from_slice(name.as_bytes());
            value(out);
        };
        member("{\"id\":", &|out| json(&self.id, out));
        member(",\"object\":\"response\",\"created_at\":", &|out| json(&self.created.unwrap_or(self.asked.now), out));
        member(",\"status\":", &|out| json(&status, out));
        member(",\"background\":false,\"error\":", &|out| json(&fault.map(ErrorOut::from), out));
        member(",\"incomplete_details\":", &|out| match reason {
            Some(reason) => out.extend_from_slice(format!("{{\"reason\":\"{reason}\"}}").as_bytes()),
            None => out.extend_from_slice(b"null"),
        });
        let model = if self.model.is_empty() { self.echo().model() } else { &self.model };
        member(",\"model\":", &|out| json(model, out));
        member(",\"output\":[", &|out| {
            for (i, item) in self.items.iter().enumerate().filter(|_| !is_begun) {
                out.extend_from_slice(if i > 0 { b"," } else { b"" });
                json(&item.written(), out);
            }
        });
        member("],\"previous_response_id\":null,", &|out| out.extend_from_slice(self.echo().members().as_bytes()));
        member(",\"service_tier\":", &|out| json(&self.tier.as_deref().and_then(service_tier), out));
        member(",\"store\":false,\"usage\":", &|out| {
            json(&self.usage.as_ref().filter(|_| !is_begun).map(CountsOut::from), out)
        });
        out.push(b'}');
    }
}
