//! The WASM filter `guard`: [`attache_filter::Guard`] in a proxy.

use attache_filter::Guard;

attache_filter_abi::main!(|| attache_filter_host::plugin::<Guard>("guard"));
