//! The WASM filter `prompt`: [`attache_filter::Prompt`] in a proxy.

use attache_filter::Prompt;

attache_filter_abi::main!(|| attache_filter_host::plugin::<Prompt>("prompt"));
