//! What `prices` means: which price belongs to a target, and what an amount is worth in the currency of budgets.

use super::Problem;
use super::compiled::Provider;
use super::written::prices as written;
use attache_core::price::{self, Catalogue, Component, Currency, Exchange, Nanos, Origin, Picos, Price, Schedule};
use attache_core::usage::Usage;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is known of prices.
#[derive(Debug, PartialEq, Eq)]
pub struct Prices {
    /// The prices by name.
    pub catalogue: Catalogue,
    /// The currency of budgets.
    pub currency: Currency,
    exchange: BTreeMap<Currency, Exchange>,
    /// The vendor whose list prices a provider has, where somebody wrote it.
    vendors: BTreeMap<String, String>,
}

impl Prices {
    pub(super) fn compile(
        written: &written::Prices,
        providers: &BTreeMap<String, super::written::Provider>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let currency = currency(&written.currency, "prices.currency", problems);
        let mut prices = Self {
            catalogue: if written.built_in { Catalogue::built_in() } else { Catalogue::default() },
            currency,
            exchange: exchange(&written.exchange, problems),
            vendors: written.providers.clone(),
        };
        for (i, file) in written.files.iter().enumerate() {
            match read_list(file) {
                Ok(entries) => prices.catalogue.list(entries),
                Err(message) => problems.push(Problem::at(format!("prices.files[{i}]"), message)),
            }
        }
        for (name, entry) in &written.entries {
            let at = format!("prices.entries.{name}");
            if name.is_empty() || name.contains(char::is_control) {
                problems.push(Problem::at(
                    "prices.entries",
                    format!("{name:?} is no name; expected provider/model or model"),
                ));
            }
            let price = own(name, entry, prices.currency, &at, problems);
            prices.catalogue.own(name.clone(), price);
        }
        prices.check_currencies(problems);
        prices.check_vendors(providers, &written.entries, problems);
        prices
    }

    /// What a provider asks for one of its models; `None` where nobody knows. What an operator wrote comes first, then the
    /// list of the vendor that the provider's host belongs to.
    pub fn of(&self, provider: &Provider, model: &str) -> Option<Arc<Price>> {
        let vendor = self.vendors.get(&*provider.name).map(String::as_str);
        let vendor = vendor.or_else(|| price::vendor_of_host(&provider.host).filter(|_| provider.tls));
        self.catalogue.find(&provider.name, vendor, model)
    }

    /// What an amount is worth in the currency of budgets, rounded half up. `None` for a currency without a rate, which no
    /// price in here has, and for amounts that nobody has.
    pub fn in_budget_currency(&self, amount: Nanos, currency: Currency) -> Option<Nanos> {
        if currency == self.currency {
            return Some(amount);
        }
        self.exchange.get(&currency)?.convert(amount)
    }

    /// What usage costs in the currency of budgets, in billionths; `None` where nobody knows.
    pub fn cost_nanos(&self, price: Option<&Price>, usage: &Usage, tier: Option<&str>) -> Option<u64> {
        let price = price?;
        let cost = price::cost(price, usage, tier).ok()?;
        self.in_budget_currency(cost.nanos, price.currency).map(|Nanos(nanos)| nanos)
    }

    /// A price in a currency without a rate could not be counted against any budget.
    fn check_currencies(&self, problems: &mut Vec<Problem>) {
        let mut missing: BTreeMap<Currency, &str> = BTreeMap::new();
        for (name, price) in self.catalogue.iter() {
            if price.currency != self.currency && !self.exchange.contains_key(&price.currency) {
                missing.entry(price.currency).or_insert(name);
            }
        }
        for (currency, name) in missing {
            let message = format!(
                "the price of {name} is in {currency}; write what one {currency} is worth in {}: \
                 `prices: {{ exchange: {{ {currency}: … }} }}`",
                self.currency
            );
            problems.push(Problem::at("prices.exchange", message));
        }
    }

    fn check_vendors(
        &self,
        providers: &BTreeMap<String, super::written::Provider>,
        entries: &BTreeMap<String, written::Entry>,
        problems: &mut Vec<Problem>,
    ) {
        let mut known = self.catalogue.vendors();
        known.extend(entries.keys().filter_map(|name| Some(name.split_once('/')?.0)));
        // These have no list of their own; their names lead to others'.
        known.extend(["openrouter", "vertex"]);
        for (provider, vendor) in &self.vendors {
            let at = format!("prices.providers.{provider}");
            if !providers.contains_key(provider) {
                let names: Vec<_> = providers.keys().map(String::as_str).collect();
                problems.push(Problem::at(&at, format!("no provider `{provider}`; there is: {}", names.join(", "))));
            }
            if !known.contains(vendor.as_str()) {
                let names: Vec<_> = known.iter().copied().collect();
                let message = format!("nothing is listed for `{vendor}`; there is: {}", names.join(", "));
                problems.push(Problem::at(at, message));
            }
        }
    }
}

/// Reads a price list from a file.
fn read_list(file: &str) -> Result<Vec<price::Entry>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read the prices from {file}: {error}"))?;
    price::read(&text).map_err(|error| {
        format!("{file} is no price list: {error}; `attache prices import` makes one of LiteLLM's file")
    })
}

fn exchange(written: &BTreeMap<String, written::Amount>, problems: &mut Vec<Problem>) -> BTreeMap<Currency, Exchange> {
    let rates = written.iter().filter_map(|(code, amount)| {
        let at = format!("prices.exchange.{code}");
        let known = problems.len();
        let currency = currency(code, &at, problems);
        let rate =
            amount.0.parse().map_err(|wrong| problems.push(Problem::at(&at, format!("`{}`: {wrong}", amount.0))));
        (problems.len() == known).then_some((currency, rate.ok()?))
    });
    rates.collect()
}

fn currency(code: &str, at: &str, problems: &mut Vec<Problem>) -> Currency {
    code.parse().unwrap_or_else(|wrong| {
        problems.push(Problem::at(at, format!("`{code}`: {wrong}")));
        Currency::USD
    })
}

fn own(name: &str, entry: &written::Entry, usual: Currency, at: &str, problems: &mut Vec<Problem>) -> Price {
    let standard = schedule(|component| entry.amount(component), &entry.above, at, problems);
    if Component::ALL.into_iter().all(|component| entry.amount(component).is_none()) {
        problems.push(Problem::at(at, "it states no price; expected something like { input: 0.15, output: 0.60 }"));
    }
    let tiers = entry.tiers.iter().map(|(tier, written)| {
        let at = format!("{at}.tiers.{tier}");
        (tier.clone(), schedule(|component| written.amount(component), &written.above, &at, problems))
    });
    let tiers = tiers.collect();
    let written_currency = entry.currency.as_ref();
    Price {
        name: name.to_owned(),
        currency: written_currency.map_or(usual, |code| currency(code, &format!("{at}.currency"), problems)),
        standard,
        tiers,
        // Who writes a price knows it.
        origin: Origin {
            as_of: entry.as_of.clone(),
            source: Some(entry.source.clone().unwrap_or_else(|| "config".to_owned())),
            confirmed: true,
        },
    }
}

fn schedule<'a>(
    amount: impl Fn(Component) -> Option<&'a written::Amount>,
    above: &BTreeMap<u64, written::Rates>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Schedule {
    let above = above.iter().map(|(threshold, written)| {
        let at = format!("{at}.above.{threshold}");
        (*threshold, rates(|component| written.amount(component), &at, problems))
    });
    let above = above.collect();
    Schedule { rates: rates(amount, at, problems), above }
}

fn rates<'a>(
    amount: impl Fn(Component) -> Option<&'a written::Amount>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> price::Rates {
    let mut rates = price::Rates::default();
    for component in Component::ALL {
        let Some(amount) = amount(component) else { continue };
        match Picos::read(&amount.0, component.written_per()) {
            Ok(price) => rates.state(component, price),
            Err(wrong) => {
                let at = format!("{at}.{}", component.as_str());
                problems.push(Problem::at(at, format!("`{}`: {wrong}", amount.0)));
            }
        }
    }
    rates
}

#[cfg(test)]
mod tests {
    use crate::config::tests::section::complaints;
    use crate::config::{Config, compile};
    use attache_core::price::{Component, Currency, Nanos};

    const PROVIDERS: &str = r#"
providers:
  openai: { dialect: openai, url: "https://api.openai.com/v1", expose: true }
  proxy: { dialect: openai, url: "https://llm.example.com/v1", expose: true }
models:
  fast: { targets: [{ provider: openai, model: gpt-4o-mini-2024-07-18 }, { provider: proxy, model: gpt-4o-mini }] }
"#;

    fn config(prices: &str) -> Result<Config, String> {
        compile(&format!("{PROVIDERS}{prices}"), &|_| None).map_err(|invalid| invalid.to_string())
    }

    /// The price of a million prompt tokens of `fast` at its two targets, and of a model that nobody configured.
    fn inputs(prices: &str) -> [String; 3] {
        let config = config(prices).unwrap();
        let targets = config.model("fast").unwrap().targets.clone();
        let exposed = config.model("proxy/gpt-4o").unwrap().targets[0].clone();
        [&targets[0], &targets[1], &exposed].map(|target| {
            let rate = target.price.as_ref().and_then(|price| price.standard.rates.rate(Component::Input));
            rate.map_or("unknown".to_owned(), |rate| rate.per(1_000_000).to_string())
        })
    }

    #[test]
    fn a_target_has_the_price_of_its_vendor_or_what_is_written() {
        assert_eq!(inputs(""), ["0.15", "unknown", "unknown"]);
        assert_eq!(inputs("prices: { built_in: false }"), ["unknown", "unknown", "unknown"]);
        assert_eq!(inputs("prices: { providers: { proxy: openai } }"), ["0.15", "0.15", "2.5"]);
        assert_eq!(inputs("prices: { entries: { gpt-4o-mini: { input: 0.1 } } }"), ["0.1", "0.1", "unknown"]);
        assert_eq!(inputs("prices: { entries: { proxy/gpt-4o: { input: 1e-2 } } }"), ["0.15", "unknown", "0.01"]);
        assert_eq!(inputs("prices: { entries: { openai/gpt-4o-mini: { input: \"0.12\" } } }")[0], "0.12");
        // What a number of 64 bits cannot say.
        let fine = "prices: { entries: { gpt-4o: { input: \"1234567890123.456789\" } } }";
        assert_eq!(inputs(fine)[2], "1234567890123.456789");
    }

    #[test]
    fn every_part_of_a_price_can_be_written() {
        let entry =
            "{ input: 3, cached_input: 0.3, cache_write: 3.75, cache_write_1h: 6, audio_input: 40, cached_audio: 2.5,
          image_input: 10, output: 15, reasoning: 12, audio_output: 80, image_output: 40, image: 0.04, request: 0.005,
          currency: CNY, as_of: 2026-01-31, source: contract, above: { 200000: { input: 6 } },
          tiers: { batch: { input: 1.5, above: { 200000: { input: 3 } } } } }";
        let config = config(&format!("prices: {{ exchange: {{ CNY: 0.14 }}, entries: {{ all: {entry} }} }}")).unwrap();
        let price = config.prices.catalogue.find("any", None, "all").unwrap();
        assert_eq!(price.standard.rates.iter().count(), Component::ALL.len());
        let input = |tokens, tier| price.rates(tokens, tier).unwrap().rate(Component::Input).unwrap().0;
        assert_eq!([input(1, None), input(200_001, None)], [3_000_000, 6_000_000]);
        assert_eq!([input(1, Some("batch")), input(200_001, Some("batch"))], [1_500_000, 3_000_000]);
        assert_eq!(
            (price.origin.as_of.as_deref(), price.origin.source.as_deref()),
            (Some("2026-01-31"), Some("contract"))
        );
        let dollars = config.prices.in_budget_currency(Nanos(1_000_000_000), price.currency);
        assert_eq!((dollars, config.prices.currency), (Some(Nanos(140_000_000)), Currency::USD));
    }

    #[test]
    fn lists_are_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.json");
        let text = r#"{ "format": "attache.prices.v1", "prices": [
            { "provider": "openai", "models": ["gpt-4o-mini"], "currency": "USD", "input": 0.2 } ] }"#;
        std::fs::write(&path, text).unwrap();
        let prices = format!("prices: {{ files: [{}] }}", path.display());
        assert_eq!(inputs(&prices)[0], "0.2");
        std::fs::write(&path, text.replace("USD", "EUR")).unwrap();
        let complaint = config(&prices).unwrap_err();
        assert!(complaint.starts_with("prices.exchange: the price of openai/gpt-4o-mini is in EUR;"), "{complaint}");
        std::fs::write(&path, "{}").unwrap();
        let complaint = config(&prices).unwrap_err();
        assert!(complaint.starts_with("prices.files[0]: ") && complaint.contains("is no price list"), "{complaint}");
    }

    #[test]
    fn mistakes_are_explained() {
        let written = [
            "prices: { entires: {} }",
            "prices: { entries: { gpt-4o: {} } }",
            "prices: { entries: { gpt-4o: { inptu: 1 } } }",
            "prices: { entries: { gpt-4o: { input: -1 } } }",
            "prices: { entries: { gpt-4o: { input: cheap } } }",
            "prices: { entries: { gpt-4o: { input: [1] } } }",
            "prices: { entries: { gpt-4o: { input: 0.1234567 } } }",
            "prices: { entries: { gpt-4o: { input: 0.12345678901234567 } } }",
            "prices: { entries: { gpt-4o: { input: 1, currency: euro } } }",
            "prices: { entries: { gpt-4o: { input: 1, currency: CNY } } }",
            "prices: { entries: { gpt-4o: { input: 1, above: { many: { input: 2 } } } } }",
            "prices: { entries: { gpt-4o: { input: 1, tiers: { batch: { input: half } } } } }",
            "prices: { entries: { \"\": { input: 1 } } }",
            "prices: { currency: EUR }",
            "prices: { currency: EUR, exchange: { USD: much } }",
            "prices: { files: [/nonexistent/prices.json] }",
            "prices: { providers: { nobody: openai } }",
            "prices: { built_in: false, providers: { proxy: opnai } }",
        ];
        insta::assert_snapshot!(complaints(&written, config));
    }
}
