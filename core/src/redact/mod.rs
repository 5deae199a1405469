//! What must not leave the house: personal data and secrets are found, masked on their way to a provider and restored on
//! the way back to whoever said them.
//!
//! A [`Policy`] (one block of the configuration, the same for every host) holds [`detect`]ors and an [`Action`] for each
//! kind, direction and scope. [`Policy::request`] gives the request without what was found, and the [`Vault`] of this
//! exchange; a [`Veil`] takes both to the answer, whole or streamed.

pub mod action;
pub mod config;
pub mod detect;
mod pass;
mod placeholder;
pub mod policy;
mod rules;
mod synthetic;
pub mod vault;
pub mod veil;

pub use action::Action;
pub use config::Redact;
pub use policy::{Found, Masked, Others, Policy, Refused};
pub use vault::Vault;
pub use veil::{Veil, VeilStream, Withheld};

use std::collections::BTreeMap;

/// Which way a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the provider.
    Request,
    /// To the client.
    Response,
}

impl Direction {
    /// Its name, in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// The code of what a policy does not let pass.
pub const BLOCKED: &str = "content_blocked";

/// How often what was done: counts, never values. Keys: the entity's name, what was done, which way it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<(String, Action, Direction), u64>);

impl Tally {
    /// Counts one.
    pub fn add(&mut self, entity: &str, action: Action, direction: Direction) {
        let key = (entity.to_owned(), action, direction);
        *self.0.entry(key).or_default() += 1;
    }
}
