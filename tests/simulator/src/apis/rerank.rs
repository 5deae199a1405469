//! `POST /v1/rerank` as Jina and vLLM have it: <https://api.jina.ai/redoc#tag/rerank>.

use serde_json::{Value, json};

use super::{Answer, Call, required, set};
use crate::fault::Fault;
use crate::openai::request::{Kind, missing, wrong_type};
use crate::turn;

const PARAMETERS: [(&str, Kind, bool); 6] = [
    ("model", Kind::Text, false),
    ("query", Kind::Text, false),
    ("documents", Kind::List, false),
    ("top_n", Kind::Integer(1, i64::MAX), true),
    ("return_documents", Kind::Bool, false),
    ("truncate_prompt_tokens", Kind::Integer(-1, i64::MAX), true),
];

pub(super) fn answer(call: Call<'_>) -> Result<Answer, Fault> {
    let request = call.json(&PARAMETERS)?;
    let (model, query) = (required(&request, "model")?, required(&request, "query")?);
    let list = request.get("documents").and_then(Value::as_array).filter(|list| !list.is_empty());
    let mut documents = Vec::new();
    for (n, document) in list.ok_or_else(|| missing("documents"))?.iter().enumerate() {
        let text = document.as_str().or_else(|| document.get("text").and_then(Value::as_str));
        documents.push(text.ok_or_else(|| wrong_type(&format!("documents[{n}]"), "a string", document))?);
    }
    let returns = request.get("return_documents").and_then(Value::as_bool).unwrap_or(true);
    let top_n = request.get("top_n").and_then(Value::as_u64);
    let result = |(index, score): (usize, f64)| {
        let mut result = json!({"index": index, "relevance_score": score});
        if let Some(text) = documents.get(index).filter(|_| returns) {
            set(&mut result, "document", json!({"text": text}));
        }
        result
    };
    let results: Vec<Value> = ranked(query, &documents, top_n).into_iter().map(result).collect();
    let tokens: u64 = documents.iter().map(|text| turn::tokens(text.len() + query.len())).sum();
    let mut answer = json!({"id": format!("rerank-sim{}", call.n), "model": model, "results": results});
    if let Some(usage) = call.usage(json!({"prompt_tokens": tokens, "total_tokens": tokens})) {
        set(&mut answer, "usage", usage);
    }
    Ok(Answer::json(&answer))
}

/// The documents that share most words with the query first, each with the part of the query's words that it has.
pub(super) fn ranked(query: &str, documents: &[&str], top_n: Option<u64>) -> Vec<(usize, f64)> {
    let words: Vec<&str> = query.split_whitespace().collect();
    let score = |text: &str| {
        let found = words.iter().filter(|word| text.contains(**word)).count();
        f64::from(u16::try_from(found).unwrap_or(u16::MAX)) / f64::from(u16::try_from(words.len().max(1)).unwrap_or(1))
    };
    let mut ranked: Vec<(usize, f64)> = documents.iter().map(|text| score(text)).enumerate().collect();
    ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    ranked.truncate(top_n.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX));
    ranked
}
