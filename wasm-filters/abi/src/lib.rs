//! The calls between a proxy and a WASM filter, as far as ours need them: Proxy-Wasm's ABI 0.2.1,
//! <https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1>.
//!
//! [`calls`] are those to the proxy, `exports` those that it makes, which come to a [`Plugin`] and its [`Stream`]s. The one
//! crate with `unsafe` code, in these two modules.
//!
//! Never panics, whatever the proxy refuses, sends or calls, in whatever order: a panic ends the VM with all its streams. What
//! a refusal means is for the filter to say. Only a VM without memory ends.

pub mod calls;
mod contexts;
mod exports;
mod pairs;

pub use contexts::{Action, New, Plugin, Shared, Stream};
pub use exports::register;
pub use pairs::Pairs;
