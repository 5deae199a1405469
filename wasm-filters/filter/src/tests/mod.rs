//! Exchanges through a proxy that is none: it holds, cuts and changes as the filter says.

mod docs;
mod guard;
mod mistakes;
mod planned;
mod prompt;
mod proxy;
mod redact;
mod router;
mod translate;
mod unheld;
mod usage;
mod wild;
