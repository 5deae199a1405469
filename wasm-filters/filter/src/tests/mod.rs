//! Exchanges through a proxy that is none: it holds, cuts and changes as the filter says.

mod guard;
mod mistakes;
mod proxy;
mod redact;
mod wild;
