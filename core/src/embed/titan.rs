//! Amazon Titan text embeddings, versions 1 and 2, as Bedrock's `InvokeModel` takes them:
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html>.
//!
//! One text for a call. Usage: `inputTextTokenCount`. Version 1 knows nothing but the text.

use super::Target;
use super::request::{Encoding, Field, Input, Names, Piece, Request, Truncate};
use super::response::{self, Response, written};
use super::vectors::Vector;
use crate::dialect::wire::{BadJson, Count, Raw, read, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde::Serialize;
use serde_json::value::RawValue;

static NAMES: Names = Names {
    inputs: "inputText",
    encodings: "embeddingTypes",
    dimensions: "dimensions",
    purpose: "",
    title: "",
    truncate: "",
    tokens_max: "",
    normalize: "normalize",
    user: "",
};

const ENCODINGS: [Encoding; 2] = [Encoding::Float, Encoding::TitanBinary];

wire! {
    struct Body<'a> {
        text "inputText": Str<'a>,
        image "inputImage": Str<'a>,
        dimensions: u64,
        normalize: bool,
        encodings "embeddingTypes": Vec<Str<'a>>,
    }
}

pub(super) fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(BadJson::of_request)?;
    let mut request = Request::new(&NAMES);
    body.unknown.iter().for_each(|name| request.losses.add_unknown("", name));
    let image = body.image.map(|_| Piece::Foreign("images"));
    let pieces: Vec<Piece<'_>> = body.text.map(Piece::Text).into_iter().chain(image).collect();
    if !pieces.is_empty() {
        request.inputs.push(Input::of(pieces));
    }
    request.dimensions = body.dimensions;
    request.normalize = body.normalize;
    for name in body.encodings.unwrap_or_default() {
        request.encodings.push(Encoding::read(&name, &ENCODINGS, NAMES.encodings)?);
    }
    Ok(request)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BodyOut<'a> {
    input_text: Str<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalize: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    embedding_types: Vec<&'static str>,
}

pub(super) fn encode(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    let [input] = request.inputs.as_slice() else {
        let message = format!("{}: this model takes one input at a time; send them one by one", request.names.inputs);
        return Err(Fault::invalid(message).with_param(request.names.inputs));
    };
    let is_first_version = target.model.contains("titan-embed-text-v1") || target.model.contains("titan-embed-g1");
    let mut carried = if is_first_version { vec![] } else { vec![Field::Dimensions, Field::Normalize] };
    carried.extend((request.truncate == Some(Truncate::Refuse)).then_some(Field::Truncate));
    request.lose_all_but(&carried, losses);
    let wants_binary = request.encodings.contains(&Encoding::TitanBinary);
    let body = BodyOut {
        input_text: input.as_text(request.names, losses)?,
        dimensions: request.dimensions.filter(|_| !is_first_version),
        normalize: request.normalize.filter(|_| !is_first_version),
        embedding_types: if wants_binary { request.encodings.iter().map(|one| one.as_str()).collect() } else { vec![] },
    };
    Ok(written(&body))
}

wire! {
    struct Answer<'a> {
        embedding: Raw<'a>,
        tokens "inputTextTokenCount": Count,
        by_type "embeddingsByType": ByType<'a>,
        message: Str<'a>,
    }
}

wire! {
    struct ByType<'a> { float: Raw<'a>, binary: Raw<'a> }
}

pub(super) fn decode_answer(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(response::unreadable)?;
    // Where an image is at fault, this model says so in an answer of HTTP 200.
    if let Some(message) = answer.message.filter(|_| answer.embedding.is_none()) {
        return Err(Fault::upstream(message.into_string()));
    }
    let mut losses = Losses::default();
    answer.unknown.iter().for_each(|name| losses.add_unknown("", name));
    let by_type = answer.by_type.unwrap_or_default();
    let mut sets = Vec::new();
    if let Some(json) = answer.embedding.or(by_type.float) {
        sets.push((Encoding::Float, vec![Vector::read(json)?]));
    }
    if let Some(json) = by_type.binary {
        sets.push((Encoding::TitanBinary, vec![Vector::read(json)?]));
    }
    let usage = answer.tokens.map(|input| Usage { input: input.0, ..Usage::default() });
    Ok(Response { sets, usage, losses, ..Response::default() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnswerOut<'a> {
    embedding: &'a RawValue,
    embeddings_by_type: ByTypeOut<'a>,
    input_text_token_count: u64,
}

#[derive(Serialize)]
struct ByTypeOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    binary: Option<&'a RawValue>,
    float: &'a RawValue,
}

pub(super) fn encode_answer(response: &Response<'_>, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    let missing = || Fault::upstream("the provider's answer holds no embedding");
    let floats = response.numbers(Encoding::Float)?;
    let binary = response.numbers(Encoding::TitanBinary).unwrap_or_default();
    let float = floats.first().ok_or_else(missing)?.as_ref();
    if response.usage.is_none() {
        losses.add("usage");
    }
    let body = AnswerOut {
        embedding: float,
        embeddings_by_type: ByTypeOut { binary: binary.first().map(AsRef::as_ref), float },
        input_text_token_count: response.usage.unwrap_or_default().input,
    };
    Ok(written(&body))
}
