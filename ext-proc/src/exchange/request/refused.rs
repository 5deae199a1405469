//! Answers of our own: refusals, the list of models.

use crate::callers::Stranger;
use crate::config::Config;
use crate::exchange::Exchange;
use crate::exchange::message::{Answer, Reply};
use crate::exchange::settle::{Ending, Settlement};
use crate::front;
use attache_core::dialect::Dialect;
use attache_core::fault::{Fault, FaultKind};
use attache_core::hybrid::MODEL_CHARS_MAX;

/// Answers somebody who is not let in.
pub(super) fn turn_away(books: Box<Settlement>, dialect: Dialect, stranger: &Stranger) -> (Exchange, Reply) {
    let fault = stranger.fault();
    let wait = stranger.retry_after_seconds().map(|seconds| ("retry-after".into(), seconds.to_string()));
    let mut answer = Answer::fault(dialect, &fault);
    answer.headers.extend(wait);
    refuse_with(books, answer, &fault)
}

pub(super) fn store_away() -> Fault {
    let message = "the gateway cannot look up its limits at the moment; try again";
    Fault::new(FaultKind::Overloaded, message).with_code("limits_unavailable")
}

pub(super) fn no_such_model(asked: &str) -> Fault {
    let message = format!("the model `{}` does not exist or you do not have access to it", shown(asked));
    Fault::new(FaultKind::NotFound, message).with_code("model_not_found").with_param("model")
}

/// The name of a model as a client wrote it, for messages and records: it may be as long as a body.
pub(super) fn shown(asked: &str) -> String {
    asked.chars().take(MODEL_CHARS_MAX).collect()
}

/// Answers with an error instead of going on.
pub(super) fn refuse(books: Box<Settlement>, front: Dialect, fault: &Fault) -> (Exchange, Reply) {
    refuse_with(books, Answer::fault(front, fault), fault)
}

pub(super) fn refuse_with(mut books: Box<Settlement>, mut answer: Answer, fault: &Fault) -> (Exchange, Reply) {
    answer.metadata.text("request_id", &books.request_id);
    books.tell_redactions(&mut answer.metadata);
    books.status = answer.status;
    books.fault = Some(fault.kind);
    books.ending = Ending::Answered;
    (Exchange::Over, Reply::Answer(answer))
}

/// Answers with the model list, or with one model.
pub(super) fn models(
    books: Box<Settlement>,
    dialect: Dialect,
    one: Option<&str>,
    config: &Config,
) -> (Exchange, Reply) {
    let listed = front::models(dialect, config, books.caller(), one);
    let Some(body) = listed else { return refuse(books, dialect, &no_such_model(one.unwrap_or_default())) };
    answer(books, body, "attache_models")
}

/// Answers without a provider.
pub(super) fn answer(books: Box<Settlement>, body: Vec<u8>, details: &str) -> (Exchange, Reply) {
    answer_with(books, Answer { status: 200, body, details: details.to_owned(), ..Answer::default() })
}

pub(super) fn answer_with(mut books: Box<Settlement>, mut answer: Answer) -> (Exchange, Reply) {
    books.status = answer.status;
    books.ending = Ending::Answered;
    answer.metadata.text("request_id", &books.request_id);
    books.tell_redactions(&mut answer.metadata);
    (Exchange::Over, Reply::Answer(answer))
}
