//! Names of models and providers as labels of counters: few, whatever the network says.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// Most models, and most providers, with counters of their own; all others share `other`.
const NAMES_MAX: usize = 64;

/// The labels that one VM has given out.
#[derive(Default)]
pub(super) struct Labels {
    models: RefCell<BTreeSet<String>>,
    providers: RefCell<BTreeSet<String>>,
}

impl Labels {
    /// The label of a model.
    pub(super) fn of(&self, model: &str) -> String {
        one_of(&self.models, model)
    }

    /// The label of a provider: an answer's head may name it.
    pub(super) fn provider(&self, name: &str) -> String {
        one_of(&self.providers, name)
    }
}

/// No dots, which divide the names of counters.
fn one_of(known: &RefCell<BTreeSet<String>>, name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '/') { c } else { '_' };
    let label: String = name.chars().take(64).map(fits).collect();
    let Ok(mut known) = known.try_borrow_mut() else { return "other".to_owned() };
    if label.is_empty() || !(known.contains(&label) || known.len() < NAMES_MAX) {
        return "other".to_owned();
    }
    known.insert(label.clone());
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_few_and_plain() {
        let labels = Labels::default();
        assert_eq!(labels.of("gpt-4.1\nx"), "gpt-4_1_x");
        for i in 0..200 {
            labels.of(&format!("m{i}"));
        }
        assert_eq!((labels.of("m199").as_str(), labels.of("m1").as_str()), ("other", "m1"));
        assert_eq!((labels.of("").as_str(), labels.provider("a.b").as_str()), ("other", "a_b"));
    }
}
