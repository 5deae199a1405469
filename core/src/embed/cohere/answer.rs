//! Answers: vectors by type, or a bare list of floats.

use crate::dialect::wire::{Count, Raw, read, wire};
use crate::embed::request::Encoding;
use crate::embed::response::{self, Response, written};
use crate::embed::vectors::Vector;
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde::de::IgnoredAny;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

wire! {
    struct Answer<'a> {
        id: Str<'a>,
        embeddings: Raw<'a>,
        texts: IgnoredAny,
        images: IgnoredAny,
        response_type: IgnoredAny,
        meta: Meta<'a>,
    }
}

wire! {
    struct Meta<'a> { api_version: IgnoredAny, billed_units: Units<'a>, tokens: Units<'a>, warnings: Vec<IgnoredAny> }
}

wire! {
    struct Units<'a> { input_tokens: Count, text_tokens: Count, image_tokens: Count }
}

wire! {
    struct ByType<'a> {
        float: Vec<Raw<'a>>,
        int8: Vec<Raw<'a>>,
        uint8: Vec<Raw<'a>>,
        binary: Vec<Raw<'a>>,
        ubinary: Vec<Raw<'a>>,
        base64: Vec<Raw<'a>>,
    }
}

pub(in crate::embed) fn decode(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(response::unreadable)?;
    let mut losses = Losses::default();
    answer.unknown.iter().for_each(|name| losses.add_unknown("", name));
    let meta = answer.meta.unwrap_or_default();
    if meta.warnings.is_some_and(|warnings| !warnings.is_empty()) {
        losses.add("meta.warnings");
    }
    let usage = meta.billed_units.and_then(|units| tokens(&units)).or_else(|| tokens(&meta.tokens?));
    let missing = || Fault::upstream("the provider's answer holds no embeddings");
    let sets = sets(answer.embeddings.ok_or_else(missing)?, &mut losses)?;
    Ok(Response { id: answer.id, sets, usage, losses, ..Response::default() })
}

fn tokens(units: &Units<'_>) -> Option<Usage> {
    let texts = units.input_tokens.or(units.text_tokens);
    if texts.is_none() && units.image_tokens.is_none() {
        return None;
    }
    let input = texts.unwrap_or_default().0.saturating_add(units.image_tokens.unwrap_or_default().0);
    Some(Usage { input, ..Usage::default() })
}

/// Vectors by encoding, or a bare list of floats.
fn sets<'a>(json: Raw<'a>, losses: &mut Losses) -> Result<Vec<(Encoding, Vec<Vector<'a>>)>, Fault> {
    let vectors = |list: Vec<Raw<'a>>| list.into_iter().map(Vector::read).collect::<Result<Vec<_>, Fault>>();
    if json.get().starts_with('[') {
        let list: Vec<Raw<'a>> = read(json.get().as_bytes()).map_err(response::unreadable)?;
        return Ok(vec![(Encoding::Float, vectors(list)?)]);
    }
    let found: ByType<'a> = read(json.get().as_bytes()).map_err(response::unreadable)?;
    found.unknown.iter().for_each(|name| losses.add_unknown("embeddings", name));
    let lists = [found.float, found.int8, found.uint8, found.binary, found.ubinary, found.base64];
    let mut sets = Vec::new();
    for (encoding, list) in Encoding::COHERE.into_iter().zip(lists) {
        // Some answers spell what was not asked for as an empty list.
        if let Some(list) = list.filter(|list| !list.is_empty()) {
            sets.push((encoding, vectors(list)?));
        }
    }
    Ok(sets)
}

/// The id of an answer whose provider gave none.
const ID_UNKNOWN: &str = "00000000-0000-0000-0000-000000000000";

#[derive(Serialize)]
struct AnswerOut<'a, E> {
    id: &'a str,
    embeddings: E,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<MetaOut>,
    response_type: &'static str,
}

#[derive(Serialize)]
struct MetaOut {
    api_version: Version,
    billed_units: UnitsOut,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

#[derive(Serialize)]
struct UnitsOut {
    input_tokens: u64,
}

/// Lists by encoding.
struct ByTypeOut<'a>(Vec<(Encoding, Vec<VectorOut<'a>>)>);

#[derive(Serialize)]
#[serde(untagged)]
enum VectorOut<'a> {
    Numbers(Cow<'a, RawValue>),
    Base64(Cow<'a, str>),
}

impl Serialize for ByTypeOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (encoding, vectors) in &self.0 {
            map.serialize_entry(encoding.as_str(), vectors)?;
        }
        map.end()
    }
}

/// Writes an answer, with the vectors by type or as a bare list of floats.
pub(in crate::embed) fn encode(
    response: &Response<'_>,
    encodings: &[Encoding],
    by_type: bool,
) -> Result<Vec<u8>, Fault> {
    let encodings = if encodings.is_empty() { &[Encoding::Float] } else { encodings };
    let id = response.id.as_deref().unwrap_or(ID_UNKNOWN);
    let units = |usage: Usage| MetaOut {
        api_version: Version { version: "2" },
        billed_units: UnitsOut { input_tokens: usage.input },
    };
    let meta = response.usage.map(units);
    if !by_type {
        let embeddings = response.numbers(Encoding::Float)?;
        return Ok(written(&AnswerOut { id, embeddings, meta, response_type: "embeddings_floats" }));
    }
    let set = |encoding: &Encoding| {
        let vector = |vector| match encoding {
            Encoding::Base64 => Vector::base64(vector).map(VectorOut::Base64),
            Encoding::Float
            | Encoding::Int8
            | Encoding::Uint8
            | Encoding::Binary
            | Encoding::Ubinary
            | Encoding::TitanBinary => Vector::numbers(vector).map(VectorOut::Numbers),
        };
        let vectors = response.vectors(*encoding)?.iter().map(vector).collect::<Result<Vec<_>, Fault>>()?;
        Ok((*encoding, vectors))
    };
    let embeddings = ByTypeOut(encodings.iter().map(set).collect::<Result<_, Fault>>()?);
    Ok(written(&AnswerOut { id, embeddings, meta, response_type: "embeddings_by_type" }))
}
