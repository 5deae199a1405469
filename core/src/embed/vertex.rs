//! `predict` of Vertex AI's text embedding models:
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api>.
//!
//! Usage: each vector tells the tokens of its own text (`statistics.token_count`). How many texts a call may have depends
//! on the model (of `gemini-embedding-001` it is one); the API says so itself.

use super::request::{Encoding, Field, Input, Names, Purpose, Request, Truncate, agreed};
use super::response::{self, Response, written};
use super::vectors::Vector;
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
    inputs: "instances",
    encodings: "",
    dimensions: "parameters.outputDimensionality",
    purpose: "instances.task_type",
    title: "instances.title",
    truncate: "parameters.autoTruncate",
    tokens_max: "",
    normalize: "",
    user: "",
};

wire! {
    struct Body<'a> { instances: Vec<Instance<'a>>, parameters: Parameters<'a> }
}

wire! {
    struct Instance<'a> { content: Str<'a>, task_type: Str<'a>, title: Str<'a> }
}

wire! {
    struct Parameters<'a> { truncate "autoTruncate": bool, dimensions "outputDimensionality": u64 }
}

pub(super) fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(BadJson::of_request)?;
    let mut request = Request::new(&NAMES);
    body.unknown.iter().for_each(|name| request.losses.add_unknown("", name));
    let parameters = body.parameters.unwrap_or_default();
    parameters.unknown.iter().for_each(|name| request.losses.add_unknown("parameters", name));
    request.dimensions = parameters.dimensions;
    request.truncate = parameters.truncate.map(|cuts| if cuts { Truncate::End } else { Truncate::Refuse });
    let mut instances = body.instances.unwrap_or_default();
    let purpose = agreed(instances.iter().map(|one| one.task_type.as_deref()), NAMES.purpose)?;
    request.purpose = Purpose::noted(purpose, NAMES.purpose, &mut request.losses);
    match agreed(instances.iter().map(|one| one.title.as_deref()), NAMES.title) {
        Ok(_) => request.title = instances.first_mut().and_then(|one| one.title.take()),
        Err(_) => request.losses.add(NAMES.title),
    }
    for instance in instances {
        instance.unknown.iter().for_each(|name| request.losses.add_unknown("instances", name));
        let missing = || Fault::invalid("instances.content: each instance needs its text").with_param(NAMES.inputs);
        request.inputs.push(Input::Text(instance.content.ok_or_else(missing)?));
    }
    Ok(request)
}

#[derive(Serialize)]
struct BodyOut<'a> {
    instances: Vec<InstanceOut<'a>>,
    #[serde(skip_serializing_if = "ParametersOut::is_empty")]
    parameters: ParametersOut,
}

#[derive(Serialize)]
struct InstanceOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    content: Str<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ParametersOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_truncate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
}

impl ParametersOut {
    fn is_empty(&self) -> bool {
        self.auto_truncate.is_none() && self.output_dimensionality.is_none()
    }
}

pub(super) fn encode(request: &Request<'_>, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    request.lose_all_but(&[Field::Dimensions, Field::Purpose, Field::Title, Field::Truncate], losses);
    if request.purpose.is_some_and(|purpose| purpose.gemini().is_none()) {
        losses.add(request.names.purpose);
    }
    let auto_truncate = match request.truncate {
        Some(Truncate::End) => Some(true),
        Some(Truncate::Refuse) => Some(false),
        Some(Truncate::Start) => {
            losses.add(request.names.truncate);
            None
        }
        None => None,
    };
    let mut instances = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        instances.push(InstanceOut {
            task_type: request.purpose.and_then(Purpose::gemini),
            title: request.title.as_deref(),
            content: input.as_text(request.names, losses)?,
        });
    }
    let parameters = ParametersOut { auto_truncate, output_dimensionality: request.dimensions };
    Ok(written(&BodyOut { instances, parameters }))
}

wire! {
    struct Answer<'a> { predictions: Vec<Prediction<'a>>, metadata: IgnoredAny }
}

wire! {
    struct Prediction<'a> { embeddings: Embeddings<'a> }
}

wire! {
    struct Embeddings<'a> { values: Raw<'a>, statistics: Statistics<'a> }
}

wire! {
    struct Statistics<'a> { token_count: Count, truncated: bool }
}

pub(super) fn decode_answer(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(response::unreadable)?;
    let mut losses = Losses::default();
    answer.unknown.iter().for_each(|name| losses.add_unknown("", name));
    let mut vectors = Vec::new();
    let mut input: Option<u64> = None;
    for prediction in answer.predictions.unwrap_or_default() {
        let embeddings = prediction.embeddings.unwrap_or_default();
        let statistics = embeddings.statistics.unwrap_or_default();
        if let Some(count) = statistics.token_count {
            input = Some(input.unwrap_or_default().saturating_add(count.0));
        }
        if statistics.truncated == Some(true) {
            losses.add("predictions.embeddings.statistics.truncated");
        }
        let missing = || Fault::upstream("the provider's answer has a prediction without values");
        vectors.push(Vector::Numbers(embeddings.values.ok_or_else(missing)?));
    }
    let usage = input.map(|input| Usage { input, ..Usage::default() });
    Ok(Response { sets: vec![(Encoding::Float, vectors)], usage, losses, ..Response::default() })
}

#[derive(Serialize)]
struct AnswerOut<'a> {
    predictions: Vec<PredictionOut<'a>>,
}

#[derive(Serialize)]
struct PredictionOut<'a> {
    embeddings: EmbeddingsOut<'a>,
}

#[derive(Serialize)]
struct EmbeddingsOut<'a> {
    values: Cow<'a, RawValue>,
    statistics: StatisticsOut,
}

#[derive(Serialize)]
struct StatisticsOut {
    token_count: u64,
    truncated: bool,
}

/// Writes an answer. Tokens are known for all texts together only: they stand with the first.
pub(super) fn encode_answer(response: &Response<'_>) -> Result<Vec<u8>, Fault> {
    let mut tokens = response.usage.map(|usage| usage.input).into_iter();
    let prediction = |values| {
        let statistics = StatisticsOut { token_count: tokens.next().unwrap_or(0), truncated: false };
        PredictionOut { embeddings: EmbeddingsOut { values, statistics } }
    };
    let predictions = response.numbers(Encoding::Float)?.into_iter().map(prediction).collect();
    Ok(written(&AnswerOut { predictions }))
}
