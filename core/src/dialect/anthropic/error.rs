//! Stub.
use crate::fault::Fault;
/// Stub.
pub fn decode(_status: u16, _body: &[u8]) -> Fault {
    Fault::upstream("stub")
}
/// Stub.
pub fn encode(_fault: &Fault) -> Vec<u8> {
    Vec::new()
}
/// Stub.
pub fn status(fault: &Fault) -> u16 {
    fault.status
}
