//! The WASM filter `prompt`: [`attache_filter::Prompt`] in a proxy.

#![allow(missing_docs, reason = "the SDK's macro exports a function of its own")]

use attache_filter::Prompt;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
    proxy_wasm::set_root_context(|_| attache_filter_host::root::<Prompt>("prompt"));
}}
