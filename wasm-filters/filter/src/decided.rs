//! An exchange that is decided by its request: nobody looks at the answer.

use crate::{AnswerHead, Answered, Asked, Change, Form, Question, Stage, Told};
use attache_core::fault::Fault;

/// What becomes of the request, decided when the exchange began.
pub struct Decided {
    asked: Option<Asked>,
    told: Told,
}

impl Decided {
    /// This becomes of it, and this is told.
    pub(crate) fn new(asked: Asked, told: Told) -> Self {
        Self { asked: Some(asked), told }
    }
}

impl Stage for Decided {
    fn request(&mut self, _: &Question<'_>) -> Asked {
        self.asked.take().unwrap_or_else(|| Asked::Go(Change::default()))
    }

    fn wants_answer(&self) -> bool {
        false
    }

    fn answer(&mut self, _: &AnswerHead<'_>) -> Form {
        Form::Unread
    }

    fn whole(&mut self, _: &[u8]) -> Answered {
        Answered::Unchanged
    }

    fn chunk(&mut self, bytes: &[u8], _: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
    }

    fn unreadable(&mut self, _: &str) -> Option<Fault> {
        None
    }

    fn tell(&mut self, told: &mut Told) {
        told.counts.append(&mut self.told.counts);
        told.lines.append(&mut self.told.lines);
        told.facts.append(&mut self.told.facts);
    }
}
