//! One exchange, from the first header to the last byte.

use crate::{AnswerHead, Answered, Asked, Change, Filter, Form, Headers, Question, Reply, Stage, Step, Told, kind_of};
use attache_core::dialect::Dialect;
use attache_core::endpoint::Endpoint;
use attache_core::fault::{Fault, FaultKind};
use attache_core::translate::{self, Ask};
use std::rc::Rc;

/// The status with which a proxy refuses a body that outgrows its own buffer.
const PAYLOAD_TOO_LARGE: &str = "413";
/// Why there is an answer where it is a provider's.
const VIA_UPSTREAM: &str = "via_upstream";
/// What requests with files in them are.
const FORM: &str = "multipart/form-data";
/// The code of a request that nobody can look into.
const UNREAD: &str = "request_not_readable";

/// An exchange. Its host calls it in the order of the proxy's callbacks; in any other, it lets things pass.
pub struct Exchange<F: Filter> {
    filter: Rc<F>,
    state: State<F::Stage>,
    /// The request's headers have gone on.
    head_left: bool,
    /// The answer was there before the request was read: no more of that one goes on.
    shut: bool,
    /// What looks at an answer that comes before the request has been read.
    early: Option<F::Stage>,
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
    Whole(Box<Open<S>>, Head),
    /// The answer passes through.
    Streaming(Box<Open<S>>),
    /// The answer's body becomes this, whatever comes.
    Instead(Vec<u8>),
    /// Nothing more is looked at.
    Over,
}

/// The head of an answer.
enum Head {
    /// It waits; this changes in it when it goes on.
    Held(Change),
    /// It has gone on, and says this.
    Left { success: bool, kind: String },
}

/// What the filter does.
struct Open<S> {
    stage: S,
    endpoint: Endpoint,
}

impl<F: Filter> Exchange<F> {
    /// Begins.
    pub fn new(filter: Rc<F>) -> Self {
        Self { filter, state: State::New, head_left: false, shut: false, early: None, told: Told::default() }
    }

    /// Whether headers wait until a body is known.
    pub fn holds_headers(&self) -> bool {
        self.filter.holds_headers()
    }

    /// Whether every attempt is an exchange of its own.
    pub fn is_attempt(&self) -> bool {
        self.filter.per_attempt()
    }

    /// Whether an attempt finds the credentials of its target on the request, put there by whoever has planned it.
    pub fn follows_plan(&self) -> bool {
        self.filter.follows_plan()
    }

    /// Takes a request's headers; `end`: there is no body. `now` is unix seconds.
    pub fn request_head(&mut self, headers: &dyn Headers, end: bool, now: u64) -> Step {
        let step = self.head(headers, end, now);
        self.with_head(step)
    }

    /// The first step on of a request changes its head as every request's.
    fn with_head(&mut self, step: Step) -> Step {
        match step {
            Step::Go(change) if !self.head_left => {
                self.head_left = true;
                let mut all = self.filter.every_head();
                all.append(change);
                Step::Go(all)
            }
            Step::Go(change) if !self.holds_headers() => Step::Go(change.of_body()),
            Step::Go(_) | Step::Hold | Step::Answer(_) | Step::Break => step,
        }
    }

    fn head(&mut self, headers: &dyn Headers, end: bool, now: u64) -> Step {
        let path = headers.get(":path").unwrap_or_default();
        let Some(endpoint) = Endpoint::of(&path, headers.get("anthropic-version").is_some()) else {
            // Nobody has planned that.
            return if self.follows_plan() { self.nobody(&Endpoint::from(Dialect::OpenAi)) } else { self.over() };
        };
        let reads = self.filter.reads_request(&endpoint, headers);
        self.state = State::Asking(endpoint);
        if !reads {
            return self.pass_unread(headers, now);
        }
        if end {
            return self.ask(headers, b"", now);
        }
        if headers.get("upgrade").is_some() {
            // What is said over it has no beginning and no end.
            let why = |who: &str| format!("{who} cannot look into an upgraded connection");
            return self.unread(FaultKind::InvalidRequest, why, headers, now);
        }
        if length_of(headers).is_some_and(|bytes| bytes > self.filter.body_bytes_max()) {
            return self.too_large(headers, now);
        }
        if self.holds_headers() { Step::Hold } else { self.early_head(headers, now) }
    }

    /// The head of a request goes on before its body, which may become another one.
    fn early_head(&mut self, headers: &dyn Headers, now: u64) -> Step {
        let State::Asking(endpoint) = &self.state else { return Step::go() };
        match self.filter.early_head(endpoint) {
            Asked::Go(mut change) => {
                self.early = match self.filter.open_unread(&Question::unread(endpoint, headers, now)) {
                    Some((stage, Asked::Go(_))) if stage.wants_answer() => Some(stage),
                    Some(_) | None => None,
                };
                change.drop("content-length");
                Step::Go(change)
            }
            Asked::Answer(reply) => {
                self.state = State::Over;
                Step::Answer(reply)
            }
        }
    }

    /// Takes more of a request's body. `size`: bytes that there are by now; `end`: no more come. `read` gives them.
    pub fn request_body(
        &mut self,
        headers: &dyn Headers,
        size: usize,
        end: bool,
        now: u64,
        read: &dyn Fn() -> Vec<u8>,
    ) -> Step {
        let step = self.body(headers, size, end, now, read);
        self.with_head(step)
    }

    fn body(&mut self, headers: &dyn Headers, size: usize, end: bool, now: u64, read: &dyn Fn() -> Vec<u8>) -> Step {
        match &self.state {
            _ if self.shut => Step::Hold,
            State::Asking(_) if size > self.filter.body_bytes_max() => self.too_large(headers, now),
            State::Asking(_) if end => self.ask(headers, &read(), now),
            State::Asking(_) => Step::Hold,
            State::New | State::Asked(_) | State::Whole(..) | State::Streaming(_) | State::Instead(_) | State::Over => {
                Step::go()
            }
        }
    }

    /// The request is whole.
    fn ask(&mut self, headers: &dyn Headers, body: &[u8], now: u64) -> Step {
        let State::Asking(endpoint) = std::mem::replace(&mut self.state, State::Over) else { return Step::go() };
        if body.len() > self.filter.body_bytes_max() {
            self.state = State::Asking(endpoint);
            return self.too_large(headers, now);
        }
        let betas = headers.get("anthropic-beta");
        let kind = headers.get("content-type").filter(|kind| kind_of(kind) == FORM);
        let ask = match &kind {
            Some(kind) => Ask::read_form(endpoint.clone(), kind, body),
            None => Ask::read(endpoint.clone(), body),
        };
        let ask = ask.ok().map(|ask| ask.with_betas(betas.as_deref()));
        let endpoint = ask.as_ref().map_or(endpoint, |ask| ask.endpoint().clone());
        let named = ask.as_ref().map(|ask| &*ask.model).or(endpoint.model.as_deref());
        let model = named.unwrap_or_default();
        let question = Question { endpoint: &endpoint, ask: ask.as_ref(), model, headers, body, now, unread: false };
        let Some(mut stage) = self.filter.open(&question) else { return self.nobody(&endpoint) };
        let asked = stage.request(&question);
        stage.tell(&mut self.told);
        match asked {
            Asked::Answer(reply) => Step::Answer(reply),
            Asked::Go(mut change) => {
                // The attempt before may have left the length of its own body.
                let length = change.body.as_ref().map(Vec::len).or(self.is_attempt().then_some(body.len()));
                if let Some(length) = length.filter(|_| headers.get("content-length").is_some()) {
                    change.put("content-length", length.to_string());
                }
                self.await_answer(stage, endpoint, &mut change);
                Step::Go(change)
            }
        }
    }

    /// No rule of the filter fits: the request is none of its business. An attempt that is not made anew would go on as the
    /// attempt before left it, made for another provider.
    fn nobody(&self, endpoint: &Endpoint) -> Step {
        if !self.is_attempt() {
            return Step::go();
        }
        let fault = Fault::new(FaultKind::NotFound, "nothing here is made for this request").with_code("no_target");
        Step::Answer(Reply::fault(endpoint.errors(), &fault))
    }

    /// The request goes on; who wants to see the answer waits for it.
    fn await_answer(&mut self, stage: F::Stage, endpoint: Endpoint, change: &mut Change) {
        if stage.wants_answer() {
            // Nobody here reads what is compressed.
            change.put("accept-encoding", "identity");
            self.state = State::Asked(Box::new(Open { stage, endpoint }));
        }
    }

    /// The request goes on without having been read. Its headers are still here.
    fn pass_unread(&mut self, headers: &dyn Headers, now: u64) -> Step {
        let State::Asking(endpoint) = std::mem::replace(&mut self.state, State::Over) else { return Step::go() };
        let question = Question::unread(&endpoint, headers, now);
        let mut change = self.filter.unread_head(&question);
        match self.filter.open_unread(&question) {
            None if self.is_attempt() => self.nobody(&endpoint),
            None => Step::Go(change),
            Some((mut stage, Asked::Answer(reply))) => {
                stage.tell(&mut self.told);
                Step::Answer(reply)
            }
            Some((stage, Asked::Go(more))) => {
                change.append(more);
                self.await_answer(stage, endpoint, &mut change);
                Step::Go(change)
            }
        }
    }

    /// A request of which more would have to be read than may be.
    fn too_large(&mut self, headers: &dyn Headers, now: u64) -> Step {
        let most = self.filter.body_bytes_max();
        let why = |who: &str| format!("the request is larger than {most} bytes, the most that {who} looks into");
        self.unread(FaultKind::TooLarge, why, headers, now)
    }

    /// A request that nobody here looks into: it is refused where somebody insists on that.
    fn unread(&mut self, kind: FaultKind, why: impl Fn(&str) -> String, headers: &dyn Headers, now: u64) -> Step {
        let State::Asking(endpoint) = &self.state else { return Step::go() };
        let Some(who) = self.filter.insists() else { return self.pass_unread(headers, now) };
        let reply = Reply::fault(endpoint.errors(), &Fault::new(kind, why(&who)).with_code(UNREAD));
        self.state = State::Over;
        Step::Answer(reply)
    }

    /// Takes an answer's headers; `end`: there is no body.
    pub fn response_head(&mut self, headers: &dyn Headers, end: bool) -> Step {
        let open = match std::mem::replace(&mut self.state, State::Over) {
            State::Asked(open) => open,
            State::Asking(endpoint) if self.head_left => return self.answered_early(endpoint, headers, end),
            State::Asking(endpoint) if !end => return self.refused_by_proxy(&endpoint, headers),
            State::New
            | State::Asking(_)
            | State::Whole(..)
            | State::Streaming(_)
            | State::Instead(_)
            | State::Over => {
                return Step::go();
            }
        };
        self.answer_head(open, headers, end)
    }

    fn answer_head(&mut self, mut open: Box<Open<F::Stage>>, headers: &dyn Headers, end: bool) -> Step {
        let status: u16 = headers.get(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
        let kind = kind_of(&headers.get("content-type").unwrap_or_default());
        let head = AnswerHead { status, success: (200..300).contains(&status), kind: &kind, headers };
        if end { self.bodyless(&mut open, &head) } else { self.answered(open, &head) }
    }

    /// An answer without a body, whose headers are still here.
    fn bodyless(&mut self, open: &mut Open<F::Stage>, head: &AnswerHead<'_>) -> Step {
        let answered = open.stage.bodyless(head);
        open.stage.tell(&mut self.told);
        match answered {
            Answered::Unchanged => Step::go(),
            Answered::Change(change) => Step::Go(Change { body: None, ..change }),
            Answered::Instead(reply) => Step::Answer(reply),
        }
    }

    fn answered(&mut self, mut open: Box<Open<F::Stage>>, head: &AnswerHead<'_>) -> Step {
        let headers = head.headers;
        let form = open.stage.answer(head);
        let mut change = open.stage.answer_head();
        if form == Form::Unread {
            open.stage.tell(&mut self.told);
            return Step::Go(change);
        }
        let encoding =
            headers.get("content-encoding").filter(|encoding| !encoding.trim().eq_ignore_ascii_case("identity"));
        if let Some(encoding) = encoding {
            return self.unreadable(&mut open, change, &translate::unreadable_encoding(&encoding).message);
        }
        if form == Form::Stream {
            self.state = State::Streaming(open);
            change.drop("content-length");
            return Step::Go(change);
        }
        let most = self.filter.body_bytes_max();
        if length_of(headers).is_some_and(|bytes| bytes > most) {
            return self.unreadable(&mut open, change, &format!("it is larger than {most} bytes"));
        }
        if self.holds_headers() {
            self.state = State::Whole(open, Head::Held(change));
            return Step::Hold;
        }
        change.drop("content-length");
        self.state = State::Whole(open, Head::Left { success: head.success, kind: head.kind.to_owned() });
        Step::Go(change)
    }

    /// An answer that nobody can look into. `change`: what would have changed in its head.
    fn unreadable(&mut self, open: &mut Open<F::Stage>, change: Change, why: &str) -> Step {
        let fault = open.stage.unreadable(why);
        open.stage.tell(&mut self.told);
        match fault {
            None => Step::go(),
            Some(fault) => self.instead(change, Reply::fault(open.endpoint.errors(), &fault)),
        }
    }

    /// Another answer takes the place of one whose body is still to come.
    fn instead(&mut self, mut change: Change, reply: Reply) -> Step {
        change.append(replaced(reply));
        self.state = State::Instead(change.body.take().unwrap_or_default());
        Step::Go(change)
    }

    /// A request whose head has gone on is answered before it was whole: by the proxy, or by a provider that knows only the
    /// head. Who insists on reading has read nothing: none of the body follows, and only a refusal passes. Others begin with
    /// the answer.
    fn answered_early(&mut self, endpoint: Endpoint, headers: &dyn Headers, end: bool) -> Step {
        // Another filter's answer comes without details (tried: Envoy 1.40).
        if headers.get(":details").as_deref() != Some(VIA_UPSTREAM) {
            self.shut = true;
            return if end { Step::go() } else { self.refused_by_proxy(&endpoint, headers) };
        }
        let Some(who) = self.filter.withholds_early() else {
            let Some(stage) = self.early.take() else {
                // What still comes of the request is read as ever.
                self.state = State::Asking(endpoint);
                return Step::go();
            };
            return self.answer_head(Box::new(Open { stage, endpoint }), headers, end);
        };
        self.shut = true;
        if headers.get(":status").is_none_or(|status| !status.starts_with('2')) {
            return Step::go();
        }
        let fault = Fault::upstream(format!("the answer is withheld: it came before {who} had read the request"));
        let reply = Reply::fault(endpoint.errors(), &fault.with_code("answer_withheld"));
        if end { Step::Answer(reply) } else { self.instead(Change::default(), reply) }
    }

    /// The proxy itself answers a request that was not whole yet: in its own words, of which its clients know none.
    fn refused_by_proxy(&mut self, endpoint: &Endpoint, headers: &dyn Headers) -> Step {
        if headers.get(":status").as_deref() != Some(PAYLOAD_TOO_LARGE) {
            return Step::go();
        }
        let fault = Fault::new(FaultKind::TooLarge, "the request is larger than the gateway takes");
        self.instead(Change::default(), Reply::fault(endpoint.errors(), &fault.with_code(UNREAD)))
    }

    /// Takes more of an answer's body. `size`: bytes that there are, where it is held: all by now; `end`: no more come.
    pub fn response_body(&mut self, size: usize, end: bool, read: &dyn Fn() -> Vec<u8>) -> Step {
        match &mut self.state {
            State::Whole(..) if size > self.filter.body_bytes_max() => self.outgrown(),
            State::Whole(..) if end => self.whole(&read()),
            State::Whole(..) => Step::Hold,
            State::Streaming(open) => {
                let bytes = read();
                let mut out = Vec::with_capacity(bytes.len().saturating_add(64));
                open.stage.chunk(&bytes, end, &mut out);
                open.stage.tell_on_the_way(&mut self.told);
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
        if let State::Whole(..) = self.state {
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
        let State::Whole(mut open, head) = std::mem::replace(&mut self.state, State::Over) else {
            return Step::go();
        };
        let fault = open.stage.unreadable(&format!("it is larger than {} bytes", self.filter.body_bytes_max()));
        open.stage.tell(&mut self.told);
        match (fault, head) {
            (None, _) => Step::go(),
            (Some(fault), Head::Held(mut change)) => {
                self.state = State::Instead(Vec::new());
                change.append(replaced(Reply::fault(open.endpoint.errors(), &fault)));
                Step::Go(change)
            }
            (Some(_), Head::Left { .. }) => self.breaks(),
        }
    }

    fn whole(&mut self, body: &[u8]) -> Step {
        let State::Whole(mut open, head) = std::mem::replace(&mut self.state, State::Over) else {
            return Step::go();
        };
        let answered = open.stage.whole(body);
        open.stage.tell(&mut self.told);
        let mut change = match head {
            Head::Held(change) => change,
            Head::Left { success, kind } => return self.behind_head(answered, success, &kind),
        };
        match answered {
            Answered::Unchanged => Step::Go(change),
            Answered::Change(more) => {
                change.append(more);
                if let Some(length) = change.body.as_ref().map(Vec::len) {
                    change.put("content-length", length.to_string());
                }
                Step::Go(change)
            }
            Answered::Instead(reply) => {
                change.append(replaced(reply));
                Step::Go(change)
            }
        }
    }

    /// What becomes of a whole answer whose head has gone on.
    fn behind_head(&mut self, answered: Answered, success: bool, kind: &str) -> Step {
        match answered {
            Answered::Unchanged => Step::go(),
            Answered::Change(change) => Step::Go(change.of_body()),
            Answered::Instead(reply) if success && reply.fits(kind) => Step::Go(replaced(reply).of_body()),
            Answered::Instead(_) => self.breaks(),
        }
    }

    /// What still comes of an answer goes nowhere.
    fn breaks(&mut self) -> Step {
        self.state = State::Instead(Vec::new());
        Step::Break
    }

    /// The exchange has ended, however it did.
    pub fn finish(&mut self) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Asked(mut open) | State::Whole(mut open, _) | State::Streaming(mut open) => {
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
    let mut change = Change { body: Some(reply.body), ..Change::default() };
    change.drop("content-encoding");
    change.put(":status", reply.status.to_string());
    change.put("content-length", change.body.as_ref().map_or(0, Vec::len).to_string());
    reply.headers.into_iter().for_each(|(name, value)| change.put(name, value));
    change
}

fn length_of(headers: &dyn Headers) -> Option<usize> {
    headers.get("content-length")?.trim().parse().ok()
}
