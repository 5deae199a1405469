//! OpenAI's responses: what a request must be, what is kept, and what the answer looks like.
//! Source: <https://platform.openai.com/docs/api-reference/responses> and the types of the official SDKs.

mod answer;
mod input;
pub(crate) mod request;
pub(crate) mod store;
pub(crate) mod stream;
mod tools;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::openai::error::{no_such_url, wrong_method};
use crate::script::Script;
use crate::sse::Event;
use crate::turn::Turn;
use store::Store;

/// Where answers are made and kept.
pub(crate) const PATH: &str = "/v1/responses";

/// Whether this API answers for the path.
pub(crate) fn serves(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is to be sent.
pub(crate) enum Content {
    Whole(Bytes),
    Events(Vec<Event>),
}

/// What every answer of one exchange repeats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// The number of the request: ids are made from it.
    pub(crate) n: u64,
    /// Unix seconds.
    pub(crate) created: u64,
}

/// Makes an answer.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn create(
    body: &[u8],
    validate: bool,
    script: &Script,
    stamp: Stamp,
    store: &Store,
) -> Result<Content, Fault> {
    let request = request::parse(body, validate, store)?;
    let turn = Turn::new(&request.asked, script);
    let answer = answer::of(&request, &turn, script, stamp);
    if request.stores {
        store.keep(&request, &answer);
    }
    Ok(if request.asked.stream && !script.json_instead_of_stream {
        Content::Events(stream::events(&answer, &request, script))
    } else {
        Content::Whole(Bytes::from(answer.to_string()))
    })
}

/// Answers for what has been kept.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn kept(method: &Method, path: &str, store: &Store) -> Result<Content, Fault> {
    let id = path.strip_prefix(PATH).and_then(|rest| rest.strip_prefix('/')).filter(|id| !id.contains('/'));
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return Err(if path == PATH { wrong_method(method, path) } else { no_such_url(method, path) });
    };
    let missing = || Fault { status: 404, ..Fault::invalid(format!("Response with id '{id}' not found.")) };
    let answer: Value = match *method {
        Method::GET => store.answer(id).ok_or_else(missing)?,
        Method::DELETE if store.forget(id) => json!({"id": id, "object": "response", "deleted": true}),
        Method::DELETE => return Err(missing()),
        _ => return Err(wrong_method(method, path)),
    };
    Ok(Content::Whole(Bytes::from(answer.to_string())))
}

/// A field of an object; null where there is none.
fn at<'v>(object: &'v Value, name: &str) -> &'v Value {
    object.get(name).unwrap_or(&Value::Null)
}

/// An object with the fields of another one, which replace its own.
fn with(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

#[cfg(test)]
mod tests;
