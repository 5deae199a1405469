//! What the service learns of an attempt: a line in the proxy's filter state, which Envoy's access log hands to it.
//!
//! What is written when the exchange is over comes too late for that log (tried: Envoy 1.40), so it is written on the way.

use crate::Told;
use attache_core::fault::FaultKind;
use attache_core::hybrid;
use attache_core::loss::Losses;
use attache_core::stream::{Event, Piece};
use attache_core::translate::Seen;
use std::borrow::Cow;

/// The filter state's name for who sets it: Envoy's is [`hybrid::TOLD_STATE`].
const STATE: &str = "attache_usage";
/// An estimate is news when it has grown by so many tokens and a part of itself.
const GROWN_TOKENS: u64 = 16;
const GROWN_PART: u64 = 8;
/// Most losses that are told, of those whose names are known, and of the others.
const LOSSES_MAX: usize = 64;

/// What is known of an attempt's answer.
#[derive(Default)]
pub(super) struct Report {
    now: hybrid::Told,
    /// Bytes of text and of thoughts that have come.
    text: u64,
    thoughts: u64,
    /// What was told last.
    told: Option<hybrid::Told>,
}

impl Report {
    /// Of an attempt. A later one takes the place of what the one before it told.
    pub(super) fn new(attempt: u32) -> Self {
        let now = hybrid::Told { attempt, ..hybrid::Told::default() };
        let told = (attempt == 1).then(|| now.clone());
        Self { now, told, ..Self::default() }
    }

    /// Takes an event of the answer.
    pub(super) fn watch(&mut self, event: &Event<'_>) {
        match event.piece() {
            Some(Piece::Output(text)) => add(&mut self.text, text),
            Some(Piece::Thought(text)) => add(&mut self.thoughts, text),
            None => {}
        }
        if let Event::ServiceTier(tier) = event {
            self.now.tier = Some(short(tier));
        }
    }

    /// Takes what has been seen of the answer by now.
    pub(super) fn note(&mut self, seen: &Seen) {
        let now = &mut self.now;
        now.usage = seen.usage.or(now.usage);
        now.content |= seen.content;
        now.done |= seen.done;
        if let (None, Some(model)) = (&now.model, &seen.model) {
            now.model = Some(short(model));
        }
        if let Some(fault) = &seen.fault {
            self.failed(fault.kind);
        }
    }

    /// Takes what could not be carried.
    pub(super) fn lost(&mut self, losses: &Losses) {
        let hybrid::Told { losses: known, losses_unknown: unknown, .. } = &mut self.now;
        let room = LOSSES_MAX.saturating_sub(known.len());
        known.extend(losses.known().take(room).map(short));
        let room = LOSSES_MAX.saturating_sub(unknown.len());
        unknown.extend(losses.unknown().take(room).map(short));
    }

    /// Something of the answer has come, and nobody here reads it.
    pub(super) fn passes(&mut self) {
        (self.now.content, self.now.unread) = (true, true);
    }

    /// It has gone wrong.
    pub(super) fn failed(&mut self, kind: FaultKind) {
        self.now.fault = Some(kind.as_str().to_owned());
    }

    /// Tells what is new; of an answer on its way, only what is worth it.
    pub(super) fn tell(&mut self, told: &mut Told, on_the_way: bool) {
        (self.now.output, self.now.reasoning) = (rough(self.text), rough(self.thoughts));
        let is_news = match &self.told {
            None => true,
            Some(last) if on_the_way => self.grown(last),
            Some(last) => *last != self.now,
        };
        if !is_news {
            return;
        }
        // What does not fit is not told: the service counts by itself then.
        if let Ok(text) = hybrid::write(&self.now) {
            told.facts.push((Cow::Borrowed(STATE), text));
        }
        self.told = Some(self.now.clone());
    }

    fn grown(&self, last: &hybrid::Told) -> bool {
        let now = &self.now;
        let of = |told: &hybrid::Told| told.output.saturating_add(told.reasoning);
        let least = of(last).saturating_add(of(last) / GROWN_PART).saturating_add(GROWN_TOKENS);
        now.usage != last.usage
            || (now.content, now.done) != (last.content, last.done)
            || now.fault != last.fault
            || of(now) >= least
    }
}

fn add(bytes: &mut u64, text: &str) {
    *bytes = bytes.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
}

/// So many bytes as tokens: some, where there is any.
fn rough(bytes: u64) -> u64 {
    hybrid::rough(bytes.saturating_add(3))
}

fn short(name: &str) -> String {
    name.chars().take(hybrid::MODEL_CHARS_MAX).collect()
}
