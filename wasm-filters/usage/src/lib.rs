//! The WASM filter `usage`: [`attache_filter::Usage`] in a proxy.

#![allow(missing_docs, reason = "the SDK's macro exports a function of its own")]

use attache_filter::Usage;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|_| attache_filter_host::root::<Usage>("usage"));
}}
