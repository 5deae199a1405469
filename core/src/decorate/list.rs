//! A JSON list as text: items are added and taken out, and what stays keeps its bytes.

use crate::edit::Object;
use crate::fault::Fault;
use crate::text::Str;
use serde_json::value::RawValue;
use std::ops::Range;

/// A list, with the place of each of its items.
pub(super) struct List<'a> {
    text: &'a str,
    items: Vec<&'a str>,
    /// What stands before the first item and behind the last.
    ends: (&'a str, &'a str),
}

/// An item of the list to be.
pub(super) enum Item {
    /// The client's own, by its place.
    Own(usize),
    /// A new one, as JSON.
    New(String),
}

impl<'a> List<'a> {
    /// Reads a field's list; a missing one and `null` are empty.
    ///
    /// # Errors
    /// A [`Fault`] for what is no list.
    pub(super) fn read(object: &Object<'a>, field: &str) -> Result<Self, Fault> {
        let text = object.raw(field).filter(|raw| *raw != "null").unwrap_or("[]");
        let items: Vec<&'a RawValue> = serde_json::from_str(text)
            .map_err(|_| Fault::invalid(format!("{field}: expected a list")).with_param(field))?;
        let mut list = Self { text, items: items.into_iter().map(RawValue::get).collect(), ends: ("", "]") };
        let end = text.len().saturating_sub(1);
        let first = list.items.first().map_or(end, |item| list.range(item).start);
        let last = list.items.last().map_or(end, |item| list.range(item).end);
        list.ends = (text.get(..first).unwrap_or("["), text.get(last..).unwrap_or("]"));
        Ok(list)
    }

    /// The same where an object alone stands for a list of one.
    ///
    /// # Errors
    /// A [`Fault`] for what is neither.
    pub(super) fn read_one_or_many(object: &Object<'a>, field: &str) -> Result<Self, Fault> {
        match object.raw(field).filter(|raw| raw.starts_with('{')) {
            Some(alone) => Ok(Self { text: alone, items: vec![alone], ends: ("[", "]") }),
            None => Self::read(object, field),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// An item's JSON.
    pub(super) fn raw(&self, place: usize) -> Option<&'a str> {
        self.items.get(place).copied()
    }

    /// The speaker of a message; of one that names several, all.
    pub(super) fn roles(&self, place: usize) -> Vec<Str<'a>> {
        let message = self.items.get(place).and_then(|item| Object::read(item.as_bytes()).ok());
        let fields = message.iter().flat_map(Object::fields).filter(|(key, _)| *key == "role");
        fields.filter_map(|(_, role)| serde_json::from_str(role).ok()).collect()
    }

    /// The list of these items, as JSON.
    pub(super) fn write(&self, items: &[Item]) -> String {
        let grown: usize = items.iter().map(|item| if let Item::New(json) = item { json.len() + 1 } else { 0 }).sum();
        let mut out = String::with_capacity(self.text.len() + grown);
        out.push_str(self.ends.0);
        for (nth, item) in items.iter().enumerate() {
            let (written, blanks) = match item {
                Item::New(json) => (json.as_str(), None),
                Item::Own(place) => {
                    let own = self.items.get(*place).copied().unwrap_or_default();
                    let before = place.checked_sub(1).and_then(|place| self.items.get(place)).copied();
                    let comma = before.map(|before| self.range(before).end..self.range(own).start);
                    (own, comma.and_then(|comma| self.text.get(comma)))
                }
            };
            if nth > 0 {
                out.push_str(blanks.unwrap_or(","));
            }
            out.push_str(written);
        }
        out.push_str(self.ends.1);
        out
    }

    /// Where an item stands in the text.
    fn range(&self, item: &str) -> Range<usize> {
        let start = (item.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + item.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_keeps_its_bytes() {
        use Item::{New, Own};
        let new = || New("0".to_owned());
        for (json, items, expected) in [
            ("[ 1 , 2 ]", vec![new(), Own(0), Own(1)], "[ 0,1 , 2 ]"),
            ("[ 1 , 2 ]", vec![Own(0), new(), Own(1)], "[ 1,0 , 2 ]"),
            ("[ 1 , 2 ]", vec![Own(0), Own(1), new()], "[ 1 , 2,0 ]"),
            ("[ 1 , 2 ]", vec![Own(1)], "[ 2 ]"),
            ("[ 1 , 2 ]", vec![new()], "[ 0 ]"),
            ("[ 1 , 2 ]", vec![], "[  ]"),
            ("[ ]", vec![new()], "[ 0]"),
            ("null", vec![new(), new()], "[0,0]"),
        ] {
            let body = format!("{{\"a\":{json}}}");
            let object = Object::read(body.as_bytes()).unwrap();
            assert_eq!(List::read(&object, "a").unwrap().write(&items), expected, "{json}");
        }
        let object = Object::read(br#"{"a":"text"}"#).unwrap();
        assert_eq!(List::read(&object, "a").err().unwrap().message, "a: expected a list");
        assert_eq!(List::read(&object, "b").unwrap().len(), 0);
        let object = Object::read(br#"{"a": { } }"#).unwrap();
        assert!(List::read(&object, "a").is_err());
        assert_eq!(List::read_one_or_many(&object, "a").unwrap().write(&[new(), Own(0)]), "[0,{ }]");
    }
}
