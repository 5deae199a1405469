//! The WASM filter `translate`: [`attache_filter::Translate`] in a proxy.

use attache_filter::Translate;

attache_filter_abi::main!(|| attache_filter_host::plugin::<Translate>("translate"));
