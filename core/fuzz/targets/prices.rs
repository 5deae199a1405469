//! Any bytes as a price list, ours or LiteLLM's, and as decimals: what is read can be written and read again, and costs
//! something that can be said.
#![no_main]

use attache_core::price::{Catalogue, Entry, Nanos, NoCost, Used, cost_of_used, decimal, litellm, read, write};
use attache_core::usage::Usage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for places in [0, 6, 9, 12] {
        let _scaled = decimal::scaled(text, places);
    }
    if let Ok(nanos) = text.parse::<Nanos>() {
        assert_eq!(nanos.to_string().parse(), Ok(nanos), "amounts are written exactly");
    }
    if let Ok(imported) = litellm::import(text, "fuzz", None) {
        check(imported.entries);
    }
    if let Ok(entries) = read(text) {
        check(entries);
    }
    // Names come from clients.
    let _found = Catalogue::built_in().find(text, Some("openai"), text);
});

fn check(entries: Vec<Entry>) {
    for Entry { price, .. } in &entries {
        for input in [1, 200_001, u64::MAX] {
            let usage = Usage { input, cached_input: 1, output: 2, reasoning: 1, ..Usage::default() };
            match cost_of_used(price, &Used::from(usage), None) {
                Ok(cost) => assert_eq!(Nanos::of_picos(cost.picos), Some(cost.nanos)),
                Err(NoCost::Unpriced(_) | NoCost::Tier | NoCost::Overflow) => {}
            }
        }
    }
    // A model whose name is empty or that stands twice is read as it is written.
    assert_eq!(read(&write(&entries)).as_ref(), Ok(&entries), "lists are written as they are read");
}
