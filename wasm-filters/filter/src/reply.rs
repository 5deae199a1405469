//! Answers that no provider gives.

use attache_core::dialect::Dialect;
use attache_core::fault::Fault;

/// An answer that no provider gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, the content type among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An error, as clients of this dialect read it.
    pub(crate) fn fault(front: Dialect, fault: &Fault) -> Self {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(front.error_header(fault).map(|(name, value)| (name, value.to_owned())));
        Self { status: front.error_status(fault), headers, body: front.encode_error(fault) }
    }

    /// An ordinary answer.
    pub(crate) fn ok(content_type: &str, body: Vec<u8>) -> Self {
        Self { status: 200, headers: vec![("content-type", content_type.to_owned())], body }
    }

    /// The same, with another header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
