//! Whole answers: <https://platform.openai.com/docs/api-reference/chat/object>.

mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;
pub(super) use encode::service_tier;
