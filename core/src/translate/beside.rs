//! What is asked for beside chats: vectors and rankings, each with a small hub of its own.

use super::answer::Answer;
use super::ask::{Ask, Translated};
use crate::dialect::{Dialect, Upstream};
use crate::edit::Object;
use crate::endpoint::{Endpoint, Hosting, Operation};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::usage::Usage;
use crate::{embed, rerank, told};
use std::borrow::Cow;

/// What the way back of such an answer must remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Vectors, from one shape to another.
    Vectors { front: embed::Shape, upstream: embed::Shape, asked: embed::Asked, model: String },
    /// Vectors in the provider's own shape.
    SameVectors(embed::Shape),
    /// A ranking, from one shape to another.
    Ranking { front: rerank::Shape, upstream: rerank::Shape, asked: rerank::Asked, model: String },
    /// A ranking in the provider's own shape.
    SameRanking(rerank::Shape),
}

/// An answer in the client's shape, its usage, and what it could not carry.
pub(super) type Made = (Vec<u8>, Option<Usage>, Losses);

impl Beside {
    /// The client's answer; `None` where the provider's own bytes are right.
    pub(super) fn answer(&self, body: &[u8]) -> Result<Option<Made>, Fault> {
        match self {
            Self::Vectors { front, upstream, asked, model } => {
                embed::answer(*front, *upstream, asked, model, body).map(Some)
            }
            Self::Ranking { front, upstream, asked, model } => {
                rerank::answer(*front, *upstream, asked, model, body).map(Some)
            }
            Self::SameVectors(_) | Self::SameRanking(_) => Ok(None),
        }
    }

    /// Whether a body in the client's shape is an answer: it holds a vector or a result at least.
    pub(super) fn answers(&self, body: &[u8]) -> bool {
        match self {
            Self::Vectors { front, .. } | Self::SameVectors(front) => embed::answers(*front, body),
            Self::Ranking { front, .. } | Self::SameRanking(front) => rerank::answers(*front, body),
        }
    }
}

/// What an answer that passes as it is says of its usage.
pub(super) fn usage(beside: Option<&Beside>, body: &[u8]) -> Option<Usage> {
    match beside {
        Some(Beside::SameVectors(shape) | Beside::Vectors { upstream: shape, .. }) => embed::usage(*shape, body),
        Some(Beside::SameRanking(shape) | Beside::Ranking { upstream: shape, .. }) => rerank::usage(*shape, body),
        None => told::of_answer(body).tokens,
    }
}

/// The same of an answer to a request that nobody has read.
pub(super) fn usage_of(endpoint: &Endpoint, body: &[u8]) -> Option<Usage> {
    match endpoint.operation {
        Operation::Embed => {
            let unread = Object::read(b"{}").ok()?;
            embed::usage(front_shape(endpoint, &unread), body)
        }
        Operation::Rerank => rerank::usage(rerank::Shape::of_upstream(endpoint.dialect)?, body),
        Operation::Chat | Operation::Count | Operation::Invoke | Operation::Pass | Operation::Other => {
            told::of_answer(body).tokens
        }
    }
}

impl Ask<'_> {
    /// A request for vectors.
    pub(super) fn embed(
        &self,
        dialect: Dialect,
        upstream: &Upstream,
        path: Cow<'static, str>,
        answer: Answer,
    ) -> Result<Translated, Fault> {
        let front = front_shape(&self.endpoint, &self.object);
        let to = upstream_shape(dialect, upstream, front).ok_or_else(|| no_vectors(&upstream.model))?;
        if front == to {
            let body = if dialect == Dialect::Gemini { self.renamed_parts(upstream) } else { self.renamed(upstream)? };
            let answer = answer.beside(Beside::SameVectors(to));
            return Ok(Translated { path, body, losses: Losses::default(), answer });
        }
        let (encoded, asked) = embed::encode(front, to, self.body, &embed::Target::new(&upstream.model))?;
        let model = self.model.to_string();
        let answer = answer.beside(Beside::Vectors { front, upstream: to, asked, model });
        Ok(Translated { path, body: Some(encoded.body), losses: encoded.losses, answer })
    }

    /// A request for a ranking.
    pub(super) fn rerank(
        &self,
        dialect: Dialect,
        upstream: &Upstream,
        path: Cow<'static, str>,
        answer: Answer,
    ) -> Result<Translated, Fault> {
        let shape = |dialect| rerank::Shape::of_upstream(dialect).unwrap_or(rerank::Shape::Jina);
        let (front, to) = (shape(self.endpoint.dialect), shape(dialect));
        if front == to {
            let answer = answer.beside(Beside::SameRanking(to));
            return Ok(Translated { path, body: self.renamed(upstream)?, losses: Losses::default(), answer });
        }
        let (encoded, asked) = rerank::encode(front, to, self.body, &upstream.model)?;
        let answer = answer.beside(Beside::Ranking { front, upstream: to, asked, model: self.model.to_string() });
        Ok(Translated { path, body: Some(encoded.body), losses: encoded.losses, answer })
    }

    /// The tokens, or at least the texts, of a request for vectors or a ranking.
    pub fn texts(&self, each: &mut dyn FnMut(embed::Said<'_>)) {
        match rerank::Shape::of_upstream(self.endpoint.dialect) {
            Some(shape) if self.endpoint.operation == Operation::Rerank => {
                rerank::texts(shape, self.body, &mut |text| each(embed::Said::Text(text)));
            }
            _ => embed::texts(front_shape(&self.endpoint, &self.object), self.body, each),
        }
    }

    /// Google's SDKs repeat the model in the body, and in each part of a batch.
    fn renamed_parts(&self, upstream: &Upstream) -> Option<Vec<u8>> {
        let model = format!("models/{}", upstream.model);
        let mut edit = self.object.edit();
        if self.object.raw("model").is_some() {
            edit.set_str("model", &model);
        }
        let parts = self.object.raw("requests").and_then(|parts| {
            let parts: Vec<&serde_json::value::RawValue> = serde_json::from_str(parts).ok()?;
            let renamed = parts.iter().map(|part| {
                let part = Object::read(part.get().as_bytes()).ok()?;
                let mut edit = part.edit();
                edit.set_str("model", &model);
                String::from_utf8(edit.write()).ok()
            });
            Some(renamed.collect::<Option<Vec<_>>>()?.join(","))
        });
        if let Some(parts) = parts {
            edit.set("requests", &format!("[{parts}]"));
        }
        (!edit.is_empty()).then(|| edit.write())
    }
}

/// The shape in which a client asks for vectors.
fn front_shape(endpoint: &Endpoint, body: &Object<'_>) -> embed::Shape {
    match endpoint.dialect {
        Dialect::Gemini if endpoint.tail == ":predict" => embed::Shape::Vertex,
        Dialect::Gemini if endpoint.tail == ":embedContent" => embed::Shape::Gemini,
        Dialect::Gemini => embed::Shape::GeminiBatch,
        Dialect::Cohere => embed::Shape::Cohere,
        Dialect::Converse if body.raw("input_type").is_some() => embed::Shape::CohereBedrock,
        Dialect::Converse => embed::Shape::Titan,
        Dialect::OpenAi | Dialect::Responses | Dialect::Completions | Dialect::Anthropic => embed::Shape::OpenAi,
    }
}

/// The shape in which an upstream is asked.
fn upstream_shape(dialect: Dialect, upstream: &Upstream, front: embed::Shape) -> Option<embed::Shape> {
    match dialect {
        Dialect::Gemini if upstream.hosting == Hosting::Vertex => Some(embed::Shape::Vertex),
        // The path follows the client's own way.
        Dialect::Gemini if front == embed::Shape::Gemini => Some(front),
        // A model by another name (an alias, a profile) is asked as the client asks.
        Dialect::Converse => embed::Shape::of_bedrock(&upstream.model)
            .or_else(|| matches!(front, embed::Shape::Titan | embed::Shape::CohereBedrock).then_some(front)),
        Dialect::OpenAi
        | Dialect::Responses
        | Dialect::Completions
        | Dialect::Anthropic
        | Dialect::Gemini
        | Dialect::Cohere => embed::Shape::of_upstream(dialect, &upstream.model),
    }
}

fn no_vectors(model: &str) -> Fault {
    let message = format!("`{model}` is no model for embeddings that is known here; ask for another model");
    Fault::invalid(message).with_code("unsupported_endpoint")
}
