//! Every API beside the chats: embeddings, reranking, images, sound, moderation, files.
//!
//! Facts: the types of the providers' SDKs and their references, each named in its file. Answers are made up, but the same
//! for the same request: vectors, scores and sizes can be compared.

mod amazon;
mod audio;
mod cohere;
mod embeddings;
mod files;
mod form;
mod images;
mod moderations;
mod rerank;
mod vector;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::openai;
use crate::script::Script;
use crate::sse::Event;

/// A request to one of these APIs.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
    pub(crate) script: &'a Script,
    /// The number of the request: ids are made from it.
    pub(crate) n: u64,
    /// Unix seconds.
    pub(crate) created: u64,
    /// The script wants requests judged.
    pub(crate) validates: bool,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content: Content,
}

/// Its body.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    Events(Vec<Event>),
}

impl Answer {
    fn of(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status: 200, content_type, headers: Vec::new(), content: Content::Whole(body.into()) }
    }

    fn json(body: &Value) -> Self {
        Self::of("application/json", body.to_string())
    }

    /// A refusal in OpenAI's words.
    pub(crate) fn refusal(fault: &Fault) -> Self {
        Self { status: fault.status, ..Self::of("application/json", openai::error::body(fault)) }
    }

    fn events(events: Vec<Event>) -> Self {
        let content = Content::Events(events);
        Self { status: 200, content_type: "text/event-stream; charset=utf-8", headers: Vec::new(), content }
    }
}

/// Answers a request; `None` for a path that is none of these APIs'.
pub(crate) fn reply(call: Call<'_>) -> Option<Result<Answer, Fault>> {
    let post: fn(Call<'_>) -> Result<Answer, Fault> = match call.path {
        "/v1/embeddings" => embeddings::answer,
        "/v1/rerank" => rerank::answer,
        "/v1/moderations" => moderations::answer,
        "/v1/images/generations" => images::generate,
        "/v1/images/edits" => images::edit,
        "/v1/images/variations" => images::vary,
        "/v1/audio/speech" => audio::speak,
        "/v1/audio/transcriptions" => audio::transcribe,
        "/v1/audio/translations" => audio::translate,
        "/v2/embed" => |call| Ok(cohere::embed(call)),
        "/v2/rerank" => |call| Ok(cohere::rerank(call)),
        path if path == "/v1/files" || path.starts_with("/v1/files/") => return Some(files::answer(call)),
        path => {
            let model = amazon::embedding_model(path)?;
            return Some(Ok(amazon::invoke(call, &model)));
        }
    };
    if call.method == Method::POST {
        Some(post(call))
    } else {
        Some(Err(openai::error::wrong_method(call.method, call.path)))
    }
}

impl Call<'_> {
    fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn is_form(&self) -> bool {
        self.content_type().starts_with("multipart/form-data")
    }

    /// The body as a JSON object of OpenAI's API, with only these parameters.
    fn json(&self, known: &[(&str, openai::request::Kind, bool)]) -> Result<Map<String, Value>, Fault> {
        let kind = self.content_type();
        if self.validates && kind.split(';').next().is_none_or(|kind| kind.trim() != "application/json") {
            let message = format!(
                "Unsupported content type: '{kind}'. This API method only accepts 'application/json' requests, but you \
                 specified the header 'Content-Type: {kind}'. Please try again with a supported content type."
            );
            return Err(Fault::invalid(message).code("unsupported_content_type"));
        }
        let Ok(Value::Object(request)) = serde_json::from_slice(self.body) else {
            return Err(openai::request::not_json());
        };
        if self.validates {
            openai::request::check_parameters(&request, known)?;
        }
        Ok(request)
    }

    /// What the script says of usage, or this.
    fn usage(&self, usage: Value) -> Option<Value> {
        if self.script.omit_usage {
            return None;
        }
        Some(self.script.usage.as_ref().map_or(usage, |usage| Value::Object(usage.clone())))
    }
}

/// A field that must be a text with something in it.
fn required<'a>(request: &'a Map<String, Value>, name: &str) -> Result<&'a str, Fault> {
    let text = request.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| openai::request::missing(name))
}

fn event(name: &'static str, data: &Value, is_delta: bool) -> Event {
    Event { name, data: data.to_string().into(), is_delta }
}

/// Gives a JSON object one member more.
pub(crate) fn set(object: &mut Value, name: &str, member: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}
