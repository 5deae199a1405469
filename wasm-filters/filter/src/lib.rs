//! What a WASM filter decides in one exchange: headers and bodies in, what becomes of them out.
//!
//! An [`Exchange`] is led through the callbacks of a proxy by its host. What happens in it is a [`Filter`]'s: [`Redact`]
//! or [`Guard`], each configured once per VM with the same block that `attache.yaml` has.
//!
//! Never calls anybody, never reads a clock or a random source, never keeps a body: it says [`Step::Hold`] until one is
//! whole, and the proxy keeps it.

mod block;
mod exchange;
mod guard;
mod redact;
mod reply;
mod step;
mod when;

#[cfg(test)]
mod tests;

pub use exchange::Exchange;
pub use guard::Guard;
pub use redact::Redact;
pub use reply::Reply;
pub use step::{Change, Step, Told};

use attache_core::endpoint::Endpoint;
use attache_core::fault::Fault;
use attache_core::translate::Ask;

/// Most bytes of a body that are read where the operator says nothing.
pub const BODY_BYTES_MAX: usize = 8 << 20;

/// The headers of a request or an answer, by lower-case name.
pub type Headers<'h> = dyn Fn(&str) -> Option<String> + 'h;

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

    /// Begins an exchange; `None` where the filter has no part in it.
    fn open(&self, question: &Question<'_>) -> Option<Self::Stage>;
}

/// What a filter does in one exchange.
pub trait Stage {
    /// Looks at a request; at one without a body, too.
    fn request(&mut self, question: &Question<'_>) -> Asked;

    /// Whether it wants to see the answer.
    fn wants_answer(&self) -> bool;

    /// How it wants to see an answer with this head.
    fn answer(&mut self, head: &AnswerHead<'_>) -> Form;

    /// The media type of an answer that streams, where it becomes another one.
    fn stream_content_type(&self) -> Option<&'static str>;

    /// Looks at a whole answer.
    fn whole(&mut self, body: &[u8]) -> Answered;

    /// Takes the next bytes of an answer that streams and appends what may go on; `end`: they are the last.
    fn chunk(&mut self, bytes: &[u8], end: bool, out: &mut Vec<u8>);

    /// What to answer where an answer cannot be read; `None` where it passes unread.
    fn unreadable(&self, why: &str) -> Option<Fault>;

    /// Adds what has happened since it was last asked.
    fn tell(&mut self, told: &mut Told);
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
    pub headers: &'a Headers<'a>,
    /// The request's body; empty where there is none.
    pub body: &'a [u8],
    /// Unix seconds.
    pub now: u64,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug)]
pub struct AnswerHead<'a> {
    /// Its status is one of success.
    pub success: bool,
    /// Its media type, in lower case and without parameters.
    pub kind: &'a str,
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
    /// Its body becomes this one.
    Body(Vec<u8>),
    /// Another answer is given in its place.
    Instead(Reply),
}

/// A media type without its parameters, in lower case.
fn kind_of(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
