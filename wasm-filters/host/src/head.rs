//! The headers of a message, asked of the proxy once: each question costs about as much as all of them.

use crate::{must, read};
use attache_filter::Headers;
use attache_filter_abi::{Pairs, calls};
use std::borrow::Cow;

/// The headers of a request or an answer, while the proxy holds them.
#[derive(Clone)]
pub(super) struct Head {
    of: calls::Headers,
    pairs: Pairs,
    /// The places of those that were taken away.
    gone: Vec<usize>,
}

impl Head {
    pub(super) fn read(of: calls::Headers) -> Self {
        Self { of, pairs: read("headers", calls::headers(of)), gone: Vec::new() }
    }

    /// A header's values, also those that are empty.
    pub(super) fn all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.pairs().filter(move |(_, of, _)| *of == name.as_bytes()).map(|(_, _, value)| value)
    }

    /// The names of all headers.
    pub(super) fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.pairs().map(|(_, name, _)| String::from_utf8_lossy(name))
    }

    /// Takes headers away: those whose names fit.
    pub(super) fn remove(&mut self, fits: impl Fn(&str) -> bool) {
        let mut gone = Vec::new();
        for (place, name, _) in self.pairs().filter(|(_, name, _)| std::str::from_utf8(name).is_ok_and(&fits)) {
            must("headers", calls::remove_header(self.of, name));
            gone.push(place);
        }
        self.gone.append(&mut gone);
    }

    /// Sets a header that does not say this already. Not meant to be asked about it afterwards.
    pub(super) fn set(&self, name: &str, value: &str) {
        let mut said = self.all(name);
        // What the proxy makes of several is its own.
        if (said.next(), said.next()) != (Some(value.as_bytes()), None) {
            must("headers", calls::set_header(self.of, name, value));
        }
    }

    /// Each with its place.
    fn pairs(&self) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
        let all = self.pairs.iter().enumerate().map(|(place, (name, value))| (place, name, value));
        all.filter(|(place, _, _)| !self.gone.contains(place))
    }
}

/// Of several values the first; none where that is empty.
impl Headers for Head {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.all(name).next().and_then(text)
    }
}

/// A value, where it is not empty.
pub(super) fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    (!value.is_empty()).then(|| String::from_utf8_lossy(value))
}
