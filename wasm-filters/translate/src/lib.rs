//! The WASM filter `translate`: [`attache_filter::Translate`] in a proxy.

#![allow(missing_docs, reason = "the SDK's macro exports a function of its own")]

use attache_filter::Translate;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|_| attache_filter_host::root::<Translate>("translate"));
}}
