//! The tables: which field of which format holds what, from each API's own reference. A table for requests is one for
//! answers, too: no name means one thing there and another here.
//!
//! A field that is in no table holds text. So tables name what is *not* text, and where words of somebody else begin.

mod anthropic;
mod cohere;
mod converse;
mod gemini;
mod openai;
mod others;
mod responses;

use super::sense::Sense;
use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, Operation};

/// What the body of a request or an answer is.
pub(super) fn of(endpoint: &Endpoint) -> &'static Sense {
    static EMBEDDINGS: Sense = Sense::Each(&others::EMBEDDINGS);
    static RANKING: Sense = Sense::Each(&others::RANKING);
    static PASSED: Sense = Sense::Each(&others::PASSED);
    static INVOKED: Sense = Sense::Pick(others::invoked);
    static RESPONSES: Sense = Sense::Each(&responses::BODY);
    let is_claude = endpoint.dialect == Dialect::Anthropic;
    match endpoint.operation {
        Operation::Embed => &EMBEDDINGS,
        Operation::Rerank => &RANKING,
        Operation::Pass => &PASSED,
        Operation::Invoke if !is_claude => &INVOKED,
        Operation::Other if is_stored(&endpoint.tail) => &RESPONSES,
        Operation::Chat | Operation::Count | Operation::Invoke | Operation::Other => chat(endpoint.dialect),
    }
}

/// Stored answers and conversations of OpenAI are made of the items of Responses.
fn is_stored(tail: &str) -> bool {
    tail.starts_with("/responses") || tail.starts_with("/conversations")
}

fn chat(dialect: Dialect) -> &'static Sense {
    static OPENAI: Sense = Sense::Each(&openai::BODY);
    static RESPONSES: Sense = Sense::Each(&responses::BODY);
    static COMPLETIONS: Sense = Sense::Each(&others::COMPLETIONS);
    static ANTHROPIC: Sense = Sense::Each(&anthropic::BODY);
    static GEMINI: Sense = Sense::Each(&gemini::BODY);
    static CONVERSE: Sense = Sense::Each(&converse::BODY);
    static COHERE: Sense = Sense::Each(&cohere::BODY);
    match dialect {
        Dialect::OpenAi => &OPENAI,
        Dialect::Responses => &RESPONSES,
        Dialect::Completions => &COMPLETIONS,
        Dialect::Anthropic => &ANTHROPIC,
        Dialect::Gemini => &GEMINI,
        Dialect::Converse => &CONVERSE,
        Dialect::Cohere => &COHERE,
    }
}
