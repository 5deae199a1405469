//! The WASM filter `usage`: [`attache_filter::Usage`] in a proxy.

use attache_filter::Usage;

attache_filter_abi::main!(|| attache_filter_host::plugin::<Usage>("usage"));
