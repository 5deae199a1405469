//! From a price and what was used to what it costs.

use super::{Component, Nanos, Picos, Price, Rates};
use crate::usage::Usage;
use std::fmt;

/// What an exchange used, beyond [`Usage`] where a provider counts more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The tokens.
    pub tokens: Usage,
    /// The part of `audio_input` that is also part of `cached_input`.
    pub cached_audio: u64,
    /// The part of `input` that is image, where it is counted (and priced) apart.
    pub image_input: u64,
    /// The part of `output` that is image, likewise.
    pub image_output: u64,
    /// Images that were generated.
    pub images: u64,
}

impl From<Usage> for Used {
    fn from(tokens: Usage) -> Self {
        Self { tokens, ..Self::default() }
    }
}

/// What an exchange costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// What is booked: rounded once, half up.
    pub nanos: Nanos,
    /// The exact sum, in picos.
    pub picos: u128,
}

/// One line of a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What is paid for.
    pub component: Component,
    /// How many of it.
    pub units: u64,
    /// The price of one.
    pub rate: Picos,
}

/// Why nobody knows what an exchange costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCost {
    /// Some of this was used, and the price list does not say what it costs.
    Unpriced(Component),
    /// The service tier has no known price, or none for a prompt of this length.
    Tier,
    /// The sum is more than can be booked; the usage cannot be true.
    Overflow,
}

impl fmt::Display for NoCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unpriced(component) => write!(f, "no price is known for `{}`", component.as_str()),
            Self::Tier => f.write_str("no price is known for this service tier and length of prompt"),
            Self::Overflow => f.write_str("the sum is more than can be booked"),
        }
    }
}

impl std::error::Error for NoCost {}

/// What `usage` costs in a service tier (`None`: nothing special was asked for).
///
/// # Errors
/// Why nobody knows.
pub fn cost(price: &Price, usage: &Usage, tier: Option<&str>) -> Result<Cost, NoCost> {
    cost_of_used(price, &Used::from(*usage), tier)
}

/// The same for everything that can be used.
///
/// # Errors
/// Why nobody knows.
pub fn cost_of_used(price: &Price, used: &Used, tier: Option<&str>) -> Result<Cost, NoCost> {
    let rates = price.rates(used.tokens.input, tier)?;
    let picos = lines(&rates, used).try_fold(0_u128, |sum, line| {
        let Line { units, rate, .. } = line?;
        sum.checked_add(u128::from(units) * u128::from(rate.0)).ok_or(NoCost::Overflow)
    })?;
    let nanos = Nanos::of_picos(picos).ok_or(NoCost::Overflow)?;
    Ok(Cost { nanos, picos })
}

/// How [`cost_of_used`] comes to its sum: everything that was used and what one of it costs.
///
/// # Errors
/// Why nobody knows.
pub fn bill(price: &Price, used: &Used, tier: Option<&str>) -> Result<Vec<Line>, NoCost> {
    lines(&price.rates(used.tokens.input, tier)?, used).collect()
}

fn lines(rates: &Rates, used: &Used) -> impl Iterator<Item = Result<Line, NoCost>> {
    units(rates, used).into_iter().filter(|(_, units)| *units > 0).map(|(component, units)| {
        let rate = rates.rate(component).ok_or(NoCost::Unpriced(component))?;
        Ok(Line { component, units, rate })
    })
}

/// How many units of each component were used. Every token is in exactly one of them: [`Usage`]'s totals less their
/// parts. Where the parts say more than the total, the parts are believed, and nothing is left of the rest.
fn units(rates: &Rates, used: &Used) -> [(Component, u64); Component::ALL.len()] {
    let Used { tokens, cached_audio, image_input, image_output, images } = *used;
    let cached = tokens.cached_input.saturating_sub(cached_audio);
    let audio = tokens.audio_input.saturating_sub(cached_audio);
    let write = tokens.cache_write.saturating_sub(tokens.cache_write_1h);
    let parts = [cached, cached_audio, audio, write, tokens.cache_write_1h, image_input];
    let input = parts.into_iter().fold(tokens.input, u64::saturating_sub);
    let parts = [tokens.reasoning, tokens.audio_output, image_output];
    let output = parts.into_iter().fold(tokens.output, u64::saturating_sub);
    // Newer image models bill the tokens of an image and not its number.
    let by_token = rates.stated(Component::Image).is_none() && rates.stated(Component::ImageOutput).is_some();
    [
        (Component::Input, input),
        (Component::CachedInput, cached),
        (Component::CacheWrite, write),
        (Component::CacheWrite1h, tokens.cache_write_1h),
        (Component::AudioInput, audio),
        (Component::CachedAudio, cached_audio),
        (Component::ImageInput, image_input),
        (Component::Output, output),
        (Component::Reasoning, tokens.reasoning),
        (Component::AudioOutput, tokens.audio_output),
        (Component::ImageOutput, image_output),
        (Component::Image, if by_token { 0 } else { images }),
        (Component::Request, 1),
    ]
}
