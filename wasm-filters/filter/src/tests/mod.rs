//! Exchanges through a proxy that is none: it holds, cuts and changes as the filter says.

mod docs;
mod guard;
mod mistakes;
mod prompt;
mod proxy;
mod redact;
mod router;
mod translate;
mod usage;
mod wild;
