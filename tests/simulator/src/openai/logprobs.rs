//! Log probabilities in OpenAI's shape: the numbers are made up, the bytes are true.

use serde_json::{Value, json};

/// One entry for a piece of text, with so many alternatives.
pub(crate) fn of(text: &str, alternatives: usize) -> Value {
    let others: Vec<Value> = (0..alternatives)
        .map(|n| {
            let token = if n == 0 { text.to_owned() } else { format!("alt{n}") };
            json!({"token": token, "logprob": -0.25 * (n + 1) as f64, "bytes": token.as_bytes()})
        })
        .collect();
    json!({"token": text, "logprob": -0.25, "bytes": text.as_bytes(), "top_logprobs": others})
}
