//! One exchange: the request made for its target, and the way back.

use super::aim::{self, Aim};
use super::report::Report;
use super::target::Target;
use crate::{AnswerHead, Answered, Asked, Change, Form, Question, Reply, Stage, Told};
use attache_core::dialect::Dialect;
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::fault::Fault;
use attache_core::form;
use attache_core::head::{self, ANTHROPIC_BETA_HEADER, CLIENT_ONLY, INTERNAL, OF_A_DIALECT, PROVIDER_ONLY};
use attache_core::local_reply;
use attache_core::loss::Losses;
use attache_core::stream::Event;
use attache_core::translate::{Answer, Ask, Stream, Translated, Whole};
use std::rc::Rc;

/// What one target does in one exchange.
pub struct Translating {
    target: Rc<Target>,
    endpoint: Endpoint,
    /// The way back, once the request is made.
    answer: Answer,
    /// The provider's name for the model.
    model: String,
    losses: Losses,
    /// The answer's status is one of success.
    success: bool,
    status: u16,
    /// It is said to be a stream.
    is_stream: bool,
    /// What changes in the answer's head.
    head: Change,
    /// The proxy itself answered, for this reason.
    own: Option<Fault>,
    stream: Option<Stream>,
    told: Told,
    /// What the service has planned, and what it learns; `None` where nobody plans.
    planned: Option<(Aim, Report)>,
    /// It cannot be made safely.
    lost: bool,
}

impl Translating {
    pub(super) fn new(target: Rc<Target>, endpoint: Endpoint) -> Self {
        Self {
            answer: Answer::untouched(&endpoint),
            target,
            endpoint,
            model: String::new(),
            losses: Losses::default(),
            success: false,
            status: 0,
            is_stream: false,
            head: Change::default(),
            own: None,
            stream: None,
            told: Told::default(),
            planned: None,
            lost: false,
        }
    }

    /// The attempt that the service has planned so.
    pub(super) fn planned(target: Rc<Target>, endpoint: Endpoint, aim: Aim) -> Self {
        let report = Report::new(aim.attempt);
        Self { planned: Some((aim, report)), ..Self::new(target, endpoint) }
    }

    /// An attempt that is not made, for this reason.
    pub(super) fn lost(target: Rc<Target>, endpoint: Endpoint, why: &str) -> Self {
        let lines = vec![format!("provider `{}`: an attempt is refused: {why}", target.name)];
        let told = Told { lines, ..Told::default() };
        Self { lost: true, told, ..Self::new(target, endpoint) }
    }

    /// The head of what nobody here looks into: it goes to a provider of the client's own dialect only.
    pub(super) fn untouched(&mut self, question: &Question<'_>) -> Asked {
        if self.lost {
            return self.refuse_lost();
        }
        let dialect = self.target.dialect_for(self.endpoint.dialect);
        let path = self.endpoint.upstream_path(dialect, self.target.hosting(), "", false);
        match path.filter(|_| dialect == self.endpoint.dialect) {
            Some(path) => Asked::Go(self.address(question, dialect, &path)),
            None => {
                let (name, speaks) = (&self.target.name, dialect.as_str());
                let message =
                    format!("the provider `{name}` speaks the dialect `{speaks}`, which has no such endpoint");
                self.refuse(&Fault::invalid(message).with_code("unsupported_endpoint"))
            }
        }
    }

    fn made(&self, question: &Question<'_>, dialect: Dialect) -> Result<(String, Translated), Fault> {
        let cap = self.planned.as_ref().and_then(|(aim, _)| aim.output_cap);
        let read;
        let ask = match question.ask.filter(|_| cap.is_none()) {
            Some(ask) => ask,
            None => {
                read = self.read(question)?.capped(cap);
                &read
            }
        };
        let upstream = match &self.planned {
            Some((aim, _)) if !aim.model.is_empty() => self.target.of_model(&aim.model),
            Some(_) | None => self.target.upstream(&ask.model),
        };
        let translated = self.target.judge(ask.translate(dialect, &upstream, question.now)?)?;
        Ok((upstream.model, translated))
    }

    /// A request that is a form, or none at all.
    fn read<'q>(&self, question: &Question<'q>) -> Result<Ask<'q>, Fault> {
        let content_type = question.headers.get("content-type").unwrap_or_default();
        if self.endpoint.operation == Operation::Pass && form::Form::is_type(&content_type) {
            return Ask::read_form(self.endpoint.clone(), &content_type, question.body);
        }
        let betas = question.headers.get(ANTHROPIC_BETA_HEADER);
        Ok(Ask::read(self.endpoint.clone(), question.body)?.with_betas(betas.as_deref()))
    }

    /// The head of the request for the target. `path`: where it goes below the provider's base URL.
    fn address(&self, question: &Question<'_>, dialect: Dialect, path: &str) -> Change {
        let (target, headers) = (&self.target, question.headers);
        let mut change = Change { remove_prefixed: Some(INTERNAL), ..Change::default() };
        if self.planned.is_none() {
            CLIENT_ONLY.into_iter().for_each(|name| change.drop(name));
        }
        let of_client = headers.get(":path").filter(|_| dialect == self.endpoint.dialect);
        change.put(":path", head::path(&target.base_path, path, target.query.as_deref(), of_client.as_deref()));
        change.put(":authority", &*target.authority);
        // What nobody here looks into stays what it is: forms, sound, lines of JSON.
        if !matches!(self.endpoint.operation, Operation::Pass | Operation::Other) {
            change.put("content-type", "application/json");
        }
        change.put("accept-encoding", "identity");
        for (of, name) in OF_A_DIALECT {
            match head::of_dialect(of, name, headers.get(name).as_deref(), dialect) {
                Some(value) => change.put(name, value),
                None => change.drop(name),
            }
        }
        for (name, value) in &target.headers {
            change.put(name.clone(), &**value);
        }
        change
    }

    fn refuse(&mut self, fault: &Fault) -> Asked {
        self.count("refused");
        self.failed(fault);
        Asked::Answer(Reply::fault(self.endpoint.errors(), fault))
    }

    /// A mistake of ours, or of who wrote the configuration: nothing that a client could do better.
    fn refuse_lost(&mut self) -> Asked {
        self.count("refused");
        Asked::Answer(Reply { status: 503, ..Reply::fault(self.endpoint.errors(), &aim::lost()) })
    }

    /// The service learns what went wrong.
    fn failed(&mut self, fault: &Fault) {
        if let Some((_, report)) = &mut self.planned {
            report.failed(fault.kind);
        }
    }

    /// Says who served, and what was lost.
    fn attribute(&self, change: &mut Change) {
        PROVIDER_ONLY.into_iter().for_each(|name| change.drop(name));
        change.put("x-attache-provider", &*self.target.name);
        // It may be the client's own word.
        match crate::model_in_header(&self.model) {
            Some(model) => change.put("x-attache-model", model),
            None => change.drop("x-attache-model"),
        }
        if !self.losses.is_empty() {
            change.put("x-attache-losses", self.losses.header());
        }
        if let Some((aim, _)) = &self.planned {
            change.put(aim::ATTEMPTS, aim.attempt.to_string());
            if !self.may_be_tried_again() {
                change.put(aim::LAST.0, aim::LAST.1);
            }
        }
    }

    /// Whether there is another target after this one.
    fn is_followed(&self) -> bool {
        self.planned.as_ref().is_some_and(|(aim, _)| aim.is_followed)
    }

    /// Whether what the provider says is a reason to try another target.
    fn may_be_tried_again(&self) -> bool {
        self.status >= 500 || self.status == 429
    }

    /// An answer of ours in place of the provider's.
    fn fault(&mut self, fault: &Fault) -> Answered {
        self.failed(fault);
        Answered::Instead(Reply::fault(self.answer.front(), fault))
    }

    /// What the provider says went wrong.
    fn error(&mut self, body: &[u8]) -> Answered {
        let error = self.answer.error(&self.target.name, self.status, body);
        self.failed(&error.fault);
        let mut change = Change::default();
        change.put(":status", error.status.to_string());
        if error.body.is_some() {
            change.put("content-type", "application/json");
            if let Some((name, value)) = self.answer.front().error_header(&error.fault) {
                change.put(name, value);
            }
        }
        Answered::Change(Change { body: error.body, ..change })
    }

    fn count(&mut self, what: &str) {
        self.told.counts.push((format!("attache_translate_{what}.provider.{}", self.target.name), 1));
    }
}

impl Stage for Translating {
    fn request(&mut self, question: &Question<'_>) -> Asked {
        if self.lost {
            return self.refuse_lost();
        }
        let dialect = self.target.dialect_for(self.endpoint.dialect);
        match self.made(question, dialect) {
            Err(fault) => self.refuse(&fault),
            Ok((model, Translated { path, body, losses, answer })) => {
                self.count("requests");
                if !losses.is_empty() {
                    self.count("lossy");
                    if let Some((_, report)) = &mut self.planned {
                        report.lost(&losses);
                    }
                }
                (self.model, self.losses, self.answer) = (model, losses, answer);
                Asked::Go(Change { body, ..self.address(question, dialect, &path) })
            }
        }
    }

    fn wants_answer(&self) -> bool {
        true
    }

    fn answer(&mut self, head: &AnswerHead<'_>) -> Form {
        (self.success, self.status) = (head.success, head.status);
        match head.headers.get(":details").as_deref() {
            None | Some("via_upstream") => {}
            Some(details) if local_reply::is_known(details) => {
                self.own = Some(local_reply::fault(head.status, details, Some(&self.target.name)));
                return Form::Whole;
            }
            // Another filter answered, in words of its own.
            Some(_) => return Form::Unread,
        }
        let mut change = Change::default();
        self.attribute(&mut change);
        self.is_stream = self.answer.is_stream(head.kind);
        let form = if self.success && !self.is_stream && !self.answer.is_read(head.kind) {
            // Files, sound, pictures: it passes as it is, compressed or not.
            change.remove.retain(|name| name != "content-encoding");
            if let Some((_, report)) = &mut self.planned {
                report.passes();
            }
            Form::Unread
        } else if self.success && self.is_stream && self.answer.wants_stream() {
            if !self.answer.is_framed_alike() {
                change.put("content-type", self.answer.stream_content_type());
            }
            self.stream = Some(self.answer.stream(false));
            Form::Stream
        } else {
            Form::Whole
        };
        self.head = change;
        form
    }

    fn answer_head(&mut self) -> Change {
        std::mem::take(&mut self.head)
    }

    fn bodyless(&mut self, head: &AnswerHead<'_>) -> Answered {
        // Of what is not there it matters not which type it would have.
        let form = self.answer(&AnswerHead { kind: "", ..*head });
        let mut change = self.answer_head();
        let answered = match (form, self.own.take()) {
            (_, Some(own)) => self.fault(&own),
            (Form::Unread, None) => Answered::Unchanged,
            (Form::Whole | Form::Stream, None) if self.success => {
                self.fault(&Fault::upstream("the provider's answer is empty"))
            }
            // Only the router tries another one, and what is said in the provider's place passes it by. Should it stay with
            // this one, its client reads the status, and nothing else.
            (Form::Whole | Form::Stream, None) if self.is_followed() && self.may_be_tried_again() => self.error(b""),
            (Form::Whole | Form::Stream, None) => {
                let said = self.answer.error(&self.target.name, self.status, b"").fault;
                self.fault(&said)
            }
        };
        match answered {
            Answered::Unchanged => Answered::Change(change),
            Answered::Change(more) => {
                change.append(more);
                Answered::Change(change)
            }
            Answered::Instead(reply) => Answered::Instead(reply.in_place_of(change)),
        }
    }

    fn whole(&mut self, body: &[u8]) -> Answered {
        if let Some(own) = self.own.take() {
            return self.fault(&own);
        }
        if !self.success {
            return self.error(body);
        }
        if self.is_stream {
            return self.fault(&Fault::upstream("the provider sent a stream that nobody asked for"));
        }
        let report = &mut self.planned.as_mut().map(|(_, report)| report);
        let mut watch = |event: &mut Event<'_>| {
            if let Some(report) = report {
                report.watch(event);
            }
        };
        match self.answer.whole(body, &mut watch) {
            Err(fault) => self.fault(&fault),
            Ok(Whole { body, is_stream, seen }) => {
                if let Some((_, report)) = &mut self.planned {
                    report.note(&seen);
                    report.lost(&seen.losses);
                }
                let mut change = Change::default();
                if !seen.losses.is_empty() {
                    let all: Vec<&str> = self.losses.names().chain(seen.losses.names()).collect();
                    change.put("x-attache-losses", all.join(", "));
                }
                if body.is_some() {
                    let kind = if is_stream { self.answer.stream_content_type() } else { "application/json" };
                    change.put("content-type", kind);
                }
                Answered::Change(Change { body, ..change })
            }
        }
    }

    fn chunk(&mut self, bytes: &[u8], end: bool, out: &mut Vec<u8>) {
        let Some(stream) = &mut self.stream else { return out.extend_from_slice(bytes) };
        let Some((_, report)) = &mut self.planned else {
            stream.push(bytes, out, &mut |_| {});
            if end {
                stream.end(out, &mut |_| {});
            }
            return;
        };
        stream.push(bytes, out, &mut |event| report.watch(event));
        if end {
            stream.end(out, &mut |event| report.watch(event));
            report.lost(&stream.seen().losses);
        }
        report.note(stream.seen());
    }

    fn unreadable(&mut self, why: &str) -> Option<Fault> {
        let fault = Fault::upstream(why);
        self.failed(&fault);
        Some(fault)
    }

    fn tell(&mut self, told: &mut Told) {
        told.counts.append(&mut self.told.counts);
        told.lines.append(&mut self.told.lines);
        if let Some((_, report)) = &mut self.planned {
            report.tell(told, false);
        }
    }

    fn tell_on_the_way(&mut self, told: &mut Told) {
        if let Some((_, report)) = &mut self.planned {
            report.tell(told, true);
        }
    }
}
