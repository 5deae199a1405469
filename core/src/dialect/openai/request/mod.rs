//! Requests: <https://platform.openai.com/docs/api-reference/chat/create>.

mod content;
mod conversation;
mod decode;
mod encode;
mod messages;
mod reasoning;
mod tools;

pub use decode::decode;
pub use encode::encode;
