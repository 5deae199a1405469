//! The filter `usage`: what an answer used and what that costs, for clients, access logs and counters.
//!
//! Never holds up a stream, never changes what an answer says; of a stream it reads the events with counts only.

mod prices;
mod series;
mod stage;

pub use stage::Metering;

use crate::block::{Block, Blocks};
use crate::when::When;
use crate::{Asked, Change, Filter, Headers, Question};
use attache_core::dialect::Dialect;
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::price::Catalogue;
use prices::Written;
use serde::Deserialize;
use series::{Labels, Met};
use std::rc::Rc;

/// The filter `usage`, configured: the first meter whose `when` fits an exchange counts it.
pub struct Usage {
    meters: Vec<(When, Rc<Meter>)>,
    body_bytes_max: usize,
    hold_headers: bool,
}

/// What an operator writes about a meter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    provider: Option<String>,
    #[serde(default)]
    prices: Written,
    #[serde(default)]
    list_prices: bool,
    response_headers: Option<bool>,
    #[serde(default)]
    stream_usage: StreamUsage,
}

/// Where streams tell their usage only to who asks for it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StreamUsage {
    /// It is asked for, and hidden from clients that did not ask.
    #[default]
    Ask,
    /// It is counted where the client asks for it.
    AsTold,
}

/// How some exchanges are counted.
struct Meter {
    /// Who serves, where no header of the answer says so.
    provider: String,
    prices: Catalogue,
    met: Met,
    response_headers: bool,
    stream_usage: StreamUsage,
}

impl Filter for Usage {
    type Stage = Metering;

    fn read(configuration: &[u8]) -> Result<Self, String> {
        let Blocks { list, body_bytes_max, hold_headers, .. } = Blocks::read(configuration, "usage")?;
        let labels = Rc::<Labels>::default();
        let meters = list.into_iter().map(|block| {
            let Block { at, name, when, key, tenant, rules } = block;
            if key.is_some() || tenant.is_some() {
                return Err(format!("{at}: a meter has no `key` and no `tenant`"));
            }
            let Rules { provider, prices, list_prices, response_headers, stream_usage } = rules;
            let prices = prices.catalogue(list_prices, &at)?;
            if !hold_headers && response_headers == Some(true) {
                return Err(format!("{at}.response_headers: headers do not wait where `hold_headers` is false"));
            }
            let response_headers = response_headers.unwrap_or(hold_headers);
            let provider = provider.unwrap_or(name);
            let met = Met::with(labels.clone());
            Ok((when, Rc::new(Meter { provider, prices, met, response_headers, stream_usage })))
        });
        Ok(Self { meters: meters.collect::<Result<_, _>>()?, body_bytes_max, hold_headers })
    }

    fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    fn holds_headers(&self) -> bool {
        self.hold_headers
    }

    /// Where the path wants a growing array and a meter may read its body, nobody knows yet whether one counts it: it stays.
    fn early_head(&self, _: &Endpoint) -> Asked {
        Asked::Go(Change::for_reading())
    }

    fn insists(&self) -> Option<String> {
        None
    }

    fn reads_request(&self, endpoint: &Endpoint, _headers: &dyn Headers) -> bool {
        let asks = || self.meters.iter().any(|(_, meter)| meter.stream_usage == StreamUsage::Ask);
        let by_body = || self.meters.iter().any(|(when, _)| when.reads_body());
        match endpoint.operation {
            // What is asked for shows in the body.
            Operation::Invoke => true,
            Operation::Other => false,
            Operation::Chat if matches!(endpoint.dialect, Dialect::OpenAi | Dialect::Completions) => {
                asks() || by_body()
            }
            Operation::Chat | Operation::Count | Operation::Embed | Operation::Rerank | Operation::Pass => by_body(),
        }
    }

    fn open(&self, question: &Question<'_>) -> Option<Metering> {
        if question.endpoint.operation == Operation::Other {
            return None;
        }
        let (_, meter) = self.meters.iter().find(|(when, _)| when.fits(question))?;
        Some(Metering::new(meter.clone(), question))
    }

    fn open_unread(&self, question: &Question<'_>) -> Option<(Metering, Asked)> {
        let stage = self.open(question)?;
        let mut change = Change::default();
        stage.ask_for_events(question, &mut change);
        Some((stage, Asked::Go(change)))
    }
}
