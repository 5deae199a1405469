//! Stub.
use crate::{dialect::Asked, fault::Fault, frame::sse::Frame, stream::Event};
/// Stub.
#[derive(Debug, Default)]
pub struct Decoder {}
impl Decoder {
    /// Stub.
    pub fn frame(&mut self, _frame: &Frame<'_>, _emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        Ok(())
    }
}
/// Stub.
#[derive(Debug)]
pub struct Encoder {}
impl Encoder {
    /// Stub.
    pub fn new(_asked: Asked) -> Self {
        Self {}
    }
    /// Stub.
    pub fn event(&mut self, _event: &Event<'_>, _out: &mut Vec<u8>) -> Result<(), Fault> {
        Ok(())
    }
}
