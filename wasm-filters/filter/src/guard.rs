//! The filter `guard`: looks at what is asked and answered, and stops what may not pass.
//!
//! Never keeps a text beyond its exchange, never names one in what it tells; the client reads a guard's name and no more.

use crate::block::{Block, Blocks};
use crate::when::When;
use crate::{AnswerHead, Answered, Asked, Change, Filter, Form, Question, Reply, Stage, Told};
use attache_core::chat::StopReason;
use attache_core::dialect::Asked as AnswerAsked;
use attache_core::edit::Object;
use attache_core::endpoint::{Endpoint, Framing, Operation};
use attache_core::fault::{Fault, FaultKind};
use attache_core::guard::{self, Fail, Findings, Guards, Mode, Then, Way, Window};
use attache_core::stream::Event;
use attache_core::translate::{Answer, Preset, Stop, Stream};
use attache_core::usage::Usage;
use std::ops::ControlFlow;
use std::rc::Rc;

/// The header by which a client knows that a guard answers.
const HEADER: &str = "x-attache-guard";

/// The filter `guard`, configured: all guards whose `when` fits an exchange act, in the order of the list.
pub struct Guard {
    all: Rc<[One]>,
    rules: Guards,
    body_bytes_max: usize,
    hold_headers: bool,
}

/// One guard.
struct One {
    name: String,
    when: When,
    written: guard::Guard,
}

impl One {
    /// Whether it stops what it cannot read.
    fn insists(&self) -> bool {
        self.written.mode == Mode::Enforce && self.written.fail == Fail::Closed
    }

    /// Whether it stops an answer by giving it another status.
    fn answers_with_status(&self) -> bool {
        let says = matches!(self.written.then, Then::Message(_));
        self.watches(Way::Response) && self.written.mode == Mode::Enforce && !says
    }

    fn watches(&self, way: Way) -> bool {
        match way {
            Way::Request => self.written.on.request(),
            Way::Response => self.written.on.response(),
        }
    }
}

impl Filter for Guard {
    type Stage = Acting;

    fn read(configuration: &[u8]) -> Result<Self, String> {
        let Blocks { list, body_bytes_max, hold_headers, .. } = Blocks::read(configuration, "guards")?;
        let mut all = Vec::with_capacity(list.len());
        for Block { at, name, when, key, tenant, rules } in list {
            if key.is_some() || tenant.is_some() {
                return Err(format!("{at}: a guard has no `key` and no `tenant`"));
            }
            let one = One { name, when, written: rules };
            if !hold_headers && one.answers_with_status() {
                let why = "the status of an answer does not wait where `hold_headers` is false";
                return Err(format!("{at}.then: {why}; write what is said instead: `then: {{ message: … }}`"));
            }
            all.push(one);
        }
        let written: Vec<_> = all.iter().map(|one| (one.name.clone(), one.written.clone())).collect();
        Ok(Self { all: all.into(), rules: Guards::new(&written)?, body_bytes_max, hold_headers })
    }

    fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    fn holds_headers(&self) -> bool {
        self.hold_headers
    }

    fn early_head(&self, endpoint: &Endpoint) -> Asked {
        if !self.all.iter().any(|one| one.watches(Way::Response)) {
            return Asked::Go(Change::default());
        }
        if endpoint.framing == Framing::JsonArray && endpoint.stream == Some(true) {
            // Nobody knows yet whether a guard reads it as the events that it would then have to be.
            let fault = Fault::invalid("a guard reads this stream as server-sent events: ask for them with `?alt=sse`");
            return Asked::Answer(Reply::fault(endpoint.errors(), &fault.with_code("request_not_readable")));
        }
        Asked::Go(Change::for_reading())
    }

    /// Who watches answers only, too: without the request nobody knows which guards act.
    fn insists(&self) -> Option<String> {
        let insisting = self.all.iter().find(|one| one.insists())?;
        Some(format!("the guard `{}`", insisting.name))
    }

    fn open(&self, question: &Question<'_>) -> Option<Acting> {
        let acts: Vec<bool> = self.all.iter().map(|one| one.when.fits(question)).collect();
        if !acts.contains(&true) {
            return None;
        }
        let rules = self.rules.select(&|place| acts.get(place).copied().unwrap_or(false));
        let endpoint = question.endpoint.clone();
        let request_id = question.headers.get("x-request-id").unwrap_or_default().into_owned();
        let way_back = match question.ask {
            Some(ask) => ask.answered_here(question.now).with_usage_shown(),
            // What cannot be read as a request, some server may answer all the same.
            None => {
                let asked = AnswerAsked { now: question.now, ..AnswerAsked::default() };
                let (dialect, framing) = (endpoint.dialect, endpoint.framing);
                Answer::between(dialect, dialect, framing, false, asked).with_usage_shown()
            }
        };
        Some(Acting {
            all: self.all.clone(),
            acts,
            rules,
            preset_id: format!("attache-{request_id}"),
            model: question.model.to_owned(),
            is_chat: endpoint.operation == Operation::Chat,
            stream_wanted: question.ask.is_some_and(|ask| ask.stream),
            endpoint,
            way_back,
            watching: None,
            told: Told::default(),
        })
    }

    /// The answer can be read all the same.
    fn open_unread(&self, question: &Question<'_>) -> Option<(Acting, Asked)> {
        let stage = self.open(question).filter(Stage::wants_answer)?;
        let mut change = Change::default();
        stage.ask_for_events(question, &mut change);
        Some((stage, Asked::Go(change)))
    }
}

/// The guards of one exchange.
pub struct Acting {
    all: Rc<[One]>,
    /// Which of them act.
    acts: Vec<bool>,
    rules: Guards,
    endpoint: Endpoint,
    /// How answers are read, and how our own are written.
    way_back: Answer,
    is_chat: bool,
    stream_wanted: bool,
    preset_id: String,
    /// The model that the client asks for.
    model: String,
    watching: Option<Watching>,
    told: Told,
}

/// An answer under way.
struct Watching {
    stream: Stream,
    window: Window,
    /// What guards have objected to, by their places.
    objected: Vec<usize>,
    /// The guard that stops it.
    stopped: Option<usize>,
    ended: bool,
}

impl Stage for Acting {
    fn request(&mut self, question: &Question<'_>) -> Asked {
        let mut change = Change::default();
        let findings = self.rules.request(&self.endpoint, question.body);
        let mut instead = None;
        for place in self.note(Way::Request, &findings) {
            match self.all.get(place).map(|one| &one.written.then) {
                Some(Then::Use(model)) => instead = instead.or_else(|| Some((place, model.clone()))),
                Some(Then::Status(_) | Then::Message(_)) => return Asked::Answer(self.stop(place, Way::Request)),
                None => {}
            }
        }
        if let Some((place, model)) = instead {
            // Where the path names the model, another one is another path, and that Envoy has matched already.
            match renamed(&self.endpoint, question.body, &model) {
                Some(body) => change.body = Some(body),
                None => return Asked::Answer(self.stop(place, Way::Request)),
            }
        }
        self.ask_for_events(question, &mut change);
        Asked::Go(change)
    }

    fn wants_answer(&self) -> bool {
        self.rules.look_at(Way::Response)
    }

    fn answer(&mut self, head: &AnswerHead<'_>) -> Form {
        if !head.success {
            return Form::Unread;
        }
        if self.is_chat && self.way_back.is_stream(head.kind) {
            let window = self.rules.window();
            self.watching = window.map(|window| {
                let stream = self.way_back.stream(true);
                Watching { stream, window, objected: Vec::new(), stopped: None, ended: false }
            });
            return Form::Stream;
        }
        if self.way_back.is_read(head.kind) { Form::Whole } else { Form::Unread }
    }

    fn answer_head(&mut self) -> Change {
        let mut change = Change::default();
        if self.watching.is_some() && !self.way_back.is_framed_alike() {
            change.put("content-type", self.way_back.stream_content_type());
        }
        change
    }

    fn whole(&mut self, body: &[u8]) -> Answered {
        let findings = self.rules.answer(&self.endpoint, body);
        match self.note(Way::Response, &findings).into_iter().next() {
            Some(place) => Answered::Instead(self.stop(place, Way::Response)),
            None => Answered::Unchanged,
        }
    }

    fn chunk(&mut self, bytes: &[u8], end: bool, out: &mut Vec<u8>) {
        let Some(mut watching) = self.watching.take() else { return out.extend_from_slice(bytes) };
        let Watching { stream, window, objected, stopped, ended } = &mut watching;
        let mut watch = |event: &mut Event<'_>| {
            let findings = window.watch(event);
            objected.extend(findings.0.iter().map(|finding| finding.index));
            let stop = findings.stop().map(|finding| finding.index);
            self.object(Way::Response, &findings);
            *stopped = stopped.or(stop);
            if stop.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        stream.push_until(bytes, out, &mut watch);
        if end {
            stream.end_until(out, &mut watch);
            *ended = true;
        }
        if stream.seen().held && !stream.seen().stopped {
            let usage = stream.seen().usage.unwrap_or_default();
            let last_words = stopped.and_then(|place| self.message(place));
            stream.stop_with(&Stop { usage, reason: StopReason::Refused, last_words }, out);
        }
        self.watching = Some(watching);
    }

    fn unreadable(&mut self, why: &str) -> Option<Fault> {
        let insisting = self.acting().find(|(_, one)| one.insists() && one.watches(Way::Response))?.1;
        let message = format!("the answer is withheld: the guard `{}` cannot read it: {why}", insisting.name);
        Some(Fault::upstream(message).with_code("guard_blocked"))
    }

    fn tell(&mut self, told: &mut Told) {
        if let Some(watching) = self.watching.take_if(|watching| watching.ended) {
            self.passed(Way::Response, &watching.objected);
        }
        told.counts.append(&mut self.told.counts);
        told.lines.append(&mut self.told.lines);
    }
}

impl Acting {
    /// Events are cut from server-sent events; a client that reads an array gets its array all the same.
    fn ask_for_events(&self, question: &Question<'_>, change: &mut Change) {
        if self.wants_answer() && self.endpoint.framing == Framing::JsonArray {
            let path = question.headers.get(":path").unwrap_or_default();
            let sign = if path.contains('?') { '&' } else { '?' };
            change.put(":path", format!("{path}{sign}alt=sse"));
        }
    }

    fn acting(&self) -> impl Iterator<Item = (usize, &One)> {
        self.all.iter().enumerate().zip(&self.acts).filter_map(|(one, acts)| acts.then_some(one))
    }

    fn message(&self, place: usize) -> Option<&str> {
        match self.all.get(place).map(|one| &one.written.then) {
            Some(Then::Message(message)) => Some(message),
            Some(Then::Status(_) | Then::Use(_)) | None => None,
        }
    }

    /// Books what was found in a body; the guards that act on it, by their places, in the order of the configuration.
    fn note(&mut self, way: Way, findings: &Findings) -> Vec<usize> {
        self.object(way, findings);
        let objected: Vec<usize> = findings.0.iter().map(|finding| finding.index).collect();
        self.passed(way, &objected);
        findings.0.iter().filter(|finding| finding.mode == Mode::Enforce).map(|finding| finding.index).collect()
    }

    /// Books objections.
    fn object(&mut self, way: Way, findings: &Findings) {
        for finding in &findings.0 {
            let (guard, rule, way) = (&finding.guard, finding.rule(), name_of(way));
            let verdict = match finding.mode {
                Mode::Enforce => "stop",
                Mode::Monitor => "monitor",
            };
            self.told.counts.push((counter(guard, way, verdict), 1));
            if finding.mode == Mode::Enforce {
                self.told.lines.push(format!("stopped guard={guard} rule={rule} direction={way}"));
            }
        }
    }

    /// Books the guards that have looked and found nothing.
    fn passed(&mut self, way: Way, objected: &[usize]) {
        let passed = |(place, one): &(usize, &One)| one.watches(way) && !objected.contains(place);
        let counts: Vec<_> =
            self.acting().filter(passed).map(|(_, one)| counter(&one.name, name_of(way), "pass")).collect();
        self.told.counts.extend(counts.into_iter().map(|name| (name, 1)));
    }

    /// What the client gets instead: the guard's words, or its error. It says which guard, never what was found.
    fn stop(&self, place: usize, way: Way) -> Reply {
        let Some(one) = self.all.get(place) else { return self.refusal("", 400, way) };
        let status = if let Then::Status(status) = one.written.then { status } else { 400 };
        let preset = self.message(place).filter(|_| self.is_chat).and_then(|text| {
            let preset = Preset { id: &self.preset_id, model: &self.model, text, usage: Usage::default() };
            let streams = self.stream_wanted;
            let kind = if streams { self.way_back.stream_content_type() } else { "application/json" };
            self.way_back.preset(&preset).map(|body| Reply::ok(kind, body))
        });
        preset.unwrap_or_else(|| self.refusal(&one.name, status, way)).with(HEADER, one.name.clone())
    }

    fn refusal(&self, name: &str, status: u16, way: Way) -> Reply {
        let what = match way {
            Way::Request => "request",
            Way::Response => "answer",
        };
        let message = format!("the {what} was stopped by the guard `{name}`");
        let fault = Fault { status, ..Fault::new(FaultKind::of_status(status), message) }.with_code("guard_blocked");
        Reply::fault(self.endpoint.errors(), &fault)
    }
}

/// The same request to another model; `None` where its body does not name it.
fn renamed(endpoint: &Endpoint, body: &[u8], model: &str) -> Option<Vec<u8>> {
    let object = Object::read(body).ok().filter(|object| endpoint.model.is_none() && object.raw("model").is_some())?;
    let mut edit = object.edit();
    edit.set_str("model", model);
    Some(edit.write())
}

fn counter(guard: &str, direction: &str, verdict: &str) -> String {
    format!("attache_guard_decisions.guard.{guard}.direction.{direction}.verdict.{verdict}")
}

fn name_of(way: Way) -> &'static str {
    match way {
        Way::Request => "request",
        Way::Response => "response",
    }
}
