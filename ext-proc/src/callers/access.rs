//! What a caller may use: lists of models, providers and fronts, of which all that apply must agree.

use crate::pattern::Pattern;
use attache_core::dialect::Dialect;
use std::collections::HashSet;
use std::sync::Arc;

/// Everything that limits one caller: its own list, its team's, its organisation's. All must allow.
#[derive(Clone, Debug, Default)]
pub struct Access(Vec<Arc<Allow>>);

impl Access {
    /// What all of these allow.
    pub fn all_of(lists: impl IntoIterator<Item = Arc<Allow>>) -> Self {
        Self(lists.into_iter().filter(|allow| !allow.is_everything()).collect())
    }

    /// A model, by the name that the client asks for.
    pub fn model(&self, name: &str) -> bool {
        self.0.iter().all(|allow| allow.models.as_ref().is_none_or(|names| names.have(name)))
    }

    /// A provider that would serve.
    pub fn provider(&self, name: &str) -> bool {
        self.0.iter().all(|allow| allow.providers.as_ref().is_none_or(|names| names.have(name)))
    }

    /// A dialect that the client speaks.
    pub fn front(&self, front: Dialect) -> bool {
        self.0.iter().all(|allow| allow.fronts.as_ref().is_none_or(|fronts| fronts.contains(&front)))
    }
}

/// One list. `None` does not limit.
#[derive(Debug, Default)]
pub struct Allow {
    /// Models, by the names that clients ask for.
    pub models: Option<Names>,
    /// Providers.
    pub providers: Option<Names>,
    /// Dialects of clients.
    pub fronts: Option<Vec<Dialect>>,
}

impl Allow {
    fn is_everything(&self) -> bool {
        let Self { models, providers, fronts } = self;
        models.is_none() && providers.is_none() && fronts.is_none()
    }
}

/// Names, some of them patterns.
#[derive(Debug, Default)]
pub struct Names {
    exact: HashSet<String>,
    patterns: Vec<Pattern>,
}

impl Names {
    /// Names as they are written; a `*` makes one a pattern.
    pub fn of<'a>(written: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = Self::default();
        for text in written {
            if text.contains('*') {
                names.patterns.push(Pattern::new(text));
            } else {
                names.exact.insert(text.to_owned());
            }
        }
        names
    }

    fn have(&self, name: &str) -> bool {
        self.exact.contains(name) || self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_must_agree() {
        let list =
            |models: &[&str]| Arc::new(Allow { models: Some(Names::of(models.iter().copied())), ..Allow::default() });
        let providers = Allow { providers: Some(Names::of(["openai"])), ..Allow::default() };
        let access = Access::all_of([list(&["fast", "smart"]), list(&["fast", "openai/*"]), Arc::new(providers)]);
        assert!(access.model("fast"));
        assert!(!access.model("smart") && !access.model("openai/gpt-4o") && !access.model("other"));
        assert!(access.provider("openai") && !access.provider("claude"));
        assert!(access.front(Dialect::OpenAi) && access.front(Dialect::Anthropic));
        let nothing = Access::all_of([list(&[])]);
        assert!(!nothing.model("fast"), "an empty list allows nothing");
        let chat_only = Allow { fronts: Some(vec![Dialect::OpenAi]), ..Allow::default() };
        assert!(!Access::all_of([Arc::new(chat_only)]).front(Dialect::Anthropic));
    }
}
