//! What a proxy is told to do.

use crate::Reply;

/// What a proxy is to do next.
#[derive(Debug)]
pub enum Step {
    /// Go on, with these changes.
    Go(Change),
    /// Keep what there is, until more comes.
    Hold,
    /// Give this answer. Only to a request.
    Answer(Reply),
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
    /// Headers to set, also `:status` and `:path`.
    pub set: Vec<(&'static str, String)>,
    /// Headers to take away.
    pub remove: Vec<&'static str>,
    /// What the body becomes: of what is there, all.
    pub body: Option<Vec<u8>>,
}

/// What operators learn.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Counters to add to: their names, and how much.
    pub counts: Vec<(String, u64)>,
    /// Lines of the audit log: what was stopped, by which rule; never a value.
    pub lines: Vec<String>,
}
