//! What makes a candidate a finding.

use super::checksum;
use super::{Custom, Detector, Edge, Kind, Tier, syntax};
use regex_syntax::hir::Hir;
use std::ops::Range;

/// Most bytes of what an operator's expression matches: of longer ones so many are found, and then the search goes on.
pub const OWN_BYTES_MAX: usize = 256;
/// Most bytes of an operator's expression.
const EXPRESSION_BYTES_MAX: usize = 8 << 10;
/// Most bytes that one of them takes when it is compiled.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A shape's rule.
pub(super) struct Rule {
    pub(super) kind: Kind,
    pub(super) tier: Tier,
    pub(super) bytes_max: usize,
    /// Whether an expression is an operator's: what it matches does not overlap with itself.
    pub(super) own: bool,
    check: Check,
}

enum Check {
    Row(fn(&str) -> Option<Range<usize>>),
    Sum(fn(&str) -> bool),
    None,
}

impl Rule {
    pub(super) fn of(row: &Detector, kind: Kind) -> Self {
        Self { kind, tier: row.tier, bytes_max: row.bytes_max, own: false, check: Check::Row(row.check) }
    }

    pub(super) fn of_own(own: &Custom, kind: Kind) -> Result<Self, String> {
        let (tier, check) = match own {
            Custom::Pattern { checksum: Some(name), .. } => (Tier::Certain, Check::Sum(named(name)?)),
            Custom::Pattern { checksum: None, .. } => (Tier::Certain, Check::None),
            Custom::Words(_) => (Tier::Listed, Check::None),
        };
        Ok(Self { kind, tier, bytes_max: OWN_BYTES_MAX, own: true, check })
    }

    /// What of a candidate is found, if it is one.
    pub(super) fn accepts(&self, candidate: &str) -> Option<Range<usize>> {
        let part = match self.check {
            Check::Row(check) => check(candidate)?,
            Check::Sum(holds) => holds(candidate).then_some(0..candidate.len())?,
            Check::None => 0..candidate.len(),
        };
        candidate.get(part.clone()).filter(|part| !part.is_empty()).map(|_| part)
    }
}

fn named(name: &str) -> Result<fn(&str) -> bool, String> {
    checksum::named(name)
        .ok_or_else(|| format!("no checksum is called `{name}`: there are {}", checksum::NAMES.join(", ")))
}

/// The shape of a row.
pub(super) fn row_shape(row: &Detector) -> Result<Hir, String> {
    syntax::parse(row.shape).map_err(|error| format!("{}: {error}", row.entity))
}

/// The shape of an operator's expression.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn own_shape(regex: &str) -> Result<Hir, String> {
    if regex.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("the expression has {} bytes: at most {EXPRESSION_BYTES_MAX} can be", regex.len()));
    }
    let shape = syntax::parse(regex)?;
    match shape.properties().minimum_len() {
        None => return Err("the expression matches nothing".to_owned()),
        Some(0) => return Err("the expression matches the empty text, which stands everywhere".to_owned()),
        Some(bytes) if bytes > OWN_BYTES_MAX => {
            return Err(format!(
                "the expression needs at least {bytes} bytes: at most {OWN_BYTES_MAX} of a text are looked at"
            ));
        }
        Some(_) => {}
    }
    let compiled = super::automaton::compile(&[&shape], COMPILED_BYTES_MAX);
    compiled.map(|_| shape).map_err(|error| format!("the expression is too large: {error}"))
}

/// What may not stand beside an operator's expression: nothing, it says itself what may.
pub(super) const OWN_EDGE: Edge = Edge::None;
