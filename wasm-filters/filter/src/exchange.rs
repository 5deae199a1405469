//! One exchange, from the first header to the last byte.

use crate::{AnswerHead, Answered, Asked, Change, Filter, Form, Headers, Question, Reply, Stage, Step, Told, kind_of};
use attache_core::endpoint::Endpoint;
use attache_core::fault::{Fault, FaultKind};
use attache_core::translate::{self, Ask};
use std::rc::Rc;

/// The status with which a proxy refuses a body that outgrows its own buffer.
const PAYLOAD_TOO_LARGE: &str = "413";
/// The code of a request that nobody can look into.
const UNREAD: &str = "request_not_readable";

/// An exchange. Its host calls it in the order of the proxy's callbacks; in any other, it lets things pass.
pub struct Exchange<F: Filter> {
    filter: Rc<F>,
    state: State<F::Stage>,
    told: Told,
}

enum State<S> {
    /// Nothing has come.
    New,
    /// The request is on its way to us.
    Asking(Endpoint),
    /// The answer is awaited.
    Asked(Box<Open<S>>),
    /// The answer is on its way to us.
    Whole(Box<Open<S>>),
    /// The answer passes through.
    Streaming(Box<Open<S>>),
    /// The answer's body becomes this, whatever comes.
    Instead(Vec<u8>),
    /// Nothing more is looked at.
    Over,
}

/// What the filter does.
struct Open<S> {
    stage: S,
    endpoint: Endpoint,
}

impl<F: Filter> Exchange<F> {
    /// Begins.
    pub fn new(filter: Rc<F>) -> Self {
        Self { filter, state: State::New, told: Told::default() }
    }

    /// Takes a request's headers; `end`: there is no body. `now` is unix seconds.
    pub fn request_head(&mut self, headers: &Headers<'_>, end: bool, now: u64) -> Step {
        let path = headers(":path").unwrap_or_default();
        let Some(endpoint) = Endpoint::of(&path, headers("anthropic-version").is_some()) else { return self.over() };
        self.state = State::Asking(endpoint);
        if end {
            return self.ask(headers, b"", now);
        }
        if headers("upgrade").is_some() {
            // What is said over it has no beginning and no end.
            return self
                .unread(FaultKind::InvalidRequest, |who| format!("{who} cannot look into an upgraded connection"));
        }
        if length_of(headers).is_some_and(|bytes| bytes > self.filter.body_bytes_max()) {
            return self.too_large();
        }
        Step::Hold
    }

    /// Takes more of a request's body. `size`: bytes that there are by now; `end`: no more come. `read` gives them.
    pub fn request_body(
        &mut self,
        headers: &Headers<'_>,
        size: usize,
        end: bool,
        now: u64,
        read: &dyn Fn() -> Vec<u8>,
    ) -> Step {
        match &self.state {
            State::Asking(_) if size > self.filter.body_bytes_max() => self.too_large(),
            State::Asking(_) if end => self.ask(headers, &read(), now),
            State::Asking(_) => Step::Hold,
            State::New | State::Asked(_) | State::Whole(_) | State::Streaming(_) | State::Instead(_) | State::Over => {
                Step::go()
            }
        }
    }

    /// The request is whole.
    fn ask(&mut self, headers: &Headers<'_>, body: &[u8], now: u64) -> Step {
        let State::Asking(endpoint) = std::mem::replace(&mut self.state, State::Over) else { return Step::go() };
        if body.len() > self.filter.body_bytes_max() {
            self.state = State::Asking(endpoint);
            return self.too_large();
        }
        let ask = Ask::read(endpoint.clone(), body).ok();
        let endpoint = ask.as_ref().map_or(endpoint, |ask| ask.endpoint().clone());
        let named = ask.as_ref().map(|ask| &*ask.model).or(endpoint.model.as_deref());
        let model = named.unwrap_or_default();
        let question = Question { endpoint: &endpoint, ask: ask.as_ref(), model, headers, body, now };
        let Some(mut stage) = self.filter.open(&question) else { return Step::go() };
        let asked = stage.request(&question);
        stage.tell(&mut self.told);
        match asked {
            Asked::Answer(reply) => Step::Answer(reply),
            Asked::Go(mut change) => {
                if let Some(body) = change.body.as_ref().filter(|_| headers("content-length").is_some()) {
                    change.set.push(("content-length", body.len().to_string()));
                }
                if stage.wants_answer() {
                    // Nobody here reads what is compressed.
                    change.set.push(("accept-encoding", "identity".to_owned()));
                    self.state = State::Asked(Box::new(Open { stage, endpoint }));
                }
                Step::Go(change)
            }
        }
    }

    /// A request of which more would have to be read than may be.
    fn too_large(&mut self) -> Step {
        let most = self.filter.body_bytes_max();
        let why = |who: &str| format!("the request is larger than {most} bytes, the most that {who} looks into");
        self.unread(FaultKind::TooLarge, why)
    }

    /// A request that nobody here looks into: it is refused where somebody insists on that.
    fn unread(&mut self, kind: FaultKind, why: impl Fn(&str) -> String) -> Step {
        let State::Asking(endpoint) = std::mem::replace(&mut self.state, State::Over) else { return Step::go() };
        match self.filter.insists() {
            Some(who) => Step::Answer(Reply::fault(endpoint.errors(), &Fault::new(kind, why(&who)).with_code(UNREAD))),
            None => Step::go(),
        }
    }

    /// Takes an answer's headers; `end`: there is no body.
    pub fn response_head(&mut self, headers: &Headers<'_>, end: bool) -> Step {
        let open = match std::mem::replace(&mut self.state, State::Over) {
            State::Asked(open) => open,
            State::Asking(endpoint) if !end => return self.refused_by_proxy(&endpoint, headers),
            State::New | State::Asking(_) | State::Whole(_) | State::Streaming(_) | State::Instead(_) | State::Over => {
                return Step::go();
            }
        };
        if end {
            return Step::go();
        }
        let status: u16 = headers(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
        let kind = kind_of(&headers("content-type").unwrap_or_default());
        let head = AnswerHead { success: (200..300).contains(&status), kind: &kind };
        self.answered(open, &head, headers)
    }

    fn answered(&mut self, mut open: Box<Open<F::Stage>>, head: &AnswerHead<'_>, headers: &Headers<'_>) -> Step {
        let form = open.stage.answer(head);
        if form == Form::Unread {
            return Step::go();
        }
        let encoding = headers("content-encoding").filter(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"));
        if let Some(encoding) = encoding {
            return self.unreadable(&open, &translate::unreadable_encoding(&encoding).message);
        }
        if form == Form::Stream {
            let set = open.stage.stream_content_type().map(|kind| ("content-type", kind.to_owned()));
            self.state = State::Streaming(open);
            let (set, remove) = (set.into_iter().collect(), vec!["content-length"]);
            return Step::Go(Change { set, remove, body: None });
        }
        let most = self.filter.body_bytes_max();
        if length_of(headers).is_some_and(|bytes| bytes > most) {
            return self.unreadable(&open, &format!("it is larger than {most} bytes"));
        }
        self.state = State::Whole(open);
        Step::Hold
    }

    /// An answer that nobody can look into.
    fn unreadable(&mut self, open: &Open<F::Stage>, why: &str) -> Step {
        match open.stage.unreadable(why) {
            None => Step::go(),
            Some(fault) => self.instead(Reply::fault(open.endpoint.errors(), &fault)),
        }
    }

    /// Another answer takes the place of one whose body is still to come.
    fn instead(&mut self, reply: Reply) -> Step {
        let mut change = replaced(reply);
        self.state = State::Instead(change.body.take().unwrap_or_default());
        Step::Go(change)
    }

    /// The proxy itself answers a request that was not whole yet: in its own words, of which its clients know none.
    fn refused_by_proxy(&mut self, endpoint: &Endpoint, headers: &Headers<'_>) -> Step {
        if headers(":status").as_deref() != Some(PAYLOAD_TOO_LARGE) {
            return Step::go();
        }
        let fault = Fault::new(FaultKind::TooLarge, "the request is larger than the gateway takes");
        self.instead(Reply::fault(endpoint.errors(), &fault.with_code(UNREAD)))
    }

    /// Takes more of an answer's body. `size`: bytes that there are, where it is held: all by now; `end`: no more come.
    pub fn response_body(&mut self, size: usize, end: bool, read: &dyn Fn() -> Vec<u8>) -> Step {
        match &mut self.state {
            State::Whole(_) if size > self.filter.body_bytes_max() => self.outgrown(),
            State::Whole(_) if end => self.whole(&read()),
            State::Whole(_) => Step::Hold,
            State::Streaming(open) => {
                let bytes = read();
                let mut out = Vec::with_capacity(bytes.len().saturating_add(64));
                open.stage.chunk(&bytes, end, &mut out);
                if end {
                    self.finish();
                }
                let body = (out != bytes).then_some(out);
                Step::Go(Change { body, ..Change::default() })
            }
            State::Instead(body) => Step::Go(Change { body: Some(std::mem::take(body)), ..Change::default() }),
            State::New | State::Asking(_) | State::Asked(_) | State::Over => Step::go(),
        }
    }

    /// An answer's body has ended and trailers follow; of a stream, the last bytes are gone.
    pub fn response_trailers(&mut self, read: &dyn Fn() -> Vec<u8>) -> Step {
        if let State::Whole(_) = self.state {
            return self.whole(&read());
        }
        if let State::Streaming(open) = &mut self.state {
            // What is still held was not finished by the provider: it stays here.
            open.stage.chunk(b"", true, &mut Vec::new());
            self.finish();
        }
        Step::go()
    }

    /// A whole answer turned out larger than it may be.
    fn outgrown(&mut self) -> Step {
        let State::Whole(open) = std::mem::replace(&mut self.state, State::Over) else { return Step::go() };
        let why = format!("it is larger than {} bytes", self.filter.body_bytes_max());
        match open.stage.unreadable(&why) {
            None => Step::go(),
            Some(fault) => {
                self.state = State::Instead(Vec::new());
                Step::Go(replaced(Reply::fault(open.endpoint.errors(), &fault)))
            }
        }
    }

    fn whole(&mut self, body: &[u8]) -> Step {
        let State::Whole(mut open) = std::mem::replace(&mut self.state, State::Over) else { return Step::go() };
        let answered = open.stage.whole(body);
        open.stage.tell(&mut self.told);
        match answered {
            Answered::Unchanged => Step::go(),
            Answered::Body(body) => {
                let set = vec![("content-length", body.len().to_string())];
                Step::Go(Change { set, body: Some(body), ..Change::default() })
            }
            Answered::Instead(reply) => Step::Go(replaced(reply)),
        }
    }

    /// The exchange has ended, however it did.
    pub fn finish(&mut self) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Asked(mut open) | State::Whole(mut open) | State::Streaming(mut open) => {
                open.stage.tell(&mut self.told);
            }
            // What is to be said instead is still to be said.
            State::Instead(body) => self.state = State::Instead(body),
            State::New | State::Asking(_) | State::Over => {}
        }
    }

    /// What operators learn, since this was last asked.
    pub fn told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }

    fn over(&mut self) -> Step {
        self.state = State::Over;
        Step::go()
    }
}

/// An answer becomes another one, before its headers have gone on.
fn replaced(reply: Reply) -> Change {
    let mut set = vec![(":status", reply.status.to_string()), ("content-length", reply.body.len().to_string())];
    set.extend(reply.headers);
    Change { set, remove: vec!["content-encoding"], body: Some(reply.body) }
}

fn length_of(headers: &Headers<'_>) -> Option<usize> {
    headers("content-length")?.trim().parse().ok()
}
