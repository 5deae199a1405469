//! `attache prices`: what is known, what one model costs, and other people's lists in our format.

use super::table::Table;
use super::{Anything, print, tell};
use crate::config;
use attache_core::price::{Catalogue, Component, Price, Rates, Schedule, litellm, write};
use clap::Subcommand;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// What models cost.
#[derive(Debug, Subcommand)]
pub enum Prices {
    /// Every price that is known: the built-in list, or with a configuration that one's.
    List {
        /// The configuration whose prices to list.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// What one model costs, and who says so.
    Show {
        /// A vendor of the list, or with a configuration one of its providers, and the provider's name for the model.
        #[arg(value_name = "PROVIDER/MODEL")]
        name: String,
        /// The configuration whose provider it is.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Print LiteLLM's model_prices_and_context_window.json as a price list for `prices.files`.
    Import {
        /// The file.
        file: PathBuf,
        /// What the list gives as the prices' source. Default: the file's name.
        #[arg(long)]
        source: Option<String>,
        /// The day on which the prices were true: 2026-01-31.
        #[arg(long)]
        as_of: Option<String>,
    },
}

impl Prices {
    pub(super) fn run(self) -> Result<(), Anything> {
        match self {
            Self::List { config: Some(path) } => print(&list(&config::load(&path)?.prices.catalogue)),
            Self::List { config: None } => print(&list(&Catalogue::built_in())),
            Self::Show { name, config } => {
                let price = match config {
                    Some(path) => of_provider(&config::load(&path)?, &name)?,
                    None => of_vendor(&name)?,
                };
                print(&show(&name, &price))
            }
            Self::Import { file, source, as_of } => {
                let shown = file.display().to_string();
                let text = std::fs::read_to_string(&file).map_err(|error| format!("cannot read {shown}: {error}"))?;
                let source =
                    source.unwrap_or_else(|| file.file_name().map_or(shown.clone(), |n| n.display().to_string()));
                let imported = litellm::import(&text, &source, as_of.as_deref())
                    .map_err(|error| format!("{shown} is not in LiteLLM's format: {error}"))?;
                report(&imported);
                print(&write(&imported.entries))
            }
        }
    }
}

/// Says on stderr what a list lacks.
fn report(imported: &litellm::Imported) {
    let whole = imported.unread.iter().filter(|unread| !unread.imported).count();
    for litellm::Unread { model, imported, message } in &imported.unread {
        let what = if *imported { "in part" } else { "not imported" };
        tell(&format!("{}: {what}: {message}", model.escape_debug()));
    }
    tell(&format!("{} models imported, {whole} not", imported.entries.len()));
}

fn of_provider(config: &config::Config, name: &str) -> Result<Arc<Price>, Anything> {
    let (provider, model) = split(name)?;
    let provider = config.providers.get(provider).ok_or_else(|| {
        let known: Vec<_> = config.providers.keys().map(String::as_str).collect();
        format!("no provider `{provider}`; there is: {}", known.join(", "))
    })?;
    config.prices.of(provider, model).ok_or_else(|| unknown(name))
}

fn of_vendor(name: &str) -> Result<Arc<Price>, Anything> {
    let (vendor, model) = split(name)?;
    Catalogue::built_in().find(vendor, Some(vendor), model).ok_or_else(|| unknown(name))
}

fn split(name: &str) -> Result<(&str, &str), Anything> {
    Ok(name.split_once('/').ok_or("expected PROVIDER/MODEL, such as openai/gpt-4o-mini")?)
}

fn unknown(name: &str) -> Anything {
    format!("no price is known for {name}; what it costs is written as `prices: {{ entries: {{ {name}: … }} }}`").into()
}

/// The usual prices of every model, tokens by the million.
fn list(catalogue: &Catalogue) -> String {
    let table = Table::default().words("model").words("currency").numbers("input").numbers("cached");
    let mut table = table.numbers("output").words("other").words("as_of").words("confirmed").words("source");
    for (name, price) in catalogue.iter() {
        let amount = |component: Component| {
            let stated = price.standard.rates.stated(component);
            stated.map_or("-".to_owned(), |rate| rate.per(component.written_per()).to_string())
        };
        table.row(vec![
            name.to_owned(),
            price.currency.to_string(),
            amount(Component::Input),
            amount(Component::CachedInput),
            amount(Component::Output),
            others(price),
            price.origin.as_of.clone().unwrap_or("-".to_owned()),
            if price.origin.confirmed { "yes" } else { "no" }.to_owned(),
            price.origin.source.clone().unwrap_or("-".to_owned()),
        ]);
    }
    table.text()
}

/// What else a price states, by name.
fn others(price: &Price) -> String {
    let rates = price.standard.rates.iter().map(|(component, _)| component);
    let rest = rates.filter(|of| !matches!(of, Component::Input | Component::CachedInput | Component::Output));
    let names = rest.map(|component| component.as_str().to_owned());
    let long = price.standard.above.keys().map(|threshold| format!("above {threshold}"));
    let names: Vec<String> = names.chain(long).chain(price.tiers.keys().cloned()).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

/// Everything about one price.
fn show(name: &str, price: &Price) -> String {
    let origin = &price.origin;
    let mut text = format!("{name}: {}, in {}\n", price.name, price.currency);
    let as_of = origin.as_of.as_deref().unwrap_or("an unknown day");
    let source = origin.source.as_deref().unwrap_or("none");
    let confirmed = if origin.confirmed { "" } else { " (not confirmed on the provider's own page)" };
    // Writing to a String cannot fail.
    let _written = writeln!(text, "as of {as_of}{confirmed}, source: {source}\n");
    let mut table = Table::default().words("").words("component").numbers("price").words("for");
    rows(&mut table, "", &price.standard);
    for (tier, schedule) in &price.tiers {
        rows(&mut table, tier, schedule);
    }
    text.push_str(&table.text());
    text
}

fn rows(table: &mut Table, tier: &str, schedule: &Schedule) {
    let mut add = |which: String, rates: &Rates| {
        for (component, rate) in rates.iter() {
            let per = component.written_per();
            let unit = if per == 1 { "each" } else { "a million tokens" };
            table.row(vec![which.clone(), component.as_str().to_owned(), rate.per(per).to_string(), unit.to_owned()]);
        }
    };
    add(tier.to_owned(), &schedule.rates);
    for (threshold, rates) in &schedule.above {
        add(format!("{tier} above {threshold} input tokens").trim_start().to_owned(), rates);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_says_all_that_it_is_made_of() {
        let read = attache_core::price::read(
            r#"{ "format": "attache.prices.v1", "prices": [ { "provider": "maker", "models": ["m"], "currency": "EUR",
                 "as_of": "2026-01-31", "source": "https://example.com", "input": 1.25, "output": 10, "request": 0.005,
                 "above": { "200000": { "input": 2.50 } }, "tiers": { "batch": { "output": 5 } } } ] }"#,
        );
        let entries = read.unwrap();
        assert_eq!(
            show("maker/m-2026-01-01", &entries[0].price),
            "maker/m-2026-01-01: maker/m, in EUR
as of 2026-01-31 (not confirmed on the provider's own page), source: https://example.com

                           COMPONENT  PRICE  FOR
                           input       1.25  a million tokens
                           output        10  a million tokens
                           request    0.005  each
above 200000 input tokens  input        2.5  a million tokens
batch                      output         5  a million tokens
"
        );
        let mut catalogue = Catalogue::default();
        catalogue.list(entries);
        assert_eq!(
            list(&catalogue),
            "MODEL    CURRENCY  INPUT  CACHED  OUTPUT  OTHER                         AS OF       CONFIRMED  SOURCE
maker/m  EUR        1.25       -      10  request, above 200000, batch  2026-01-31  no         https://example.com
"
        );
    }

    #[test]
    fn a_model_without_a_price_is_an_error() {
        let complaint = |name| of_vendor(name).map(|price| price.name.clone()).map_err(|error| error.to_string());
        assert_eq!(complaint("openai/gpt-4o-2024-08-06"), Ok("openai/gpt-4o".to_owned()));
        assert!(complaint("openai/gpt-4o-max").unwrap_err().starts_with("no price is known for openai/gpt-4o-max; "));
        assert!(complaint("gpt-4o").unwrap_err().starts_with("expected PROVIDER/MODEL"));
    }
}
