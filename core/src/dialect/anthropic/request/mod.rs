//! Requests: `POST /v1/messages`,
//! <https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/message_create_params.py>.

mod body;
mod content;
mod decode;
mod encode;
mod messages;
mod tools;

pub use decode::decode;
pub use encode::encode;

#[cfg(test)]
pub(super) mod tests;
