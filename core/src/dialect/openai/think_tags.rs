//! Thoughts at the beginning of an answer's text, between `<think>` and `</think>`, as open models write them where no
//! server takes them out. Only there: a tag further on is what the model talks about.

use super::stream::CHOICES_MAX;
use crate::chat::{Part, Response, TextPart};
use crate::stream::Event;
use crate::text::Str;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";
/// Most blanks before the tag; a text that begins with more has none.
const BLANKS_MAX: usize = 64;

/// Takes the thoughts out of a whole answer's texts.
pub(crate) fn split(response: &mut Response<'_>) {
    for choice in &mut response.choices {
        let text = choice.parts.iter().position(|part| matches!(part, Part::Text(_)));
        let Some(at) = text else { continue };
        let Some(Part::Text(text)) = choice.parts.get(at) else { continue };
        let Some((thought, said)) = parted(&text.text) else { continue };
        let text = TextPart { text: said, ..text.clone() };
        let is_silent = text.text.is_empty();
        let text = (!is_silent).then_some(Part::Text(text));
        let parts = [Part::Thinking { text: thought, signature: None }].into_iter().chain(text);
        choice.parts.splice(at..=at, parts);
    }
}

/// The thought and the text behind it.
fn parted<'a>(text: &Str<'a>) -> Option<(Str<'a>, Str<'a>)> {
    let begin = text.len() - text.trim_start().len() + OPEN.len();
    let inside = text.trim_start().strip_prefix(OPEN)?;
    let (thought, said) = inside.split_once(CLOSE).unwrap_or((inside, ""));
    let said = said.trim_start();
    Some((text.part(begin..begin + thought.len())?, text.part(text.len() - said.len()..text.len())?))
}

/// Takes the thoughts out of a stream's texts. Holds a few bytes for every answer.
#[derive(Debug, Default)]
pub(super) struct ThinkTags(Vec<(u32, Text)>);

/// The text of one answer.
#[derive(Debug, Default)]
struct Text {
    place: Place,
    /// What may be the beginning of a tag.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before anything was said.
    #[default]
    Begin,
    /// Behind `<think>`.
    Thought,
    /// Behind `</think>`, as long as there are only blanks.
    Gap,
    /// In what the model says.
    Said,
}

/// What a piece of text turned out to be.
enum Piece<'p> {
    Thought(&'p str),
    Said(&'p str),
}

impl ThinkTags {
    /// Takes an event and tells what it means.
    pub(super) fn event(&mut self, event: Event<'_>, emit: &mut dyn FnMut(Event<'_>)) {
        match event {
            Event::Text { choice, text } => match self.of(choice) {
                Some(state) if state.place != Place::Said => state.push(&text, &mut |piece| tell(choice, &piece, emit)),
                Some(_) | None => emit(Event::Text { choice, text }),
            },
            // Whatever comes now, the text before it has ended.
            Event::Finish { choice, .. } | Event::ToolStart { choice, .. } | Event::Refusal { choice, .. } => {
                self.end(choice, emit);
                emit(event);
            }
            Event::Done | Event::Error(_) => {
                let open: Vec<u32> = self.0.iter().map(|(choice, _)| *choice).collect();
                open.into_iter().for_each(|choice| self.end(choice, emit));
                emit(event);
            }
            Event::Start { .. }
            | Event::Citation { .. }
            | Event::Thinking { .. }
            | Event::Signature { .. }
            | Event::RedactedThinking { .. }
            | Event::ToolSignature { .. }
            | Event::ToolArguments { .. }
            | Event::PartEnd { .. }
            | Event::Logprobs { .. }
            | Event::Usage(_)
            | Event::ServiceTier(_)
            | Event::Ping
            | Event::Loss(_) => emit(event),
        }
    }

    fn of(&mut self, choice: u32) -> Option<&mut Text> {
        if !self.0.iter().any(|(known, _)| *known == choice) && self.0.len() < CHOICES_MAX {
            self.0.push((choice, Text::default()));
        }
        self.0.iter_mut().find(|(known, _)| *known == choice).map(|(_, text)| text)
    }

    fn end(&mut self, choice: u32, emit: &mut dyn FnMut(Event<'_>)) {
        if let Some((_, text)) = self.0.iter_mut().find(|(known, _)| *known == choice) {
            text.end(&mut |piece| tell(choice, &piece, emit));
        }
    }
}

fn tell(choice: u32, piece: &Piece<'_>, emit: &mut dyn FnMut(Event<'_>)) {
    match piece {
        Piece::Thought("") | Piece::Said("") => {}
        Piece::Thought(text) => emit(Event::Thinking { choice, text: Str::from(*text) }),
        Piece::Said(text) => emit(Event::Text { choice, text: Str::from(*text) }),
    }
}

impl Text {
    fn push(&mut self, text: &str, tell: &mut dyn FnMut(Piece<'_>)) {
        let mut held = std::mem::take(&mut self.held);
        held.push_str(text);
        let mut rest = held.as_str();
        if self.place == Place::Begin {
            let begun = rest.trim_start();
            if let Some(inside) = begun.strip_prefix(OPEN) {
                (self.place, rest) = (Place::Thought, inside);
            } else if OPEN.starts_with(begun) && rest.len() <= BLANKS_MAX {
                self.held = held;
                return;
            } else {
                self.place = Place::Said;
            }
        }
        if self.place == Place::Thought {
            if let Some((thought, said)) = rest.split_once(CLOSE) {
                tell(Piece::Thought(thought));
                (self.place, rest) = (Place::Gap, said);
            } else {
                let (thought, tag) = rest.split_at_checked(rest.len() - begun_tag(rest)).unwrap_or((rest, ""));
                tell(Piece::Thought(thought));
                self.held = tag.to_owned();
                return;
            }
        }
        if self.place == Place::Gap {
            rest = rest.trim_start();
            if rest.is_empty() {
                return;
            }
            self.place = Place::Said;
        }
        tell(Piece::Said(rest));
    }

    /// Nothing more of the text comes.
    fn end(&mut self, tell: &mut dyn FnMut(Piece<'_>)) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Thought => tell(Piece::Thought(&held)),
            Place::Begin | Place::Gap | Place::Said => tell(Piece::Said(&held)),
        }
        if self.place == Place::Begin {
            self.place = Place::Said;
        }
    }
}

/// How many bytes at the end of a text may be the beginning of the closing tag.
fn begun_tag(text: &str) -> usize {
    (1..CLOSE.len()).rev().find(|length| CLOSE.get(..*length).is_some_and(|tag| text.ends_with(tag))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::StopReason;

    /// The thoughts and the text of a stream that comes in these pieces.
    fn streamed(pieces: &[&str]) -> (String, String) {
        let (mut thoughts, mut said) = (String::new(), String::new());
        let mut tags = ThinkTags::default();
        let mut emit = |event: Event<'_>| {
            if let Event::Thinking { text, .. } = &event {
                thoughts.push_str(text);
            } else if let Event::Text { text, .. } = &event {
                said.push_str(text);
            }
        };
        for text in pieces {
            tags.event(Event::Text { choice: 0, text: Str::from(*text) }, &mut emit);
        }
        tags.event(Event::Finish { choice: 0, reason: StopReason::End }, &mut emit);
        (thoughts, said)
    }

    fn whole(text: &'static str) -> (String, String) {
        let mut response = Response {
            choices: vec![crate::chat::Choice {
                index: 0,
                parts: vec![Part::Text(Str::from(text).into())],
                stop: StopReason::End,
                logprobs: None,
            }],
            ..Response::default()
        };
        split(&mut response);
        let (mut thoughts, mut said) = (String::new(), String::new());
        for part in &response.choices[0].parts {
            if let Part::Thinking { text, .. } = part {
                thoughts.push_str(text);
            } else if let Part::Text(text) = part {
                said.push_str(&text.text);
            }
        }
        (thoughts, said)
    }

    #[test]
    fn thoughts_are_told_from_text_wherever_it_is_cut() {
        for (text, thoughts, said) in [
            ("<think>hm, 1 < 2</think>\n\nYes.", "hm, 1 < 2", "Yes."),
            ("\n <think>\nhm</thin </think>Yes <think>x</think>", "\nhm</thin ", "Yes <think>x</think>"),
            ("no <think>tags</think>", "", "no <think>tags</think>"),
            ("<thinking>", "", "<thinking>"),
            ("<thin", "", "<thin"),
            ("<think>cut off</thi", "cut off</thi", ""),
            ("<think></think>é", "", "é"),
            ("", "", ""),
        ] {
            let expected = (thoughts.to_owned(), said.to_owned());
            assert_eq!(whole(text), expected, "{text}");
            let letters: Vec<String> = text.chars().map(String::from).collect();
            assert_eq!(streamed(&letters.iter().map(String::as_str).collect::<Vec<_>>()), expected, "{text}");
            for (cut, _) in text.char_indices() {
                let (before, after) = text.split_at(cut);
                assert_eq!(streamed(&[before, after]), expected, "{before}|{after}");
            }
        }
    }

    #[test]
    fn blanks_do_not_pile_up() {
        let mut tags = ThinkTags::default();
        let mut said = 0;
        for _ in 0..1000 {
            tags.event(Event::Text { choice: 0, text: Str::from(" ") }, &mut |event| {
                said += usize::from(matches!(event, Event::Text { .. }));
            });
        }
        assert!(said > 900);
    }
}
