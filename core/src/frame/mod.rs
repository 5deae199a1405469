//! Bytes → frames, whatever the chunking.

pub mod sse;
