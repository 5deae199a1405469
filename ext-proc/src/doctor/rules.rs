//! The traps, in the order in which a request meets them.

mod attempt;
mod exchange;
mod gateway;
mod hosts;
mod providers;
mod routes;
mod service;
mod traffic;
mod version;
mod wasm;

use super::rule::Rule;

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let areas: [&[Rule]; 10] = [
        gateway::RULES,
        exchange::RULES,
        routes::RULES,
        attempt::RULES,
        providers::RULES,
        service::RULES,
        wasm::RULES,
        version::RULES,
        hosts::RULES,
        traffic::RULES,
    ];
    areas.into_iter().flatten()
}
