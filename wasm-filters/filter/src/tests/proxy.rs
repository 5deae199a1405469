//! A proxy that is none.

use crate::{Change, Exchange, Filter, Reply, Step, Told};
use std::collections::BTreeMap;
use std::rc::Rc;

type Headers = BTreeMap<String, String>;

/// A message as it came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// What was seen on both sides.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What the provider got; `None` where nothing came to it.
    pub(super) request: Option<Message>,
    /// What the client got.
    pub(super) answer: Message,
    pub(super) told: Told,
}

impl Message {
    pub(super) fn request(path: &str, body: &str) -> Self {
        let message = Self::default().with(":path", path).with("content-type", "application/json");
        if body.is_empty() { message } else { message.filled(body.as_bytes().to_vec()) }
    }

    pub(super) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let status = status.to_string();
        Self::default().with(":status", &status).with("content-type", "application/json").filled(body.into())
    }

    pub(super) fn stream(body: impl Into<Vec<u8>>) -> Self {
        let head = Self::default().with(":status", "200").with("content-type", "text/event-stream; charset=utf-8");
        Self { body: body.into(), ..head }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    fn filled(self, body: Vec<u8>) -> Self {
        let length = body.len().to_string();
        Self { body, ..self }.with("content-length", &length)
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(super) fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Its body broke off.
    fn broken(self) -> Self {
        self.with(":broken", "yes")
    }

    fn change(&mut self, change: &Change) {
        if let Some(prefix) = change.remove_prefixed {
            self.headers.retain(|name, _| !name.starts_with(prefix));
        }
        for name in &change.remove {
            self.headers.remove(&**name);
        }
        for (name, value) in &change.set {
            self.headers.insert(name.to_string(), value.clone());
        }
    }
}

impl From<Reply> for Message {
    fn from(reply: Reply) -> Self {
        let head = Self::default().with(":status", &reply.status.to_string());
        let head = reply.headers.iter().fold(head, |head, (name, value)| head.with(name, value));
        Self { body: reply.body, ..head }
    }
}

/// Leads an exchange, its bodies in pieces of `cut` bytes. `trailers`: both bodies end with them.
pub(super) fn lead<F: Filter>(
    filter: &Rc<F>,
    request: &Message,
    cut: usize,
    trailers: bool,
    provider: impl Fn(&Message) -> Message,
) -> Seen {
    let mut exchange = Exchange::new(filter.clone());
    let sent = ask(&mut exchange, request.clone(), cut, trailers);
    let (request, answer) = match sent {
        Ok(request) => {
            let answer = provider(&request);
            (Some(request), reply(&mut exchange, answer, cut, trailers))
        }
        Err(refusal) => (None, refusal.into()),
    };
    exchange.finish();
    for message in request.iter().chain([&answer]) {
        let length = message.headers.get("content-length").filter(|_| !message.body.is_empty());
        assert!(length.is_none_or(|length| *length == message.body.len().to_string()), "{message:?}");
    }
    Seen { request, answer, told: exchange.told() }
}

fn ask<F: Filter>(
    exchange: &mut Exchange<F>,
    mut request: Message,
    cut: usize,
    trailers: bool,
) -> Result<Message, Reply> {
    let body = std::mem::take(&mut request.body);
    let mut headers_left = false;
    let mut went = |request: &mut Message, change: Change, held: Vec<u8>| {
        assert!(
            !headers_left || (change.set.is_empty() && change.remove.is_empty()),
            "headers have gone on: {change:?}"
        );
        request.change(&change);
        request.body.extend(change.body.unwrap_or(held));
        headers_left = true;
    };
    let headers = request.headers.clone();
    match exchange.request_head(&headers, body.is_empty(), 7) {
        Step::Go(change) => went(&mut request, change, Vec::new()),
        Step::Hold => {}
        Step::Answer(reply) => return Err(reply),
        Step::Break => panic!("there is no answer yet"),
    }
    let mut held = Vec::new();
    let mut pieces = body.chunks(cut).peekable();
    while let Some(piece) = pieces.next() {
        held.extend_from_slice(piece);
        let end = pieces.peek().is_none() && !trailers;
        match exchange.request_body(&headers, held.len(), end, 7, &|| held.clone()) {
            Step::Go(change) => went(&mut request, change, std::mem::take(&mut held)),
            Step::Hold => assert!(!end, "nothing more comes"),
            Step::Answer(reply) => return Err(reply),
            Step::Break => panic!("there is no answer yet"),
        }
    }
    if trailers {
        match exchange.request_body(&headers, 0, true, 7, &|| held.clone()) {
            Step::Go(change) => went(&mut request, change, std::mem::take(&mut held)),
            Step::Hold => panic!("nothing more comes"),
            Step::Answer(reply) => return Err(reply),
            Step::Break => panic!("there is no answer yet"),
        }
    }
    Ok(request)
}

/// The way of an answer through an exchange.
pub(super) fn reply<F: Filter>(exchange: &mut Exchange<F>, mut answer: Message, cut: usize, trailers: bool) -> Message {
    let body = std::mem::take(&mut answer.body);
    let headers = answer.headers.clone();
    let mut headers_left = false;
    match exchange.response_head(&headers, body.is_empty()) {
        Step::Go(change) => {
            headers_left = true;
            answer.change(&change);
            assert!(change.body.is_none(), "there is no body yet");
        }
        Step::Hold => {}
        Step::Answer(reply) if body.is_empty() => return reply.into(),
        Step::Answer(_) => panic!("answers are answered by changing them"),
        Step::Break => panic!("the head is still here"),
    }
    let mut held = Vec::new();
    let mut pieces = body.chunks(cut).peekable();
    while let Some(piece) = pieces.next() {
        held.extend_from_slice(piece);
        let end = pieces.peek().is_none() && !trailers;
        match exchange.response_body(held.len(), end, &|| held.clone()) {
            Step::Go(change) => {
                assert!(!headers_left || (change.set.is_empty() && change.remove.is_empty()), "{change:?}");
                headers_left = true;
                answer.change(&change);
                answer.body.extend(change.body.unwrap_or_else(|| held.clone()));
                held.clear();
            }
            Step::Hold => assert!(!end, "nothing more comes"),
            Step::Answer(_) => panic!("answers are answered by changing them"),
            Step::Break => return answer.broken(),
        }
    }
    if trailers {
        match exchange.response_trailers(&|| held.clone()) {
            Step::Go(change) => {
                answer.change(&change);
                answer.body.extend(change.body.unwrap_or(held));
            }
            Step::Break => return answer.broken(),
            Step::Hold | Step::Answer(_) => panic!("nothing more comes"),
        }
    }
    answer
}

/// A stream of server-sent events.
pub(super) fn events(events: &[serde_json::Value]) -> String {
    let named = |event: &serde_json::Value| match event.get("type").and_then(serde_json::Value::as_str) {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    };
    events.iter().map(named).collect()
}
