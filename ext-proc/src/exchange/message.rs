//! The words between Envoy and an exchange: events in, exactly one reply each.
//!
//! `server.rs` turns Envoy's protobuf messages into these and back; nothing else knows protobuf.

use attache_core::dialect::Dialect;
use attache_core::fault::Fault;
use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::HeaderValue;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};
use std::borrow::Cow;
use std::collections::HashMap;

/// The attribute, where it is asked for, that holds which provider's cluster the chosen host belongs to.
pub const CLUSTER_OF_HOST: &str = "xds.upstream_host_metadata.filter_metadata.attache.cluster";

/// One message of Envoy.
#[derive(Debug)]
pub enum Event {
    /// The request's headers.
    RequestHeaders(Head),
    /// The request's whole body.
    RequestBody(Bytes),
    /// The request's trailers.
    RequestTrailers,
    /// The response's headers: of the attempt that Envoy settled on, or of its own reply.
    ResponseHeaders(Head),
    /// A piece of the response's body, or all of it.
    ResponseBody {
        /// The bytes.
        bytes: Bytes,
        /// Nothing follows.
        end: bool,
    },
    /// The response's trailers: nothing follows.
    ResponseTrailers,
}

impl Event {
    /// What it is, for errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RequestHeaders(_) => "request headers",
            Self::RequestBody(_) => "request body",
            Self::RequestTrailers => "request trailers",
            Self::ResponseHeaders(_) => "response headers",
            Self::ResponseBody { .. } => "response body",
            Self::ResponseTrailers => "response trailers",
        }
    }
}

/// A request's body, as far as it comes here.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// There is none.
    Nothing,
    /// It goes by; nobody here reads it.
    Unread,
    /// All of it.
    Whole(&'a [u8]),
}

/// Headers, with what Envoy says beside them.
#[derive(Debug, Default)]
pub struct Head {
    /// The headers in their order, names in lower case.
    pub headers: Vec<HeaderValue>,
    /// The attributes that the configuration asks Envoy for.
    pub attributes: HashMap<String, Value>,
    /// The dynamic metadata of the namespace `attache`.
    pub metadata: Option<Struct>,
    /// The dynamic metadata of other namespaces that the configuration asks Envoy for: what its filters have verified.
    pub verified: HashMap<String, Struct>,
    /// No body follows.
    pub end: bool,
}

impl Head {
    /// A header's value; of several, the first. `None` also for bytes that are not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.key == name)?;
        let bytes = if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value };
        std::str::from_utf8(bytes).ok()
    }

    /// The status of a response; 502 where it has none that can be read.
    pub fn status(&self) -> u16 {
        self.get(":status").and_then(|status| status.parse().ok()).unwrap_or(502)
    }

    /// How long a response asks to wait. Dates are not understood: hardly any provider sends one.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let ms = self.get("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()).map(|ms| ms / 1000.0);
        let seconds = ms.or_else(|| self.get("retry-after")?.parse().ok())?;
        // A cast from a float saturates, and makes 0 of what is no number.
        Some(seconds.ceil() as u64)
    }

    /// The announced length of the body in bytes.
    pub fn content_length(&self) -> Option<u64> {
        self.get("content-length")?.parse().ok()
    }

    /// The names of all headers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|header| header.key.as_str())
    }

    /// A text attribute, such as `xds.cluster_name`.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        text(self.attributes.get(name)?)
    }

    /// The cluster of the host that was chosen. A cluster that leads to other ones says so by what their hosts say of
    /// themselves; its own name says nothing.
    pub fn cluster(&self) -> Option<&str> {
        self.attribute(CLUSTER_OF_HOST).or_else(|| self.attribute("xds.cluster_name"))
    }

    /// A number attribute, such as `upstream.request_attempt_count`.
    pub fn number(&self, name: &str) -> Option<u32> {
        match self.attributes.get(name)?.kind.as_ref()? {
            Kind::NumberValue(number) if (0.0..=f64::from(u32::MAX)).contains(number) => Some(*number as u32),
            Kind::NumberValue(_)
            | Kind::NullValue(_)
            | Kind::StringValue(_)
            | Kind::BoolValue(_)
            | Kind::StructValue(_)
            | Kind::ListValue(_) => None,
        }
    }
}

/// The text of a protobuf value that is one.
pub fn text(value: &Value) -> Option<&str> {
    if let Some(Kind::StringValue(text)) = &value.kind { Some(text) } else { None }
}

/// The items of a protobuf value that is a list.
pub fn list(value: &Value) -> &[Value] {
    if let Some(Kind::ListValue(list)) = &value.kind { &list.values } else { &[] }
}

/// What happens to a message: the one reply that Envoy waits for.
#[derive(Debug)]
pub enum Reply {
    /// It goes on, changed like this.
    Go(Change),
    /// Headers only: they and a new body go on at once, the old body is not waited for (`CONTINUE_AND_REPLACE`).
    Replace(Change),
    /// It goes no further: this is the answer.
    Answer(Answer),
}

impl Reply {
    /// It goes on as it is.
    pub fn unchanged() -> Self {
        Self::Go(Change::default())
    }
}

/// How a message is changed.
#[derive(Debug, Default)]
pub struct Change {
    /// Headers to set, replacing older ones. Sets win over removals.
    pub set: Vec<(Cow<'static, str>, String)>,
    /// Headers to remove.
    pub remove: Vec<Cow<'static, str>>,
    /// The new body; `None` leaves it.
    pub body: Option<Vec<u8>>,
    /// What to add to the dynamic metadata of the namespace `attache`.
    pub metadata: Metadata,
    /// Choose the route again: what it depends on has changed.
    pub clear_route_cache: bool,
    /// Response headers only: how to receive the body.
    pub body_mode: Option<BodyMode>,
    /// Request headers only: nobody wants to see the body.
    pub skip_request_body: bool,
    /// Request headers only: nobody wants to see anything else, and nobody has asked Envoy for it.
    pub headers_only: bool,
    /// A piece of a body in the mode [`BodyMode::Ours`]: whether it is the last one.
    pub last: Option<bool>,
}

impl Change {
    /// Sets a header.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> &mut Self {
        self.set.push((name.into(), value.into()));
        self
    }

    /// Leaves out what would change nothing in these headers: every mutation costs Envoy and us.
    pub fn trim(&mut self, head: &Head) {
        let Self { set, remove, .. } = self;
        remove.retain(|name| head.names().any(|met| met == name) && !set.iter().any(|(given, _)| given == name));
        // Of a header that came twice, the second value must go.
        let once = |name: &str| head.names().filter(|met| *met == name).count() == 1;
        set.retain(|(name, value)| head.get(name) != Some(value) || !once(name));
    }

    /// Removes a header.
    pub fn remove(&mut self, name: impl Into<Cow<'static, str>>) -> &mut Self {
        self.remove.push(name.into());
        self
    }
}

/// How a response's body is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMode {
    /// All of it in one message; its headers wait for it.
    Whole,
    /// As it comes.
    Streamed,
    /// As it comes, and we say where it ends, be it before the upstream does.
    Ours,
}

/// An answer instead of the upstream's.
#[derive(Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers; `content-type: application/json` is added where they name none.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What it is, for Envoy's access log: `attache_…`.
    pub details: String,
    /// What to add to the dynamic metadata of the namespace `attache`.
    pub metadata: Metadata,
}

impl Answer {
    /// An error in the client's dialect.
    pub fn fault(front: Dialect, fault: &Fault) -> Self {
        let header = front.error_header(fault).map(|(name, value)| (Cow::Borrowed(name), value.to_owned()));
        Self {
            status: front.error_status(fault),
            headers: header.into_iter().collect(),
            body: front.encode_error(fault),
            details: format!("attache_{}", fault.kind.as_str()),
            ..Self::default()
        }
    }
}

/// Dynamic metadata to add.
#[derive(Debug, Default)]
pub struct Metadata(pub Vec<(&'static str, Value)>);

impl Metadata {
    /// Adds a text.
    pub fn text(&mut self, key: &'static str, value: impl Into<String>) -> &mut Self {
        self.0.push((key, string(value)));
        self
    }

    /// Adds a number. Protobuf's are doubles: exact up to 2⁵³.
    pub fn number(&mut self, key: &'static str, value: u64) -> &mut Self {
        self.0.push((key, number(value as f64)));
        self
    }

    /// Adds a list.
    pub fn list(&mut self, key: &'static str, values: Vec<Value>) -> &mut Self {
        self.0.push((key, list_of(values)));
        self
    }
}

/// A protobuf text.
pub fn string(text: impl Into<String>) -> Value {
    Value { kind: Some(Kind::StringValue(text.into())) }
}

/// A protobuf number.
pub fn number(number: f64) -> Value {
    Value { kind: Some(Kind::NumberValue(number)) }
}

/// A protobuf list.
pub fn list_of(values: Vec<Value>) -> Value {
    Value { kind: Some(Kind::ListValue(ListValue { values })) }
}

/// A protobuf object.
pub fn object(fields: impl IntoIterator<Item = (impl Into<String>, Value)>) -> Value {
    let fields = fields.into_iter().map(|(key, value)| (key.into(), value)).collect();
    Value { kind: Some(Kind::StructValue(Struct { fields })) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_host_is_it_says_itself_where_it_says_so() {
        let mut head = head(&[]);
        assert_eq!(head.cluster(), None);
        for (name, value) in [("xds.cluster_name", "attache_order+a+b"), (CLUSTER_OF_HOST, "b")] {
            head.attributes.insert(name.to_owned(), string(value));
            assert_eq!(head.cluster(), Some(value));
        }
    }

    fn head(headers: &[(&str, &str)]) -> Head {
        let header = |(key, value): &(&str, &str)| HeaderValue {
            key: (*key).to_owned(),
            value: String::new(),
            raw_value: value.as_bytes().to_vec(),
        };
        Head { headers: headers.iter().map(header).collect(), ..Head::default() }
    }

    #[test]
    fn only_what_changes_something_is_left() {
        for (came, removed, set) in [
            (vec![], vec![], vec!["authorization"]),
            (vec![("authorization", "client"), ("cookie", "a")], vec!["cookie"], vec!["authorization"]),
            // The client happens to have our own key: it stays, and is not taken off.
            (vec![("authorization", "ours")], vec![], vec![]),
            (vec![("authorization", "ours"), ("authorization", "client")], vec![], vec!["authorization"]),
        ] {
            let mut change = Change::default();
            change.remove("authorization").remove("cookie").set("authorization", "ours");
            change.trim(&head(&came));
            assert_eq!(change.remove, removed, "{came:?}");
            assert_eq!(change.set.iter().map(|(name, _)| name.as_ref()).collect::<Vec<_>>(), set, "{came:?}");
        }
    }
}
