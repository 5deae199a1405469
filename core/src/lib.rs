//! Everything that Attaché decides without I/O: bytes in, meaning out, bytes back.
//!
//! The modules follow an exchange. The client's body is looked at once by [`edit`]; [`translate`] leaves it alone but
//! for named edits when both sides speak the same [`dialect`], and otherwise decodes it to the hub ([`chat`]) and
//! encodes it again. Answers come back the same way, whole or as a [`stream`] of events cut from bytes by [`frame`].
//! What a request weighs, and what an answer has delivered so far, is counted by `tokens` (behind a feature of that
//! name, because of its tables). The other APIs have small hubs of their own ([`embed`], [`rerank`]) or pass as they are,
//! looked at by [`form`] and [`told`]. [`cache_key`] says which requests are the same, [`alike`] which questions. What an
//! operator adds to every prompt is written into it by [`decorate`]. [`hybrid`] is what filters and the service tell each
//! other.
//!
//! This crate never touches a socket, a clock, the environment, a random source or a log: `now`, ids and tables are
//! passed in. It builds for wasm32.

pub mod alike;
pub mod cache_key;
pub mod chat;
pub mod decorate;
pub mod dialect;
pub mod edit;
pub mod embed;
pub mod endpoint;
pub mod fault;
pub mod form;
pub mod frame;
pub mod gather;
pub mod guard;
pub mod head;
pub mod hybrid;
pub mod limit;
pub mod local_reply;
pub mod loss;
pub mod names;
pub mod pattern;
pub mod preset;
pub mod price;
pub mod redact;
pub mod remote;
pub mod rerank;
pub mod stream;
pub mod text;
pub mod texts;
#[cfg(feature = "tokens")]
pub mod tokens;
pub mod told;
pub mod translate;
pub mod usage;
