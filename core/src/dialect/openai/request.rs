//! Stub.
use crate::{
    chat,
    dialect::{Encoded, Upstream},
    fault::Fault,
};
/// Stub.
pub fn decode(_body: &[u8]) -> Result<chat::Request<'_>, Fault> {
    Err(Fault::upstream("stub"))
}
/// Stub.
pub fn encode(_request: &chat::Request<'_>, _upstream: &Upstream) -> Result<Encoded, Fault> {
    Err(Fault::upstream("stub"))
}
