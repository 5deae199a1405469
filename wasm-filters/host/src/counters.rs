//! Counters of the proxy, each defined once.

use attache_filter_abi::calls;
use std::cell::RefCell;
use std::collections::HashMap;

/// Most counters of a plugin. Their names come from its configuration: there are never so many.
const COUNTERS_MAX: usize = 4096;

/// The counters of one plugin in one VM.
#[derive(Default)]
pub(super) struct Counters(RefCell<HashMap<String, u32>>);

impl Counters {
    pub(super) fn add(&self, name: &str, by: u64) {
        let Ok(mut known) = self.0.try_borrow_mut() else { return };
        let id = known.get(name).copied().or_else(|| {
            let room = known.len() < COUNTERS_MAX;
            let id = room.then(|| calls::counter(name).ok()).flatten()?;
            known.insert(name.to_owned(), id);
            Some(id)
        });
        if let Some(id) = id {
            let _refused = calls::count(id, i64::try_from(by).unwrap_or(i64::MAX));
        }
    }
}
