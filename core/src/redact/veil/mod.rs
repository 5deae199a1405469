//! The way back: what was masked is restored, what the model said itself is redacted, whole or while it streams.

mod arguments;
mod cited;
mod flow;
mod frames;
mod grown;
mod places;
mod rules;
mod same;
mod shadow;
mod spine;
#[cfg(test)]
mod tests;
mod tree;
mod whole;

use super::{Policy, Tally, Vault};
use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, Framing};
use crate::fault::Fault;
use crate::texts::{self, Form, Place, Scope, Unreadable};
use flow::Flow;
use frames::{Inlet, Outlet};
use rules::{Ruled, Rules};
use std::sync::Arc;
use tree::Tree;

/// What the way back needs.
#[derive(Clone, Debug)]
pub struct Veil {
    policy: Arc<Policy>,
    vault: Arc<Vault>,
    endpoint: Endpoint,
}

impl Veil {
    /// The way back of a request to this endpoint; `None` where the answer can be left alone.
    pub fn new(policy: Arc<Policy>, vault: Vault, endpoint: &Endpoint) -> Option<Self> {
        let needed = policy.reads_answers() || !vault.is_empty();
        needed.then(|| Self { policy, vault: Arc::new(vault), endpoint: endpoint.clone() })
    }

    /// A text with the originals in the place of this exchange's placeholders, and otherwise as it is.
    pub fn restored(&self, text: &str) -> String {
        let found = self.vault.find(text).into_iter();
        let splices: Vec<_> =
            found.map(|(range, original)| texts::Splice { range, text: original.to_owned() }).collect();
        grown::spliced(text, &splices)
    }

    /// A whole answer or error in the client's dialect (not a stream). `None` when its bytes are right as they are.
    ///
    /// # Errors
    /// Why the policy withholds it.
    pub fn whole(&self, body: &[u8], tally: &mut Tally) -> Result<Option<Vec<u8>>, Withheld> {
        let rules = self.rules();
        let mut blocked = None;
        let visited = texts::answer(&self.endpoint, body, &mut |place, text, splices| {
            if blocked.is_some() {
                return;
            }
            let (findings, _) = rules.find_from(text, 0, true);
            match rules.splices(place, text, &findings, tally) {
                Ok(mut found) => splices.append(&mut found),
                Err(entity) => blocked = Some(entity),
            }
        });
        if let Some(entity) = blocked {
            return Err(Withheld::Blocked(entity));
        }
        match visited {
            Ok(edited) => Ok(self.without_documents(body, edited)),
            Err(unreadable) => self.plain(body, unreadable, tally),
        }
    }

    /// The answer without positions in documents that were masked.
    fn without_documents(&self, body: &[u8], edited: Option<Vec<u8>>) -> Option<Vec<u8>> {
        if self.vault.is_empty() {
            return edited;
        }
        let mut edits = Vec::new();
        let tree = Tree::read(edited.as_deref().unwrap_or(body));
        let tree = tree.inspect(|tree| cited::in_documents(self.endpoint.dialect, tree, &mut edits));
        match tree {
            Some(tree) if !edits.is_empty() => Some(flow::applied(tree.text, edits).into_bytes()),
            Some(_) | None => edited,
        }
    }

    /// A body that is no JSON object: an error in words, or nothing that anybody can tell text in.
    fn plain(&self, body: &[u8], unreadable: Unreadable, tally: &mut Tally) -> Result<Option<Vec<u8>>, Withheld> {
        let text = std::str::from_utf8(body).ok().filter(|text| !text.trim_start().starts_with(['{', '[']));
        let Some(text) = text else { return Err(Withheld::Unreadable(unreadable.0)) };
        let rules = self.rules();
        let (findings, _) = rules.find_from(text, 0, true);
        let (scope, form) = (Scope::Assistant, Form::Text);
        let place = Place { scope, form, signed: false, server_tool: false, choice: 0 };
        let splices = rules.splices(&place, text, &findings, tally);
        let splices = splices.map_err(Withheld::Blocked)?;
        Ok((!splices.is_empty()).then(|| grown::spliced(text, &splices).into_bytes()))
    }

    /// Begins a stream, framed as the client reads it.
    pub fn stream(&self) -> VeilStream {
        VeilStream::new(Box::new(self.rules()), self.endpoint.dialect, self.endpoint.framing)
    }

    fn rules(&self) -> Ruled {
        Ruled { policy: Arc::clone(&self.policy), vault: Arc::clone(&self.vault) }
    }
}

/// A whole answer that may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// Something stands in it that blocks it: the entity's name, for records; never for the client.
    Blocked(String),
    /// Nobody can tell text from anything else in it: why.
    Unreadable(String),
}

impl Withheld {
    /// What the client reads.
    pub fn fault(&self) -> Fault {
        let why = match self {
            Self::Blocked(_) => "the answer holds what must not pass",
            Self::Unreadable(why) => why,
        };
        Fault::upstream(format!("the answer is withheld: {why}")).with_code("answer_withheld")
    }
}

/// An answer that streams through. Holds back only what could still become something that must not pass: of each text at
/// most a megabyte, usually less than a word; of at most 512 texts at once; and one unfinished event.
#[derive(Debug)]
pub struct VeilStream {
    inlet: Inlet,
    outlet: Outlet,
    flow: Flow,
}

impl VeilStream {
    fn new(rules: Box<dyn Rules>, dialect: Dialect, framing: Framing) -> Self {
        Self { inlet: Inlet::new(framing), outlet: Outlet::new(framing), flow: Flow::new(rules, dialect) }
    }

    /// Takes the next bytes of the client's stream and appends what may go on.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let Self { inlet, outlet, flow } = self;
        if flow.over {
            return;
        }
        if let Err(broken) = inlet.push(chunk, &mut |frame| flow.frame(&frame, false, outlet, out)) {
            flow.broken(broken, outlet, out);
        }
    }

    /// The stream is over. What is held and was not finished by the dialect's own last event stays here.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        let Self { inlet, outlet, flow } = self;
        if flow.over {
            return;
        }
        inlet.finish(&mut |frame| flow.frame(&frame, true, outlet, out));
        flow.over = true;
        outlet.end(out);
    }

    /// What was found.
    pub fn tally(&self) -> &Tally {
        &self.flow.tally
    }

    /// Whether the rest was withheld, because of what was found or since nobody can tell what is in it.
    pub fn is_withheld(&self) -> bool {
        self.flow.withheld
    }

    /// The entity because of which the rest was withheld.
    pub fn blocked(&self) -> Option<&str> {
        self.flow.blocked.as_deref()
    }
}
