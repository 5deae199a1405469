//! What the head of a client's request said, kept for later attempts: an attempt begins with the headers as the one before it
//! left them.

use crate::Headers;
use attache_core::hybrid::PLAN_HEADER;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What a filter reads of a request's head and changes in it.
const KEPT: [&str; 6] = [":path", "content-type", "anthropic-version", "anthropic-beta", "openai-beta", PLAN_HEADER];
/// The line with the names of all headers.
const NAMES: &str = "\tnames";

/// The head of the first attempt, as far as it may be needed again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstHead {
    values: BTreeMap<&'static str, Option<String>>,
    names: BTreeSet<String>,
}

impl FirstHead {
    /// Notes it. `names`: of all headers that there are.
    pub fn of(headers: &dyn Headers, names: impl IntoIterator<Item = String>) -> Self {
        let values = KEPT.into_iter().map(|name| (name, headers.get(name).map(Cow::into_owned))).collect();
        Self { values, names: names.into_iter().collect() }
    }

    /// A header: as it was, where it is one that is kept, else as it is now.
    pub fn header<'h>(&'h self, name: &str, now: &'h dyn Headers) -> Option<Cow<'h, str>> {
        self.values.get(name).map_or_else(|| now.get(name), |kept| kept.as_deref().map(Cow::Borrowed))
    }

    /// Whether an attempt before this one has put this header on: maybe somebody's key. What frames the body, and what the
    /// proxy says of its own, is none of theirs.
    pub fn is_left_over(&self, name: &str) -> bool {
        let is_proxys = name.starts_with(':') || name.starts_with("x-envoy-");
        !is_proxys && !matches!(name, "content-length" | "transfer-encoding") && !self.names.contains(name)
    }

    /// As a text. Names and values of headers have no line ends.
    pub fn write(&self) -> String {
        let mut text = String::with_capacity(512);
        for (name, value) in &self.values {
            if let Some(value) = value {
                [name, "\t", value, "\n"].into_iter().for_each(|piece| text.push_str(piece));
            }
        }
        text.push_str(NAMES);
        for name in &self.names {
            ["\t", name].into_iter().for_each(|piece| text.push_str(piece));
        }
        text.push('\n');
        text
    }

    /// Reads what [`Self::write`] wrote.
    pub fn read(text: &str) -> Self {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
        let values = KEPT.into_iter().map(|name| (name, line(name).map(str::to_owned))).collect();
        let names = line(NAMES).unwrap_or_default().split('\t').filter(|name| !name.is_empty());
        Self { values, names: names.map(str::to_owned).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_attempt_reads_what_the_first_one_read() {
        let map = |all: &[(&'static str, &str)]| all.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let first: BTreeMap<_, _> = map(&[(":path", "/v1/messages?beta=true"), ("anthropic-beta", "a, b")]);
        let later: BTreeMap<_, _> = map(&[(":path", "/v1/other"), ("anthropic-version", "1"), ("x-tenant", "changed")]);
        let names = || [":path", "anthropic-beta", "x-tenant"].map(str::to_owned);
        let head = FirstHead::read(&FirstHead::of(&first, names()).write());
        assert_eq!(head, FirstHead::of(&first, names()));
        assert_eq!(head.header(":path", &later).as_deref(), Some("/v1/messages?beta=true"));
        assert_eq!(head.header("anthropic-version", &later), None);
        assert_eq!(head.header("x-tenant", &later).as_deref(), Some("changed"));
    }

    #[test]
    fn what_an_attempt_has_put_on_is_left_over() {
        let head =
            FirstHead::of(&BTreeMap::<&str, String>::new(), [":path", "x-tenant", "content-type"].map(str::to_owned));
        let head = FirstHead::read(&head.write());
        for (name, left_over) in [
            ("cf-aig-authorization", true),
            ("ocp-apim-subscription-key", true),
            ("authorization", true),
            ("x-tenant", false),
            ("content-type", false),
            ("content-length", false),
            (":authority", false),
            ("x-envoy-attempt-count", false),
        ] {
            assert_eq!(head.is_left_over(name), left_over, "{name}");
        }
    }
}
