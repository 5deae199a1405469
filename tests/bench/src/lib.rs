//! A light closed-loop HTTP/1.1 load generator for chat traffic, over loopback.
//!
//! [`load`] keeps a fixed number of connections busy and counts what comes back; [`hold`] opens many slow streams and
//! keeps them open; [`exchange`] is one request and its response on the wire. It never speaks TLS or HTTP/2 and never
//! follows redirects: it is meant to cost little beside what it measures.

pub mod exchange;
pub mod hold;
pub mod load;
