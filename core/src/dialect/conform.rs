//! A request that says the right thing in its dialect, made to fit a provider that deviates from it: a few named edits,
//! every other byte stays. The same for requests that were translated and for those that were not.

use super::quirks::Quirks;
use super::{Dialect, Upstream, openai};
use crate::edit::Object;
use crate::loss::Losses;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Makes a request body fit its provider; `None` when it does so already. Adds what cannot be said to `losses`.
pub(crate) fn conform(dialect: Dialect, body: &[u8], upstream: &Upstream, losses: &mut Losses) -> Option<Vec<u8>> {
    let quirks = &*upstream.quirks;
    if *quirks == Quirks::default() {
        return None;
    }
    let object = Object::read(body).ok()?;
    let mut changes = Changes::of(&object);
    if dialect == Dialect::OpenAi {
        openai::request::conform(&mut changes, quirks, losses);
    }
    changes.refuse("", quirks, losses);
    for (from, to) in quirks.renames.iter().flatten() {
        changes.rename(from, to);
    }
    for (name, value) in quirks.adds.iter().flatten() {
        if changes.now(name).is_none() {
            changes.set(name, value.to_string());
        }
    }
    changes.write()
}

/// Changes to an object, one for each field.
pub(super) struct Changes<'o, 'a> {
    object: &'o Object<'a>,
    /// What a field shall be; `None`: it goes.
    fields: BTreeMap<Cow<'o, str>, Option<String>>,
}

impl<'o, 'a> Changes<'o, 'a> {
    pub(super) fn of(object: &'o Object<'a>) -> Self {
        Self { object, fields: BTreeMap::new() }
    }

    /// The raw JSON of a field as it stands now.
    pub(super) fn now(&self, name: &str) -> Option<&str> {
        match self.fields.get(name) {
            Some(changed) => changed.as_deref(),
            None => self.object.raw(name),
        }
    }

    /// A field that is a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.now(name)?).ok()
    }

    pub(super) fn set(&mut self, name: &str, json: String) {
        self.fields.insert(Cow::Owned(name.to_owned()), Some(json));
    }

    pub(super) fn remove(&mut self, name: &str) {
        if self.now(name).is_some() {
            self.fields.insert(Cow::Owned(name.to_owned()), None);
        }
    }

    /// Gives a field another name, unless there is one of that name already; then it goes.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let Some(value) = self.now(from).map(str::to_owned) else { return };
        self.remove(from);
        // `null` says nothing, and must not hide what was said.
        if self.now(to).is_none_or(|said| said == "null") {
            self.set(to, value);
        }
    }

    /// Takes out what the provider refuses of this object, which stands `within` the request (`messages.`).
    pub(super) fn refuse(&mut self, within: &str, quirks: &Quirks, losses: &mut Losses) {
        for path in quirks.refuses.iter().flatten() {
            let Some(name) = path.strip_prefix(within).filter(|name| !name.contains('.')) else { continue };
            let Some(said) = self.now(name) else { continue };
            if !says_nothing(name, said) {
                losses.add_unknown("", path);
            }
            self.remove(name);
        }
    }

    /// The text with the changes; `None` when there are none.
    pub(super) fn write(self) -> Option<Vec<u8>> {
        let mut edit = self.object.edit();
        for (name, value) in &self.fields {
            match value {
                Some(json) => edit.set(name, json),
                None => edit.remove(name),
            };
        }
        (!edit.is_empty()).then(|| edit.write())
    }

    /// The same as text.
    pub(super) fn write_text(self) -> Option<String> {
        self.write().and_then(|bytes| String::from_utf8(bytes).ok())
    }
}

/// A field whose absence changes nothing.
fn says_nothing(name: &str, json: &str) -> bool {
    json == "null"
        || (name == "n" && json == "1")
        || (matches!(name, "logprobs" | "store" | "strict") && json == "false")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a request becomes for a provider with these quirks, and the losses.
    fn conformed(dialect: Dialect, quirks: &str, body: &str) -> (String, String) {
        let quirks: Quirks = serde_json::from_str(quirks).unwrap();
        let upstream = Upstream { quirks: quirks.into(), ..Upstream::new("m") };
        let mut losses = Losses::default();
        let made = conform(dialect, body.as_bytes(), &upstream, &mut losses);
        (made.map_or_else(|| body.to_owned(), |made| String::from_utf8(made).unwrap()), losses.header())
    }

    #[test]
    fn any_dialect_has_refused_renamed_and_added_fields() {
        for (quirks, body, expected, lost) in [
            ("{}", r#"{ "a" : 1.50 }"#, r#"{ "a" : 1.50 }"#, ""),
            (r#"{"refuses":["top_k"]}"#, r#"{"a":1, "top_k":5, "b":2}"#, r#"{"a":1, "b":2}"#, "top_k"),
            (r#"{"refuses":["top_k"]}"#, r#"{"a":1,"top_k":null}"#, r#"{"a":1}"#, ""),
            (r#"{"refuses":["n"]}"#, r#"{"n":1,"a":1}"#, r#"{"a":1}"#, ""),
            (r#"{"refuses":["n"]}"#, r#"{"n":2,"a":1}"#, r#"{"a":1}"#, "n"),
            (r#"{"renames":{"seed":"random_seed"}}"#, r#"{"seed": 7,"a":1}"#, r#"{"a":1,"random_seed":7}"#, ""),
            (r#"{"renames":{"seed":"random_seed"}}"#, r#"{"seed":7,"random_seed":8}"#, r#"{"random_seed":8}"#, ""),
            (r#"{"adds":{"x":{"y":[1,2.5]}}}"#, r#"{"a":1}"#, r#"{"a":1,"x":{"y":[1,2.5]}}"#, ""),
            (r#"{"adds":{"x":true}}"#, r#"{"x":false}"#, r#"{"x":false}"#, ""),
        ] {
            assert_eq!(
                conformed(Dialect::Anthropic, quirks, body),
                (expected.to_owned(), lost.to_owned()),
                "{quirks} {body}"
            );
        }
    }
}
