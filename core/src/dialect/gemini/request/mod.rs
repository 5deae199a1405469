//! Requests: <https://ai.google.dev/api/generate-content#request-body>.

mod body;
mod config;
mod contents;
mod conversation;
mod decode;
mod encode;
mod thinking;
mod tools;

pub use decode::decode;
pub use encode::encode;

#[cfg(test)]
pub(super) mod tests;
