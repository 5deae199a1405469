//! The WASM filter `model-router`: [`attache_filter::ModelRouter`] in a proxy.

use attache_filter::ModelRouter;

attache_filter_abi::main!(|| attache_filter_host::plugin::<ModelRouter>("model-router"));
