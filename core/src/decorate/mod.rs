//! What an operator adds to every prompt: instructions before, after or in place of the client's own, and messages around
//! the conversation, written into the client's own body.
//!
//! Only the system prompt and the list of messages change; every other byte stays as the client wrote it, and so does each
//! of its messages. Instructions of a dialect that has one text for them are joined to it by an empty line; elsewhere they
//! are messages or blocks of their own.
//!
//! Never reads what a prompt says, never writes a variable's value anywhere but into a JSON string.

mod config;
mod list;
mod rules;
mod shapes;
mod template;

#[cfg(test)]
mod tests;

pub use config::{Decorator, Messages, Said, Speaker, System, Templates, Text, Variable, Variables};
pub use rules::Decorators;

use crate::dialect::Dialect;
use crate::edit::Object;
use crate::endpoint::{Endpoint, Operation};
use crate::fault::Fault;

/// The same for what is wrapped.
type Within<'w> = &'w dyn Fn(&Object<'_>) -> Result<Option<Vec<u8>>, Fault>;

/// What is added to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoration {
    /// The client's own instructions go.
    pub replaces_system: bool,
    /// Instructions before the client's own.
    pub system_before: Vec<String>,
    /// Instructions after the client's own.
    pub system_after: Vec<String>,
    /// Messages before the conversation, behind all instructions.
    pub before: Vec<Line>,
    /// Messages after the conversation.
    pub after: Vec<Line>,
}

/// A message that is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who says it.
    pub speaker: Speaker,
    /// What is said.
    pub text: String,
}

impl Decoration {
    /// Nothing is added.
    pub fn is_empty(&self) -> bool {
        !self.changes_system() && !self.changes_messages()
    }

    /// The same with another one around it.
    pub fn then(self, later: Self) -> Self {
        let (own_before, own_after) =
            if later.replaces_system { Default::default() } else { (self.system_before, self.system_after) };
        Self {
            replaces_system: self.replaces_system || later.replaces_system,
            system_before: joined(later.system_before, own_before),
            system_after: joined(own_after, later.system_after),
            before: joined(later.before, self.before),
            after: joined(self.after, later.after),
        }
    }

    /// Writes it into a request to this endpoint; `None` where there is nothing to change: in what is no chat request, too.
    ///
    /// # Errors
    /// A [`Fault`] for a body that has no place for it: it is no JSON object, its messages are no list.
    pub fn write(&self, endpoint: &Endpoint, body: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        if self.is_empty() || !matches!(endpoint.operation, Operation::Chat | Operation::Count) {
            return Ok(None);
        }
        let object = Object::read(body).map_err(Fault::invalid)?;
        match (endpoint.operation, endpoint.dialect) {
            (Operation::Count, Dialect::Gemini) => {
                let wrapped = ["generateContentRequest", "generate_content_request"];
                self.within(&object, &wrapped, &|inner| shapes::write(Dialect::Gemini, inner, self).map(Some))
            }
            (Operation::Count, Dialect::Converse) => self.within(&object, &["input"], &|input| {
                self.within(input, &["converse"], &|inner| shapes::write(Dialect::Converse, inner, self).map(Some))
            }),
            (_, dialect) => shapes::write(dialect, &object, self).map(Some),
        }
    }

    /// Some dialects wrap the request when they count its tokens.
    fn within(&self, outer: &Object<'_>, fields: &[&str], write: Within<'_>) -> Result<Option<Vec<u8>>, Fault> {
        let mut edit = outer.edit();
        for field in fields {
            let Some(inner) = outer.raw(field) else { continue };
            let inner = Object::read(inner.as_bytes()).map_err(|why| Fault::invalid(why).with_param(*field))?;
            if let Some(inner) = write(&inner)?.and_then(|inner| String::from_utf8(inner).ok()) {
                edit.set(field, &inner);
            }
        }
        Ok((!edit.is_empty()).then(|| edit.write()))
    }

    fn changes_system(&self) -> bool {
        self.replaces_system || !self.system_before.is_empty() || !self.system_after.is_empty()
    }

    fn changes_messages(&self) -> bool {
        !self.before.is_empty() || !self.after.is_empty()
    }
}

fn joined<T>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
    first.extend(second);
    first
}
