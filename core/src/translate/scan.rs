//! What an answer says of its cost, read without anything else of it.
//!
//! Of a stream only the events with counts in them are looked into; all others are cut out and passed over. Says of every
//! answer what [`Stream`](super::Stream) would say of it. Never translates.

use super::answer::service_tier;
use super::beside;
use super::framing::{Frames, Outward};
use super::stream::{Broken, reframed, without_usage};
use crate::dialect::counting::Counting;
use crate::dialect::{Asked, Dialect};
use crate::edit::Object;
use crate::endpoint::{Endpoint, Framing, Operation};
use crate::frame::sse::Frame;
use crate::stream::Event;
use crate::text::Str;
use crate::told;
use crate::usage::Usage;
use memchr::memmem;

/// What an answer says of its cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Tokens used, as far as the provider has said.
    pub usage: Option<Usage>,
    /// The model that answered, in the provider's words.
    pub model: Option<String>,
    /// The service tier in which it did.
    pub tier: Option<String>,
}

/// Longest name of a model or a tier that is kept.
const NAME_BYTES_MAX: usize = 256;

impl Scanned {
    /// Reads a whole answer of this endpoint (HTTP 2xx) from a provider of the client's own dialect. One that cannot be read
    /// says nothing.
    pub fn of_whole(endpoint: &Endpoint, body: &[u8]) -> Self {
        let dialect = endpoint.dialect;
        if !matches!(endpoint.operation, Operation::Chat | Operation::Count) {
            return Self { usage: beside::usage_of(endpoint, body), ..Self::default() };
        }
        let Ok(answer) = Object::read(body) else { return Self::default() };
        let usage = answer.raw(dialect.usage_field()).and_then(|usage| dialect.decode_usage(usage));
        let mut scanned = Self { usage, ..Self::default() };
        scanned.name(answer.get(dialect.model_field()).ok().flatten(), service_tier(dialect, &answer));
        scanned
    }

    fn name(&mut self, model: Option<Str<'_>>, tier: Option<Str<'_>>) {
        let short = |name: &Str<'_>| !name.is_empty() && name.len() <= NAME_BYTES_MAX;
        if let Some(model) = model.filter(short).filter(|_| self.model.is_none()) {
            self.model = Some(model.into_string());
        }
        if let Some(tier) = tier.filter(short) {
            self.tier = Some(tier.into_string());
        }
    }
}

/// A provider's stream on its way to a client of the same dialect. Holds one unfinished event at most.
#[derive(Debug)]
pub struct Scan {
    frames: Frames,
    outward: Outward,
    flow: Flow,
}

#[derive(Debug)]
struct Flow {
    /// `None` for a stream that is no chat.
    dialect: Option<Dialect>,
    /// How events with counts are known.
    key: memmem::Finder<'static>,
    counting: Counting,
    way: Way,
    scanned: Scanned,
    broken: bool,
}

/// How events leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Not here: whoever has the bytes passes them on.
    Watched,
    /// As they came, but for counts that the client did not ask for.
    Hidden,
    /// In another framing.
    Reframed,
}

impl Scan {
    /// Begins to watch a stream that answers what was asked at this endpoint. `shows_usage`: the client asked for the usage,
    /// where its dialect has that.
    pub fn new(endpoint: &Endpoint, shows_usage: bool) -> Self {
        let Endpoint { dialect, hosting, framing, operation, .. } = *endpoint;
        let chat = operation == Operation::Chat;
        let inward = if chat { Framing::of_upstream(dialect, hosting) } else { Framing::Sse };
        let hides = chat && !shows_usage && matches!(dialect, Dialect::OpenAi | Dialect::Completions);
        let way = match (hides, chat && framing != inward) {
            (true, _) => Way::Hidden,
            (false, true) => Way::Reframed,
            (false, false) => Way::Watched,
        };
        let key = if dialect == Dialect::Gemini { "\"usage" } else { "\"usage\"" };
        let flow = Flow {
            dialect: chat.then_some(dialect),
            key: memmem::Finder::new(key),
            counting: Counting::new(dialect),
            way,
            scanned: Scanned::default(),
            broken: false,
        };
        Self { frames: Frames::new(inward), outward: Outward::new(if chat { framing } else { inward }), flow }
    }

    /// Takes the next bytes. Appends to `out` what the client gets for them.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let Self { frames, outward, flow } = self;
        if flow.way == Way::Watched {
            out.extend_from_slice(chunk);
        }
        if flow.broken {
            return;
        }
        if let Err(Broken(fault)) = frames.push(chunk, &mut |frame| flow.frame(&frame, outward, out)) {
            flow.broken = true;
            if let (Some(dialect), Way::Hidden | Way::Reframed) = (flow.dialect, flow.way) {
                let mut encoder = dialect.stream_encoder(Asked::default());
                let _said = outward.events(out, |out| encoder.event(&Event::Error(fault), out));
            }
        }
    }

    /// Takes the end of the provider's body.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        let Self { frames, outward, flow } = self;
        if !std::mem::replace(&mut flow.broken, true) {
            // What nobody closed is read all the same.
            let _cut = frames.finish(&mut |frame| flow.frame(&frame, outward, out));
            if flow.way == Way::Reframed {
                outward.end(out);
            }
        }
    }

    /// What it has said so far.
    pub fn seen(&self) -> &Scanned {
        &self.flow.scanned
    }
}

impl Flow {
    fn frame(&mut self, frame: &Frame<'_>, outward: &mut Outward, out: &mut Vec<u8>) -> Result<(), Broken> {
        let counts = self.key.find(&frame.data).is_some() && self.read(frame);
        match self.way {
            Way::Watched => {}
            Way::Hidden if counts => without_usage(frame, out),
            Way::Hidden => out.extend_from_slice(frame.raw),
            Way::Reframed => outward.events(out, |out| reframed(frame, out)),
        }
        Ok(())
    }

    /// Reads an event that may have counts; whether it has.
    fn read(&mut self, frame: &Frame<'_>) -> bool {
        let Some(dialect) = self.dialect else {
            let usage = told::of_frame(frame).tokens;
            self.scanned.usage = usage.or(self.scanned.usage);
            return false;
        };
        let Ok(event) = Object::read(&frame.data) else { return false };
        let Some(Told { usage, model, tier }) = Told::of(dialect, frame, &event) else { return false };
        self.counting.take(usage);
        self.scanned.usage = self.counting.usage();
        self.scanned.name(model, tier);
        true
    }
}

/// What one event tells.
struct Told<'a> {
    /// Raw JSON.
    usage: &'a str,
    model: Option<Str<'a>>,
    tier: Option<Str<'a>>,
}

impl<'a> Told<'a> {
    fn of(dialect: Dialect, frame: &Frame<'_>, event: &Object<'a>) -> Option<Self> {
        let within = |object: &Object<'a>, field: &str| Object::read(object.raw(field)?.as_bytes()).ok();
        let counts = |object: &Object<'a>, field: &str| object.raw(field).filter(|raw| raw.starts_with('{'));
        let text = |object: &Object<'a>, field: &str| object.get::<Str<'a>>(field).ok().flatten();
        let kind = || text(event, "type");
        let is_named = |name: &str| match kind() {
            Some(kind) => kind == name,
            None => frame.event == Some(name.as_bytes()),
        };
        match dialect {
            Dialect::OpenAi | Dialect::Completions => {
                let groq = || counts(&within(event, "x_groq")?, "usage");
                let usage = counts(event, "usage").or_else(groq)?;
                Some(Self { usage, model: text(event, "model"), tier: text(event, "service_tier") })
            }
            Dialect::Responses => {
                let last = ["response.completed", "response.incomplete", "response.failed"];
                let answer = within(event, "response").filter(|_| last.into_iter().any(is_named))?;
                let tier = text(&answer, "service_tier").filter(|tier| *tier != "auto");
                Some(Self { usage: counts(&answer, "usage")?, model: text(&answer, "model"), tier })
            }
            Dialect::Anthropic if is_named("message_start") => {
                let message = within(event, "message")?;
                let tier = within(&message, "usage").and_then(|usage| text(&usage, "service_tier"));
                Some(Self { usage: counts(&message, "usage")?, model: text(&message, "model"), tier })
            }
            Dialect::Anthropic => {
                let usage = counts(event, "usage").filter(|_| is_named("message_delta"))?;
                Some(Self { usage, model: None, tier: None })
            }
            Dialect::Gemini => {
                let either =
                    |camel: &'static str, snake: &'static str| if event.raw(camel).is_some() { camel } else { snake };
                let usage = counts(event, either("usageMetadata", "usage_metadata"))?;
                Some(Self { usage, model: text(event, either("modelVersion", "model_version")), tier: None })
            }
            Dialect::Converse => {
                let usage = counts(event, "usage").filter(|_| frame.event == Some(b"metadata"))?;
                let tier = within(event, "serviceTier").and_then(|tier| text(&tier, "type"));
                Some(Self { usage, model: None, tier })
            }
            Dialect::Cohere => {
                let delta = within(event, "delta").filter(|_| is_named("message-end"))?;
                Some(Self { usage: counts(&delta, "usage")?, model: None, tier: None })
            }
        }
    }
}

#[cfg(test)]
mod tests;
