//! Whole answers: <https://platform.openai.com/docs/api-reference/responses/object>.

pub(super) mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;
