//! The WASM filter `redact`: [`attache_filter::Redact`] in a proxy.

use attache_filter::Redact;

attache_filter_abi::main!(|| attache_filter_host::plugin::<Redact>("redact"));
