//! Requests: `POST /v1/messages`,
//! <https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/message_create_params.py>.

mod body;
mod content;
mod decode;
mod encode;
mod messages;
mod reasoning;
mod tools;

pub(super) use body::Input;
pub use decode::decode;
pub use encode::encode;

#[cfg(test)]
pub(super) mod tests;
