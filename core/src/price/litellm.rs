//! Reads the format of LiteLLM's `model_prices_and_context_window.json`: an object of models with prices per token.
//!
//! Their file knows things that a [`Price`] does not (prices by the second, by the pixel, by the search): every one that
//! is not zero is named in [`Imported::unread`]. A model whose prices are all zero is left out as well, because zero is
//! also what that file says where nobody knows.

use super::list::{Fields, amount};
use super::{Component, Currency, Entry, Origin, Price, Rates, Schedule, Unreadable};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The prices, by name.
    pub entries: Vec<Entry>,
    /// What could not be read, or not in full.
    pub unread: Vec<Unread>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The model as the file names it.
    pub model: String,
    /// It has an entry, which lacks only this.
    pub imported: bool,
    /// What could not be read and why.
    pub message: String,
}

/// Reads the text of such a file. `source` and `as_of` go into every entry; none of them is confirmed.
///
/// # Errors
/// It is no JSON object of objects.
pub fn import(text: &str, source: &str, as_of: Option<&str>) -> Result<Imported, Unreadable> {
    let models: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|error| Unreadable::new("", error))?;
    let mut imported = Imported::default();
    let origin = Origin { as_of: as_of.map(str::to_owned), source: Some(source.to_owned()), confirmed: false };
    for (name, fields) in models {
        // The file's own explanation of itself.
        if name == "sample_spec" {
            continue;
        }
        match Model::read(fields) {
            Ok(model) => model.enter(name, &origin, &mut imported),
            Err(message) => imported.unread.push(Unread { model: name, imported: false, message }),
        }
    }
    Ok(imported)
}

/// What one object of the file says.
struct Model {
    provider: String,
    standard: Schedule,
    tiers: BTreeMap<String, Schedule>,
    unread: Vec<String>,
}

impl Model {
    fn read(raw: &RawValue) -> Result<Self, String> {
        let fields: Fields<'_> = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
        let text = |name: &str| fields.get(name).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let provider = text("litellm_provider").ok_or("it names no `litellm_provider`")?;
        if provider.is_empty() || provider.contains('/') {
            return Err(format!("{provider:?} is no provider's name"));
        }
        let draws = text("mode").is_some_and(|mode| mode == "image_generation");
        let (mut standard, mut tiers) = (Schedule::default(), BTreeMap::<String, Schedule>::new());
        let mut unread = Vec::new();
        for (name, raw) in &fields {
            if !name.contains("cost") && !name.contains("pricing") || raw.get() == "null" {
                continue;
            }
            let Some(Field { component, above, tier }) = Field::of_name(name, draws) else {
                if amount(raw, 1).ok().is_none_or(|price| price.0 > 0) {
                    unread.push(format!("`{name}` is nothing that can be priced here"));
                }
                continue;
            };
            // A price that is known but cannot be kept leaves the model without one: a part of it would be too cheap.
            let price = amount(raw, 1).map_err(|wrong| format!("`{name}`: {wrong}"))?;
            let schedule = match tier {
                Some(tier) => tiers.entry(tier.to_owned()).or_default(),
                None => &mut standard,
            };
            match above {
                Some(threshold) => schedule.above.entry(threshold).or_default().state(component, price),
                None => schedule.rates.state(component, price),
            }
        }
        if is_free(&standard.rates) {
            let why =
                if standard.rates.is_empty() { "it has no price that can be read" } else { "all its prices are zero" };
            unread.insert(0, why.to_owned());
            return Err(unread.join("; "));
        }
        Ok(Self { provider, standard, tiers, unread })
    }

    fn enter(self, name: String, origin: &Origin, imported: &mut Imported) {
        let Self { provider, standard, tiers, unread } = self;
        let (vendor, model) = (vendor(&provider), own_name(&name, &provider));
        imported.unread.extend(unread.into_iter().map(|message| Unread {
            model: name.clone(),
            imported: true,
            message,
        }));
        let price = Price {
            name: format!("{vendor}/{model}"),
            currency: Currency::USD,
            standard,
            tiers,
            origin: origin.clone(),
        };
        imported.entries.push(Entry { provider: vendor.to_owned(), model: model.to_owned(), price });
    }
}

fn is_free(rates: &Rates) -> bool {
    rates.iter().all(|(_, price)| price.0 == 0)
}

/// What a field's name says: `input_cost_per_token_above_200k_tokens_priority`.
struct Field<'a> {
    component: Component,
    above: Option<u64>,
    tier: Option<&'a str>,
}

impl Field<'_> {
    fn of_name(name: &str, draws: bool) -> Option<Self> {
        let tiers = [
            ("_batches", "batch"),
            ("_flex", "flex"),
            ("_priority", "priority"),
            ("_fast", "fast"),
            ("_ultrafast", "ultrafast"),
        ];
        let tier_of = |name: &str| tiers.into_iter().find(|(suffix, _)| name.ends_with(suffix));
        let (mut base, mut tier) = (name.to_owned(), None);
        let mut above = None;
        // Tier and threshold come in either order.
        for _ in 0..2 {
            if let (None, Some((suffix, name))) = (tier, tier_of(&base)) {
                base.truncate(base.len() - suffix.len());
                tier = Some(name);
            }
            if let (None, Some((rest, threshold))) = (above, threshold(&base)) {
                above = Some(threshold);
                base = rest;
            }
        }
        Some(Self { component: component(&base, draws)?, above, tier })
    }
}

/// `…_above_200k_tokens`: the name before it, and 200,000.
fn threshold(name: &str) -> Option<(String, u64)> {
    let (rest, thousands) = name.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
    Some((rest.to_owned(), thousands.parse::<u64>().ok()?.checked_mul(1000)?))
}

fn component(name: &str, draws: bool) -> Option<Component> {
    Some(match name {
        "input_cost_per_token" => Component::Input,
        "cache_read_input_token_cost" => Component::CachedInput,
        "cache_creation_input_token_cost" => Component::CacheWrite,
        "cache_creation_input_token_cost_above_1hr" => Component::CacheWrite1h,
        "input_cost_per_audio_token" => Component::AudioInput,
        "cache_read_input_audio_token_cost" | "cache_read_input_token_cost_per_audio_token" => Component::CachedAudio,
        "input_cost_per_image_token" => Component::ImageInput,
        "output_cost_per_token" => Component::Output,
        "output_cost_per_reasoning_token" => Component::Reasoning,
        "output_cost_per_audio_token" => Component::AudioOutput,
        "output_cost_per_image_token" => Component::ImageOutput,
        "output_cost_per_image" => Component::Image,
        // For a model that draws it is the image that comes out, for any other one that goes in.
        "input_cost_per_image" if draws => Component::Image,
        "input_cost_per_request" => Component::Request,
        _ => return None,
    })
}

/// Our name for the vendor that the file calls so.
fn vendor(provider: &str) -> &str {
    match provider {
        "text-completion-openai" => "openai",
        "gemini" => "google",
        "cohere_chat" => "cohere",
        "bedrock_converse" => "bedrock",
        "together_ai" => "together",
        "fireworks_ai" => "fireworks",
        _ if provider.starts_with("vertex_ai") => "vertex",
        _ => provider,
    }
}

/// The model's name without the provider that the file often puts before it: `groq/llama-3.1-8b-instant`.
fn own_name<'a>(name: &'a str, provider: &str) -> &'a str {
    let Some((prefix, rest)) = name.split_once('/') else { return name };
    let same = prefix == provider || vendor(prefix) == vendor(provider);
    if same && !rest.is_empty() { rest } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
      "sample_spec": { "input_cost_per_token": 0.0000001, "litellm_provider": "one of them" },
      "gpt-4o-mini": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08, "input_cost_per_token_batches": 7.5e-08,
        "output_cost_per_token_batches": 3e-07, "input_cost_per_token_priority": 2.5e-07,
        "search_context_cost_per_query": { "search_context_size_low": 0.03 }, "max_tokens": 16384 },
      "claude-sonnet-4-5": { "litellm_provider": "anthropic", "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05, "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06, "input_cost_per_token_above_200k_tokens": 6e-06,
        "output_cost_per_token_above_200k_tokens": 2.25e-05,
        "cache_creation_input_token_cost_above_200k_tokens": 7.5e-06 },
      "gemini/gemini-x": { "litellm_provider": "gemini", "input_cost_per_token": 3e-07, "output_cost_per_token": 2.5e-06,
        "input_cost_per_audio_token": 1e-06, "output_cost_per_reasoning_token": 2.5e-06,
        "input_cost_per_token_above_128k_tokens_priority": 9e-07, "output_cost_per_image": 0.039, "input_cost_per_image": 0.0 },
      "dall-e-x": { "litellm_provider": "openai", "mode": "image_generation", "input_cost_per_image": 0.04 },
      "by-request": { "litellm_provider": "perplexity", "input_cost_per_request": 0.005, "input_cost_per_token": 1e-06 },
      "ollama/llama": { "litellm_provider": "ollama", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0 },
      "whisper": { "litellm_provider": "openai", "input_cost_per_second": 0.0001 },
      "float-dust": { "litellm_provider": "x", "input_cost_per_token": 1.0000000000000001e-07 },
      "nobody": { "input_cost_per_token": 1e-06 },
      "list": [1]
    }"#;

    #[test]
    fn a_file_is_read_with_every_digit() {
        let imported = import(FILE, "litellm.json", Some("2026-01-31")).unwrap();
        let written = super::super::write(&imported.entries);
        let expected = r#"{
  "format": "attache.prices.v1",
  "prices": [
    { "provider": "perplexity", "models": ["by-request"], "currency": "USD", "as_of": "2026-01-31", "source": "litellm.json", "confirmed": false, "input": 1, "request": 0.005 },
    { "provider": "anthropic", "models": ["claude-sonnet-4-5"], "currency": "USD", "as_of": "2026-01-31", "source": "litellm.json", "confirmed": false, "input": 3, "cache_write": 3.75, "cache_write_1h": 6, "output": 15, "above": { "200000": { "input": 6, "cache_write": 7.5, "output": 22.5 } } },
    { "provider": "openai", "models": ["dall-e-x"], "currency": "USD", "as_of": "2026-01-31", "source": "litellm.json", "confirmed": false, "image": 0.04 },
    { "provider": "google", "models": ["gemini-x"], "currency": "USD", "as_of": "2026-01-31", "source": "litellm.json", "confirmed": false, "input": 0.3, "audio_input": 1, "output": 2.5, "reasoning": 2.5, "image": 0.039, "tiers": { "priority": { "above": { "128000": { "input": 0.9 } } } } },
    { "provider": "openai", "models": ["gpt-4o-mini"], "currency": "USD", "as_of": "2026-01-31", "source": "litellm.json", "confirmed": false, "input": 0.15, "cached_input": 0.075, "output": 0.6, "tiers": { "batch": { "input": 0.075, "output": 0.3 }, "priority": { "input": 0.25 } } }
  ]
}
"#;
        assert_eq!(written, expected);
        assert_eq!(super::super::read(&written).unwrap(), imported.entries);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let unread: Vec<String> = import(FILE, "litellm.json", None)
            .unwrap()
            .unread
            .into_iter()
            .map(|Unread { model, imported, message }| format!("{model} ({imported}): {message}"))
            .collect();
        assert_eq!(
            unread,
            [
                "float-dust (false): `input_cost_per_token`: it has more decimal places than can be kept",
                "gpt-4o-mini (true): `search_context_cost_per_query` is nothing that can be priced here",
                "list (false): invalid type: sequence, expected a map at line 1 column 0",
                "nobody (false): it names no `litellm_provider`",
                "ollama/llama (false): all its prices are zero",
                "whisper (false): it has no price that can be read; `input_cost_per_second` is nothing that can be priced here",
            ]
        );
        assert!(import("[]", "x", None).is_err());
    }
}
