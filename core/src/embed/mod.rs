//! Embeddings: requests and answers of every API that makes vectors, and the way between two of them.
//!
//! A small hub of its own beside [`crate::chat`]: inputs, how large and in which encoding the vectors are wanted, what for.
//! Vectors travel as they were written; only where one side speaks base64 and the other does not are they converted, bit
//! for bit (both are 32-bit floats, little-endian).
//!
//! Where both sides speak the same shape nothing here is needed but [`usage`] and [`texts`]: bytes pass as they are.

mod cohere;
mod gemini;
mod openai;
mod request;
mod response;
mod shape;
mod titan;
mod vectors;
mod vertex;

#[cfg(test)]
mod tests;

pub use request::{Purpose, Said};
pub use shape::Shape;

use crate::dialect::Encoded;
use crate::dialect::wire;
use crate::fault::{Fault, FaultKind};
use crate::loss::Losses;
use crate::usage::Usage;
use request::{Encoding, Request};
use response::Response;

/// Whom a request goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The provider's own model name.
    pub model: &'a str,
    /// What the vectors are for, for providers that must be told (Cohere), when the client did not say.
    pub purpose: Purpose,
}

impl<'a> Target<'a> {
    /// A target that takes inputs for documents: most vectors are made for an index.
    pub fn new(model: &'a str) -> Self {
        Self { model, purpose: Purpose::Document }
    }
}

/// What the answer's encoder must remember of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The encodings that the client named; none: it gets floats.
    encodings: Vec<Encoding>,
    /// So many vectors are owed.
    inputs: usize,
}

/// Makes the request for a provider out of a client's.
///
/// # Errors
/// A [`Fault`] that names the field, for a body that is no request of the front, and for one whose inputs or encodings
/// the provider does not take: without them there is no answer to the question.
pub fn encode(front: Shape, upstream: Shape, body: &[u8], target: &Target<'_>) -> Result<(Encoded, Asked), Fault> {
    let request = decode(front, body)?;
    if let Some(encoding) = request.encodings.iter().find(|encoding| !upstream.gives(**encoding)) {
        let message = format!("{}: this model does not give `{}`", request.names.encodings, encoding.as_str());
        return Err(Fault::invalid(message).with_param(request.names.encodings));
    }
    let mut losses = request.losses.clone();
    let body = match upstream {
        Shape::OpenAi => openai::encode(&request, target, &mut losses),
        Shape::Gemini => gemini::encode_one(&request, target, &mut losses),
        Shape::GeminiBatch => gemini::encode(&request, target, &mut losses),
        Shape::Vertex => vertex::encode(&request, &mut losses),
        Shape::Cohere => cohere::encode(&request, target, Some(target.model), &mut losses),
        Shape::CohereBedrock => cohere::encode(&request, target, None, &mut losses),
        Shape::Titan => titan::encode(&request, target, &mut losses),
    }?;
    let asked = Asked { inputs: request.inputs.len(), encodings: request.encodings };
    Ok((Encoded { body, losses }, asked))
}

/// Makes the client's answer out of a provider's (HTTP 200). `model` is the name that the client is told. What the provider
/// says of tokens is read on the way; some say it in a header only (Bedrock: `x-amzn-bedrock-input-token-count`).
///
/// # Errors
/// A [`Fault`] of kind `Upstream` for a body that holds no embeddings, or not as many as there were inputs.
pub fn answer(
    front: Shape,
    upstream: Shape,
    asked: &Asked,
    model: &str,
    body: &[u8],
) -> Result<(Vec<u8>, Option<Usage>, Losses), Fault> {
    let mut response = decode_answer(upstream, body)?;
    response.check(asked.inputs)?;
    let mut losses = std::mem::take(&mut response.losses);
    let body = match front {
        Shape::OpenAi => openai::encode_answer(&response, asked, model, &mut losses),
        Shape::Gemini => gemini::encode_one_answer(&response),
        Shape::GeminiBatch => gemini::encode_answer(&response),
        Shape::Vertex => vertex::encode_answer(&response),
        Shape::Cohere => cohere::encode_answer(&response, &asked.encodings, true),
        Shape::CohereBedrock => cohere::encode_answer(&response, &asked.encodings, !asked.encodings.is_empty()),
        Shape::Titan => titan::encode_answer(&response, &mut losses),
    }?;
    Ok((body, response.usage, losses))
}

/// Reads what an answer says of tokens; `None` for one that says nothing.
pub fn usage(shape: Shape, body: &[u8]) -> Option<Usage> {
    decode_answer(shape, body).ok()?.usage
}

/// Whether a body is an answer: it holds a vector at least, and none is missing.
pub(crate) fn answers(shape: Shape, body: &[u8]) -> bool {
    let holds = |answer: Response<'_>| answer.sets.iter().any(|(_, vectors)| !vectors.is_empty());
    decode_answer(shape, body).is_ok_and(holds)
}

/// Shows everything of a request that costs tokens. Nothing of one that does not read.
pub fn texts(shape: Shape, body: &[u8], each: &mut dyn FnMut(Said<'_>)) {
    let Ok(request) = decode(shape, body) else { return };
    for input in &request.inputs {
        input.said(each);
    }
}

fn decode(shape: Shape, body: &[u8]) -> Result<Request<'_>, Fault> {
    if wire::has_too_many_values(body) {
        let message = format!("the body holds more than {} JSON values", wire::VALUES_MAX);
        return Err(Fault::new(FaultKind::TooLarge, message));
    }
    let request = match shape {
        Shape::OpenAi => openai::decode(body),
        Shape::Gemini => gemini::decode_one(body),
        Shape::GeminiBatch => gemini::decode(body),
        Shape::Vertex => vertex::decode(body),
        Shape::Cohere | Shape::CohereBedrock => cohere::decode(body),
        Shape::Titan => titan::decode(body),
    }?;
    if request.inputs.is_empty() {
        let message = format!("{}: one at least is needed", request.names.inputs);
        return Err(Fault::invalid(message).with_param(request.names.inputs));
    }
    Ok(request)
}

fn decode_answer(shape: Shape, body: &[u8]) -> Result<Response<'_>, Fault> {
    match shape {
        Shape::OpenAi => openai::decode_answer(body),
        Shape::Gemini | Shape::GeminiBatch => gemini::decode_answer(body),
        Shape::Vertex => vertex::decode_answer(body),
        Shape::Cohere | Shape::CohereBedrock => cohere::decode_answer(body),
        Shape::Titan => titan::decode_answer(body),
    }
}
