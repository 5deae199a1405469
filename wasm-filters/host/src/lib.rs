//! The one place of the WASM filters that talks to the proxy: its callbacks lead an [`Exchange`], whose steps become host
//! calls.
//!
//! The SDK panics where the proxy refuses a call, and a panic ends the VM with all its streams: so nothing is asked for out
//! of its phase. Headers are read and changed only while they are held, or in their own callback where they are not;
//! bodies only in their own callback.

mod counters;
mod head;

use attache_filter::{Change, Exchange, Filter, FirstHead, Reply, Step};
use counters::Counters;
use head::Head;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MapType};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

/// The root context of a filter; `name` stands in its log lines.
pub fn root<F: Filter + 'static>(name: &'static str) -> Box<dyn RootContext> {
    Box::new(Root::<F> { name, filter: None, counters: Rc::default() })
}

/// One plugin in one VM.
struct Root<F> {
    name: &'static str,
    filter: Option<Rc<F>>,
    counters: Rc<Counters>,
}

impl<F> Context for Root<F> {}

impl<F: Filter + 'static> RootContext for Root<F> {
    fn on_configure(&mut self, _size: usize) -> bool {
        let written = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX).ok().flatten();
        match F::read(&written.unwrap_or_default()) {
            Ok(filter) => {
                self.filter = Some(Rc::new(filter));
                true
            }
            Err(why) => {
                log(LogLevel::Error, &format!("attache {}: the configuration is wrong: {why}", self.name));
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let exchange = self.filter.clone().map(Exchange::new);
        Some(Box::new(Http {
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

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
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

impl<F: Filter> Context for Http<F> {
    fn on_done(&mut self) -> bool {
        if let Some(exchange) = &mut self.exchange {
            exchange.finish();
        }
        self.tell();
        true
    }
}

impl<F: Filter> HttpContext for Http<F> {
    fn on_http_request_headers(&mut self, _count: usize, end: bool) -> Action {
        let Some(exchange) = &mut self.exchange else {
            answer(&Reply { status: 503, headers: Vec::new(), body: Vec::new() });
            return Action::Pause;
        };
        self.began = now();
        let [head, _] = &mut self.heads;
        self.first = exchange.is_attempt().then(|| first_head(head, exchange.follows_plan()));
        self.kept = (!exchange.holds_headers()).then(kept_head);
        let headers = |name: &str| request_header(head, self.first.as_ref(), name);
        let step = exchange.request_head(&headers, end, self.began);
        self.take(step, Side::Request)
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.came(Side::Request);
        self.request_body(size, end)
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.request_body(0, true)
    }

    fn on_http_response_headers(&mut self, _count: usize, end: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let [_, head] = &self.heads;
        let step = exchange.response_head(&|name| response_header(head, name), end);
        self.take(step, Side::Response)
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.came(Side::Response);
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let step = exchange.response_body(size, end, &|| bytes(BufferType::HttpResponseBody));
        self.take(step, Side::Response)
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let step = exchange.response_trailers(&|| bytes(BufferType::HttpResponseBody));
        self.take(step, Side::Response)
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

    fn request_body(&mut self, size: usize, end: bool) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let [head, _] = &self.heads;
        let (first, kept) = (self.first.as_ref(), self.kept.as_ref());
        let headers =
            |name: &str| kept.map_or_else(|| request_header(head, first, name), |kept| kept.get(name).cloned());
        let step = exchange.request_body(&headers, size, end, self.began, &|| bytes(BufferType::HttpRequestBody));
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
                let _refused = hostcalls::reset_http_response();
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
            log(LogLevel::Info, &format!("attache {}: {line}", self.name));
        }
        for (name, fact) in &told.facts {
            let _refused = hostcalls::set_property(vec![name], Some(fact.as_bytes()));
        }
    }
}

/// Changes headers and body. Once they have gone on, nobody needs what was read of the headers.
fn apply(change: &Change, side: Side, head: &mut OnceCell<Head>) {
    let buffer = match side {
        Side::Request => BufferType::HttpRequestBody,
        Side::Response => BufferType::HttpResponseBody,
    };
    let Change { set, remove, remove_prefixed, .. } = change;
    let read = head.take();
    if !set.is_empty() || !remove.is_empty() || remove_prefixed.is_some() {
        let mut head = read.unwrap_or_else(|| Head::read(map_of(side)));
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
        let _refused = hostcalls::set_buffer(buffer, 0, usize::MAX, body);
    }
    if change.reroute {
        let _refused = hostcalls::call_foreign_function("clear_route_cache", None);
    }
}

/// Answers in the provider's place.
fn answer(reply: &Reply) {
    let headers = reply.headers.iter().map(|(name, value)| (&**name, value.as_str())).collect();
    let _refused = hostcalls::send_http_response(reply.status.into(), headers, Some(&reply.body));
}

fn map_of(side: Side) -> MapType {
    match side {
        Side::Request => MapType::HttpRequestHeaders,
        Side::Response => MapType::HttpResponseHeaders,
    }
}

/// The headers of a request, by name.
type Kept = HashMap<String, String>;

/// The headers of the request as they are now; of those of one name the first, and no empty one.
fn kept_head() -> Kept {
    let mut head = Kept::new();
    for (name, value) in hostcalls::get_map_bytes(MapType::HttpRequestHeaders).unwrap_or_default() {
        if !value.is_empty() {
            head.entry(name).or_insert_with(|| String::from_utf8_lossy(&value).into_owned());
        }
    }
    head
}

/// The name under which the proxy's filter state keeps the head of the first attempt.
const FIRST_HEAD: &str = "attache_first_head";

/// The head of the first attempt. This may be it. `planned`: what has been put on since is for this attempt.
fn first_head(head: &mut OnceCell<Head>, planned: bool) -> FirstHead {
    let mut now = head.take().unwrap_or_else(|| Head::read(MapType::HttpRequestHeaders));
    let first = match hostcalls::get_property(vec![FIRST_HEAD]).ok().flatten() {
        Some(kept) if planned => FirstHead::read(&String::from_utf8_lossy(&kept)),
        Some(kept) => {
            let first = FirstHead::read(&String::from_utf8_lossy(&kept));
            now.remove(|name| first.is_left_over(name));
            first
        }
        None => {
            let names = now.names().filter(|_| !planned).map(str::to_owned);
            let first = FirstHead::of(&|name| now.get(name), names);
            let _refused = hostcalls::set_property(vec![FIRST_HEAD], Some(first.write().as_bytes()));
            first
        }
    };
    let _empty = head.set(now);
    first
}

/// A header of the request, as the client sent it.
fn request_header(head: &OnceCell<Head>, first: Option<&FirstHead>, name: &str) -> Option<String> {
    let now = |name: &str| head.get_or_init(|| Head::read(MapType::HttpRequestHeaders)).get(name);
    first.map_or_else(|| now(name), |first| first.header(name, &now))
}

/// A header of the answer; `:details` is why the proxy answered by itself.
fn response_header(head: &OnceCell<Head>, name: &str) -> Option<String> {
    if name == ":details" {
        let details = hostcalls::get_property(vec!["response", "code_details"]).ok().flatten()?;
        return Some(String::from_utf8_lossy(&details).into_owned());
    }
    head.get_or_init(|| Head::read(MapType::HttpResponseHeaders)).get(name)
}

fn bytes(buffer: BufferType) -> Vec<u8> {
    hostcalls::get_buffer(buffer, 0, usize::MAX).ok().flatten().unwrap_or_default()
}

fn log(level: LogLevel, line: &str) {
    let _refused = hostcalls::log(level, line);
}

/// Unix seconds.
fn now() -> u64 {
    let since = hostcalls::get_current_time().ok().and_then(|now| now.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}
