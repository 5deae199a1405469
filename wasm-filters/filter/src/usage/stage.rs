//! One exchange and what it used.

use super::series::Series;
use super::{Meter, StreamUsage};
use crate::{AnswerHead, Answered, Asked, Change, Form, Question, Stage, Told};
use attache_core::endpoint::{Endpoint, Framing, Operation};
use attache_core::fault::Fault;
use attache_core::price::{self, Nanos};
use attache_core::translate::{Ask, Scan, Scanned};
use attache_core::usage::Usage;
use std::borrow::Cow;
use std::rc::Rc;

/// What one meter sees of one exchange.
pub struct Metering {
    meter: Rc<Meter>,
    endpoint: Endpoint,
    /// The client reads the usage in a stream.
    shows_usage: bool,
    provider: String,
    /// The model that was asked for, as far as it is known; of the target, where a header names it.
    model: String,
    scan: Option<Scan>,
    /// What a whole answer has said.
    whole: Scanned,
    /// What the last look at it costs.
    bill: Option<Bill>,
    /// What has been told as facts.
    told: Option<Usage>,
    counted: bool,
}

/// What was used and costs, found out once for what was seen.
struct Bill {
    seen: Scanned,
    series: Rc<Series>,
    /// Billionths.
    nanos: Option<u64>,
}

impl Metering {
    pub(super) fn new(meter: Rc<Meter>, question: &Question<'_>) -> Self {
        Self {
            provider: meter.provider.clone(),
            meter,
            endpoint: question.endpoint.clone(),
            shows_usage: question.ask.is_none_or(Ask::shows_usage),
            model: question.model.to_owned(),
            scan: None,
            whole: Scanned::default(),
            bill: None,
            told: None,
            counted: false,
        }
    }

    /// Events are cut from server-sent events; a client that reads an array gets its array all the same.
    pub(super) fn ask_for_events(&self, question: &Question<'_>, change: &mut Change) {
        if self.endpoint.framing == Framing::JsonArray && self.endpoint.stream == Some(true) {
            let path = question.headers.get(":path").unwrap_or_default();
            let sign = if path.contains('?') { '&' } else { '?' };
            change.put(":path", format!("{path}{sign}alt=sse"));
        }
    }

    fn seen(&self) -> &Scanned {
        self.scan.as_ref().map_or(&self.whole, Scan::seen)
    }

    /// The model that answered: in the answer's words, else as the head or the request named it.
    fn answered_by(&self) -> &str {
        self.seen().model.as_deref().unwrap_or(&self.model)
    }

    /// What was used, and what it costs.
    fn bill(&mut self) -> Option<(Usage, &Bill)> {
        let usage = self.seen().usage?;
        if self.bill.as_ref().is_none_or(|bill| bill.seen != *self.seen()) {
            let seen = self.seen().clone();
            let Meter { met, prices, .. } = &*self.meter;
            let series = met.series(prices, &self.provider, self.answered_by(), &self.model);
            let cost = series.price.as_ref().and_then(|price| price::cost(price, &usage, seen.tier.as_deref()).ok());
            self.bill = Some(Bill { seen, series, nanos: cost.map(|cost| cost.nanos.0) });
        }
        Some((usage, self.bill.as_ref()?))
    }

    /// What there is to know by now, where that has changed.
    fn tell_facts(&mut self, told: &mut Told) {
        let before = self.told;
        let Some((usage, bill)) = self.bill().filter(|(usage, _)| before != Some(*usage)) else { return };
        let mut fact = |name: &'static str, value: String| told.facts.push((Cow::Borrowed(name), value));
        if let Some(nanos) = bill.nanos {
            fact("attache_cost_nanos", nanos.to_string());
            fact("attache_currency", bill.series.currency.clone());
        }
        // A part of which there is none yet is not worth a word: each costs a call to the proxy.
        let said = before.as_ref().map(kinds).unwrap_or_else(|| kinds(&Usage::default()));
        for ((kind, name, tokens), (_, _, said)) in kinds(&usage).into_iter().zip(said) {
            if tokens != said || (before.is_none() && matches!(kind, "input" | "output")) {
                fact(name, tokens.to_string());
            }
        }
        if before.is_none() {
            fact("attache_provider", self.provider.clone());
            fact("attache_model", self.answered_by().to_owned());
        }
        self.told = Some(usage);
    }

    /// Counts what was used, once.
    fn count(&mut self, told: &mut Told) {
        if self.counted {
            return;
        }
        let Some((usage, Bill { series, nanos, .. })) = self.bill() else { return };
        for ((_, _, tokens), name) in
            kinds(&usage).into_iter().zip(&series.tokens).filter(|((.., tokens), _)| *tokens > 0)
        {
            told.counts.push((name.clone(), tokens));
        }
        told.counts.push(match nanos {
            Some(nanos) => (series.cost.clone(), *nanos),
            None => (series.unpriced.clone(), 1),
        });
        self.counted = true;
    }
}

/// Kinds of tokens: as labels, as facts, how many. Those of the first two are parts of nothing; the others are parts of them.
pub(super) fn kinds(usage: &Usage) -> [(&'static str, &'static str, u64); 5] {
    [
        ("input", "attache_input_tokens", usage.input),
        ("output", "attache_output_tokens", usage.output),
        ("cached_input", "attache_cached_input_tokens", usage.cached_input),
        ("cache_write", "attache_cache_write_tokens", usage.cache_write),
        ("reasoning", "attache_reasoning_tokens", usage.reasoning),
    ]
}

impl Stage for Metering {
    fn request(&mut self, question: &Question<'_>) -> Asked {
        let mut change = Change::default();
        if self.meter.stream_usage == StreamUsage::Ask {
            change.body = question.ask.and_then(Ask::asking_for_usage);
        } else {
            self.shows_usage = true;
        }
        self.ask_for_events(question, &mut change);
        Asked::Go(change)
    }

    fn wants_answer(&self) -> bool {
        true
    }

    fn answer(&mut self, head: &AnswerHead<'_>) -> Form {
        if !head.success {
            return Form::Unread;
        }
        if let Some(provider) = head.headers.get("x-attache-provider") {
            self.provider = provider.chars().take(64).collect();
        }
        if let Some(model) = head.headers.get("x-attache-model") {
            self.model = model.into_owned();
        }
        let Endpoint { dialect, hosting, operation, .. } = self.endpoint;
        let chat = operation == Operation::Chat;
        let framing = if chat { Framing::of_upstream(dialect, hosting) } else { Framing::Sse };
        if head.kind == framing.content_type() && (chat || operation == Operation::Pass) {
            self.scan = Some(Scan::new(&self.endpoint, self.shows_usage));
            return Form::Stream;
        }
        let is_array = self.endpoint.framing == Framing::JsonArray && self.endpoint.stream == Some(true);
        if head.kind == "application/json" && !is_array { Form::Whole } else { Form::Unread }
    }

    fn answer_head(&mut self) -> Change {
        let mut change = Change::default();
        if self.scan.is_some() && self.endpoint.framing == Framing::JsonArray {
            change.put("content-type", self.endpoint.framing.content_type());
        }
        change
    }

    fn whole(&mut self, body: &[u8]) -> Answered {
        self.whole = Scanned::of_whole(&self.endpoint, body);
        let shows = self.meter.response_headers;
        let Some((usage, bill)) = self.bill().filter(|_| shows) else { return Answered::Unchanged };
        let mut change = Change::default();
        change.put("x-attache-input-tokens", usage.input.to_string());
        change.put("x-attache-cached-input-tokens", usage.cached_input.to_string());
        change.put("x-attache-output-tokens", usage.output.to_string());
        if let Some(nanos) = bill.nanos {
            change.put("x-attache-cost", Nanos(nanos).to_string());
        }
        Answered::Change(change)
    }

    fn chunk(&mut self, bytes: &[u8], end: bool, out: &mut Vec<u8>) {
        let Some(scan) = &mut self.scan else { return out.extend_from_slice(bytes) };
        scan.push(bytes, out);
        if end {
            scan.end(out);
        }
    }

    fn unreadable(&mut self, _why: &str) -> Option<Fault> {
        None
    }

    fn tell(&mut self, told: &mut Told) {
        self.tell_facts(told);
        self.count(told);
    }

    fn tell_on_the_way(&mut self, told: &mut Told) {
        self.tell_facts(told);
    }
}
