//! What guards find.

use super::Mode;
use crate::texts::Scope;
use std::sync::Arc;

/// One guard's objection to one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The guard's name: the client may read it.
    pub guard: Arc<str>,
    /// Its place in the list with which the guards were compiled.
    pub index: usize,
    /// Whether it stops, or only says so.
    pub mode: Mode,
    /// What was found, the heaviest first: for records only.
    pub hits: Vec<Hit>,
    /// What the hits add up to; 1.0 for kinds that do not weigh.
    pub score: f64,
    /// Whose words; `None` for the body as a whole.
    pub scope: Option<Scope>,
    /// Which of several answers; 0 in requests.
    pub choice: u32,
}

impl Finding {
    /// The heaviest rule: for records only.
    pub fn rule(&self) -> &str {
        self.hits.first().map_or("", |hit| &hit.rule)
    }
}

/// A rule that found something.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its name.
    pub rule: Arc<str>,
    /// What it adds to the score.
    pub weight: f64,
}

/// Everything that guards object to, monitoring ones too: at most one finding per guard, the heaviest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// The first guard that stops it, in the order of the configuration.
    pub fn stop(&self) -> Option<&Finding> {
        self.0.iter().find(|finding| finding.mode == Mode::Enforce)
    }

    /// Whether nobody objects.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Hit {
    /// A hit of a rule that does not weigh.
    pub(super) fn of(rule: &str) -> Self {
        Self { rule: rule.into(), weight: 1.0 }
    }
}
