//! Exchanges through a proxy that is none: it holds, cuts and changes as the filter says.

mod docs;
mod guard;
mod mistakes;
mod planned;
mod prompt;
mod proxy;
mod redact;
mod router;
mod translate;
mod unheld;
mod usage;
mod wild;

use crate::Headers;
use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

impl<K: Borrow<str> + Ord> Headers for BTreeMap<K, String> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        Self::get(self, name).map(|value| Cow::Borrowed(&**value))
    }
}
