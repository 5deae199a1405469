//! Errors: the body, the codes and the statuses are those of chat completions; what breaks within an answer stands in
//! its `error` (<https://platform.openai.com/docs/api-reference/responses/object#responses/object-error>).

pub use crate::dialect::openai::error::{decode, encode, status};

use crate::dialect::openai::error::names;
use crate::fault::Fault;
use serde::Serialize;

/// The `error` of an answer that failed.
#[derive(Serialize)]
pub(super) struct ErrorOut<'b> {
    code: &'b str,
    message: &'b str,
}

impl<'b> From<&'b Fault> for ErrorOut<'b> {
    fn from(fault: &'b Fault) -> Self {
        let code = fault.code.as_deref().or(names(fault.kind).1);
        Self { code: code.unwrap_or("server_error"), message: &fault.message }
    }
}
