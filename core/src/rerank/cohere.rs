//! Cohere's `/v2/rerank`: <https://docs.cohere.com/reference/rerank>.
//!
//! Usage: `meta.billed_units.search_units`, which are no tokens.

use super::{Document, Ranked, Request, Response, missing};
use crate::dialect::wire::{self, BadJson, Count, Raw, read, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use crate::usage::Usage;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

wire! {
    struct Body<'a> {
        model: IgnoredAny,
        query: Str<'a>,
        documents: Vec<Document<'a>>,
        top_n: u64,
        max_tokens_per_doc: u64,
        relevant_spans: IgnoredAny,
        priority: IgnoredAny,
    }
}

pub(super) fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(BadJson::of_request)?;
    let mut losses = Losses::default();
    body.unknown.iter().for_each(|name| losses.add_unknown("", name));
    if body.relevant_spans.is_some() {
        losses.add("relevant_spans");
    }
    if body.priority.is_some() {
        losses.add("priority");
    }
    Ok(Request {
        query: body.query.ok_or_else(|| missing("query"))?,
        documents: body.documents.ok_or_else(|| missing("documents"))?,
        top_n: body.top_n,
        tokens_max: body.max_tokens_per_doc,
        return_documents: false,
        losses,
    })
}

#[derive(Serialize)]
struct BodyOut<'a> {
    model: &'a str,
    query: &'a str,
    documents: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens_per_doc: Option<u64>,
}

pub(super) fn encode(request: &Request<'_>, model: &str, losses: &mut Losses) -> Vec<u8> {
    for document in &request.documents {
        document.others.iter().for_each(|name| losses.add_unknown("documents", name));
    }
    let body = BodyOut {
        model,
        query: &request.query,
        documents: request.documents.iter().map(|document| document.text.as_str()).collect(),
        top_n: request.top_n,
        max_tokens_per_doc: request.tokens_max,
    };
    wire::written(&body)
}

wire! {
    struct Answer<'a> { id: Str<'a>, results: Vec<ResultFields<'a>>, meta: Meta<'a> }
}

wire! {
    struct ResultFields<'a> { index: Count, relevance_score: Raw<'a>, document: IgnoredAny }
}

wire! {
    struct Meta<'a> { api_version: IgnoredAny, billed_units: Units<'a>, tokens: Units<'a>, warnings: Vec<IgnoredAny> }
}

wire! {
    struct Units<'a> { search_units: IgnoredAny, input_tokens: Count }
}

pub(super) fn decode_answer(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(|bad| bad.of_answer("ranking"))?;
    let mut losses = Losses::default();
    answer.unknown.iter().for_each(|name| losses.add_unknown("", name));
    let meta = answer.meta.unwrap_or_default();
    let units = meta.billed_units.unwrap_or_default();
    if units.search_units.is_some() {
        losses.add("meta.billed_units.search_units");
    }
    if meta.warnings.is_some_and(|warnings| !warnings.is_empty()) {
        losses.add("meta.warnings");
    }
    let none = || Fault::upstream("the provider's answer holds no ranking");
    let mut results = Vec::new();
    for fields in answer.results.ok_or_else(none)? {
        fields.unknown.iter().for_each(|name| losses.add_unknown("results", name));
        results.push(ranked(fields.index, fields.relevance_score)?);
    }
    let tokens = units.input_tokens.or_else(|| meta.tokens?.input_tokens);
    let usage = tokens.map(|input| Usage { input: input.0, ..Usage::default() });
    Ok(Response { id: answer.id, model: None, results, usage, losses })
}

/// One result of an answer.
pub(super) fn ranked<'a>(index: Option<Count>, score: Option<Raw<'a>>) -> Result<Ranked<'a>, Fault> {
    let index = index.and_then(|index| usize::try_from(index.0).ok());
    let score = score.filter(|score| score.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()));
    index
        .zip(score)
        .map(|(index, score)| Ranked { index, score })
        .ok_or_else(|| Fault::upstream("the provider's answer has a result without an index or a score"))
}

#[derive(Serialize)]
struct AnswerOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    results: Vec<ResultOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<MetaOut>,
}

#[derive(Serialize)]
struct ResultOut<'a> {
    index: usize,
    relevance_score: &'a RawValue,
}

#[derive(Serialize)]
struct MetaOut {
    tokens: UnitsOut,
}

#[derive(Serialize)]
struct UnitsOut {
    input_tokens: u64,
}

pub(super) fn encode_answer(response: &Response<'_>) -> Vec<u8> {
    let results = response.results.iter();
    let body = AnswerOut {
        id: response.id.as_deref(),
        results: results.map(|one| ResultOut { index: one.index, relevance_score: one.score }).collect(),
        meta: response.usage.map(|usage| MetaOut { tokens: UnitsOut { input_tokens: usage.input } }),
    };
    wire::written(&body)
}
