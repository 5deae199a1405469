//! One pass over the texts of a request: what is found in each, and what stands there then.
//!
//! A text that changed is looked at again until nothing is left to find: what stands beside a value, and the words before
//! it, change with it. So redacting twice is redacting once.

use super::placeholder;
use super::policy::{Found, Others, Policy};
use super::rules::Rule;
use super::synthetic::Check;
use super::{Action, Direction, Tally, Vault};
use crate::texts::{Place, Splice};
use std::collections::BTreeSet;
use std::ops::Range;

/// How often a text is looked at, at most.
const ROUNDS_MAX: usize = 8;
/// What a user's text is that equals a placeholder of the exchange.
const PLACEHOLDER: (&str, &str) = ("placeholder", "TEXT");

/// A pass.
#[derive(Debug)]
pub(super) struct Pass<'p> {
    policy: &'p Policy,
    others: &'p Others,
    /// Whether it changes anything.
    acts: bool,
    /// Placeholders of this exchange that users wrote themselves.
    taken: BTreeSet<String>,
    /// Placeholders of this policy that stand in texts.
    seen: BTreeSet<String>,
    texts: usize,
    pub(super) vault: Vault,
    pub(super) tally: Tally,
    pub(super) found: Option<Vec<Found>>,
    pub(super) blocked: Option<String>,
    pub(super) full: bool,
}

/// Something found, and what to do about it.
struct Hit {
    range: Range<usize>,
    entity: String,
    label: String,
    check: Option<Check>,
    action: Action,
}

impl<'p> Pass<'p> {
    pub(super) fn new(policy: &'p Policy, tenant: &str, others: &'p Others, taken: BTreeSet<String>) -> Self {
        Self {
            policy,
            others,
            acts: policy.acts(),
            taken,
            seen: BTreeSet::new(),
            texts: 0,
            vault: Vault::of(tenant),
            tally: Tally::default(),
            found: None,
            blocked: None,
            full: false,
        }
    }

    /// The same, as if the policy were enforced, with a list of what was found.
    pub(super) fn explaining(mut self) -> Self {
        (self.acts, self.found) = (true, Some(Vec::new()));
        self
    }

    /// Placeholders of this exchange that somebody wrote who does not mean what they stand for: to be masked themselves in
    /// another pass. Also those that this makes, where they too stand in a text.
    pub(super) fn taken(&self) -> BTreeSet<String> {
        let mut taken = BTreeSet::new();
        let mut next: Vec<String> =
            self.seen.iter().filter(|seen| self.vault.original(seen).is_some()).cloned().collect();
        while let Some(placeholder) = next.pop() {
            let (entity, label) = PLACEHOLDER;
            let mut stand_ins = self.policy.key().placeholders(self.vault.tenant(), label, entity, &placeholder);
            next.extend(stand_ins.next().filter(|stand_in| self.seen.contains(stand_in) && !taken.contains(stand_in)));
            taken.insert(placeholder);
        }
        taken
    }

    /// Looks at a text.
    pub(super) fn text(&mut self, place: &Place, text: &str, splices: &mut Vec<Splice>) {
        let mut cuts: Vec<Splice> = Vec::new();
        let mut changed = None;
        for round in 0..ROUNDS_MAX {
            let now = changed.as_deref().unwrap_or(text);
            let hits = self.hits(place, now, round == 0);
            let before = cuts.clone();
            for hit in hits {
                self.settle(place, text, &before, &mut cuts, hit, round == 0);
            }
            if cuts == before {
                break;
            }
            cuts.sort_by_key(|cut| cut.range.start);
            changed = Some(spliced(text, &cuts));
        }
        splices.append(&mut cuts);
        self.texts += 1;
    }

    /// Counts what was found, and adds what stands in its place to `cuts`. The hit's range is one in the text with the cuts
    /// `before`; those of `cuts` are in the text as it came.
    fn settle(&mut self, place: &Place, text: &str, before: &[Splice], cuts: &mut Vec<Splice>, hit: Hit, first: bool) {
        let (range, clashes) = original(before, &hit.range);
        let Some(value) = text.get(range.clone()) else { return };
        let passive = place.signed || !self.acts;
        let changes = match hit.action {
            Action::Off => return,
            Action::Detect | Action::Block => None,
            Action::Mask | Action::Redact | Action::Hash | Action::Partial | Action::Synthetic => {
                if passive {
                    None
                } else if clashes {
                    // What replaced a value and is found again itself: its shape says too much.
                    Some(format!("[{}]", hit.label))
                } else {
                    self.replacement(&hit, value)
                }
            }
        };
        if changes.is_none() && !first {
            return;
        }
        let stays = passive || (changes.is_none() && hit.action != Action::Block);
        let done = if stays { Action::Detect } else { hit.action };
        self.tally.add(&hit.entity, done, Direction::Request);
        if done == Action::Block && self.blocked.is_none() {
            self.blocked = Some(hit.entity.clone());
        }
        if let Some(found) = &mut self.found {
            let (text, place, replacement) = (self.texts, *place, changes.clone());
            found.push(Found { text, place, range: range.clone(), entity: hit.entity, action: done, replacement });
        }
        if let Some(text) = changes {
            cuts.retain(|cut| cut.range.end <= range.start || range.end <= cut.range.start);
            cuts.push(Splice { range, text });
        }
    }

    /// What stands in place of a value; `None` where it stays, since it is what it would become.
    fn replacement(&mut self, hit: &Hit, value: &str) -> Option<String> {
        if hit.action == Action::Synthetic {
            return self.made_up(hit, value);
        }
        if hit.action != Action::Mask {
            return self.policy.one_way(self.vault.tenant(), hit.action, &hit.entity, &hit.label, value);
        }
        let tenant = self.vault.tenant().to_owned();
        let candidates = self.policy.key().placeholders(&tenant, &hit.label, &hit.entity, value);
        self.vault.put(value, candidates).inspect_err(|_| self.full = true).ok()
    }

    /// Another value of the same shape, which stands for no other; its kind where there is none.
    fn made_up(&mut self, hit: &Hit, value: &str) -> Option<String> {
        let check = hit.check.as_ref().filter(|_| self.vault.may_make_up());
        let (tenant, vault) = (self.vault.tenant().to_owned(), &mut self.vault);
        let free = |made: &str| vault.make_up(made, value);
        let made = check.and_then(|check| check.make(self.policy.key(), &tenant, value, free));
        if made.is_none() {
            self.vault.count_not_made_up();
        }
        made.or_else(|| Some(format!("[{}]", hit.label))).filter(|made| made != value)
    }

    /// What is found in a text: by detectors, by others, and placeholders that users wrote; in order, not overlapping.
    fn hits(&mut self, place: &Place, text: &str, first: bool) -> Vec<Hit> {
        let protected = self.protected(place, text, first);
        let free = |range: &Range<usize>| !protected.iter().any(|piece| overlap(piece, range));
        // Later, a placeholder that users wrote may be one of ours: all of theirs are masked at first.
        let written = protected.iter().filter(|_| first);
        let mut hits: Vec<Hit> = written.filter_map(|range| self.taken_at(place, text, range)).collect();
        if let Some(side) = &self.policy.rules().request {
            let found = side.detectors.find(text);
            let ruled = found.into_iter().filter_map(|found| Some((found.range, side.rule(found.kind)?)));
            // A made-up value is one of its kind, and found again.
            let made_up = |range: &Range<usize>| text.get(range.clone()).is_some_and(|one| self.vault.is_made_up(one));
            let ruled = ruled.filter(|(range, _)| first || !made_up(range));
            hits.extend(ruled.filter(|(range, _)| free(range)).map(|(range, rule)| Hit::of(range, rule, place)));
        }
        if first && let Some(others) = self.others.get(text) {
            for (range, name) in others {
                let (entity, label, action) = self.policy.rules().other(name, place.scope);
                let known = || text.get(range.clone()).is_some_and(|value| !value.is_empty());
                let own_label = || pieces_labelled(text, &label).any(|piece| overlap(&piece, range));
                if known() && free(range) && !own_label() && !hits.iter().any(|hit| overlap(&hit.range, range)) {
                    hits.push(Hit { range: range.clone(), entity, label, check: None, action });
                }
            }
        }
        hits.sort_by_key(|hit| hit.range.start);
        hits
    }

    /// The pieces of a text that this policy has put there before; in a text as it came, notes what they are.
    fn protected(&mut self, place: &Place, text: &str, first: bool) -> Vec<Range<usize>> {
        let mut protected = Vec::new();
        for range in placeholder::pieces(text) {
            let Some(piece) = text.get(range.clone()) else { continue };
            if !self.policy.made(self.vault.tenant(), piece) {
                continue;
            }
            if first && self.policy.restores(place) {
                self.seen.insert(piece.to_owned());
            }
            protected.push(range);
        }
        protected
    }

    /// A placeholder that a user wrote is masked like a value. Where placeholders are not restored they come back by
    /// themselves, and mean what they stand for.
    fn taken_at(&self, place: &Place, text: &str, range: &Range<usize>) -> Option<Hit> {
        let piece = text.get(range.clone())?;
        let (entity, label) = PLACEHOLDER;
        let taken = self.policy.restores(place) && self.taken.contains(piece);
        let (entity, label) = (entity.to_owned(), label.to_owned());
        taken.then(|| Hit { range: range.clone(), entity, label, check: None, action: Action::Mask })
    }
}

impl Hit {
    fn of(range: Range<usize>, rule: &Rule, place: &Place) -> Self {
        let action = rule.action(place.scope);
        let check = if action == Action::Synthetic { rule.check() } else { None };
        Self { range, entity: rule.entity.clone(), label: rule.label.clone(), check, action }
    }
}

/// Mere labels in a text: `[PERSON]`.
fn pieces_labelled<'t>(text: &'t str, label: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
    let is = move |piece: &str| placeholder::read(piece) == Some((label, ""));
    placeholder::pieces(text).filter(move |range| text.get(range.clone()).is_some_and(is))
}

pub(super) fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// A text with its cuts, which are in order.
pub(super) fn spliced(text: &str, cuts: &[Splice]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for cut in cuts {
        out.push_str(text.get(from..cut.range.start).unwrap_or_default());
        out.push_str(&cut.text);
        from = cut.range.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Where a range of the spliced text lies in the text as it came, widened by every cut that it touches, and whether it
/// touches any.
fn original(cuts: &[Splice], range: &Range<usize>) -> (Range<usize>, bool) {
    let mut out = range.clone();
    let mut clashes = false;
    // How far the spliced text is ahead, and behind, at this cut.
    let (mut added, mut removed) = (0, 0);
    for cut in cuts {
        let now = cut.range.start + added - removed..cut.range.start + added - removed + cut.text.len();
        if now.end <= range.start {
            added += cut.text.len();
            removed += cut.range.len();
            continue;
        }
        if now.start >= range.end {
            break;
        }
        if !clashes {
            out.start = cut.range.start.min(range.start + removed - added.min(range.start + removed));
        }
        added += cut.text.len();
        removed += cut.range.len();
        out.end = if now.end >= range.end { cut.range.end } else { range.end + removed - added };
        clashes = true;
    }
    if clashes { (out, true) } else { (range.start + removed - added..range.end + removed - added, false) }
}
