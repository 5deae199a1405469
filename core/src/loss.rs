//! What a translation could not carry: a value that policy judges, never silence.

use crate::fault::Fault;
use std::borrow::Cow;

/// How many different losses one exchange lists; further ones are the same story.
const LOSSES_MAX: usize = 32;
/// How much of a client's own field name is repeated, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The fields that one translation could not carry, each named once, in the order in which they were met.
///
/// Names are paths without indexes, as the *source* dialect spells them: `logit_bias`, `messages.content.cache_control`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(Vec<Cow<'static, str>>);

impl Losses {
    /// Notes that a field that this project knows was not carried.
    pub fn add(&mut self, field: &'static str) {
        self.push(Cow::Borrowed(field));
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
        self.push(Cow::Owned(name));
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Losses) {
        for name in other.0 {
            self.push(name);
        }
    }

    /// No loss at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every loss by name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Every loss as a metric label: names that come from the other side of the network are all `other`, so that
    /// nobody can grow the label set.
    pub fn labels(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|name| match name {
            Cow::Borrowed(known) => *known,
            Cow::Owned(_) => "other",
        })
    }

    /// The names as the value of the `x-attache-losses` header.
    pub fn header(&self) -> String {
        self.0.join(", ")
    }

    /// Why a request is not sent on whose losses may not be.
    pub fn refused(&self) -> Fault {
        let lost = self.header();
        let message = format!("this model's provider cannot be told: {lost}; leave it out, or ask for another model");
        Fault::invalid(message).with_code("translation_loss")
    }

    fn push(&mut self, name: Cow<'static, str>) {
        if self.0.len() < LOSSES_MAX && !self.0.contains(&name) {
            self.0.push(name);
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
}
