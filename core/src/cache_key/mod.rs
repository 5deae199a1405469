//! Which requests are the same: the keys under which answers are kept.
//!
//! A key is an HMAC-SHA256, so nobody without the secret can try out what was asked. It is taken over the *client's body*
//! in its own dialect, not over the hub's request: the front is a part of the key anyway, and the hub forgets what it has
//! no word for, so two requests that differ in an unknown field would meet. What goes in: whose answers these are
//! ([`Tenant`]), the version of the policies that act on the exchange, the models that may answer, the front, whatever else
//! the host knows to matter (beta headers, a salt), and the whole body in one canonical form:
//!
//! - blanks, escapes, the order of keys and the spelling of numbers do not matter, but in somebody's own JSON (schemas,
//!   arguments, documents), which models read as it is written, order and numbers do;
//! - `stream` and `stream_options` stay out: streams and whole answers share an entry. So do the hints of what a provider
//!   may keep of a prompt (`cache_control`, `prompt_cache_key`, `prompt_cache_retention`), which change the price only;
//! - `user`, `safety_identifier` and `metadata` go in: who asks may matter, and then nobody reads another's answer. An
//!   operator who wants them out says so ([`Scope::left_out`]);
//! - `null` is not the same as nothing, nor a default as its absence: those are misses, never wrong hits.
//!
//! [`Request::question`] finds the last words of the user, which may be compared by meaning, and says why not;
//! [`Keys::partition`] is the key over everything else.
//! [`Keys::blocks`] are chained hashes of a prompt's beginning, by which a router knows who has read it already.
//!
//! Never keeps or shows any text.

mod canonical;
mod number;
mod prefix;
mod question;
mod tree;

pub use prefix::{BLOCK_BYTES, BLOCKS_MAX};
pub use question::{Conditions, ExactOnly, Question, has_placeholder};

use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, Hosting, Operation};
use canonical::{Form, LeftOut};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::str::FromStr;
use tree::Node;

/// Says how an answer comes, not what it says.
const DELIVERY: [&str; 4] = ["stream", "stream_options", "prompt_cache_key", "prompt_cache_retention"];
/// Changes with every change of the canonical form, so that old entries are misses.
const VERSION: &str = "1";

/// Whose answers are kept together. Two of these never share an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenant<'a> {
    /// One caller's: the default.
    Caller(&'a str),
    /// A team's.
    Team(&'a str),
    /// Those of all who come by a route.
    Route(&'a str),
    /// Everybody's.
    Shared,
}

/// What makes an answer right besides the body.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Whose it is.
    pub tenant: Tenant<'a>,
    /// The version of everything that the operator lets happen to requests and answers.
    pub policy: &'a str,
    /// The models that may answer, as providers name them. Order and repetition do not matter.
    pub models: &'a [&'a str],
    /// More that matters, by name: the features in beta that headers ask for, the client's own salt.
    pub also: &'a [(&'a str, &'a str)],
    /// Fields at the top of the body that do not matter here.
    pub left_out: &'a [&'a str],
}

/// Why a body has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkeyable {
    /// It is no JSON object (a form, for instance, whose boundary is different every time).
    NotJson,
    /// It is nested too deeply to be looked at.
    TooDeep,
}

/// Why an answer depends on more than what is said in the request, and must never be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrepeatable {
    /// The provider keeps the conversation (`conversation`), which grows.
    Conversation,
    /// The provider works on it later (`background`); the answer is only a receipt.
    Background,
    /// Code runs in a container that remembers (`container`).
    Container,
    /// The provider runs tools that may do something somewhere (MCP servers, code, shells): what was done once is not done
    /// again by repeating what was said about it.
    Acts,
}

/// What the types of such tools begin with: `mcp`, `mcp_toolset`, `code_execution_20250825` …
const ACTING_TOOLS: [&str; 4] = ["mcp", "code_interpreter", "code_execution", "shell"];

/// The name of an entry: an HMAC-SHA256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// With these bytes, which somebody else was told.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

/// From what [`fmt::Display`] writes.
impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let mut key = [0; 32];
        let (digits, rest) = text.as_bytes().as_chunks::<2>();
        if digits.len() != key.len() || !rest.is_empty() {
            return Err(NoKey);
        }
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(NoKey),
        };
        for (byte, [high, low]) in key.iter_mut().zip(digits) {
            *byte = value(*high)? << 4 | value(*low)?;
        }
        Ok(Self(key))
    }
}

/// A client's request, read once for all its keys.
pub struct Request<'a> {
    endpoint: &'a Endpoint,
    body: &'a str,
    root: Node<'a>,
}

impl<'a> Request<'a> {
    /// Reads the body of a request to an endpoint.
    ///
    /// # Errors
    /// Why it has no key.
    pub fn read(endpoint: &'a Endpoint, body: &'a [u8]) -> Result<Self, Unkeyable> {
        let body = std::str::from_utf8(body).map_err(|_| Unkeyable::NotJson)?;
        let root = Node::read(body)?;
        match root {
            Node::Object(_) => Ok(Self { endpoint, body, root }),
            Node::Word(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => Err(Unkeyable::NotJson),
        }
    }

    /// Why its answer must not be kept at all, if so.
    pub fn unrepeatable(&self) -> Option<Unrepeatable> {
        let says = |field: &str| self.root.all(field).any(|value| !value.is_nothing());
        if says("conversation") {
            return Some(Unrepeatable::Conversation);
        }
        if says("background") {
            return Some(Unrepeatable::Background);
        }
        if says("container") {
            return Some(Unrepeatable::Container);
        }
        (says("mcp_servers") || self.has_acting_tools()).then_some(Unrepeatable::Acts)
    }

    fn has_acting_tools(&self) -> bool {
        let tools = self.root.all("tools").flat_map(|tools| match tools {
            Node::List(tools) => tools.as_slice(),
            Node::Word(_) | Node::Number(_) | Node::Text(_) | Node::Object(_) => &[],
        });
        let acts = |kind: &Node<'_>| match kind {
            Node::Text(raw) => ACTING_TOOLS.iter().any(|name| tree::decoded(raw).starts_with(name.as_bytes())),
            Node::Word(_) | Node::Number(_) | Node::List(_) | Node::Object(_) => false,
        };
        tools.flat_map(|tool| tool.all("type")).any(acts)
    }
}

/// Shows nothing of what is said.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("endpoint", self.endpoint).finish_non_exhaustive()
    }
}

/// Makes keys with a secret.
#[derive(Clone)]
pub struct Keys {
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Keys {
    /// With a secret that all replicas share; of any length, though less than 16 bytes protect nothing.
    pub fn new(secret: &[u8]) -> Self {
        Self { mac: Hmac::new_from_slice(secret).expect("HMAC takes keys of every length") }
    }

    /// The key of a request: only the same request of the same tenant under the same policy has it.
    pub fn exact(&self, scope: &Scope<'_>, request: &Request<'_>) -> Key {
        let mut form = self.begin("exact", scope, request.endpoint);
        form.body(&request.root, LeftOut { fields: [&DELIVERY, scope.left_out], text: None });
        Key(form.finish())
    }

    fn begin(&self, what: &str, scope: &Scope<'_>, endpoint: &Endpoint) -> Form {
        let mut form = Form::new(self.mac.clone());
        form.text(VERSION);
        form.text(what);
        tenant(&mut form, scope.tenant);
        form.text(scope.policy);
        let mut models = scope.models.to_vec();
        models.sort_unstable();
        models.dedup();
        form.count(b'm', models.len());
        models.iter().for_each(|model| form.text(model));
        let mut also = scope.also.to_vec();
        also.sort_unstable();
        form.count(b'a', also.len());
        for (name, value) in also {
            form.text(name);
            form.text(value);
        }
        front(&mut form, endpoint);
        form
    }
}

fn tenant(form: &mut Form, tenant: Tenant<'_>) {
    let (kind, name) = match tenant {
        Tenant::Caller(name) => ("caller", name),
        Tenant::Team(name) => ("team", name),
        Tenant::Route(name) => ("route", name),
        Tenant::Shared => ("shared", ""),
    };
    form.text(kind);
    form.text(name);
}

/// What the client speaks, and what its URL says but for the way of delivery.
fn front(form: &mut Form, endpoint: &Endpoint) {
    form.text(endpoint.dialect.as_str());
    form.text(match endpoint.hosting {
        Hosting::Native => "native",
        Hosting::AzureDeployment => "azure",
        Hosting::Bedrock => "bedrock",
        Hosting::Vertex => "vertex",
    });
    form.text(endpoint.operation.as_str());
    form.text(endpoint.model.as_deref().unwrap_or_default());
    // The verb of Gemini's chat says only whether to stream.
    form.text(match (endpoint.operation, endpoint.dialect) {
        (Operation::Chat, Dialect::Gemini | Dialect::Anthropic) => "",
        (
            Operation::Chat
            | Operation::Count
            | Operation::Embed
            | Operation::Rerank
            | Operation::Invoke
            | Operation::Pass
            | Operation::Other,
            _,
        ) => &endpoint.tail,
    });
}

#[cfg(test)]
mod question_tests;
#[cfg(test)]
mod tests;
