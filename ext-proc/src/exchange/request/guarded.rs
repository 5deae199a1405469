//! What guards make of a request: it goes on, to another model, or no further.

use super::{Asked, Refusal};
use crate::config::compiled::Model;
use crate::exchange::message::Answer;
use crate::guards::{self, Direction, Guard};
use crate::limits::rule::Facts;
use attache_core::translate::{Ask, Preset};
use attache_core::usage::Usage;
use std::sync::Arc;

impl Asked {
    /// Has guards look at the client's own body: the model that serves, or the answer that is given instead.
    ///
    /// # Errors
    /// The refusal of the guard that stops it.
    pub(super) fn guarded(
        &mut self,
        ask: &Ask<'_>,
        body: &[u8],
        model: Arc<Model>,
    ) -> Result<Result<Arc<Model>, Answer>, Refusal> {
        let caller = self.books.caller().clone();
        let facts = Facts { caller: &caller, model: &ask.model, front: self.asking.front(), head: &self.head };
        guards::open(&mut self.books, &self.config, &facts, ask.endpoint());
        let said = self.books.guard_request(Some(body));
        self.followed(said, ask, model)
    }

    /// Has guards ask others about it: the same. `masked`: the body as the provider reads it.
    ///
    /// # Errors
    /// The refusal of the guard that stops it.
    pub(super) async fn others_asked(
        &mut self,
        ask: &Ask<'_>,
        original: &[u8],
        masked: &[u8],
        model: Arc<Model>,
    ) -> Result<Result<Arc<Model>, Answer>, Refusal> {
        let said = self.books.ask_about_request(Some(original), Some(masked)).await;
        self.followed(said, ask, model)
    }

    /// Does what guards say: the one that stops it, or else the one that has another model serve it.
    fn followed(
        &mut self,
        (stopped, instead): (Option<Arc<Guard>>, Option<Arc<Guard>>),
        ask: &Ask<'_>,
        model: Arc<Model>,
    ) -> Result<Result<Arc<Model>, Answer>, Refusal> {
        let Some(guard) = stopped else { return self.instead(model, instead).map(Ok) };
        self.books.model = model.name.clone();
        self.preset(&guard, ask).map(Err).ok_or(Refusal::Guarded(guard))
    }

    /// The model that serves in another one's place, where a guard names one that this caller may reach.
    fn instead(&mut self, model: Arc<Model>, guard: Option<Arc<Guard>>) -> Result<Arc<Model>, Refusal> {
        let Some(guard) = guard else { return Ok(model) };
        let other = guard.model().and_then(|name| self.config.model(name));
        match other.filter(|other| self.reachable(other).is_some()) {
            Some(other) => {
                self.books.served_instead_by(guard);
                Ok(other)
            }
            // It must not go to the one that was asked for.
            None => Err(Refusal::Guarded(guard)),
        }
    }

    /// The answer that a guard gives in a model's place; `None` where it refuses, or this is no chat.
    fn preset(&self, guard: &Guard, ask: &Ask<'_>) -> Option<Answer> {
        let id = format!("attache-{}", self.books.request_id);
        let model = &*ask.model;
        let preset = Preset { id: &id, model, text: guard.message()?, usage: Usage::default() };
        let way_back = ask.answered_here(self.books.now());
        let body = way_back.preset(&preset)?;
        let mut headers = vec![(guards::HEADER.into(), guard.name.to_string())];
        if ask.stream {
            headers.push(("content-type".into(), way_back.stream_content_type().to_owned()));
        }
        Some(Answer { status: 200, headers, body, details: "attache_guard".to_owned(), ..Answer::default() })
    }
}

/// The error of a guard that stops a request.
pub(super) fn refusal(guard: &Guard, dialect: attache_core::dialect::Dialect) -> (Answer, attache_core::fault::Fault) {
    let fault = guard.fault(Direction::Request);
    let mut answer = Answer::fault(dialect, &fault);
    answer.headers.push((guards::HEADER.into(), guard.name.to_string()));
    (answer, fault)
}
