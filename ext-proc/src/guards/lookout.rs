//! What looks ahead in an answer that streams: a second reading of the provider's bytes, which reach the client's stream
//! only when nobody objects any more to what they say. So whatever stops an answer stops it before the client reads it,
//! and the client's stream ends as if what was stopped had never come.
//!
//! What it costs: the text of a piece is decided with the next piece, since a word may go on in it; where somebody is
//! asked, with the answer to what has come in `every_chars` characters or
//! `every` of time.

use super::callout::passage::last_chars;
use super::{Guard, Passage};
use crate::exchange::settle::Settlement;
use attache_core::guard::Mode;
use attache_core::redact::Veil;
use attache_core::stream::Event;
use attache_core::texts::Scope;
use attache_core::translate;
use attache_core::usage::Usage;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most bytes that are held back. What has not been decided by then is asked about, or passes.
const HELD_BYTES_MAX: usize = 1 << 20;
/// Most choices that are followed.
const CHOICES_MAX: usize = 128;
/// How much of what came before is asked about again: what is split over two questions is seen by the second.
const OVERLAP_CHARS: usize = 200;

/// Reads an answer before the client does.
pub struct Lookout {
    scout: translate::Stream,
    held: VecDeque<Piece>,
    held_bytes: usize,
    /// Those who are asked while it streams.
    asked: Vec<Arc<Guard>>,
    /// Those who are asked at its end, since they stop nothing.
    asked_at_end: Vec<Arc<Guard>>,
    gathered: Gathered,
    all: Gathered,
    /// Most characters that one of the latter takes.
    all_chars_max: usize,
    /// What the client reads in the place of placeholders.
    veil: Option<Veil>,
    /// Some guard may stop it.
    may_stop: bool,
}

/// A piece of the provider's bytes.
struct Piece {
    bytes: Vec<u8>,
    /// What it says, for the bill where the client never reads it.
    text: String,
    /// Choices whose last word it may hold.
    open: Vec<u32>,
    /// Nobody needs to be asked any more.
    asked: bool,
}

/// What comes of a piece.
pub enum Passed {
    /// These bytes go on.
    Go(Vec<u8>),
    /// The answer ends here. What was said and not passed on.
    Stop(String),
}

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookout").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

impl Lookout {
    pub(super) fn new(scout: translate::Stream, asked: Vec<Arc<Guard>>, may_stop: bool, veil: Option<Veil>) -> Self {
        let (asked, asked_at_end): (Vec<_>, Vec<_>) = asked.into_iter().partition(|guard| guard.mode == Mode::Enforce);
        let taken = asked_at_end.iter().filter_map(|guard| guard.asks.as_ref()).map(|call| call.manner.chars_max);
        Self {
            scout,
            held: VecDeque::new(),
            held_bytes: 0,
            gathered: Gathered::default(),
            all: Gathered::default(),
            all_chars_max: taken.max().unwrap_or(0),
            asked,
            asked_at_end,
            veil,
            may_stop,
        }
    }

    /// What the provider has told of its usage, passed on or not.
    pub fn usage(&self) -> Option<Usage> {
        self.scout.seen().usage
    }

    /// Takes the next bytes; `end`: the provider's last ones.
    pub async fn take(&mut self, books: &mut Settlement, bytes: Vec<u8>, end: bool) -> Passed {
        if self.read(books, bytes, end) {
            return self.stop();
        }
        let seen = self.scout.seen();
        let over = end || seen.done || seen.fault.is_some();
        let full = self.held_bytes > HELD_BYTES_MAX;
        if (over || full || self.gathered.is_due(&self.asked)) && self.ask(books).await {
            return self.stop();
        }
        if over && !self.all.is_empty() {
            let texts = std::mem::take(&mut self.all).passages;
            // They stop nothing.
            books.ask_about_stream(&self.asked_at_end, &texts, self.veil.as_ref()).await;
        }
        self.release(over || full)
    }

    /// Reads ahead. True where a rule stops it.
    fn read(&mut self, books: &mut Settlement, bytes: Vec<u8>, end: bool) -> bool {
        let Self { scout, held, gathered, all, all_chars_max, asked, asked_at_end, .. } = self;
        let (mut text, mut open, mut stopped) = (String::new(), Vec::new(), false);
        let mut watch = |event: &mut Event<'_>| {
            // What comes behind a stop is not looked at.
            stopped = stopped || books.guard_event(event).is_break();
            if let Event::Finish { choice, .. } = event {
                close(held, *choice);
                open.retain(|open| open != choice);
            }
            let Some((choice, scope, words)) = said(event) else { return };
            close(held, choice);
            if !open.contains(&choice) && open.len() < CHOICES_MAX {
                open.push(choice);
            }
            text.push_str(words);
            if !asked.is_empty() {
                gathered.add(choice, scope, words);
            }
            // About more than anybody takes, nobody decides.
            if !asked_at_end.is_empty() && all.new_chars <= *all_chars_max {
                all.add(choice, scope, words);
            }
        };
        scout.push(&bytes, &mut Vec::new(), &mut watch);
        if end && !scout.seen().done {
            scout.end(&mut Vec::new(), &mut watch);
        }
        if end && !stopped {
            stopped = books.end_guarding().is_break();
        }
        self.held_bytes += bytes.len();
        let asked = text.is_empty() || self.asked.is_empty();
        self.held.push_back(Piece { bytes, text, open, asked });
        stopped
    }

    /// Asks about what has come since the last time. True where somebody stops it.
    async fn ask(&mut self, books: &mut Settlement) -> bool {
        if self.asked.is_empty() {
            return false;
        }
        let stopped = !self.gathered.is_empty()
            && books.ask_about_stream(&self.asked, &self.gathered.passages, self.veil.as_ref()).await;
        self.gathered.begin_again();
        self.held.iter_mut().for_each(|piece| piece.asked = true);
        stopped
    }

    fn release(&mut self, all: bool) -> Passed {
        let mut out = Vec::new();
        while let Some(piece) = self.held.front() {
            if !all && self.may_stop && !(piece.open.is_empty() && piece.asked) {
                break;
            }
            if let Some(piece) = self.held.pop_front() {
                out.extend_from_slice(&piece.bytes);
            }
        }
        self.held_bytes = self.held.iter().map(|piece| piece.bytes.len()).sum();
        Passed::Go(out)
    }

    fn stop(&mut self) -> Passed {
        Passed::Stop(self.held.drain(..).map(|piece| piece.text).collect())
    }
}

/// A choice says more, or has ended: what it said before is decided.
fn close(held: &mut VecDeque<Piece>, choice: u32) {
    for piece in held {
        piece.open.retain(|open| *open != choice);
    }
}

/// Whose words an event holds.
fn said<'e>(event: &'e Event<'_>) -> Option<(u32, Scope, &'e str)> {
    match event {
        Event::Text { choice, text } | Event::Thinking { choice, text } | Event::Refusal { choice, text } => {
            Some((*choice, Scope::Assistant, text))
        }
        Event::ToolArguments { choice, json, .. } => Some((*choice, Scope::ToolCalls, json)),
        Event::Start { .. }
        | Event::Citation { .. }
        | Event::Signature { .. }
        | Event::RedactedThinking { .. }
        | Event::ToolStart { .. }
        | Event::ToolSignature { .. }
        | Event::PartEnd { .. }
        | Event::Logprobs { .. }
        | Event::Finish { .. }
        | Event::Usage(_)
        | Event::ServiceTier(_)
        | Event::Ping
        | Event::Loss(_)
        | Event::Done
        | Event::Error(_) => None,
    }
}

/// What was said, to be asked about.
#[derive(Default)]
struct Gathered {
    passages: Vec<Passage>,
    /// How much of it is new, in characters.
    new_chars: usize,
    /// Since when there is something new.
    since: Option<Instant>,
}

impl Gathered {
    fn add(&mut self, choice: u32, scope: Scope, text: &str) {
        if text.is_empty() {
            return;
        }
        self.new_chars += text.chars().count();
        self.since.get_or_insert_with(Instant::now);
        match self.passages.iter_mut().find(|passage| (passage.choice, passage.scope) == (choice, scope)) {
            Some(passage) => passage.text.push_str(text),
            None => self.passages.push(Passage { choice, scope, text: text.to_owned() }),
        }
    }

    fn is_empty(&self) -> bool {
        self.new_chars == 0
    }

    /// Whether there is enough, or it has waited for long enough.
    fn is_due(&self, asked: &[Arc<Guard>]) -> bool {
        let calls = || asked.iter().filter_map(|guard| guard.asks.as_ref());
        let chars = calls().map(|call| call.manner.every_chars).min().unwrap_or(usize::MAX);
        let time = calls().map(|call| call.manner.every).min().unwrap_or(Duration::MAX);
        self.new_chars >= chars || self.since.is_some_and(|since| since.elapsed() >= time)
    }

    /// Keeps the end of what was asked about.
    fn begin_again(&mut self) {
        for passage in &mut self.passages {
            passage.text = last_chars(&passage.text, OVERLAP_CHARS).to_owned();
        }
        (self.new_chars, self.since) = (0, None);
    }
}
