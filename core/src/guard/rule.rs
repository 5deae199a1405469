//! The kinds of rule.

use super::code::Code;
use super::finding::Hit;
use super::injection::Injection;
use super::language::Language;
use super::patterns::Patterns;
use super::piece::Piece;
use super::policy::Way;
use super::schema::Schema;
use super::size::Size;
use super::unicode::Unicode;
use super::{Guard, On, Then};
use crate::texts::Scope;

/// What a guard looks for.
#[derive(Debug)]
pub(super) enum Rule {
    Patterns(Patterns),
    Unicode(Unicode),
    Injection(Box<Injection>),
    Size(Size),
    Language(Language),
    Code(Code),
    Schema(Schema),
}

impl Rule {
    pub(super) fn new(written: &Guard) -> Result<Self, String> {
        match &written.then {
            Then::Status(400..=499) => {}
            Then::Status(status) => return Err(format!("then.status: {status} is not within 400 to 499")),
            Then::Message(message) if message.is_empty() => return Err("then.message: it is empty".to_owned()),
            Then::Use(_) if written.on != On::Request => {
                return Err("then.use: only what is asked can be asked of another model: on: request".to_owned());
            }
            Then::Message(_) | Then::Use(_) => {}
        }
        let kinds = written.kinds();
        let Guard { patterns, unicode, injection, size, language, code, schema, .. } = written;
        if kinds.len() != 1 {
            return Err(format!(
                "exactly one kind of rule is needed, there {} {}",
                if kinds.is_empty() { "is" } else { "are" },
                if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }
            ));
        }
        if schema.is_some() && written.on != On::Response {
            return Err("schema: only answers have one: on: response".to_owned());
        }
        let rules = [
            patterns.as_ref().map(|written| Patterns::new(written).map(Self::Patterns)),
            unicode.as_ref().map(|written| Ok(Self::Unicode(Unicode::new(written)))),
            injection.as_ref().map(|written| Injection::new(written).map(|rule| Self::Injection(Box::new(rule)))),
            size.as_ref().map(|written| Size::new(written).map(Self::Size)),
            language.as_ref().map(|written| Language::new(written).map(Self::Language)),
            code.as_ref().map(|written| Code::new(written).map(Self::Code)),
            schema.as_ref().map(|written| Schema::new(written).map(Self::Schema)),
        ];
        rules.into_iter().flatten().next().unwrap_or_else(|| Err("exactly one kind of rule is needed".to_owned()))
    }

    /// Whose words it looks at where the operator names none.
    pub(super) fn looks_at(&self, way: Way, scope: Scope) -> bool {
        match (self, way) {
            // What operators and models say themselves quotes and forbids what attackers say.
            (Self::Injection(_), Way::Request) => match scope {
                Scope::User | Scope::ToolResults | Scope::ToolDefinitions => true,
                Scope::System | Scope::Assistant | Scope::ToolCalls => false,
            },
            (Self::Language(_), _) => matches!(scope, Scope::User | Scope::Assistant),
            (Self::Patterns(patterns), _) if patterns.only_allows() => matches!(scope, Scope::User | Scope::Assistant),
            _ => true,
        }
    }

    /// Whether it reads texts one by one.
    pub(super) fn reads(&self) -> bool {
        !matches!(self, Self::Size(_) | Self::Schema(_))
    }

    pub(super) fn counts_requests(&self) -> bool {
        matches!(self, Self::Size(size) if size.of_requests())
    }

    /// Looks at a text, or as much of it as is known.
    pub(super) fn look(&self, piece: &Piece<'_>) -> Vec<Hit> {
        match self {
            Self::Patterns(patterns) => patterns.look(piece),
            Self::Unicode(unicode) => unicode.look(piece),
            Self::Injection(injection) => injection.look(piece),
            Self::Language(language) if !piece.open => language.look(piece.raw),
            Self::Code(code) => code.look(piece),
            Self::Language(_) | Self::Size(_) | Self::Schema(_) => Vec::new(),
        }
    }

    /// What hits add up to; `None` when that is not enough.
    pub(super) fn score(&self, hits: &[Hit]) -> Option<f64> {
        match self {
            Self::Injection(injection) => injection.score(hits),
            Self::Patterns(_)
            | Self::Unicode(_)
            | Self::Size(_)
            | Self::Language(_)
            | Self::Code(_)
            | Self::Schema(_) => (!hits.is_empty()).then_some(1.0),
        }
    }
}
