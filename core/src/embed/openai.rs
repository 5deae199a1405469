//! OpenAI's embeddings: <https://platform.openai.com/docs/api-reference/embeddings>.
//!
//! Usage: `prompt_tokens` are all there is. Beside the documented fields an `input_type` is read, which services of this
//! dialect have (NVIDIA, Voyage), for models that want to know it.

use super::request::{Encoding, Field, Input, Names, Purpose, Request, Truncate, part};
use super::response::{self, Response, written};
use super::vectors::Vector;
use super::{Asked, Target};
use crate::dialect::wire::{BadJson, Count, Raw, read, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

static NAMES: Names = Names {
    inputs: "input",
    encodings: "encoding_format",
    dimensions: "dimensions",
    purpose: "input_type",
    title: "",
    truncate: "",
    tokens_max: "",
    normalize: "",
    user: "user",
};

wire! {
    struct Body<'a> {
        model: IgnoredAny,
        input: Raw<'a>,
        dimensions: u64,
        encoding_format: Str<'a>,
        input_type: Str<'a>,
        user: Str<'a>,
    }
}

pub(super) fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(BadJson::of_request)?;
    let mut request = Request::new(&NAMES);
    request.losses = unknown(&body.unknown);
    request.inputs = body.input.map(inputs).transpose()?.unwrap_or_default();
    request.dimensions = body.dimensions;
    request.purpose = Purpose::noted(body.input_type.as_deref(), NAMES.purpose, &mut request.losses);
    request.user = body.user;
    if let Some(name) = body.encoding_format {
        request.encodings.push(Encoding::read(&name, &[Encoding::Float, Encoding::Base64], NAMES.encodings)?);
    }
    Ok(request)
}

fn unknown(names: &[Str<'_>]) -> Losses {
    let mut losses = Losses::default();
    names.iter().for_each(|name| losses.add_unknown("", name));
    losses
}

/// `input` is a text, texts, a list of tokens, or lists of tokens.
fn inputs(json: Raw<'_>) -> Result<Vec<Input<'_>>, Fault> {
    if !json.get().starts_with('[') {
        return Ok(vec![Input::Text(part(json, NAMES.inputs)?)]);
    }
    let list: Vec<Raw<'_>> = part(json, NAMES.inputs)?;
    if list.first().is_some_and(|first| is_number(first)) {
        return Ok(vec![tokens(json)?]);
    }
    list.into_iter()
        .map(|item| if item.get().starts_with('[') { tokens(item) } else { Ok(Input::Text(part(item, NAMES.inputs)?)) })
        .collect()
}

fn tokens(json: Raw<'_>) -> Result<Input<'_>, Fault> {
    let numbers: Vec<u64> = part(json, NAMES.inputs)?;
    if numbers.is_empty() {
        return Err(Fault::invalid("input: a list of tokens needs one at least").with_param(NAMES.inputs));
    }
    Ok(Input::Tokens(json))
}

fn is_number(json: &RawValue) -> bool {
    json.get().starts_with(|first: char| first.is_ascii_digit())
}

#[derive(Serialize)]
struct BodyOut<'a> {
    model: &'a str,
    input: OneOrMany<InputOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum InputOut<'a> {
    Text(Str<'a>),
    Tokens(&'a RawValue),
}

pub(super) fn encode(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    let mut carried = vec![Field::Dimensions, Field::User];
    // Inputs that are too long are refused anyway.
    carried.extend((request.truncate == Some(Truncate::Refuse)).then_some(Field::Truncate));
    // As are vectors of any other length than 1.
    carried.extend((request.normalize == Some(true)).then_some(Field::Normalize));
    request.lose_all_but(&carried, losses);
    let input = |input| match input {
        &Input::Tokens(numbers) => Ok(InputOut::Tokens(numbers)),
        text @ (Input::Text(_) | Input::Pieces(_)) => text.as_text(request.names, losses).map(InputOut::Text),
    };
    let mut inputs = request.inputs.iter().map(input).collect::<Result<Vec<_>, Fault>>()?;
    let one = if inputs.len() == 1 { inputs.pop() } else { None };
    let format = |encoding: &Encoding| if *encoding == Encoding::Base64 { "base64" } else { "float" };
    let body = BodyOut {
        model: target.model,
        input: one.map_or(OneOrMany::Many(inputs), OneOrMany::One),
        dimensions: request.dimensions,
        encoding_format: request.encodings.first().map(format),
        user: request.user.as_deref(),
    };
    Ok(written(&body))
}

wire! {
    struct Answer<'a> {
        object: IgnoredAny,
        data: Vec<Item<'a>>,
        model: Str<'a>,
        usage: Counts<'a>,
        id: Str<'a>,
        created: IgnoredAny,
    }
}

wire! {
    struct Item<'a> { object: IgnoredAny, index: Count, embedding: Raw<'a> }
}

wire! {
    struct Counts<'a> { prompt_tokens: Count, total_tokens: Count }
}

pub(super) fn decode_answer(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(response::unreadable)?;
    let mut items = answer.data.unwrap_or_default();
    // Nobody promises that they come in the order of the inputs.
    if items.iter().all(|item| item.index.is_some()) {
        items.sort_by_key(|item| item.index.map(|index| index.0));
    }
    let missing = || Fault::upstream("the provider's answer has an item without an embedding");
    let vectors: Vec<Vector<'_>> =
        items.iter().map(|item| Vector::read(item.embedding.ok_or_else(missing)?)).collect::<Result<_, _>>()?;
    let is_base64 = matches!(vectors.first(), Some(Vector::Base64(_)));
    let encoding = if is_base64 { Encoding::Base64 } else { Encoding::Float };
    let counts = answer.usage.unwrap_or_default();
    let input = counts.prompt_tokens.or(counts.total_tokens);
    Ok(Response {
        id: answer.id,
        model: answer.model,
        sets: vec![(encoding, vectors)],
        usage: input.map(|input| Usage { input: input.0, ..Usage::default() }),
        losses: unknown(&answer.unknown),
    })
}

#[derive(Serialize)]
struct AnswerOut<'a> {
    object: &'static str,
    data: Vec<ItemOut<'a>>,
    model: &'a str,
    usage: CountsOut,
}

#[derive(Serialize)]
struct ItemOut<'a> {
    object: &'static str,
    index: usize,
    embedding: EmbeddingOut<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EmbeddingOut<'a> {
    Numbers(Cow<'a, RawValue>),
    Base64(Cow<'a, str>),
}

#[derive(Serialize)]
struct CountsOut {
    prompt_tokens: u64,
    total_tokens: u64,
}

pub(super) fn encode_answer(
    response: &Response<'_>,
    asked: &Asked,
    model: &str,
    losses: &mut Losses,
) -> Result<Vec<u8>, Fault> {
    let encoding = asked.encodings.first().copied().unwrap_or(Encoding::Float);
    let mut data = Vec::with_capacity(asked.inputs);
    for (index, vector) in response.vectors(encoding)?.iter().enumerate() {
        data.push(ItemOut { object: "embedding", index, embedding: embedding(vector, encoding)? });
    }
    if response.usage.is_none() {
        losses.add("usage");
    }
    let input = response.usage.unwrap_or_default().input;
    let model = response.model.as_deref().unwrap_or(model);
    let usage = CountsOut { prompt_tokens: input, total_tokens: input };
    Ok(written(&AnswerOut { object: "list", data, model, usage }))
}

fn embedding<'a>(vector: &'a Vector<'_>, encoding: Encoding) -> Result<EmbeddingOut<'a>, Fault> {
    if encoding == Encoding::Base64 {
        vector.base64().map(EmbeddingOut::Base64)
    } else {
        vector.numbers().map(EmbeddingOut::Numbers)
    }
}
