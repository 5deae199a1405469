//! The `/v1/rerank` of Jina, vLLM and others: <https://api.jina.ai/redoc#tag/rerank>,
//! <https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/pooling/score/protocol.py>.
//!
//! Usage: `prompt_tokens` or, where that is missing, `total_tokens`: a reranker writes nothing.

use super::cohere::ranked;
use super::{Asked, Document, Request, Response, missing};
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
        return_documents: bool,
        max_tokens_per_doc: u64,
    }
}

pub(super) fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(BadJson::of_request)?;
    let mut losses = Losses::default();
    body.unknown.iter().for_each(|name| losses.add_unknown("", name));
    Ok(Request {
        query: body.query.ok_or_else(|| missing("query"))?,
        documents: body.documents.ok_or_else(|| missing("documents"))?,
        top_n: body.top_n,
        tokens_max: body.max_tokens_per_doc,
        return_documents: body.return_documents.unwrap_or(true),
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
    return_documents: bool,
}

/// Writes a request. The documents need not come back: whoever wants them has them already.
pub(super) fn encode(request: &Request<'_>, model: &str, losses: &mut Losses) -> Vec<u8> {
    for document in &request.documents {
        document.others.iter().for_each(|name| losses.add_unknown("documents", name));
    }
    if request.tokens_max.is_some() {
        losses.add("max_tokens_per_doc");
    }
    let body = BodyOut {
        model,
        query: &request.query,
        documents: request.documents.iter().map(|document| document.text.as_str()).collect(),
        top_n: request.top_n,
        return_documents: false,
    };
    wire::written(&body)
}

wire! {
    struct Answer<'a> {
        id: Str<'a>,
        model: Str<'a>,
        object: IgnoredAny,
        usage: Counts<'a>,
        results: Vec<ResultFields<'a>>,
    }
}

wire! {
    struct Counts<'a> { prompt_tokens: Count, total_tokens: Count }
}

wire! {
    struct ResultFields<'a> { index: Count, relevance_score: Raw<'a>, document: IgnoredAny }
}

pub(super) fn decode_answer(body: &[u8]) -> Result<Response<'_>, Fault> {
    let answer: Answer<'_> = read(body).map_err(|bad| bad.of_answer("ranking"))?;
    let mut losses = Losses::default();
    answer.unknown.iter().for_each(|name| losses.add_unknown("", name));
    let none = || Fault::upstream("the provider's answer holds no ranking");
    let mut results = Vec::new();
    for fields in answer.results.ok_or_else(none)? {
        fields.unknown.iter().for_each(|name| losses.add_unknown("results", name));
        results.push(ranked(fields.index, fields.relevance_score)?);
    }
    let counts = answer.usage.unwrap_or_default();
    // Some services write 0 for the prompt beside a true total.
    let tokens = counts.prompt_tokens.filter(|count| count.0 > 0).or(counts.total_tokens);
    let usage = tokens.map(|input| Usage { input: input.0, ..Usage::default() });
    Ok(Response { id: answer.id, model: answer.model, results, usage, losses })
}

#[derive(Serialize)]
struct AnswerOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    model: &'a str,
    object: &'static str,
    usage: CountsOut,
    results: Vec<ResultOut<'a>>,
}

#[derive(Serialize)]
struct CountsOut {
    prompt_tokens: u64,
    total_tokens: u64,
}

#[derive(Serialize)]
struct ResultOut<'a> {
    index: usize,
    relevance_score: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<DocumentOut<'a>>,
}

#[derive(Serialize)]
struct DocumentOut<'a> {
    text: &'a str,
}

pub(super) fn encode_answer(response: &Response<'_>, asked: &Asked, model: &str, losses: &mut Losses) -> Vec<u8> {
    if response.usage.is_none() {
        losses.add("usage");
    }
    let text = |index: usize| asked.texts.as_ref()?.get(index).map(|text| DocumentOut { text });
    let input = response.usage.unwrap_or_default().input;
    let results = response.results.iter();
    let body = AnswerOut {
        id: response.id.as_deref(),
        model: response.model.as_deref().unwrap_or(model),
        object: "list",
        usage: CountsOut { prompt_tokens: input, total_tokens: input },
        results: results
            .map(|one| ResultOut { index: one.index, relevance_score: one.score, document: text(one.index) })
            .collect(),
    };
    wire::written(&body)
}
