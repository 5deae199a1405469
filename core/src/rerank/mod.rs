//! Reranking: documents put in order by a query, in Cohere's shape and in the one that Jina and vLLM share.
//!
//! The two differ in little: Cohere's `v2` takes texts only and gives back places and scores; the other takes texts or
//! objects with a text in them and gives the documents back too, unless told not to. Scores travel as they were written.

mod cohere;
mod jina;

#[cfg(test)]
mod tests;

use crate::dialect::wire::{self, Raw};
use crate::dialect::{Dialect, Encoded};
use crate::fault::{Fault, FaultKind};
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;

/// How a request to rerank and its answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `POST /v2/rerank`: <https://docs.cohere.com/reference/rerank>.
    Cohere,
    /// `POST /v1/rerank` of Jina (<https://api.jina.ai/redoc#tag/rerank>) and of vLLM
    /// (<https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api>).
    Jina,
}

impl Shape {
    /// The shape in which a provider of this dialect reranks; `None` where the dialect has none.
    pub fn of_upstream(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::Cohere => Some(Self::Cohere),
            Dialect::OpenAi | Dialect::Responses | Dialect::Completions => Some(Self::Jina),
            Dialect::Anthropic | Dialect::Gemini | Dialect::Converse => None,
        }
    }
}

/// What the answer's encoder must remember of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// So many documents were sent.
    documents: usize,
    /// Their texts, where the client gets them back.
    texts: Option<Vec<String>>,
}

/// A request to rerank.
#[derive(Debug, Default)]
struct Request<'a> {
    query: Str<'a>,
    documents: Vec<Document<'a>>,
    top_n: Option<u64>,
    /// From how many tokens on a document is cut.
    tokens_max: Option<u64>,
    /// The client gets the documents back.
    return_documents: bool,
    losses: Losses,
}

/// A document: its text, and what else is said of it.
#[derive(Debug)]
struct Document<'a> {
    text: Str<'a>,
    others: Vec<Str<'a>>,
}

/// An answer.
#[derive(Debug, Default)]
struct Response<'a> {
    id: Option<Str<'a>>,
    model: Option<Str<'a>>,
    results: Vec<Ranked<'a>>,
    usage: Option<Usage>,
    losses: Losses,
}

/// A document's place among those that were sent, and its score.
#[derive(Debug)]
struct Ranked<'a> {
    index: usize,
    score: Raw<'a>,
}

/// Makes the request for a provider out of a client's. `model` is the provider's own name.
///
/// # Errors
/// A [`Fault`] that names the field, for a body that is no request of the front.
pub fn encode(front: Shape, upstream: Shape, body: &[u8], model: &str) -> Result<(Encoded, Asked), Fault> {
    let mut request = decode(front, body)?;
    let mut losses = std::mem::take(&mut request.losses);
    let body = match upstream {
        Shape::Cohere => cohere::encode(&request, model, &mut losses),
        Shape::Jina => jina::encode(&request, model, &mut losses),
    };
    let texts = || request.documents.iter().map(|document| document.text.as_str().to_owned()).collect();
    let asked = Asked { documents: request.documents.len(), texts: request.return_documents.then(texts) };
    Ok((Encoded { body, losses }, asked))
}

/// Makes the client's answer out of a provider's (HTTP 200). `model` is the name that the client is told. Cohere counts
/// searches and no tokens.
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that holds no results, or one for a document that was not sent.
pub fn answer(
    front: Shape,
    upstream: Shape,
    asked: &Asked,
    model: &str,
    body: &[u8],
) -> Result<(Vec<u8>, Option<Usage>, Losses), Fault> {
    let mut response = decode_answer(upstream, body)?;
    if let Some(wrong) = response.results.iter().find(|result| result.index >= asked.documents) {
        let message =
            format!("the provider ranked document {} of {}, which was not sent", wrong.index, asked.documents);
        return Err(Fault::upstream(message));
    }
    let mut losses = std::mem::take(&mut response.losses);
    let body = match front {
        Shape::Cohere => cohere::encode_answer(&response),
        Shape::Jina => jina::encode_answer(&response, asked, model, &mut losses),
    };
    Ok((body, response.usage, losses))
}

/// Reads what an answer says of tokens; `None` for one that says nothing.
pub fn usage(shape: Shape, body: &[u8]) -> Option<Usage> {
    decode_answer(shape, body).ok()?.usage
}

/// Whether a body is an answer: it holds a result at least.
pub(crate) fn answers(shape: Shape, body: &[u8]) -> bool {
    decode_answer(shape, body).is_ok_and(|answer| !answer.results.is_empty())
}

/// Shows every text of a request: the query and each document. Nothing of one that does not read.
pub fn texts(shape: Shape, body: &[u8], each: &mut dyn FnMut(&str)) {
    let Ok(request) = decode(shape, body) else { return };
    each(&request.query);
    request.documents.iter().for_each(|document| each(&document.text));
}

fn decode(shape: Shape, body: &[u8]) -> Result<Request<'_>, Fault> {
    if wire::has_too_many_values(body) {
        let message = format!("the body holds more than {} JSON values", wire::VALUES_MAX);
        return Err(Fault::new(FaultKind::TooLarge, message));
    }
    let request = match shape {
        Shape::Cohere => cohere::decode(body),
        Shape::Jina => jina::decode(body),
    }?;
    if request.documents.is_empty() {
        return Err(Fault::invalid("documents: one at least is needed").with_param("documents"));
    }
    Ok(request)
}

fn decode_answer(shape: Shape, body: &[u8]) -> Result<Response<'_>, Fault> {
    match shape {
        Shape::Cohere => cohere::decode_answer(body),
        Shape::Jina => jina::decode_answer(body),
    }
}

fn missing(field: &'static str) -> Fault {
    Fault::invalid(format!("{field}: this field is required")).with_param(field)
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Document<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or an object with a `text`")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Document { text: Str::from(text), others: Vec::new() })
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Document { text: Str::from(text.to_owned()), others: Vec::new() })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut text = None;
                let mut others = Vec::new();
                while let Some(key) = map.next_key::<Str<'de>>()? {
                    if key == "text" {
                        text = Some(map.next_value()?);
                        continue;
                    }
                    map.next_value::<serde::de::IgnoredAny>()?;
                    if others.len() < wire::UNKNOWN_MAX {
                        others.push(key);
                    }
                }
                let text = text.ok_or_else(|| serde::de::Error::missing_field("text"))?;
                Ok(Document { text, others })
            }
        }

        deserializer.deserialize_any(Either)
    }
}
