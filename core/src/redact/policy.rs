//! A policy, compiled: what to look for, and what to do about it.

use super::detect::{Detectors, Finding};
use super::pass::{Pass, overlap};
use super::placeholder::{self, Key};
use super::rules::{Rule, Rules, Side};
use super::{Action, BLOCKED, Direction, Redact, Tally, Vault, action, config};
use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::texts::{self, Form, Place, Scope, Splice, Unreadable};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Bytes of the shortest key.
const KEY_BYTES_MIN: usize = 16;

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    rules: Rules,
    key: Key,
    acts: bool,
    restore: config::Restore,
    unreadable: config::OnUnreadable,
}

/// What others (an analyzer that is asked) found: by text, where in it, and which entity.
pub type Others = BTreeMap<String, Vec<(Range<usize>, String)>>;

/// A request without what must not leave.
#[derive(Debug)]
pub struct Masked {
    /// The body; `None` when its bytes are right as they are.
    pub body: Option<Vec<u8>>,
    /// What the answer gets back.
    pub vault: Vault,
    /// What was found.
    pub tally: Tally,
}

/// Something that was found, for whoever tries a policy out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In which of the texts, counted from 0 in reading order.
    pub text: usize,
    /// What kind of text that is.
    pub place: Place,
    /// Where in it, in bytes.
    pub range: Range<usize>,
    /// What it is.
    pub entity: String,
    /// What the policy does about it, or would if it were enforced.
    pub action: Action,
    /// What then stands there, where something else does.
    pub replacement: Option<String>,
}

/// A request that may not be served.
#[derive(Debug)]
pub enum Refused {
    /// Something stands in it that blocks it: the entity's name.
    Blocked {
        /// What was found: the entity's name, for records; never for the client.
        entity: String,
        /// All that was found.
        tally: Tally,
    },
    /// Nobody can tell text from anything else in it, and the policy is enforced.
    Unreadable(String),
    /// More was found than one exchange may keep.
    Full,
}

impl Refused {
    /// What the client reads: the policy's name, and nothing of what was found.
    pub fn fault(&self, policy: &str) -> Fault {
        let why = match self {
            Self::Blocked { .. } => "does not let out something in it",
            // Why, it does not say: it could repeat a part of the request.
            Self::Unreadable(_) => "must look into it and cannot read it",
            Self::Full => "found more in it than can be restored in an answer; send less at once",
        };
        Fault::invalid(format!("the request was not sent on: the policy `{policy}` {why}")).with_code(BLOCKED)
    }
}

impl Policy {
    /// Compiles a policy. `key`: the secret from which placeholders and hashes are made, of 16 bytes or more.
    ///
    /// # Errors
    /// What is wrong with it, with its path.
    pub fn new(config: &Redact, key: &[u8]) -> Result<Self, String> {
        Self::analyzed(config, key, &[])
    }

    /// The same where the host also asks an analyzer for these entities: they may be named in `entities`.
    ///
    /// # Errors
    /// What is wrong with it, with its path.
    pub fn analyzed(config: &Redact, key: &[u8], entities: &[String]) -> Result<Self, String> {
        if key.len() < KEY_BYTES_MIN {
            return Err(format!(
                "key: {} bytes are too few to be a secret: {KEY_BYTES_MIN} or more are needed",
                key.len()
            ));
        }
        let acts = config.mode == config::Mode::Enforce;
        let (restore, unreadable) = (config.restore, config.unreadable);
        Ok(Self { rules: Rules::new(config, entities)?, key: Key::new(key), acts, restore, unreadable })
    }

    /// Redacts a request. `tenant`: whose placeholders they are; another tenant's differ. `others`: what the host has found by
    /// other means in its texts.
    ///
    /// # Errors
    /// Why it may not be served.
    pub fn request(&self, tenant: &str, endpoint: &Endpoint, body: &[u8], others: &Others) -> Result<Masked, Refused> {
        if body.is_empty() {
            return Ok(Masked { body: None, vault: Vault::of(tenant), tally: Tally::default() });
        }
        let (body, pass) = match self.passed(body, &|taken| Pass::new(self, tenant, others, taken), endpoint) {
            Ok(passed) => passed,
            Err(Unreadable(why)) if self.refuses_unreadable() => return Err(Refused::Unreadable(why)),
            Err(_) => (None, Pass::new(self, tenant, others, BTreeSet::new())),
        };
        match pass {
            Pass { blocked: Some(entity), tally, .. } => Err(Refused::Blocked { entity, tally }),
            Pass { full: true, .. } => Err(Refused::Full),
            Pass { vault, tally, .. } => Ok(Masked { body, vault, tally }),
        }
    }

    /// The same for a body that goes by without anybody reading it.
    ///
    /// # Errors
    /// Where what cannot be read may not be served.
    pub fn unread(&self, tenant: &str) -> Result<Masked, Refused> {
        if self.refuses_unreadable() {
            return Err(Refused::Unreadable("nobody here reads it".to_owned()));
        }
        Ok(Masked { body: None, vault: Vault::of(tenant), tally: Tally::default() })
    }

    fn refuses_unreadable(&self) -> bool {
        self.acts && self.unreadable == config::OnUnreadable::Refuse
    }

    /// One pass, and another where somebody wrote a placeholder of this very exchange.
    fn passed<'p>(
        &self,
        body: &[u8],
        begin: &dyn Fn(BTreeSet<String>) -> Pass<'p>,
        endpoint: &Endpoint,
    ) -> Result<(Option<Vec<u8>>, Pass<'p>), Unreadable> {
        let run = |mut pass: Pass<'p>| {
            let visit = &mut |place: &Place, text: &str, splices: &mut Vec<Splice>| pass.text(place, text, splices);
            texts::request(endpoint, body, visit).map(|body| (body, pass))
        };
        let (body, pass) = run(begin(BTreeSet::new()))?;
        let taken = pass.taken();
        if taken.is_empty() { Ok((body, pass)) } else { run(begin(taken)) }
    }

    /// What would become of a text of a user, and why: for whoever tries a policy out. Nothing is kept.
    pub fn explain_text(&self, tenant: &str, text: &str) -> (String, Vec<Found>) {
        let place = Place { scope: Scope::User, form: Form::Text, signed: false, server_tool: false, choice: 0 };
        let others = Others::new();
        let run = |taken| {
            let mut pass = Pass::new(self, tenant, &others, taken).explaining();
            let mut splices = Vec::new();
            pass.text(&place, text, &mut splices);
            (splices, pass)
        };
        let (mut splices, mut pass) = run(BTreeSet::new());
        let taken = pass.taken();
        if !taken.is_empty() {
            (splices, pass) = run(taken);
        }
        (super::pass::spliced(text, &splices), pass.found.unwrap_or_default())
    }

    /// The same for a request's body; without a body where nothing changes. What blocks is listed and stays.
    ///
    /// # Errors
    /// For a body in which nobody can tell text from anything else.
    pub fn explain(
        &self,
        tenant: &str,
        endpoint: &Endpoint,
        body: &[u8],
    ) -> Result<(Option<Vec<u8>>, Vec<Found>), Unreadable> {
        let others = Others::new();
        let begin = |taken| Pass::new(self, tenant, &others, taken).explaining();
        let (body, pass) = self.passed(body, &begin, endpoint)?;
        Ok((body, pass.found.unwrap_or_default()))
    }

    /// What is looked for in answers, where something is.
    pub fn answer_detectors(&self) -> Option<&Detectors> {
        self.rules.response.as_ref().map(|side| &side.detectors)
    }

    /// Whether answers must be looked at, though nothing was masked in the request.
    pub fn reads_answers(&self) -> bool {
        self.rules.response.is_some()
    }

    /// Whether the rest of an answer may have to be withheld.
    pub fn blocks_answers(&self) -> bool {
        self.acts && self.rules.response.as_ref().is_some_and(Side::blocks)
    }

    /// How many bytes at the end of a growing text of the answer may not go on yet, since they could still become a
    /// placeholder that is restored or left alone.
    pub fn answer_held(&self, vault: &Vault, text: &str) -> usize {
        let tail = text.rfind('[').and_then(|start| text.get(start..));
        match tail {
            Some(tail) if self.reads_answers() && placeholder::begins(tail) => tail.len(),
            Some(_) | None => vault.held(text),
        }
    }

    /// What becomes of a text of the answer: `vault`'s placeholders in it get their originals, what was found in the rest is
    /// treated as the policy says; not overlapping, in order. `findings`: of [`answer_detectors`](Self::answer_detectors)
    /// over the text as it came. Nothing is restored in what is signed, nor where the policy forbids it.
    ///
    /// # Errors
    /// The entity because of which nothing more may pass.
    pub fn answer_splices(
        &self,
        vault: &Vault,
        place: &Place,
        text: &str,
        findings: &[Finding],
        tally: &mut Tally,
    ) -> Result<Vec<Splice>, String> {
        let known = vault.find(text);
        let mut blocked = None;
        let mut splices = Vec::new();
        let made = |piece: &Range<usize>| text.get(piece.clone()).is_some_and(|piece| self.made(vault.tenant(), piece));
        // Whether a piece is ours costs two hashes: asked only where something was found.
        let ours: Vec<_> =
            if findings.is_empty() { Vec::new() } else { placeholder::pieces(text).filter(made).collect() };
        let free = |range: &Range<usize>| {
            !known.iter().map(|(known, _)| known).chain(&ours).any(|piece| overlap(piece, range))
        };
        for finding in findings.iter().filter(|finding| free(&finding.range)) {
            let rule = self.rules.response.as_ref().and_then(|side| side.rule(finding.kind));
            let Some((rule, value)) = rule.zip(text.get(finding.range.clone())) else { continue };
            let action = rule.action(place.scope);
            let changed = if place.signed || !self.acts { None } else { self.said(vault, rule, action, value) };
            let blocks = action == Action::Block && self.acts && !place.signed;
            if action != Action::Off {
                let done = if changed.is_some() || blocks { action } else { Action::Detect };
                tally.add(&rule.entity, done, Direction::Response);
            }
            if blocks && blocked.is_none() {
                blocked = Some(rule.entity.clone());
            }
            splices.extend(changed.map(|text| Splice { range: finding.range.clone(), text }));
        }
        if let Some(entity) = blocked {
            return Err(entity);
        }
        if self.restores(place) {
            splices.extend(known.into_iter().map(|(range, original)| Splice { range, text: original.to_owned() }));
        }
        splices.sort_by_key(|splice| splice.range.start);
        Ok(splices)
    }

    /// What stands in place of what the model said: a mask is for good there, since nobody restores it.
    fn said(&self, vault: &Vault, rule: &Rule, action: Action, value: &str) -> Option<String> {
        let tenant = vault.tenant();
        match action {
            Action::Mask => self.key.placeholders(tenant, &rule.label, &rule.entity, value).next(),
            Action::Synthetic => {
                let free = |made: &str| vault.is_free(made, value);
                let made = rule.check().and_then(|check| check.make(&self.key, tenant, value, free));
                made.or_else(|| Some(format!("[{}]", rule.label))).filter(|made| made != value)
            }
            Action::Redact | Action::Hash | Action::Partial | Action::Block | Action::Detect | Action::Off => {
                self.one_way(tenant, action, &rule.entity, &rule.label, value)
            }
        }
    }

    /// What stands for a value for good; `None` where it stays, also because it is what it would become.
    pub(super) fn one_way(
        &self,
        tenant: &str,
        action: Action,
        entity: &str,
        label: &str,
        value: &str,
    ) -> Option<String> {
        let instead = match action {
            Action::Redact => format!("[{label}]"),
            Action::Hash => self.key.hash(tenant, label, entity, value),
            Action::Partial => action::partial(value),
            Action::Mask | Action::Synthetic | Action::Block | Action::Detect | Action::Off => return None,
        };
        (instead != value).then_some(instead)
    }

    /// Whether this policy put this piece of a text there, for this tenant.
    pub(super) fn made(&self, tenant: &str, piece: &str) -> bool {
        match placeholder::read(piece) {
            Some((label, "")) => self.rules.knows_label(label),
            Some(_) => self.key.made(tenant, piece),
            None => false,
        }
    }

    /// Whether placeholders in such a place of an answer get their originals back.
    pub(super) fn restores(&self, place: &Place) -> bool {
        let by_scope = match place.scope {
            Scope::ToolCalls if place.server_tool => self.restore.server_tools,
            Scope::ToolCalls | Scope::ToolResults => self.restore.tool_calls,
            Scope::System | Scope::User | Scope::Assistant | Scope::ToolDefinitions => true,
        };
        by_scope && !place.signed
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn acts(&self) -> bool {
        self.acts
    }
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
