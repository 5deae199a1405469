//! Stub.
use crate::{chat, dialect::Asked, fault::Fault, loss::Losses};
/// Stub.
pub fn decode(_body: &[u8]) -> Result<chat::Response<'_>, Fault> {
    Err(Fault::upstream("stub"))
}
/// Stub.
pub fn encode(_response: &chat::Response<'_>, _asked: &Asked, _losses: &mut Losses) -> Vec<u8> {
    Vec::new()
}
