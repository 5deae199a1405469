//! The Gemini API's `embedContent` and `batchEmbedContents`: <https://ai.google.dev/api/embeddings>.
//!
//! Each content becomes one vector, however many parts it has. Usage: `usageMetadata.promptTokenCount`, where a model
//! tells it (older ones do not). Beside the flat fields an `embedContentConfig` is read, which is how Google's own SDK
//! writes them for Vertex AI.

use super::Target;
use super::request::{Encoding, Field, Input, Names, Piece, Purpose, Request, Truncate, agreed};
use super::response::{self, Response, written};
use super::vectors::Vector;
use crate::dialect::wire::{BadJson, Count, Raw, is_media_type, read, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

static NAMES: Names = Names {
    inputs: "content.parts",
    encodings: "",
    dimensions: "outputDimensionality",
    purpose: "taskType",
    title: "title",
    truncate: "autoTruncate",
    tokens_max: "",
    normalize: "",
    user: "",
};

wire! {
    struct Batch<'a> { requests: Vec<Single<'a>> }
}

wire! {
    struct Single<'a> {
        model: IgnoredAny,
        content: Content<'a>,
        task_type "taskType": Str<'a>,
        title: Str<'a>,
        dimensions "outputDimensionality": u64,
        truncate "autoTruncate": bool,
        config "embedContentConfig": Config<'a>,
    }
}

wire! {
    struct Config<'a> {
        task_type "taskType": Str<'a>,
        title: Str<'a>,
        dimensions "outputDimensionality": u64,
        truncate "autoTruncate": bool,
    }
}

wire! {
    struct Content<'a> { role: IgnoredAny, parts: Vec<PartFields<'a>> }
}

wire! {
    struct PartFields<'a> { text: Str<'a>, inline "inlineData": Blob<'a>, file "fileData": IgnoredAny }
}

wire! {
    struct Blob<'a> { media_type "mimeType": Str<'a>, data: Str<'a> }
}

pub(super) fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let batch: Batch<'_> = read(body).map_err(BadJson::of_request)?;
    let mut request = Request::new(&NAMES);
    batch.unknown.iter().for_each(|name| request.losses.add_unknown("", name));
    of_all(batch.requests.unwrap_or_default(), request)
}

pub(super) fn decode_one(body: &[u8]) -> Result<Request<'_>, Fault> {
    let single: Single<'_> = read(body).map_err(BadJson::of_request)?;
    of_all(vec![single], Request::new(&NAMES))
}

fn of_all<'a>(singles: Vec<Single<'a>>, mut request: Request<'a>) -> Result<Request<'a>, Fault> {
    let mut said = Vec::with_capacity(singles.len());
    for single in singles {
        let Single { content, task_type, title, dimensions, truncate, config, unknown, .. } = single;
        let config = config.unwrap_or_default();
        unknown.iter().chain(&config.unknown).for_each(|name| request.losses.add_unknown("", name));
        request.inputs.push(input(content.unwrap_or_default(), &mut request.losses)?);
        said.push(Config {
            task_type: task_type.or(config.task_type),
            title: title.or(config.title),
            dimensions: dimensions.or(config.dimensions),
            truncate: truncate.or(config.truncate),
            ..Config::default()
        });
    }
    let purpose = agreed(said.iter().map(|one| one.task_type.as_deref()), NAMES.purpose)?;
    request.purpose = Purpose::noted(purpose, NAMES.purpose, &mut request.losses);
    request.dimensions = agreed(said.iter().map(|one| one.dimensions), NAMES.dimensions)?;
    let truncate = agreed(said.iter().map(|one| one.truncate), NAMES.truncate)?;
    request.truncate = truncate.map(|cuts| if cuts { Truncate::End } else { Truncate::Refuse });
    // Titles may differ: they only help.
    match agreed(said.iter().map(|one| one.title.as_deref()), NAMES.title) {
        Ok(_) => request.title = said.into_iter().next().and_then(|one| one.title),
        Err(_) => request.losses.add(NAMES.title),
    }
    Ok(request)
}

fn input<'a>(content: Content<'a>, losses: &mut Losses) -> Result<Input<'a>, Fault> {
    content.unknown.iter().for_each(|name| losses.add_unknown("content", name));
    let parts = content.parts.unwrap_or_default();
    if parts.is_empty() {
        return Err(Fault::invalid("content.parts: a content needs one at least").with_param(NAMES.inputs));
    }
    let piece = |part: PartFields<'a>| {
        part.unknown.iter().for_each(|name| losses.add_unknown("content.parts", name));
        match (part.text, part.inline) {
            (Some(text), _) => Piece::Text(text),
            (None, Some(blob)) => blob_piece(blob),
            (None, None) => Piece::Foreign("files"),
        }
    };
    Ok(Input::of(parts.into_iter().map(piece).collect()))
}

fn blob_piece(blob: Blob<'_>) -> Piece<'_> {
    let media_type = blob.media_type.unwrap_or_default();
    if media_type.starts_with("image/") && is_media_type(&media_type) {
        Piece::Image { media_type, data: blob.data.unwrap_or_default() }
    } else {
        Piece::Foreign("audio, videos or documents")
    }
}

#[derive(Serialize)]
struct BatchOut<'a> {
    requests: Vec<SingleOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SingleOut<'a> {
    model: &'a str,
    content: ContentOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
}

#[derive(Serialize)]
struct ContentOut<'a> {
    parts: Vec<PartOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum PartOut<'a> {
    Text(&'a str),
    InlineData(BlobOut<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobOut<'a> {
    mime_type: &'a str,
    data: &'a str,
}

pub(super) fn encode(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    note_losses(request, losses);
    let model = resource(target.model);
    let requests: Result<Vec<_>, Fault> = request.inputs.iter().map(|input| single(request, input, &model)).collect();
    Ok(written(&BatchOut { requests: requests? }))
}

pub(super) fn encode_one(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    note_losses(request, losses);
    let [input] = request.inputs.as_slice() else {
        let message = format!("{}: this method takes one input at a time", request.names.inputs);
        return Err(Fault::invalid(message).with_param(request.names.inputs));
    };
    Ok(written(&single(request, input, &resource(target.model))?))
}

fn note_losses(request: &Request<'_>, losses: &mut Losses) {
    request.lose_all_but(&[Field::Dimensions, Field::Purpose, Field::Title], losses);
    if request.purpose.is_some_and(|purpose| purpose.gemini().is_none()) {
        losses.add(request.names.purpose);
    }
}

/// The name of a model as its resource.
fn resource(model: &str) -> Cow<'_, str> {
    if model.contains('/') { Cow::Borrowed(model) } else { Cow::Owned(format!("models/{model}")) }
}

fn single<'a>(request: &'a Request<'_>, input: &'a Input<'_>, model: &'a str) -> Result<SingleOut<'a>, Fault> {
    let refused = |what: &str| {
        let message = format!("{}: this model takes no {what}", request.names.inputs);
        Fault::invalid(message).with_param(request.names.inputs)
    };
    let part = |piece: &'a Piece<'_>| match piece {
        Piece::Text(text) => Ok(PartOut::Text(text)),
        Piece::Image { media_type, data } => Ok(PartOut::InlineData(BlobOut { mime_type: media_type, data })),
        Piece::Foreign(what) => Err(refused(what)),
    };
    let parts = match input {
        Input::Text(text) => vec![PartOut::Text(text)],
        Input::Tokens(_) => return Err(refused("tokens")),
        Input::Pieces(pieces) => pieces.iter().map(part).collect::<Result<_, _>>()?,
    };
    Ok(SingleOut {
        model,
        content: ContentOut { parts },
        task_type: request.purpose.and_then(Purpose::gemini),
        title: request.title.as_deref(),
        output_dimensionality: request.dimensions,
    })
}

wire! {
    struct Answer<'a> {
        embedding: Embedding<'a>,
        embeddings: Vec<Embedding<'a>>,
        usage "usageMetadata": Counts<'a>,
        metadata: IgnoredAny,
        truncated: bool,
    }
}

wire! {
    struct Embedding<'a> { values: Raw<'a>, shape: IgnoredAny, statistics: IgnoredAny }
}

wire! {
    struct Counts<'a> { prompt "promptTokenCount": Count, total "totalTokenCount": Count }
}

pub(super) fn decode_answer(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(response::unreadable)?;
    let mut losses = Losses::default();
    answer.unknown.iter().for_each(|name| losses.add_unknown("", name));
    if answer.truncated == Some(true) {
        losses.add("truncated");
    }
    let missing = || Fault::upstream("the provider's answer has an embedding without values");
    let embeddings = answer.embeddings.unwrap_or_default().into_iter().chain(answer.embedding);
    let vectors: Vec<Vector<'_>> =
        embeddings.map(|one| one.values.map(Vector::Numbers).ok_or_else(missing)).collect::<Result<_, _>>()?;
    let counts = answer.usage.unwrap_or_default();
    let usage = counts.prompt.or(counts.total).map(|input| Usage { input: input.0, ..Usage::default() });
    Ok(Response { sets: vec![(Encoding::Float, vectors)], usage, losses, ..Response::default() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnswerOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<EmbeddingOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embeddings: Option<Vec<EmbeddingOut<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<CountsOut>,
}

#[derive(Serialize)]
struct EmbeddingOut<'a> {
    values: Cow<'a, RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CountsOut {
    prompt_token_count: u64,
}

pub(super) fn encode_answer(response: &Response<'_>) -> Result<Vec<u8>, Fault> {
    Ok(written(&AnswerOut {
        embedding: None,
        embeddings: Some(embeddings(response)?),
        usage_metadata: counts(response),
    }))
}

pub(super) fn encode_one_answer(response: &Response<'_>) -> Result<Vec<u8>, Fault> {
    let embedding = embeddings(response)?.into_iter().next();
    Ok(written(&AnswerOut { embedding, embeddings: None, usage_metadata: counts(response) }))
}

fn embeddings<'a>(response: &'a Response<'_>) -> Result<Vec<EmbeddingOut<'a>>, Fault> {
    Ok(response.numbers(Encoding::Float)?.into_iter().map(|values| EmbeddingOut { values }).collect())
}

fn counts(response: &Response<'_>) -> Option<CountsOut> {
    response.usage.map(|usage| CountsOut { prompt_token_count: usage.input })
}
