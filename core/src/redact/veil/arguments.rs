//! JSON that comes in pieces: the arguments of a tool call. Every string, key and number in it is a text of its own; the
//! rest passes as it comes.

use super::grown::Grown;
use super::rules::Rules;
use crate::redact::Tally;
use crate::texts::literal::{Decoded, escape};
use crate::texts::{Form, Place};

/// How deep objects and arrays are told apart. Deeper keys are looked at as texts.
const DEPTH_MAX: usize = 256;

/// Reads one text of JSON. Holds what [`Grown`] holds, a number that has not ended, and a bit for each level.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    state: State,
    /// For each open level whether it is an object.
    levels: Vec<bool>,
    /// The next string of an object is a key.
    key_next: bool,
    /// What was read of a string or number and has not gone on, as it came.
    raw: String,
    /// How much of the decoded `raw` the text has seen.
    seen: usize,
    text: Grown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    /// In a string; the last character was a backslash that escapes.
    String { escaped: bool, key: bool },
    /// In a number or word.
    Word,
}

impl Arguments {
    /// How many bytes have not gone on.
    pub(super) fn held_bytes(&self) -> usize {
        self.raw.len()
    }

    /// Takes the next piece and appends what may go on; `end`: nothing more follows.
    ///
    /// # Errors
    /// The entity because of which nothing more may pass.
    pub(super) fn push(
        &mut self,
        rules: &dyn Rules,
        place: &Place,
        piece: &str,
        end: bool,
        out: &mut String,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut rest = piece;
        while !rest.is_empty() {
            rest = match self.state {
                State::Between => self.between(rest, out),
                State::Word => self.word(rules, place, rest, out, tally)?,
                State::String { .. } => self.string(rules, place, rest, out, tally)?,
            };
        }
        if self.state == State::Word && !rules.finds() {
            // A number is a finding or nothing: no placeholder begins in it.
            out.push_str(&std::mem::take(&mut self.raw));
        }
        match self.state {
            State::String { key, .. } => self.say(rules, place, key, end, out, tally)?,
            State::Word if end => self.word_end(rules, place, out, tally)?,
            State::Word | State::Between => {}
        }
        Ok(())
    }

    /// What stands between values passes; gives what is left from the beginning of one.
    fn between<'p>(&mut self, rest: &'p str, out: &mut String) -> &'p str {
        let mut characters = rest.char_indices();
        for (at, met) in characters.by_ref() {
            match met {
                '{' | '[' => {
                    if self.levels.len() < DEPTH_MAX {
                        self.levels.push(met == '{');
                    }
                    self.key_next = met == '{';
                }
                '}' | ']' => {
                    self.levels.pop();
                    self.key_next = false;
                }
                ',' => self.key_next = self.levels.last().copied().unwrap_or(false),
                ':' => self.key_next = false,
                '"' => {
                    self.state = State::String { escaped: false, key: self.key_next };
                    out.push_str(rest.get(..=at).unwrap_or_default());
                    return rest.get(at + 1..).unwrap_or_default();
                }
                _ if met.is_whitespace() => {}
                _ => {
                    self.state = State::Word;
                    out.push_str(rest.get(..at).unwrap_or_default());
                    return rest.get(at..).unwrap_or_default();
                }
            }
        }
        out.push_str(rest);
        ""
    }

    fn word<'p>(
        &mut self,
        rules: &dyn Rules,
        place: &Place,
        rest: &'p str,
        out: &mut String,
        tally: &mut Tally,
    ) -> Result<&'p str, String> {
        let ends = |met: char| met.is_whitespace() || matches!(met, ',' | ':' | '"' | '{' | '}' | '[' | ']');
        let Some(at) = rest.find(ends) else {
            self.raw.push_str(rest);
            return Ok("");
        };
        self.raw.push_str(rest.get(..at).unwrap_or_default());
        self.word_end(rules, place, out, tally)?;
        Ok(rest.get(at..).unwrap_or_default())
    }

    /// A number or word is a text only when it is whole: what replaces it is a string.
    fn word_end(
        &mut self,
        rules: &dyn Rules,
        place: &Place,
        out: &mut String,
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.state = State::Between;
        let word = std::mem::take(&mut self.raw);
        let instead = super::whole::number(rules, place, &word, tally)?;
        out.push_str(instead.as_deref().unwrap_or(&word));
        Ok(())
    }

    fn string<'p>(
        &mut self,
        rules: &dyn Rules,
        place: &Place,
        rest: &'p str,
        out: &mut String,
        tally: &mut Tally,
    ) -> Result<&'p str, String> {
        let State::String { mut escaped, key } = self.state else { return Ok(rest) };
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.raw.push_str(rest.get(..at).unwrap_or_default());
                    self.say(rules, place, key, true, out, tally)?;
                    out.push('"');
                    (self.state, self.text, self.seen) = (State::Between, Grown::default(), 0);
                    self.key_next = false;
                    return Ok(rest.get(at + 1..).unwrap_or_default());
                }
                _ => {}
            }
        }
        self.state = State::String { escaped, key };
        self.raw.push_str(rest);
        Ok("")
    }

    /// Says what may be said of the string.
    fn say(
        &mut self,
        rules: &dyn Rules,
        place: &Place,
        key: bool,
        end: bool,
        out: &mut String,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let raw = std::mem::take(&mut self.raw);
        let decoded = if end { Decoded::read(&raw) } else { Decoded::read_prefix(&raw).0 };
        let place = Place { form: if key { Form::Key } else { Form::Text }, ..*place };
        let more = decoded.text().get(self.seen..).unwrap_or_default();
        let step = self.text.step(rules, &place, more, end, tally);
        let mut from = 0;
        for splice in &step.splices {
            let range = decoded.raw(splice.range.clone());
            out.push_str(raw.get(from..range.start).unwrap_or_default());
            out.push_str(&escape(&splice.text));
            from = range.end;
        }
        let to = decoded.raw(step.bytes..step.bytes).start.max(from);
        out.push_str(raw.get(from..to).unwrap_or_default());
        self.text.take(step.bytes);
        self.seen = decoded.text().len() - step.bytes;
        drop(decoded);
        self.raw = raw.get(to..).unwrap_or_default().to_owned();
        step.blocked.map_or(Ok(()), Err)
    }
}
