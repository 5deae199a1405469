//! Errors: the same as the chat dialect's, <https://platform.openai.com/docs/guides/error-codes>.

pub use crate::dialect::openai::error::{decode, encode, status};
