//! Requests: <https://platform.openai.com/docs/api-reference/chat/create>.

mod conform;
pub(in crate::dialect) mod content;
pub(in crate::dialect) mod conversation;
pub(in crate::dialect) mod decode;
pub(in crate::dialect) mod effort;
pub(in crate::dialect) mod encode;
mod messages;
pub(in crate::dialect) mod reasoning;
mod tools;

pub(in crate::dialect) use conform::conform;
pub use decode::decode;
pub use encode::encode;
