//! `prompt`, in its many forms.

use crate::text::Str;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use std::fmt;

/// What is to be completed.
#[derive(Debug)]
pub(super) enum Prompt<'a> {
    /// One text, bare or alone in a list.
    Text(Str<'a>),
    /// Several texts: a completion of each is wanted.
    Several,
    /// Tokens, of one prompt or of several.
    Tokens,
    /// An empty list.
    Nothing,
}

/// One entry of a list.
enum Entry<'a> {
    Text(Str<'a>),
    Tokens,
}

impl<'de: 'a, 'a> Deserialize<'de> for Prompt<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Prompt<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Prompt::Text(Str::from(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Prompt::Text(Str::from(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut prompt = match items.next_element()? {
            None => return Ok(Prompt::Nothing),
            Some(Entry::Text(text)) => Prompt::Text(text),
            Some(Entry::Tokens) => Prompt::Tokens,
        };
        while items.next_element::<IgnoredAny>()?.is_some() {
            if matches!(prompt, Prompt::Text(_)) {
                prompt = Prompt::Several;
            }
        }
        Ok(prompt)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(One)
    }
}

struct One;

impl<'de> Visitor<'de> for One {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a token or an array of tokens")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Entry::Text(Str::from(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Entry::Text(Str::from(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Entry::Tokens)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry::Tokens)
    }
}
