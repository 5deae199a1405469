//! Bytes → frames, whatever the chunking.

pub mod event_stream;
pub mod json_array;
pub mod sse;
