//! The meter: counts and prices an answer while it passes.

use crate::config::Config;
use crate::config::compiled::Target;
use crate::counting::Counting;
use attache_core::stream::{Event, Piece};
use attache_core::tokens::Delivered;
use attache_core::usage::Usage;
use attache_proto::usage::v1::Cost;
use std::sync::Arc;

/// The longest name of a service tier that is kept.
const TIER_BYTES_MAX: usize = 64;

/// Counts and prices one answer.
#[derive(Debug)]
pub struct Meter {
    config: Arc<Config>,
    target: Arc<Target>,
    counting: Counting,
    delivered: Delivered,
    tier: Option<String>,
    /// The client asked what it costs.
    show_cost: bool,
}

impl Meter {
    /// A meter for the answer of a target.
    pub fn new(config: Arc<Config>, target: Arc<Target>, counting: Counting, show_cost: bool) -> Self {
        Self { config, target, counting, delivered: Delivered::default(), tier: None, show_cost }
    }

    /// It is another target that answers, or would have.
    pub fn aim(&mut self, target: &Arc<Target>) {
        self.target = target.clone();
    }

    /// Takes one event of the answer.
    pub fn watch(&mut self, event: &mut Event<'_>) {
        let counter = self.counting.counter();
        match event.piece() {
            Some(Piece::Output(text)) => self.delivered.add(text, &counter),
            Some(Piece::Thought(text)) => self.delivered.add_reasoning(text, &counter),
            None => {}
        }
        if let Event::ServiceTier(tier) = event {
            self.tier = Some(tier.chars().take(TIER_BYTES_MAX).collect());
        }
        if let Event::Usage(usage) = event
            && self.show_cost
        {
            usage.cost_nanos = self.cost_nanos(usage);
        }
    }

    /// Takes what somebody else has counted.
    pub fn told(&mut self, delivered: Delivered, tier: Option<&str>) {
        self.delivered = delivered;
        self.tier = tier.map(|tier| tier.chars().take(TIER_BYTES_MAX).collect());
    }

    /// Who answers.
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// Tokens of answer that have passed, by our own count.
    pub fn delivered(&self) -> u64 {
        self.delivered.total()
    }

    /// What usage costs here, in billionths; `None` where nobody knows.
    pub fn cost_nanos(&self, usage: &Usage) -> Option<u64> {
        self.config.prices.cost_nanos(self.target.price.as_deref(), usage, self.tier.as_deref())
    }

    /// A cost, for the record.
    pub fn priced(&self, nanos: u64) -> Cost {
        let price = self.target.price.as_ref().map(|price| price.name.clone()).unwrap_or_default();
        Cost { currency: self.config.prices.currency.to_string(), nanos, price }
    }

    /// What was used as far as we can tell: the prompt as counted, and what has passed.
    pub fn counted(&self, input: u64) -> Usage {
        Usage { input, output: self.delivered.total(), reasoning: self.delivered.reasoning, ..Usage::default() }
    }

    /// The client reads what it costs.
    pub fn shows_cost(&self) -> bool {
        self.show_cost
    }
}
