//! Leads an [`Exchange`] through the callbacks of a proxy: its steps become calls to it.
//!
//! Nothing is asked for out of its phase, where the proxy refuses it: what cannot be read or changed must not pass, and ends the
//! VM. Headers are read and changed only while they are held, or in their own callback where they are not; bodies only in their
//! own callback.

mod counters;
mod head;

use attache_filter::{Change, Exchange, Filter, FirstHead, Headers, Reply, Step};
use attache_filter_abi::calls::{self, Buffer, Level, Refused};
use attache_filter_abi::{Action, Pairs, Plugin, Shared, Stream};
use counters::Counters;
use head::Head;
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// A filter that is to be configured; `name` stands in its log lines.
pub fn plugin<F: Filter + 'static>(name: &'static str) -> Shared<dyn Plugin> {
    Rc::new(RefCell::new(Root::<F> { name, filter: None, counters: Rc::default() }))
}

/// One plugin in one VM.
struct Root<F> {
    name: &'static str,
    filter: Option<Rc<F>>,
    counters: Rc<Counters>,
}

impl<F: Filter + 'static> Plugin for Root<F> {
    fn configure(&mut self) -> bool {
        match F::read(&bytes(Buffer::Configuration)) {
            Ok(filter) => {
                self.filter = Some(Rc::new(filter));
                true
            }
            Err(why) => {
                log(Level::Error, &format!("attache {}: the configuration is wrong: {why}", self.name));
                false
            }
        }
    }

    fn stream(&self) -> Shared<dyn Stream> {
        let exchange = self.filter.clone().map(Exchange::new);
        Rc::new(RefCell::new(Http {
            name: self.name,
            exchange,
            began: 0,
            heads: [OnceCell::new(), OnceCell::new()],
            first: None,
            kept: None,
            has_body: [false; 2],
            counters: self.counters.clone(),
        }))
    }
}

/// One exchange.
struct Http<F: Filter> {
    name: &'static str,
    /// `None` where the proxy serves in spite of a wrong configuration: then nothing passes.
    exchange: Option<Exchange<F>>,
    /// When the request came, in unix seconds.
    began: u64,
    /// The headers that are held, once somebody asks for them: of the request, of the answer.
    heads: [OnceCell<Head>; 2],
    /// What the client's request said, where this is one of several attempts.
    first: Option<FirstHead>,
    /// The request's headers, where they do not wait for its body.
    kept: Option<Kept>,
    /// The proxy has such a body, which can become another one: of the request, of the answer.
    has_body: [bool; 2],
    counters: Rc<Counters>,
}

impl<F: Filter> Stream for Http<F> {
    fn request_headers(&mut self, end: bool) -> Action {
        let Some(exchange) = &mut self.exchange else {
            answer(&Reply { status: 503, headers: Vec::new(), body: Vec::new() });
            return Action::Pause;
        };
        self.began = now();
        let [head, _] = &mut self.heads;
        self.first = exchange.is_attempt().then(|| first_head(head, exchange.follows_plan()));
        if !exchange.holds_headers() {
            self.kept = Some(Kept(head.get_or_init(|| Head::read(calls::Headers::Request)).clone()));
        }
        let headers = Asking { head, first: self.first.as_ref() };
        let step = exchange.request_head(&headers, end, self.began);
        self.take(step, Side::Request)
    }

    fn request_body(&mut self, size: usize, end: bool) -> Action {
        self.came(Side::Request);
        self.more_of_request(size, end)
    }

    fn request_trailers(&mut self) -> Action {
        self.more_of_request(0, true)
    }

    fn response_headers(&mut self, end: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let [_, head] = &self.heads;
        let step = exchange.response_head(&Answering(head), end);
        self.take(step, Side::Response)
    }

    fn response_body(&mut self, size: usize, end: bool) -> Action {
        self.came(Side::Response);
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let step = exchange.response_body(size, end, &|| bytes(Buffer::ResponseBody));
        self.take(step, Side::Response)
    }

    fn response_trailers(&mut self) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let step = exchange.response_trailers(&|| bytes(Buffer::ResponseBody));
        self.take(step, Side::Response)
    }

    fn done(&mut self) {
        if let Some(exchange) = &mut self.exchange {
            exchange.finish();
        }
        self.tell();
    }
}

/// Which headers and which body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

impl<F: Filter> Http<F> {
    fn came(&mut self, side: Side) {
        let [request, answer] = &mut self.has_body;
        *(if side == Side::Request { request } else { answer }) = true;
    }

    fn has_body(&self, side: Side) -> bool {
        let [request, answer] = self.has_body;
        if side == Side::Request { request } else { answer }
    }

    fn more_of_request(&mut self, size: usize, end: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let [head, _] = &self.heads;
        let asking = Asking { head, first: self.first.as_ref() };
        let headers: &dyn Headers = self.kept.as_ref().map_or(&asking, |kept| kept);
        let step = exchange.request_body(headers, size, end, self.began, &|| bytes(Buffer::RequestBody));
        self.take(step, Side::Request)
    }

    /// Does what the exchange says.
    fn take(&mut self, step: Step, side: Side) -> Action {
        self.tell();
        match step {
            Step::Hold => Action::Pause,
            // Trailers came, and no body before them: there is none that could become another one.
            Step::Go(change) if change.body.is_some() && !self.has_body(side) => {
                answer(&Reply::of(change, if side == Side::Request { 400 } else { 200 }));
                Action::Pause
            }
            Step::Go(change) => {
                let [request, answer] = &mut self.heads;
                apply(&change, side, if side == Side::Request { request } else { answer });
                Action::Continue
            }
            Step::Answer(reply) => {
                answer(&reply);
                Action::Pause
            }
            Step::Break => {
                let _refused = calls::break_answer();
                Action::Pause
            }
        }
    }

    /// Tells operators what has happened.
    fn tell(&mut self) {
        let Some(exchange) = &mut self.exchange else { return };
        let told = exchange.told();
        for (name, by) in &told.counts {
            self.counters.add(name, *by);
        }
        for line in &told.lines {
            log(Level::Info, &format!("attache {}: {line}", self.name));
        }
        for (name, fact) in &told.facts {
            let _refused = calls::set_property(name, fact.as_bytes());
        }
    }
}

/// Changes headers and body. Once they have gone on, nobody needs what was read of the headers.
fn apply(change: &Change, side: Side, head: &mut OnceCell<Head>) {
    let buffer = match side {
        Side::Request => Buffer::RequestBody,
        Side::Response => Buffer::ResponseBody,
    };
    let Change { set, remove, remove_prefixed, .. } = change;
    let read = head.take();
    if !set.is_empty() || !remove.is_empty() || remove_prefixed.is_some() {
        let mut head = read.unwrap_or_else(|| Head::read(of(side)));
        head.remove(|name| {
            remove.iter().any(|gone| gone == name) || remove_prefixed.is_some_and(|prefix| name.starts_with(prefix))
        });
        // The last value of a name counts.
        let later = |name: &str, place: usize| set.iter().skip(place + 1).any(|(other, _)| other == name);
        for (_, (name, value)) in set.iter().enumerate().filter(|(place, (name, _))| !later(name, *place)) {
            head.set(name, value);
        }
    }
    if let Some(body) = &change.body {
        must("a body", calls::set_bytes(buffer, body));
    }
    if change.reroute {
        let _refused = calls::foreign("clear_route_cache");
    }
}

/// Answers in the provider's place.
fn answer(reply: &Reply) {
    let headers = Pairs::of(reply.headers.iter().map(|(name, value)| (&**name, &**value)));
    let _refused = calls::answer(reply.status, &headers, &reply.body);
}

fn of(side: Side) -> calls::Headers {
    match side {
        Side::Request => calls::Headers::Request,
        Side::Response => calls::Headers::Response,
    }
}

/// The headers of the request as they were when they went on: of those of one name the first that is not empty.
struct Kept(Head);

impl Headers for Kept {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.all(name).find_map(head::text)
    }
}

/// The name under which the proxy's filter state keeps the head of the first attempt.
const FIRST_HEAD: &str = "attache_first_head";

/// The head of the first attempt. This may be it. `planned`: what has been put on since is for this attempt.
fn first_head(head: &mut OnceCell<Head>, planned: bool) -> FirstHead {
    let mut now = head.take().unwrap_or_else(|| Head::read(calls::Headers::Request));
    let first = match property(FIRST_HEAD) {
        Some(kept) => {
            let first = FirstHead::read(&String::from_utf8_lossy(&kept));
            if !planned {
                now.remove(|name| first.is_left_over(name));
            }
            first
        }
        None => {
            let names = now.names().filter(|_| !planned).map(Cow::into_owned);
            let first = FirstHead::of(&now, names);
            must("filter state", calls::set_property(FIRST_HEAD, first.write().as_bytes()));
            first
        }
    };
    let _empty = head.set(now);
    first
}

/// The headers of the request, as the client sent them.
struct Asking<'h> {
    head: &'h OnceCell<Head>,
    first: Option<&'h FirstHead>,
}

impl Headers for Asking<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let now = self.head.get_or_init(|| Head::read(calls::Headers::Request));
        self.first.map_or_else(|| now.get(name), |first| first.header(name, now))
    }
}

/// The headers of the answer; `:details` is why the proxy answered by itself.
struct Answering<'h>(&'h OnceCell<Head>);

impl Headers for Answering<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        if name == ":details" {
            let details = property("response\0code_details")?;
            return Some(Cow::Owned(String::from_utf8_lossy(&details).into_owned()));
        }
        self.0.get_or_init(|| Head::read(calls::Headers::Response)).get(name)
    }
}

/// What the proxy knows, unless that is nothing.
fn property(path: &str) -> Option<Vec<u8>> {
    calls::property(path).ok().filter(|value| !value.is_empty())
}

fn bytes(buffer: Buffer) -> Vec<u8> {
    read("a body", calls::bytes(buffer))
}

/// What the proxy gives to be read; nothing where it has nothing.
fn read<T: Default>(what: &str, given: Result<T, Refused>) -> T {
    match given {
        Ok(given) => given,
        Err(Refused::NOT_FOUND) => T::default(),
        Err(refused) => end(what, refused),
    }
}

/// A change that has to be made.
fn must(what: &str, done: Result<(), Refused>) {
    if let Err(refused) = done {
        end(what, refused);
    }
}

/// Ends the VM, with all its streams: nothing passes that could not be read, or not be changed. No client can bring that about,
/// but a `capability_restriction_config` that leaves out what a filter needs.
fn end(what: &str, Refused(status): Refused) -> ! {
    log(
        Level::Error,
        &format!("attache: the proxy lets nobody read or change {what} (status {status}): nothing can pass"),
    );
    std::process::abort()
}

fn log(level: Level, line: &str) {
    let _refused = calls::log(level, line);
}

/// Unix seconds.
fn now() -> u64 {
    calls::now().map_or(0, |nanoseconds| nanoseconds / 1_000_000_000)
}
