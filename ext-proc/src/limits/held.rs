//! What is held for an exchange: followed while a stream grows, settled when it is over.

use super::claims::{Claims, Meaning};
use super::refusal::Denied;
use super::rule::{Rule, Unit};
use crate::exchange::meter::Meter;
use crate::store::{Decision, Hold, Store, Unavailable};
use attache_core::limit::{Standing, Verdict};
use attache_core::usage::Usage;
use attache_proto::usage::v1::Limit;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many more tokens of answer are held at a time for one that outgrows what is held; less near the end of a budget.
const STEPS: [u64; 3] = [256, 64, 16];

/// Held claims. Dropped unsettled, everything is given back.
#[derive(Debug)]
pub struct Held {
    hold: Hold,
    meanings: Vec<Meaning>,
    standings: Vec<Standing>,
    /// Tokens of the answer that are held.
    output: u64,
    renewed: Instant,
    renew_every: Duration,
}

/// What an exchange really used.
#[derive(Clone, Copy, Debug)]
pub struct Used<'a> {
    /// Tokens.
    pub usage: Usage,
    /// Money in billionths, where the price is known.
    pub cost_nanos: Option<u64>,
    /// Who served; `None` when nobody did.
    pub provider: Option<&'a str>,
}

impl Held {
    /// Holds claims, all or none.
    ///
    /// # Errors
    /// [`Unavailable`] when the store is away and a rule refuses then.
    pub async fn new(store: &Arc<Store>, claims: Claims) -> Result<Result<Self, Denied>, Unavailable> {
        let Claims { wanted, meanings, output } = claims;
        let renew_every = store.renew_every();
        match store.hold(wanted).await? {
            Decision::Held(hold, standings) => {
                Ok(Ok(Self { hold, meanings, standings, output, renewed: Instant::now(), renew_every }))
            }
            Decision::Denied { wanted, retry_after_ms, standings } => {
                Ok(Err(Denied::new(wanted, retry_after_ms, &standings, meanings).ok_or(Unavailable)?))
            }
        }
    }

    /// What each claim stands for, with how its counter stood when it was held.
    pub fn standings(&self) -> impl Iterator<Item = (&Meaning, &Standing)> {
        self.meanings.iter().zip(&self.standings)
    }

    /// Whether some budget may end a stream.
    pub fn may_stop(&self) -> bool {
        self.meanings.iter().any(Meaning::ends_streams)
    }

    /// Follows a stream by its meter: holds more when what is held is used up, and keeps the hold
    /// alive. The rule that ends the stream, when nothing is left and it says so.
    pub async fn follow(&mut self, meter: &Meter) -> Option<Arc<Rule>> {
        let delivered = meter.delivered();
        if delivered <= self.output {
            if self.renewed.elapsed() >= self.renew_every {
                self.renewed = Instant::now();
                // Nothing more is wanted; a store that is away shows in its own metrics.
                let _renewed = self.hold.grow(&vec![0; self.meanings.len()]).await;
            }
            return None;
        }
        self.renewed = Instant::now();
        let beyond = delivered - self.output;
        let mut full = None;
        for step in STEPS {
            let tokens = beyond.saturating_add(step);
            full = self.hold_more(tokens, meter).await;
            if full.is_none() {
                self.output = self.output.saturating_add(tokens);
                return None;
            }
        }
        full
    }

    /// Holds so many more tokens of answer, wherever there is room. The rule that has none and ends streams then.
    async fn hold_more(&mut self, tokens: u64, meter: &Meter) -> Option<Arc<Rule>> {
        let mut more: Vec<u64> = self.meanings.iter().map(|meaning| more(meaning, tokens, meter)).collect();
        while more.iter().any(|more| *more > 0) {
            let denied = match self.hold.grow(&more).await {
                Ok(Verdict::Denied { claim, .. }) => claim,
                Ok(Verdict::Held(_)) | Err(Unavailable) => return None,
            };
            let (Some(meaning), Some(denied)) = (self.meanings.get(denied), more.get_mut(denied)) else { return None };
            if meaning.ends_streams() {
                return Some(meaning.rule.clone());
            }
            // It cannot have more, and goes on all the same; the others may still have room.
            *denied = 0;
        }
        None
    }

    /// Settles; what was held and settled, for the record.
    pub fn settle(self, used: &Used<'_>) -> Vec<Limit> {
        let Self { hold, meanings, .. } = self;
        let settled: Vec<u64> = meanings.iter().map(|meaning| amount(meaning, used)).collect();
        let limits = meanings.iter().zip(hold.wanted()).zip(&settled).map(|((meaning, wanted), settled)| Limit {
            name: meaning.rule.name.to_string(),
            unit: meaning.unit.as_str().to_owned(),
            held: wanted.claim.open.saturating_add(wanted.claim.spent),
            settled: settled.saturating_add(wanted.claim.spent),
        });
        let limits = limits.collect();
        hold.settle(&settled);
        limits
    }
}

/// How much more of it is held for more tokens of answer.
fn more(meaning: &Meaning, tokens: u64, meter: &Meter) -> u64 {
    match meaning.unit {
        Unit::Requests | Unit::Concurrent | Unit::InputTokens => 0,
        Unit::OutputTokens | Unit::Tokens => tokens,
        Unit::Cost => meter.cost_nanos(&Usage { output: tokens, ..Usage::default() }).unwrap_or(0),
    }
}

/// How much of it was used in the end, beyond what was settled at once.
fn amount(meaning: &Meaning, used: &Used<'_>) -> u64 {
    let elsewhere = meaning.provider.as_ref().is_some_and(|provider| used.provider != Some(&**provider));
    if elsewhere {
        return 0;
    }
    let Used { usage, cost_nanos, .. } = used;
    match meaning.unit {
        Unit::Requests => u64::from(meaning.provider.is_some()),
        Unit::Concurrent => 0,
        Unit::InputTokens => usage.input,
        Unit::OutputTokens => usage.output,
        Unit::Tokens => usage.input.saturating_add(usage.output),
        Unit::Cost => cost_nanos.unwrap_or(0),
    }
}
