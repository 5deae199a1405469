//! How many tokens a prompt has: its provider says so, or we do.

use super::refused::no_such_model;
use super::{Asked, Outcome, Refusal};
use crate::config::compiled::{Model, Target};
use crate::counting::{self, Counting};
use crate::exchange::plan::Plan;
use attache_core::dialect::Dialect;
use attache_core::endpoint::Endpoint;
use attache_core::fault::Fault;
use attache_core::translate::Ask;
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;

impl Asked {
    /// The plan of a request that only counts: the targets whose provider counts by itself, if the first is one of them.
    pub(super) fn counted_upstream(&mut self, endpoint: &Endpoint, model: &Arc<Model>) -> Option<Plan> {
        self.books.model = model.name.clone();
        let counts = |target: &Target| {
            let path = endpoint.upstream_path(endpoint.dialect, target.upstream.hosting, &target.upstream.model, false);
            !self.tokenize && target.provider.speaks.contains(&endpoint.dialect) && path.is_some()
        };
        let plan = self.reachable(model)?;
        plan.attempt(1).is_some_and(|target| counts(target)).then(|| plan.only(counts)).flatten()
    }

    /// Answers how many tokens a prompt has by our own count.
    pub(super) fn counted_here(&self, ask: &Ask<'_>, body: &Bytes, model: &Model) -> Result<Outcome, Refusal> {
        let plan = self.reachable(model);
        let target = plan.as_ref().and_then(|plan| plan.attempt(1)).ok_or_else(|| no_such_model(&ask.model))?;
        let counting = Counting::best(target, &self.books.service().calibration, body.len());
        if let Some(text) = if self.tokenize { ask.text("prompt")? } else { None } {
            return Ok(Outcome::Answered(counting::tokenized(&text, &counting)));
        }
        // Who only counts need not say how long the answer may be, and a dialect may demand that everywhere else.
        let complete = ask.with_output_limit();
        let ask = self.asking.read(complete.as_deref().unwrap_or(body))?;
        // A request that nobody understands has no tokens that anybody could count.
        ask.meaning().map_err(Fault::clone)?;
        let count = counting::prompt(&ask, body, &counting, &target.upstream.model).tokens;
        let answer = match self.asking.front() {
            _ if self.tokenize => json!({ "count": count, "max_model_len": null, "tokens": [] }),
            Dialect::Gemini => json!({ "totalTokens": count }),
            Dialect::Converse => json!({ "inputTokens": count }),
            Dialect::Responses => json!({ "object": "response.input_tokens", "input_tokens": count }),
            Dialect::OpenAi | Dialect::Completions | Dialect::Anthropic | Dialect::Cohere => {
                json!({ "input_tokens": count })
            }
        };
        Ok(Outcome::Answered(answer.to_string().into_bytes()))
    }
}
