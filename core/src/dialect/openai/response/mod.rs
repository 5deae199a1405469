//! Whole answers: <https://platform.openai.com/docs/api-reference/chat/object>.

mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;
pub(in crate::dialect) use encode::{is_special, note_lost_stop, service_tier};
