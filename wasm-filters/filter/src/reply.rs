//! Answers that no provider gives.

use crate::Change;
use crate::translate::OF_ROUTER;
use attache_core::dialect::Dialect;
use attache_core::fault::Fault;
use std::borrow::Cow;

/// An answer that no provider gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, the content type among them.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An error, as clients of this dialect read it.
    pub(crate) fn fault(front: Dialect, fault: &Fault) -> Self {
        let mut headers = vec![("content-type".into(), "application/json".to_owned())];
        headers.extend(front.error_header(fault).map(|(name, value)| (name.into(), value.to_owned())));
        Self { status: front.error_status(fault), headers, body: front.encode_error(fault) }
    }

    /// An ordinary answer.
    pub(crate) fn ok(content_type: &str, body: Vec<u8>) -> Self {
        Self { status: 200, headers: vec![("content-type".into(), content_type.to_owned())], body }
    }

    /// What an answer has become, where the proxy has no body that could become it. `status`: where nothing is said of it.
    pub fn of(mut change: Change, status: u16) -> Self {
        let said = change.set.iter().rev().find(|(name, _)| name == ":status").and_then(|(_, said)| said.parse().ok());
        let body = change.body.take().unwrap_or_default();
        Self { status: said.unwrap_or(status), headers: Vec::new(), body }.in_place_of(change)
    }

    /// The same, with what would have been said in the head of the answer in whose place it is given. Past Envoy's router:
    /// what that one would do stays undone, and the route has said already what it says.
    pub(crate) fn in_place_of(mut self, change: Change) -> Self {
        let is_framing = |name: &str| name.starts_with(':') || name == "content-length";
        let stays = |name: &str| !is_framing(name) && !OF_ROUTER.contains(&name);
        self.headers.extend(change.set.into_iter().filter(|(name, _)| stays(name)));
        self
    }

    /// Whether it is an ordinary answer of this media type.
    pub(crate) fn fits(&self, kind: &str) -> bool {
        let is_kind =
            |(name, value): &(Cow<'static, str>, String)| name == "content-type" && crate::kind_of(value) == kind;
        self.status == 200 && self.headers.iter().any(is_kind)
    }

    /// The same, with another header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_has_become_is_an_answer() {
        let mut change = Change { body: Some(b"no".to_vec()), ..Change::default() };
        assert_eq!(Reply::of(Change::default(), 400).status, 400);
        for (name, value) in [
            (":status", "200"),
            (":status", "502"),
            ("content-length", "9"),
            ("content-type", "a/b"),
            ("x-attache-attempts", "1"),
            ("x-envoy-ratelimited", "true"),
        ] {
            change.put(name, value);
        }
        let headers = vec![("content-type".into(), "a/b".to_owned())];
        assert_eq!(Reply::of(change, 200), Reply { status: 502, headers, body: b"no".to_vec() });
    }
}
