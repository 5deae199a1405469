//! What a proxy is told to do.

use crate::Reply;
use std::borrow::Cow;

/// What a proxy is to do next.
#[derive(Debug)]
pub enum Step {
    /// Go on, with these changes.
    Go(Change),
    /// Keep what there is, until more comes.
    Hold,
    /// Give this answer: to a request, or in place of an answer without a body.
    Answer(Reply),
    /// Break off: the head of an answer has gone on whose body must not, and nothing else fits behind that head.
    Break,
}

impl Step {
    /// Go on, with nothing changed.
    pub fn go() -> Self {
        Self::Go(Change::default())
    }
}

/// What changes in headers and body. Headers can change until they have gone on.
#[derive(Debug, Default)]
pub struct Change {
    /// Headers to set, after others were removed; also `:status`, `:path` and `:authority`. The last value of a name counts.
    pub set: Vec<(Cow<'static, str>, String)>,
    /// Headers to take away.
    pub remove: Vec<Cow<'static, str>>,
    /// Headers to take away whose names begin so.
    pub remove_prefixed: Option<&'static str>,
    /// What the body becomes: of what is there, all.
    pub body: Option<Vec<u8>>,
    /// Routes are matched again, by what the request's headers say now.
    pub reroute: bool,
}

impl Change {
    /// Sets a header.
    pub fn put(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.set.push((name.into(), value.into()));
    }

    /// Takes a header away.
    pub fn drop(&mut self, name: impl Into<Cow<'static, str>>) {
        self.remove.push(name.into());
    }

    /// Adds what another change says.
    pub fn append(&mut self, other: Self) {
        let Self { set, remove, remove_prefixed, body, reroute } = other;
        self.set.extend(set);
        self.remove.extend(remove);
        self.remove_prefixed = remove_prefixed.or(self.remove_prefixed);
        self.body = body.or_else(|| self.body.take());
        self.reroute |= reroute;
    }

    /// Asks for an answer that can be read: nobody here reads what is compressed.
    pub(crate) fn for_reading() -> Self {
        let mut change = Self::default();
        change.put("accept-encoding", "identity");
        change
    }

    /// What is left of it where headers have gone on.
    pub(crate) fn of_body(self) -> Self {
        Self { body: self.body, ..Self::default() }
    }
}

/// What operators learn.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Counters to add to: their names, and how much.
    pub counts: Vec<(String, u64)>,
    /// Lines of the audit log: what was stopped, by which rule; never a value.
    pub lines: Vec<String>,
    /// Facts about the exchange, for access logs and later filters: the proxy's filter state `wasm.NAME`.
    pub facts: Vec<(Cow<'static, str>, String)>,
}
