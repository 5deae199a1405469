//! The answers that are kept, for those who refer to them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::request::Request;

/// Most answers that are kept; the oldest goes first.
const ANSWERS_MAX: usize = 1000;

/// What is kept of all exchanges.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<VecDeque<Kept>>);

/// One exchange.
#[derive(Debug)]
struct Kept {
    id: String,
    answer: Value,
    /// All that was said up to and with the answer.
    conversation: Vec<Value>,
}

impl Store {
    /// Keeps an answer.
    pub(super) fn keep(&self, request: &Request, answer: &Value) {
        let id = answer.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let output = answer.get("output").and_then(Value::as_array).into_iter().flatten();
        let conversation = request.conversation.iter().chain(output).cloned().collect();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Kept { id, answer: answer.clone(), conversation });
        if kept.len() > ANSWERS_MAX {
            kept.pop_front();
        }
    }

    pub(super) fn answer(&self, id: &str) -> Option<Value> {
        self.find(id, |kept| kept.answer.clone())
    }

    /// What was said up to and with an answer.
    pub(super) fn conversation(&self, id: &str) -> Option<Vec<Value>> {
        self.find(id, |kept| kept.conversation.clone())
    }

    /// Forgets an answer; there was one.
    pub(super) fn forget(&self, id: &str) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.len();
        kept.retain(|kept| kept.id != id);
        kept.len() < before
    }

    /// Whether an item of this id was part of an answer that is kept.
    pub(super) fn has_item(&self, id: &str) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().flat_map(|kept| &kept.conversation).any(|item| item.get("id").is_some_and(|known| known == id))
    }

    fn find<T>(&self, id: &str, tell: impl Fn(&Kept) -> T) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|kept| kept.id == id).map(tell)
    }
}
