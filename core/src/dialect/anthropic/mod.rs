//! Stub.
pub mod error;
pub mod request;
pub mod response;
pub mod stream;

use crate::usage::Usage;
/// Stub.
pub fn usage(_json: &str) -> Option<Usage> {
    None
}
