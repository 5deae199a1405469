//! What happens to each event of a veiled stream.

use super::arguments::Arguments;
use super::cited::Cited;
use super::frames::{Broken, Outlet};
use super::grown::{Grown, spliced};
use super::places::{Channel, Delta, Ends, Memory, Places};
use super::rules::Rules;
use super::same::Same;
use super::shadow::Shadow;
use super::spine::Spine;
use super::tree::{Kind, Tree};
use super::whole::{self, Edit};
use crate::dialect::{Asked, Dialect};
use crate::fault::Fault;
use crate::frame::sse::{Frame, Sse, TooLong};
use crate::redact::Tally;
use crate::stream::Event;
use crate::texts::literal::{Decoded, escape};
use crate::texts::{Form, Place, Scope, Splice};
use std::sync::Arc;

/// How many texts may grow at once. Pieces of others are withheld.
const CHANNELS_MAX: usize = 512;
/// Most bytes of one text that wait for what follows; more than that end the stream.
const HELD_BYTES_MAX: usize = 1 << 20;

/// The state of one stream.
#[derive(Debug)]
pub(super) struct Flow {
    rules: Box<dyn Rules>,
    dialect: Dialect,
    memory: Memory,
    open: Vec<Open>,
    cited: Cited,
    /// The last event, if the next ones may be like it.
    same: Option<Same>,
    /// How many events of our own went out: those that are numbered move by so many.
    inserted: u64,
    /// A text has grown: what is said whole later may be that again.
    has_grown: bool,
    /// The provider has failed: what is held was never finished, and stays here.
    failed: bool,
    /// Something of the last event with text was changed or held.
    changed: bool,
    shadow: Option<Shadow>,
    pub(super) tally: Tally,
    pub(super) blocked: Option<String>,
    /// Something was withheld, and an end of our own said instead.
    pub(super) withheld: bool,
    pub(super) over: bool,
}

/// A text that grows.
#[derive(Debug)]
struct Open {
    channel: Channel,
    place: Place,
    text: Text,
    /// What the rest of it goes out in.
    spine: Arc<Spine>,
}

#[derive(Debug)]
enum Text {
    Words(Grown),
    Json(Arguments),
}

/// Why an event does not pass.
enum Stop {
    /// It holds what may not pass; what stood before that, with the event around it.
    Blocked(String, Option<String>),
    Failed(Fault),
}

impl From<String> for Stop {
    fn from(entity: String) -> Self {
        Self::Blocked(entity, None)
    }
}

impl Flow {
    pub(super) fn new(rules: Box<dyn Rules>, dialect: Dialect) -> Self {
        let shadow = rules.may_block().then(|| Shadow::new(dialect));
        Self {
            rules,
            dialect,
            memory: Memory::default(),
            open: Vec::new(),
            cited: Cited::default(),
            same: None,
            inserted: 0,
            has_grown: false,
            failed: false,
            changed: false,
            shadow,
            tally: Tally::default(),
            blocked: None,
            withheld: false,
            over: false,
        }
    }

    /// Takes an event. `cut`: its end has not come.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, cut: bool, outlet: &mut Outlet, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        let data = frame.data.trim_ascii();
        if data.is_empty() {
            return outlet.raw(frame, out);
        }
        let same = self.same.take();
        let text = same.as_ref().and_then(|same| Some((same, same.text(frame.event, data)?)));
        let known = text.and_then(|(same, text)| self.more(same, text));
        if known.is_some() {
            self.same = same;
        }
        let passed = match (known, data) {
            (Some(passed), _) => passed,
            (None, b"[DONE]") => self.flush(&[Ends::default()], &[], None, outlet, out).map(|()| None),
            (None, data) => match Tree::read(data) {
                Some(tree) => self.event(frame, &tree, outlet, out),
                None if cut => return,
                None => self.plain(data),
            },
        };
        match passed {
            Ok(None) => {
                outlet.raw(frame, out);
                self.follow(frame.event, &frame.data);
            }
            Ok(Some(edited)) => {
                outlet.edited(frame, edited.as_bytes(), out);
                self.follow(frame.event, edited.as_bytes());
            }
            Err(Stop::Failed(fault)) => self.fail(fault, outlet, out),
            Err(Stop::Blocked(entity, last)) => {
                if let Some(last) = last {
                    let name = frame.event.and_then(|name| std::str::from_utf8(name).ok());
                    outlet.event(name, last.as_bytes(), out);
                    self.follow(frame.event, last.as_bytes());
                }
                self.block(entity, outlet, out);
            }
        }
    }

    /// More of the text of the last event, in an event that is like it; `None` where all of it must be looked at.
    fn more(&mut self, same: &Same, text: &str) -> Option<Result<Option<String>, Stop>> {
        let open = self.open.iter_mut().find(|open| open.channel == same.channel)?;
        let said = open.push(&*self.rules, text, false, &mut self.tally);
        let (said, result) = said.tell(&mut self.cited, self.dialect, &open.channel);
        let held = open.held_bytes();
        if result.is_ok() && held == 0 {
            self.changed = said != text;
            return Some(Ok(self.changed.then(|| same.with(&escape(&said)))));
        }
        let spine = same.spine(self.dialect);
        if let Err(entity) = result {
            return Some(Err(Stop::Blocked(entity, (!said.is_empty()).then(|| spine.with(&escape(&said), None)))));
        }
        if held > HELD_BYTES_MAX {
            return Some(Err(too_much()));
        }
        open.spine = spine;
        self.changed = true;
        Some(Ok(Some(same.with(&escape(&said))).filter(|_| said != text)))
    }

    /// An event that is no JSON: a text.
    fn plain(&mut self, data: &[u8]) -> Result<Option<String>, Stop> {
        let text = std::str::from_utf8(data).ok().filter(|text| !text.starts_with(['{', '[']));
        let Some(text) = text else {
            return Err(Stop::Failed(Fault::upstream("an event of the answer cannot be read, and is withheld")));
        };
        let (scope, form) = (Scope::Assistant, Form::Text);
        let place = Place { scope, form, signed: false, server_tool: false, choice: 0 };
        let (findings, _) = self.rules.find_from(text, 0, true);
        let splices = self.rules.splices(&place, text, &findings, &mut self.tally)?;
        Ok((!splices.is_empty()).then(|| spliced(text, &splices)))
    }

    /// The event with what changes in it; `None` where its bytes are right.
    fn event(
        &mut self,
        frame: &Frame<'_>,
        tree: &Tree<'_>,
        outlet: &mut Outlet,
        out: &mut Vec<u8>,
    ) -> Result<Option<String>, Stop> {
        let name = frame.event.and_then(|name| std::str::from_utf8(name).ok());
        let places = Places::read(self.dialect, name.unwrap_or_default(), tree, &mut self.memory);
        let number = tree.number(0, "sequence_number");
        self.failed |= places.failed;
        self.flush(&places.ends, &places.deltas, number, outlet, out)?;
        let mut edits = Vec::new();
        let mut text_came = false;
        let (mut behind, mut arguments) = (0, 0);
        for (node, _) in tree.all() {
            if node < behind {
                continue;
            }
            if places.skipped.contains(&node) {
                behind = tree.subtree(node).end;
            } else if let Some(at) = places.deltas.iter().position(|delta| delta.node == node) {
                let Some(delta) = places.deltas.get(at) else { continue };
                let later = places.deltas.get(at + 1..).unwrap_or_default();
                let ends = places.ends.iter().any(|ends| ends.has(&delta.channel))
                    && later.iter().all(|later| later.channel != delta.channel);
                text_came |= tree.literal(node).is_some_and(|literal| !literal.is_empty());
                self.piece(tree, delta, ends, name, &mut edits)?;
            } else {
                let before = edits.len();
                let mut counted_before = Tally::default();
                let repeats = places.repeats && self.has_grown;
                let tally = if repeats { &mut counted_before } else { &mut self.tally };
                let server = places.server_calls.iter().any(|call| tree.subtree(*call).contains(&node));
                if node >= arguments && whole::is_arguments(tree, node) {
                    arguments = tree.subtree(node).end;
                }
                whole::look(&*self.rules, tree, node, (node < arguments, server), &mut edits, tally)?;
                if edits.len() > before {
                    forget_logprobs(tree, node, &mut edits);
                }
            }
        }
        self.cited.edits(self.dialect, tree, self.rules.masked(), &mut edits);
        self.same = Same::of(frame.event, tree, &places).filter(|same| same.is_all_of(&edits));
        if text_came {
            self.changed = !edits.is_empty();
        } else if self.changed {
            places.deltas.iter().for_each(|delta| forget_logprobs(tree, delta.node, &mut edits));
            forget_all_logprobs(tree, &places.skipped, &mut edits);
        }
        if let Some((node, number)) = tree.get(0, "sequence_number").zip(number).filter(|_| self.inserted > 0) {
            let range = tree.node(node).map_or(0..0, |node| node.span.clone());
            edits.push((range, number.saturating_add(self.inserted).to_string()));
        }
        Ok((!edits.is_empty()).then(|| applied(tree.text, edits)))
    }

    /// A piece of a text that grows.
    fn piece(
        &mut self,
        tree: &Tree<'_>,
        delta: &Delta,
        ends: bool,
        name: Option<&str>,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Stop> {
        self.has_grown = true;
        let Some((literal, known)) = tree.literal(delta.node).zip(tree.node(delta.node)) else { return Ok(()) };
        let inside = known.span.start + 1..known.span.end - 1;
        let at = self.open.iter().position(|open| open.channel == delta.channel);
        let at = match at {
            Some(at) => at,
            None if literal.is_empty() => return Ok(()),
            None if self.open.len() >= CHANNELS_MAX => {
                edits.push((inside, String::new()));
                return Ok(());
            }
            None => {
                let text = if delta.json { Text::Json(Arguments::default()) } else { Text::Words(Grown::default()) };
                let (channel, place) = (delta.channel, delta.place);
                self.open.push(Open { channel, place, text, spine: Arc::default() });
                self.open.len() - 1
            }
        };
        let Some(open) = self.open.get_mut(at) else { return Ok(()) };
        let decoded = Decoded::read(literal);
        let said = open.push(&*self.rules, decoded.text(), ends, &mut self.tally);
        let (said, result) = said.tell(&mut self.cited, self.dialect, &open.channel);
        if let Err(entity) = result {
            let spine = Spine::of(tree, delta.node, name).beginning(self.dialect, tree);
            return Err(Stop::Blocked(entity, (!said.is_empty()).then(|| spine.with(&escape(&said), None))));
        }
        if open.held_bytes() > HELD_BYTES_MAX {
            return Err(too_much());
        }
        if ends {
            self.open.swap_remove(at);
        } else if open.held_bytes() > 0 {
            open.spine = Arc::new(Spine::of(tree, delta.node, name).beginning(self.dialect, tree));
        }
        if said != decoded.text() {
            edits.push((inside, escape(&said).into_owned()));
            forget_logprobs(tree, delta.node, edits);
        }
        Ok(())
    }

    /// Says the rest of the texts that end, but for those that go on in the event itself.
    fn flush(
        &mut self,
        ends: &[Ends],
        deltas: &[Delta],
        number: Option<u64>,
        outlet: &mut Outlet,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let ending = |open: &Open| {
            ends.iter().any(|ends| ends.has(&open.channel)) && deltas.iter().all(|delta| delta.channel != open.channel)
        };
        while let Some(at) = self.open.iter().position(ending) {
            let mut open = self.open.remove(at);
            if self.failed {
                continue;
            }
            let said = open.push(&*self.rules, "", true, &mut self.tally);
            let (said, result) = said.tell(&mut self.cited, self.dialect, &open.channel);
            if !said.is_empty() {
                let number = number.map(|number| number.saturating_add(self.inserted));
                let data = open.spine.with(&escape(&said), number);
                outlet.event(open.spine.name.as_deref(), data.as_bytes(), out);
                self.inserted = self.inserted.saturating_add(1);
                self.follow(open.spine.name.as_deref().map(str::as_bytes), data.as_bytes());
            }
            result?;
        }
        Ok(())
    }

    fn follow(&mut self, name: Option<&[u8]>, data: &[u8]) {
        if let Some(shadow) = &mut self.shadow {
            shadow.follow(&Frame { event: name, data: data.into(), raw: &[] });
        }
    }

    /// Ends the stream where something stands that may not pass.
    fn block(&mut self, entity: String, outlet: &mut Outlet, out: &mut Vec<u8>) {
        let events = self.shadow.take().and_then(Shadow::refuse);
        self.blocked = Some(entity);
        match events {
            Some(events) => self.last(&events, outlet, out),
            None => self.fail(Fault::upstream("the rest of the answer is withheld"), outlet, out),
        }
    }

    /// Ends the stream with the dialect's error event.
    pub(super) fn fail(&mut self, fault: Fault, outlet: &mut Outlet, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        let mut events = Vec::new();
        // An encoder can always say an error; whatever it might answer, there is nothing better to do here.
        let _said = self.dialect.stream_encoder(Asked::default()).event(&Event::Error(fault), &mut events);
        self.last(&events, outlet, out);
    }

    fn last(&mut self, events: &[u8], outlet: &mut Outlet, out: &mut Vec<u8>) {
        (self.over, self.withheld) = (true, true);
        let mut each = |frame: Frame<'_>| {
            let name = frame.event.and_then(|name| std::str::from_utf8(name).ok());
            if !frame.data.is_empty() {
                outlet.event(name, &frame.data, out);
            }
            Ok::<(), TooLong>(())
        };
        // Our own encoders write no event of such a size.
        let _whole: Result<(), TooLong> = Sse::new(usize::MAX).push(events, &mut each);
        outlet.end(out);
    }

    pub(super) fn broken(&mut self, Broken(fault): Broken, outlet: &mut Outlet, out: &mut Vec<u8>) {
        self.fail(fault, outlet, out);
    }

    /// How many bytes wait for what follows.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.open.iter().map(Open::held_bytes).sum()
    }
}

impl Open {
    /// Takes more; gives what may be said now.
    fn push(&mut self, rules: &dyn Rules, more: &str, end: bool, tally: &mut Tally) -> Said {
        match &mut self.text {
            Text::Words(text) => {
                let step = text.step(rules, &self.place, more, end, tally);
                let came = text.pending().get(..step.bytes).unwrap_or_default().to_owned();
                let text_now = spliced(&came, &step.splices);
                text.take(step.bytes);
                let result = step.blocked.map_or(Ok(()), Err);
                Said { text: text_now, came, splices: step.splices, result }
            }
            Text::Json(arguments) => {
                let mut text = String::new();
                let result = arguments.push(rules, &self.place, more, end, &mut text, tally);
                Said { text, came: String::new(), splices: Vec::new(), result }
            }
        }
    }

    fn held_bytes(&self) -> usize {
        match &self.text {
            Text::Words(text) => text.pending().len(),
            Text::Json(arguments) => arguments.held_bytes(),
        }
    }
}

fn too_much() -> Stop {
    let message = format!("more than {HELD_BYTES_MAX} bytes of the answer may be something that must not pass");
    Stop::Failed(Fault::upstream(message))
}

/// What may be said.
struct Said {
    text: String,
    /// What came of it, where positions may be told in it.
    came: String,
    splices: Vec<Splice>,
    result: Result<(), String>,
}

impl Said {
    fn tell(self, cited: &mut Cited, dialect: Dialect, channel: &Channel) -> (String, Result<(), String>) {
        cited.grew(dialect, channel, &self.came, &self.splices);
        (self.text, self.result)
    }
}

/// Takes away the log probabilities of a text that changed.
fn forget_logprobs(tree: &Tree<'_>, node: usize, edits: &mut Vec<Edit>) {
    let mut at = node;
    while let Some(parent) = tree.node(at).filter(|_| at != 0).map(|node| node.parent) {
        at = parent;
        for key in ["logprobs", "logprobsResult"] {
            tree.get(at, key).into_iter().for_each(|found| forget(tree, found, edits));
        }
    }
}

fn forget_all_logprobs(tree: &Tree<'_>, skipped: &[usize], edits: &mut Vec<Edit>) {
    let named = skipped.iter().filter(|node| tree.key(**node).starts_with("logprobs"));
    named.for_each(|node| forget(tree, *node, edits));
}

fn forget(tree: &Tree<'_>, node: usize, edits: &mut Vec<Edit>) {
    let Some(known) = tree.node(node) else { return };
    let (nothing, written) = if known.kind == Kind::Array { ("[]", "[]") } else { ("null", "null") };
    if tree.raw(node) != nothing {
        edits.push((known.span.clone(), written.to_owned()));
    }
}

/// A text with its edits made.
pub(super) fn applied(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len() + 64);
    let mut from = 0;
    for (range, new) in edits {
        // What lies within something that goes as a whole is gone with it.
        if range.start < from {
            continue;
        }
        out.push_str(text.get(from..range.start).unwrap_or_default());
        out.push_str(&new);
        from = range.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}
