//! What an exchange costs: prices as data, money as integers, and a catalogue that never guesses.
//!
//! A [`Price`] is what one provider asks for one model: so many picodollars (10⁻¹² of the currency's unit) for a token of
//! each kind. [`cost()`] multiplies and adds in 128 bits and rounds once, at the very end, to a billionth of the unit
//! ([`Nanos`]), half up. No float is anywhere on the way: decimals are read from their digits ([`decimal`]).
//!
//! What is not known is not zero. A component that a price does not state follows from another one where a stated rule
//! says so ([`Rates::rate`]); otherwise an exchange that used it has no cost but a reason why ([`NoCost`]).

pub mod catalogue;
mod cost;
pub mod decimal;
mod list;
pub mod litellm;
mod money;
mod names;

pub use catalogue::{Catalogue, vendor_of_host};
pub use cost::{Cost, Line, NoCost, Used, bill, cost, cost_of_used};
pub use list::{Entry, Unreadable, read, write};
pub use money::{Currency, Exchange, Nanos, Picos};

use std::collections::BTreeMap;

/// One kind of thing that is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// A prompt token that is none of the following.
    Input,
    /// A prompt token that was read from the provider's cache.
    CachedInput,
    /// A prompt token that was written to the provider's cache for its usual time (Anthropic: five minutes).
    CacheWrite,
    /// A prompt token that was written to the provider's cache for an hour.
    CacheWrite1h,
    /// A prompt token of audio.
    AudioInput,
    /// A prompt token of audio that was read from the provider's cache.
    CachedAudio,
    /// A prompt token of an image, where a provider counts them apart.
    ImageInput,
    /// A generated token that is none of the following.
    Output,
    /// A generated token that was spent on reasoning.
    Reasoning,
    /// A generated token of audio.
    AudioOutput,
    /// A generated token of an image.
    ImageOutput,
    /// A generated image.
    Image,
    /// The request itself.
    Request,
}

impl Component {
    /// All of them, in the order in which they are listed and printed.
    pub const ALL: [Self; 13] = [
        Self::Input,
        Self::CachedInput,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::AudioInput,
        Self::CachedAudio,
        Self::ImageInput,
        Self::Output,
        Self::Reasoning,
        Self::AudioOutput,
        Self::ImageOutput,
        Self::Image,
        Self::Request,
    ];

    /// Its name in price lists and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CachedInput => "cached_input",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::AudioInput => "audio_input",
            Self::CachedAudio => "cached_audio",
            Self::ImageInput => "image_input",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioOutput => "audio_output",
            Self::ImageOutput => "image_output",
            Self::Image => "image",
            Self::Request => "request",
        }
    }

    /// The component of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.as_str() == name)
    }

    /// How many units its price is written for: a million tokens, one image, one request.
    pub fn written_per(self) -> u32 {
        match self {
            Self::Image | Self::Request => 1,
            Self::Input
            | Self::CachedInput
            | Self::CacheWrite
            | Self::CacheWrite1h
            | Self::AudioInput
            | Self::CachedAudio
            | Self::ImageInput
            | Self::Output
            | Self::Reasoning
            | Self::AudioOutput
            | Self::ImageOutput => 1_000_000,
        }
    }
}

/// The stated price of each component, for one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates([Option<Picos>; Component::ALL.len()]);

impl Rates {
    /// What is stated, and only that.
    pub fn stated(&self, component: Component) -> Option<Picos> {
        self.0.get(component as usize).copied().flatten()
    }

    /// States a price.
    pub fn state(&mut self, component: Component, price: Picos) {
        if let Some(place) = self.0.get_mut(component as usize) {
            *place = Some(price);
        }
    }

    /// What a unit costs: as stated, or by these rules. A cached token without a price of its own costs what any token
    /// costs (for audio: any token of audio), reasoning costs what output costs, and there is no fee for a request that
    /// nobody states. Nothing else follows from anything: `None` is unknown.
    pub fn rate(&self, component: Component) -> Option<Picos> {
        self.stated(component).or_else(|| match component {
            Component::CachedInput => self.stated(Component::Input),
            Component::CachedAudio => self.stated(Component::AudioInput),
            Component::Reasoning => self.stated(Component::Output),
            Component::Request => Some(Picos(0)),
            Component::Input
            | Component::CacheWrite
            | Component::CacheWrite1h
            | Component::AudioInput
            | Component::ImageInput
            | Component::Output
            | Component::AudioOutput
            | Component::ImageOutput
            | Component::Image => None,
        })
    }

    /// Every component that is stated.
    pub fn iter(&self) -> impl Iterator<Item = (Component, Picos)> {
        Component::ALL.into_iter().filter_map(|component| Some((component, self.stated(component)?)))
    }

    /// Nothing is stated.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// Rates that may depend on the length of the prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// For prompts up to the first threshold.
    pub rates: Rates,
    /// For longer ones: with more input tokens than this, the *whole* request is billed at these rates, as Google and
    /// Anthropic do. Each list stands on its own, but for the price of an image and the fee of a request.
    pub above: BTreeMap<u64, Rates>,
}

/// What one provider asks for one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The catalogue's entry: `openai/gpt-4o-mini`.
    pub name: String,
    /// Whose units the rates count.
    pub currency: Currency,
    /// What a request costs that asks for nothing special.
    pub standard: Schedule,
    /// What it costs in a service tier: `batch`, `flex`, `priority`. Each stands on its own, as above.
    pub tiers: BTreeMap<String, Schedule>,
    /// Where it is from.
    pub origin: Origin,
}

/// Where a price is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The day on which it was true: `2026-01-31`.
    pub as_of: Option<String>,
    /// Who says so: a URL, or the name of a file.
    pub source: Option<String>,
    /// The provider's own page was seen to say so.
    pub confirmed: bool,
}

impl Price {
    /// The schedule of a service tier as providers name it in their answers. `None` where it has no known price.
    pub fn schedule(&self, tier: Option<&str>) -> Option<&Schedule> {
        match tier {
            // Other names for nothing special: OpenAI, Anthropic, Groq.
            None | Some("" | "default" | "standard" | "auto" | "on_demand") => Some(&self.standard),
            Some(name) => self.tiers.get(name),
        }
    }

    /// The rates for so many input tokens in a service tier, the inherited ones filled in.
    ///
    /// # Errors
    /// The tier has no known price, or it has none for a prompt that is so long that the standard price differs.
    pub fn rates(&self, input_tokens: u64, tier: Option<&str>) -> Result<Rates, NoCost> {
        let schedule = self.schedule(tier).ok_or(NoCost::Tier)?;
        let step = |schedule: &Schedule| schedule.above.range(..input_tokens).next_back().map(|(_, rates)| *rates);
        let mut rates = match step(schedule) {
            Some(rates) => rates,
            None if step(&self.standard).is_some() => return Err(NoCost::Tier),
            None => schedule.rates,
        };
        for component in [Component::Image, Component::Request] {
            let inherited = schedule.rates.stated(component).or(self.standard.rates.stated(component));
            if let (None, Some(price)) = (rates.stated(component), inherited) {
                rates.state(component, price);
            }
        }
        Ok(rates)
    }
}

#[cfg(test)]
mod tests;
