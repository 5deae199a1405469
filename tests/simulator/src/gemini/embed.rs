//! Vectors for texts: <https://ai.google.dev/api/embeddings>. The numbers are made from the text, so that the same text has
//! the same vector.

use bytes::Bytes;
use serde_json::{Value, json};

use super::contents::parts;
use super::error::{field, invalid};
use super::fields;
use super::proto::read;
use crate::fault::Fault;

/// Of `gemini-embedding-001`.
const DIMENSIONS: u64 = 3072;
const REQUESTS_MAX: usize = 100;

/// The answer to `embedContent` and, with `many`, to `batchEmbedContents`.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn body(body: &[u8], many: bool) -> Result<Bytes, Fault> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| invalid(format!("Invalid JSON payload received. Unexpected token.\n{error}")))?;
    if !many {
        let request = read(&value, &fields::EMBED, "")?;
        return Ok(Bytes::from(json!({"embedding": {"values": vector(&request)?}}).to_string()));
    }
    let request = read(&value, &fields::EMBED_MANY, "")?;
    let requests = request["requests"].as_array().filter(|requests| !requests.is_empty());
    let requests =
        requests.ok_or_else(|| invalid("* BatchEmbedContentsRequest.requests: requests is not specified\n"))?;
    if requests.len() > REQUESTS_MAX {
        return Err(invalid("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n"));
    }
    if requests.iter().any(|request| request["model"].as_str().unwrap_or_default().is_empty()) {
        return Err(invalid("* BatchEmbedContentsRequest.requests[0].model: unexpected model name format\n"));
    }
    let vectors = requests.iter().map(|request| Ok(json!({"values": vector(request)?})));
    Ok(Bytes::from(json!({"embeddings": vectors.collect::<Result<Vec<_>, Fault>>()?}).to_string()))
}

#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn vector(request: &Value) -> Result<Vec<f64>, Fault> {
    let texts: Vec<&str> = parts(&request["content"]).iter().filter_map(|part| part["text"].as_str()).collect();
    if texts.is_empty() {
        return Err(field("content", "contents is not specified"));
    }
    let dimensions = request["outputDimensionality"].as_u64().unwrap_or(DIMENSIONS);
    if !(1..=DIMENSIONS).contains(&dimensions) {
        return Err(field("output_dimensionality", "must be between 1 and 3072"));
    }
    let mut seed = texts
        .concat()
        .bytes()
        .fold(0x811c_9dc5_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0193) & 0xffff_ffff);
    Ok((0..dimensions)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) & 0xffff_ffff;
            seed as f64 / f64::from(u32::MAX) - 0.5
        })
        .collect())
}
