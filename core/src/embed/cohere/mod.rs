//! Cohere's `/v2/embed` and the same model on Bedrock: <https://docs.cohere.com/reference/embed>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html>.
//!
//! Usage: `meta.billed_units`, texts and images apart. On Bedrock the body tells nothing. There the model is not named in
//! the body either, and vectors come as a bare list where no encoding was named.

mod answer;
mod request;

pub(super) use answer::{decode as decode_answer, encode as encode_answer};
pub(super) use request::{decode, encode};
