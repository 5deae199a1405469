//! What a translation could not carry: a value that policy judges, never silence.

use crate::fault::Fault;
use std::borrow::Cow;
use std::fmt;

/// How many different losses one exchange lists; further ones are the same story.
const LOSSES_MAX: usize = 32;
/// How much of a client's own field name is repeated, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The fields that one translation could not carry, each named once, in the order in which they were met.
///
/// Names are paths without indexes, as the *source* dialect spells them: `logit_bias`, `messages.content.cache_control`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(Vec<Loss>);

/// One of them.
#[derive(Clone, PartialEq, Eq)]
struct Loss {
    name: Cow<'static, str>,
    /// This project knows a field of that name; else it comes from the other side of the network.
    known: bool,
}

/// It is its name.
impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name, f)
    }
}

impl Losses {
    /// Notes that a field that this project knows was not carried.
    pub fn add(&mut self, field: &'static str) {
        self.push(Loss { name: Cow::Borrowed(field), known: true });
    }

    /// Notes what a filter of this project tells that it has not carried, as [`known`](Self::known) there.
    pub fn add_told(&mut self, field: &str) {
        let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        if field.len() > NAME_BYTES_MAX || !field.chars().all(is_path) {
            return self.add_unknown("", field);
        }
        self.push(Loss { name: Cow::Owned(field.to_owned()), known: true });
    }

    /// Notes that a field that this project does not know was not carried. The name is the client's (or the
    /// provider's) own, so it is cut to what a header may hold.
    pub fn add_unknown(&mut self, within: &str, field: &str) {
        let mut name = String::with_capacity(within.len() + field.len() + 1);
        if !within.is_empty() {
            name.push_str(within);
            name.push('.');
        }
        name.extend(
            field
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' })
                .take(NAME_BYTES_MAX),
        );
        self.push(Loss { name: Cow::Owned(name), known: false });
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Losses) {
        for loss in other.0 {
            self.push(loss);
        }
    }

    /// No loss at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every loss by name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|loss| &*loss.name)
    }

    /// The names of fields that this project knows.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|loss| loss.known).map(|loss| &*loss.name)
    }

    /// The names that come from the other side of the network.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|loss| !loss.known).map(|loss| &*loss.name)
    }

    /// Every loss as a metric label: names that come from the other side of the network are all `other`, so that
    /// nobody can grow the label set.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|loss| if loss.known { &*loss.name } else { "other" })
    }

    /// The names as the value of the `x-attache-losses` header.
    pub fn header(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }

    /// Why a request is not sent on whose losses may not be.
    pub fn refused(&self) -> Fault {
        let lost = self.header();
        let message = format!("this model's provider cannot be told: {lost}; leave it out, or ask for another model");
        Fault::invalid(message).with_code("translation_loss")
    }

    fn push(&mut self, loss: Loss) {
        if self.0.len() < LOSSES_MAX && !self.0.iter().any(|there| there.name == loss.name) {
            self.0.push(loss);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_is_named_once_and_safely() {
        let mut losses = Losses::default();
        losses.add("n");
        losses.add("n");
        losses.add_unknown("messages", "evil\r\nx-admin: 1");
        assert_eq!(losses.header(), "n, messages.evil__x-admin__1");
        assert_eq!(losses.labels().collect::<Vec<_>>(), ["n", "other"]);
        for i in 0..100 {
            losses.add_unknown("", &i.to_string());
        }
        assert_eq!(losses.names().count(), LOSSES_MAX);
    }

    #[test]
    fn what_a_filter_tells_keeps_its_label() {
        let mut there = Losses::default();
        there.add("messages.content.cache_control");
        there.add_unknown("", "of_the_client");
        let mut losses = Losses::default();
        there.known().for_each(|name| losses.add_told(name));
        there.unknown().for_each(|name| losses.add_unknown("", name));
        assert_eq!(losses.labels().collect::<Vec<_>>(), ["messages.content.cache_control", "other"]);
        assert_eq!(losses.header(), there.header());
        for odd in ["a b", "ü", &"x".repeat(NAME_BYTES_MAX + 1)] {
            let mut losses = Losses::default();
            losses.add_told(odd);
            assert_eq!(losses.labels().collect::<Vec<_>>(), ["other"], "{odd}");
        }
    }
}
