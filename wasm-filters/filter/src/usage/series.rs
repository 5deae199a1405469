//! What is the same in all exchanges of a model at a provider: its price, and the names of its counters. Found out once;
//! models and providers with counters of their own are few, whatever the network says.

use super::stage::kinds;
use attache_core::price::{Catalogue, Price};
use attache_core::usage::Usage;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

/// Most models, and most providers, with counters of their own; all others share `other`.
const NAMES_MAX: usize = 64;
/// Most series that are kept; any other is found out each time.
const SERIES_MAX: usize = 256;
/// Longest name of a model or a provider by which one is kept.
const KEPT_BYTES_MAX: usize = 256;

/// One model at one provider.
pub(super) struct Series {
    provider: String,
    answered: String,
    asked: String,
    /// What it costs, where that is known.
    pub(super) price: Option<Arc<Price>>,
    /// The currency of its price.
    pub(super) currency: String,
    /// Counters: of each kind of token, of what it cost, of exchanges without a known cost.
    pub(super) tokens: [String; 5],
    pub(super) cost: String,
    pub(super) unpriced: String,
}

/// What one VM has met under one meter.
#[derive(Default)]
pub(super) struct Met {
    series: RefCell<Vec<Rc<Series>>>,
    labels: Rc<Labels>,
}

impl Met {
    /// Those of a meter that shares its labels with others.
    pub(super) fn with(labels: Rc<Labels>) -> Self {
        Self { labels, ..Self::default() }
    }

    /// The series of a model. `answered`: in the answer's words; `asked`: in the request's.
    pub(super) fn series(&self, prices: &Catalogue, provider: &str, answered: &str, asked: &str) -> Rc<Series> {
        let is = |one: &&Rc<Series>| one.answered == answered && one.asked == asked && one.provider == provider;
        let known = self.series.try_borrow().ok().and_then(|all| all.iter().find(is).cloned());
        known.unwrap_or_else(|| {
            let series = Rc::new(self.found_out(prices, provider, answered, asked));
            let short = [provider, answered, asked].into_iter().all(|name| name.len() <= KEPT_BYTES_MAX);
            if let Ok(mut all) = self.series.try_borrow_mut()
                && short
                && all.len() < SERIES_MAX
            {
                all.push(series.clone());
            }
            series
        })
    }

    fn found_out(&self, prices: &Catalogue, provider: &str, answered: &str, asked: &str) -> Series {
        let find = |model: &str| prices.find(provider, Some(provider), model);
        let price = find(answered).or_else(|| find(asked));
        let currency = price.as_ref().map(|price| price.currency.to_string()).unwrap_or_default();
        let of = format!("provider.{}.model.{}", self.labels.provider(provider), self.labels.of(answered));
        Series {
            provider: provider.to_owned(),
            answered: answered.to_owned(),
            asked: asked.to_owned(),
            price,
            tokens: kinds(&Usage::default()).map(|(kind, ..)| format!("attache_tokens.{of}.kind.{kind}")),
            // Dots divide the names of counters.
            cost: format!("attache_cost_nanos.{of}.currency.{}", currency.replace('.', "_")),
            unpriced: format!("attache_unpriced.{of}"),
            currency,
        }
    }
}

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
    fn what_is_known_is_not_found_out_again() {
        let met = Met::default();
        let series = |answered: &str| met.series(&Catalogue::default(), "openai", answered, "gpt");
        assert!(Rc::ptr_eq(&series("gpt-1"), &series("gpt-1")));
        assert_eq!(series("gpt-1").unpriced, "attache_unpriced.provider.openai.model.gpt-1");
        (0..1000).for_each(|i| drop(series(&format!("m{i}"))));
        drop(series(&"x".repeat(10_000)));
        assert_eq!(met.series.borrow().len(), SERIES_MAX);
        assert_eq!(series("m999").unpriced, "attache_unpriced.provider.openai.model.other");
    }

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
