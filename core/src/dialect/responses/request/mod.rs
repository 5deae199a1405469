//! Requests: <https://platform.openai.com/docs/api-reference/responses/create>.

mod content;
mod decode;
mod encode;
pub(super) mod freeform;
mod input;
mod items;
pub(super) mod tools;

pub use decode::decode;
pub use encode::encode;
