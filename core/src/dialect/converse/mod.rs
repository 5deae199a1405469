//! Amazon Bedrock Converse: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.
//!
//! The facts come from the reference and from the API's model in botocore
//! (<https://github.com/boto/botocore/tree/develop/botocore/data/bedrock-runtime>). Blocks, sources and deltas are unions:
//! an object with one member, whose name is the type. A member that nobody here knows is a loss and never an error.
//!
//! Model and stream flag live in the URL (`/model/{id}/converse`, `/converse-stream`). What only some models take stands
//! in `additionalModelRequestFields`, in the models' own words: `model.rs` has them as data.
//!
//! Never looks into schemas and tool inputs: they travel as the text that they were written in.

mod block;
mod citation;
pub mod error;
mod media;
mod model;
pub mod request;
pub mod response;
mod stop;
pub mod stream;
mod tokens;

use crate::usage::Usage;

/// Reads the `usage` of an answer; `None` for one that says nothing.
pub fn usage(json: &str) -> Option<Usage> {
    let counts: Option<tokens::Counts<'_>> = serde_json::from_str(json).ok()?;
    counts?.usage()
}
