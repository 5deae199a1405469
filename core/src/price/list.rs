//! Price lists in our own format, read and written.
//!
//! ```json
//! { "format": "attache.prices.v1",
//!   "prices": [
//!     { "provider": "openai", "models": ["gpt-4o-mini"], "currency": "USD",
//!       "as_of": "2026-01-31", "source": "https://…", "confirmed": true,
//!       "input": 0.15, "cached_input": 0.075, "output": 0.60,
//!       "tiers": { "batch": { "input": 0.075, "output": 0.30 } } } ] }
//! ```
//!
//! The names of components are [`Component::as_str`]'s. Tokens are priced by the million, an image and a request each.
//! `above` holds the rates for long prompts by threshold: `{"200000": {"input": 2.50, "output": 15}}`. Amounts are
//! numbers or strings and are read from their digits.

use super::{Component, Currency, Origin, Picos, Price, Rates, Schedule};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// The name of the format.
pub(super) const FORMAT: &str = "attache.prices.v1";

/// The fields of a JSON object as they are written.
pub(super) type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// A price and for what it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The vendor: `openai`.
    pub provider: String,
    /// The vendor's name for the model.
    pub model: String,
    /// What it costs.
    pub price: Price,
}

/// Why a price list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where: `prices[3].tiers.batch.input`; empty for the list as a whole.
    pub at: String,
    /// What is wrong there.
    pub message: String,
}

impl Unreadable {
    pub(super) fn new(at: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { at: at.into(), message: message.to_string() }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.at, self.message) }
    }
}

impl std::error::Error for Unreadable {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    format: String,
    #[serde(borrow)]
    prices: Vec<Fields<'a>>,
}

/// Reads a price list. Strict: what it does not know is an error with its place.
///
/// # Errors
/// The first thing that is wrong.
pub fn read(text: &str) -> Result<Vec<Entry>, Unreadable> {
    let file: File<'_> = serde_json::from_str(text).map_err(|error| Unreadable::new("", error))?;
    if file.format != FORMAT {
        return Err(Unreadable::new("format", format!("`{}` is not `{FORMAT}`", file.format)));
    }
    let entries = file.prices.into_iter().enumerate().map(|(i, fields)| entries(fields, &format!("prices[{i}]")));
    Ok(entries.collect::<Result<Vec<_>, _>>()?.concat())
}

fn entries(mut fields: Fields<'_>, at: &str) -> Result<Vec<Entry>, Unreadable> {
    let provider: String = required(&mut fields, "provider", at)?;
    let models: Vec<String> = required(&mut fields, "models", at)?;
    let currency: String = required(&mut fields, "currency", at)?;
    let currency: Currency = currency.parse().map_err(|wrong| Unreadable::new(format!("{at}.currency"), wrong))?;
    let origin = Origin {
        as_of: optional(&mut fields, "as_of", at)?,
        source: optional(&mut fields, "source", at)?,
        confirmed: optional(&mut fields, "confirmed", at)?.unwrap_or(false),
    };
    let tiers: BTreeMap<String, Fields<'_>> = optional(&mut fields, "tiers", at)?.unwrap_or_default();
    let tiers = tiers.into_iter().map(|(tier, fields)| {
        let schedule = schedule(fields, &format!("{at}.tiers.{tier}"))?;
        Ok((tier, schedule))
    });
    let tiers: BTreeMap<String, Schedule> = tiers.collect::<Result<_, _>>()?;
    let standard = schedule(fields, at)?;
    if provider.is_empty() || provider.contains('/') {
        return Err(Unreadable::new(format!("{at}.provider"), "expected a name without `/`"));
    }
    let named = models.into_iter().map(|model| {
        let (name, origin) = (format!("{provider}/{model}"), origin.clone());
        let price = Price { name, currency, standard: standard.clone(), tiers: tiers.clone(), origin };
        Entry { provider: provider.clone(), model, price }
    });
    Ok(named.collect())
}

fn schedule(mut fields: Fields<'_>, at: &str) -> Result<Schedule, Unreadable> {
    let above: BTreeMap<String, Fields<'_>> = optional(&mut fields, "above", at)?.unwrap_or_default();
    let above = above.into_iter().map(|(threshold, fields)| {
        let at = format!("{at}.above.{threshold}");
        let wrong = |_| Unreadable::new(&at, "expected a number of input tokens");
        let threshold: u64 = threshold.parse().map_err(wrong)?;
        Ok((threshold, rates(fields, &at)?))
    });
    let above = above.collect::<Result<_, _>>()?;
    Ok(Schedule { rates: rates(fields, at)?, above })
}

fn rates(fields: Fields<'_>, at: &str) -> Result<Rates, Unreadable> {
    let mut rates = Rates::default();
    for (name, amount) in fields {
        let at = format!("{at}.{name}");
        let Some(component) = Component::of_name(&name) else {
            return Err(Unreadable::new(at, "nothing of that name has a price"));
        };
        let price = self::amount(amount, component.written_per()).map_err(|wrong| Unreadable::new(at, wrong))?;
        rates.state(component, price);
    }
    Ok(rates)
}

/// An amount as it is written: a number or a string.
pub(super) fn amount(raw: &RawValue, per: u32) -> Result<Picos, String> {
    let text: String = if raw.get().starts_with('"') {
        serde_json::from_str(raw.get()).map_err(|error| error.to_string())?
    } else {
        raw.get().to_owned()
    };
    Picos::read(&text, per).map_err(|wrong| wrong.to_string())
}

fn required<'a, T: Deserialize<'a>>(fields: &mut Fields<'a>, name: &str, at: &str) -> Result<T, Unreadable> {
    optional(fields, name, at)?.ok_or_else(|| Unreadable::new(format!("{at}.{name}"), "is missing"))
}

fn optional<'a, T: Deserialize<'a>>(fields: &mut Fields<'a>, name: &str, at: &str) -> Result<Option<T>, Unreadable> {
    let Some(raw) = fields.remove(name) else { return Ok(None) };
    serde_json::from_str(raw.get()).map(Some).map_err(|error| Unreadable::new(format!("{at}.{name}"), error))
}

/// Writes entries as a price list that [`read`] reads.
pub fn write(entries: &[Entry]) -> String {
    let written: Vec<String> = entries.iter().map(|entry| format!("    {}", Written(entry))).collect();
    format!("{{\n  \"format\": \"{FORMAT}\",\n  \"prices\": [\n{}\n  ]\n}}\n", written.join(",\n"))
}

/// An entry as JSON. By hand, because numbers here are digits and no floats.
struct Written<'a>(&'a Entry);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { provider, model, price } = self.0;
        write!(f, "{{ \"provider\": {}, \"models\": [{}], ", quoted(provider), quoted(model))?;
        write!(f, "\"currency\": \"{}\", ", price.currency)?;
        for (name, text) in [("as_of", &price.origin.as_of), ("source", &price.origin.source)] {
            if let Some(text) = text {
                write!(f, "\"{name}\": {}, ", quoted(text))?;
            }
        }
        write!(f, "\"confirmed\": {}", price.origin.confirmed)?;
        write_schedule(&price.standard, f, false)?;
        if !price.tiers.is_empty() {
            f.write_str(", \"tiers\": {")?;
            for (i, (name, schedule)) in price.tiers.iter().enumerate() {
                write!(f, "{} {}: {{", if i > 0 { "," } else { "" }, quoted(name))?;
                write_schedule(schedule, f, true)?;
                f.write_str(" }")?;
            }
            f.write_str(" }")?;
        }
        f.write_str(" }")
    }
}

fn write_schedule(schedule: &Schedule, f: &mut fmt::Formatter<'_>, first: bool) -> fmt::Result {
    write_rates(&schedule.rates, f, first)?;
    if schedule.above.is_empty() {
        return Ok(());
    }
    write!(f, "{} \"above\": {{", if first && schedule.rates.is_empty() { "" } else { "," })?;
    for (i, (threshold, rates)) in schedule.above.iter().enumerate() {
        write!(f, "{} \"{threshold}\": {{", if i > 0 { "," } else { "" })?;
        write_rates(rates, f, true)?;
        f.write_str(" }")?;
    }
    f.write_str(" }")
}

fn write_rates(rates: &Rates, f: &mut fmt::Formatter<'_>, first: bool) -> fmt::Result {
    for (i, (component, price)) in rates.iter().enumerate() {
        let comma = if first && i == 0 { "" } else { "," };
        write!(f, "{comma} \"{}\": {}", component.as_str(), price.per(component.written_per()))?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
