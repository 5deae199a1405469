//! What a WASM filter decides in one exchange: headers and bodies in, what becomes of them out.
//!
//! An [`Exchange`] is led through the callbacks of a proxy by its host. What happens in it is a [`Filter`]'s, which is
//! configured once per VM: [`Redact`] and [`Guard`] with the same block that `attache.yaml` has, [`ModelRouter`],
//! [`Prompt`], [`Translate`] and [`Usage`] with their own.
//!
//! Never calls anybody, never reads a clock or a random source, never keeps a body: it says [`Step::Hold`] until one is
//! whole, and the proxy keeps it.

mod block;
mod decided;
mod exchange;
mod facts;
mod first;
mod guard;
mod prompt;
mod redact;
mod reply;
mod router;
mod step;
mod translate;
mod usage;
mod when;

#[cfg(test)]
mod tests;

pub use exchange::Exchange;
pub use first::FirstHead;
pub use guard::Guard;
pub use prompt::Prompt;
pub use redact::Redact;
pub use reply::Reply;
pub use router::ModelRouter;
pub use step::{Change, Step, Told};
pub use translate::{Translate, Translating};
pub use usage::{Metering, Usage};

use attache_core::endpoint::Endpoint;
use attache_core::fault::Fault;
use attache_core::translate::Ask;
use std::borrow::Cow;

/// Longest name of a model that fits into a header.
const MODEL_BYTES_MAX: usize = 256;

/// A model's name as the value of a header, where it fits: what comes from a client must not become a second header.
fn model_in_header(model: &str) -> Option<&str> {
    Some(model).filter(|model| !model.is_empty() && model.len() <= MODEL_BYTES_MAX && is_header_text(model))
}

fn is_header_text(value: &str) -> bool {
    value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) && value.trim() == value
}

/// Most bytes of a body that are read where the operator says nothing.
pub const BODY_BYTES_MAX: usize = 8 << 20;

/// The headers of a request or an answer.
pub trait Headers {
    /// A header's value, by its lower-case name; what of it is no UTF-8 stands as U+FFFD. An answer's `:details` says why the
    /// proxy answered by itself, or that it did not:
    /// <https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/response_code_details>.
    fn get(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// A filter, configured. Every exchange of a VM shares one.
pub trait Filter: Sized {
    /// What it does in one exchange.
    type Stage: Stage;

    /// Reads the plugin's configuration, which is JSON.
    ///
    /// # Errors
    /// What is wrong with it, each with its path.
    fn read(configuration: &[u8]) -> Result<Self, String>;

    /// Most bytes of a body that are read.
    fn body_bytes_max(&self) -> usize;

    /// Who does not let pass what cannot be read, in words; `None` where it passes unread.
    fn insists(&self) -> Option<String>;

    /// Who does not let pass an answer that came before its request was read, in words.
    fn withholds_early(&self) -> Option<String> {
        self.insists()
    }

    /// Whether it must know the body of a request to this endpoint. Where not, headers go on at once, and the exchange
    /// begins with [`Filter::open_unread`].
    fn reads_request(&self, _endpoint: &Endpoint, _headers: &dyn Headers) -> bool {
        true
    }

    /// Whether it stands in a provider's cluster, where every attempt is an exchange of its own.
    fn per_attempt(&self) -> bool {
        false
    }

    /// Whether headers wait until a body is known. Where not, bodies change behind heads that have gone on.
    fn holds_headers(&self) -> bool {
        true
    }

    /// What becomes of a request to this endpoint whose head does not wait for its body. What may change in the body, and
    /// how an answer to it can be read, must be settled by now.
    fn early_head(&self, _endpoint: &Endpoint) -> Asked {
        Asked::Go(Change::default())
    }

    /// Whether it makes each attempt for the target that somebody else has planned, whose credentials are on it already.
    fn follows_plan(&self) -> bool {
        false
    }

    /// What changes in the head of every request that goes on, whatever it asks for: before anything else.
    fn every_head(&self) -> Change {
        Change::default()
    }

    /// What changes in the head of a request that passes unread. Its question has no body.
    fn unread_head(&self, _question: &Question<'_>) -> Change {
        Change::default()
    }

    /// Begins an exchange; `None` where the filter has no part in it.
    fn open(&self, question: &Question<'_>) -> Option<Self::Stage>;

    /// Begins an exchange whose request passes unread: one that nobody here wants to read, that is too large, or whose
    /// answer came before it was whole. Its question has no body. `None` where the filter has no part in it.
    fn open_unread(&self, _question: &Question<'_>) -> Option<(Self::Stage, Asked)> {
        None
    }
}

/// What a filter does in one exchange.
pub trait Stage {
    /// Looks at a request; at one without a body, too. Not at one that passes unread.
    fn request(&mut self, question: &Question<'_>) -> Asked;

    /// Whether it wants to see the answer.
    fn wants_answer(&self) -> bool;

    /// How it wants to see an answer with this head.
    fn answer(&mut self, head: &AnswerHead<'_>) -> Form;

    /// What changes in the answer's head, once it is known how it is looked at.
    fn answer_head(&mut self) -> Change {
        Change::default()
    }

    /// Looks at an answer that has no body.
    fn bodyless(&mut self, _head: &AnswerHead<'_>) -> Answered {
        Answered::Unchanged
    }

    /// Looks at a whole answer.
    fn whole(&mut self, body: &[u8]) -> Answered;

    /// Takes the next bytes of an answer that streams and appends what may go on; `end`: they are the last.
    fn chunk(&mut self, bytes: &[u8], end: bool, out: &mut Vec<u8>);

    /// What to answer where an answer cannot be read; `None` where it passes unread.
    fn unreadable(&mut self, why: &str) -> Option<Fault>;

    /// Adds what has happened since it was last asked. Asked after the request, after the answer, and at the end.
    fn tell(&mut self, told: &mut Told);

    /// The same after each piece of a stream, for who does not wait until its end.
    fn tell_on_the_way(&mut self, _told: &mut Told) {}
}

/// What is asked.
pub struct Question<'a> {
    /// What for; with what the body says about it.
    pub endpoint: &'a Endpoint,
    /// The request, where it is one that names a model or needs none.
    pub ask: Option<&'a Ask<'a>>,
    /// The model, as the client names it; empty where it names none.
    pub model: &'a str,
    /// The request's headers.
    pub headers: &'a dyn Headers,
    /// The request's body; empty where there is none.
    pub body: &'a [u8],
    /// Unix seconds.
    pub now: u64,
    /// Nobody looked into it: what only its body says is not known.
    pub unread: bool,
}

impl<'a> Question<'a> {
    /// What is known of a request that nobody looks into.
    fn unread(endpoint: &'a Endpoint, headers: &'a dyn Headers, now: u64) -> Self {
        let model = endpoint.model.as_deref().unwrap_or_default();
        Self { endpoint, ask: None, model, headers, body: b"", now, unread: true }
    }
}

impl Question<'_> {
    /// How long its body says that it is.
    fn length(&self) -> Option<usize> {
        self.headers.get("content-length")?.trim().parse().ok()
    }
}

/// The head of an answer.
#[derive(Clone, Copy)]
pub struct AnswerHead<'a> {
    /// Its status; 0 where it says none.
    pub status: u16,
    /// Its status is one of success.
    pub success: bool,
    /// Its media type, in lower case and without parameters.
    pub kind: &'a str,
    /// Its headers.
    pub headers: &'a dyn Headers,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Asked {
    /// It goes on, with these changes.
    Go(Change),
    /// It does not; this is the answer.
    Answer(Reply),
}

/// How an answer is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Not at all.
    Unread,
    /// When it is whole.
    Whole,
    /// As it comes.
    Stream,
}

/// What becomes of a whole answer.
#[derive(Debug)]
pub enum Answered {
    /// It is right as it is.
    Unchanged,
    /// This changes in its head and body.
    Change(Change),
    /// Another answer is given in its place.
    Instead(Reply),
}

/// A media type without its parameters, in lower case.
fn kind_of(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A body came with a request: some paths are also asked for what is stored there.
fn is_sent(question: &Question<'_>) -> bool {
    !question.body.is_empty() || question.headers.get(":method").is_some_and(|method| method == "POST")
}

/// Whether a stream is wanted, as far as anybody knows.
fn wants_stream(question: &Question<'_>) -> bool {
    question.ask.map(|ask| ask.stream).or(question.endpoint.stream) == Some(true)
}

/// What is wrong with a request that cannot be read.
fn unread(question: &Question<'_>) -> Fault {
    let why = Ask::read(question.endpoint.clone(), question.body).err();
    why.unwrap_or_else(|| Fault::invalid("the body is not valid JSON"))
}
