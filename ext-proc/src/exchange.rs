//! The life of an exchange, one state after the other. Each step consumes its state and one event and gives back the
//! next state and the one reply that Envoy waits for, so a reply can neither be forgotten nor sent twice.
//!
//! ```text
//! Arriving ──headers──► Asked ──body──► Sent ──headers──► Whole ──body──► Over
//!     │                   │              │        └─────► Streaming ──chunks──► Over
//!     └───────answer──────┴────answer────┴──► Over
//! ```
//!
//! Every state owns the exchange's [`Settlement`](settle::Settlement); whatever ends the exchange (the last byte, a refusal, a hang-up, a
//! broken stream) drops it, and that settles the exchange, once.
//!
//! In the [hybrid](Topology::Hybrid) an exchange is over with its first reply: its settlement [waits](waiting) for what
//! Envoy's access log says.

pub mod attempt;
pub mod logged;
pub mod message;
pub mod meter;
pub mod pending;
pub mod plan;
mod request;
mod response;
pub mod settle;
mod upstream_head;
pub mod waiting;

pub use attempt::Attempt;
pub use message::{Event, Reply};
pub use request::{Arriving, Asked};
pub use response::{Sent, Streaming, Whole};

use crate::cache::Cache;
use crate::callers::Callers;
use crate::config::Config;
use crate::counting::Calibration;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::usage_log::UsageLog;
use arc_swap::ArcSwap;
use pending::Pending;
use std::sync::Arc;
use waiting::Waiting;

/// What all exchanges share.
#[derive(Debug)]
pub struct Service {
    /// The running configuration.
    pub config: Arc<ArcSwap<Config>>,
    /// Exchanges that a later attempt may ask for.
    pub pending: Pending,
    /// Exchanges that filters carry, until Envoy's access log says what became of them.
    pub waiting: Waiting,
    /// Numbers for Prometheus.
    pub metrics: Arc<Metrics>,
    /// Where usage records go.
    pub usage: UsageLog,
    /// Who asks.
    pub callers: Callers,
    /// Limits, budgets and keys that exchanges share.
    pub store: Arc<Store>,
    /// What has been answered before.
    pub cache: Cache,
    /// How far estimates of prompts are off, by target.
    pub calibration: Calibration,
    /// Fetches media for providers that take bytes only; `None` where the system trusts no authority.
    pub fetcher: Option<Fetcher>,
}

/// Where the translation of a request happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Here, and for later attempts in the same process: Envoy and one service side by side.
    Sidecar,
    /// In the attempt stage, for every attempt, in whichever replica it reaches.
    Shared,
    /// In Envoy's filters: here are headers only, and what the filters tell of bodies.
    Hybrid,
}

/// How Envoy's router follows a plan from one attempt to the next: what its version can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Follow {
    /// It reads the list of clusters itself (1.40).
    Groups,
    /// It asks for the cluster of attempt n at every attempt (1.39).
    Steps,
    /// It stays with the first attempt's cluster (before 1.39).
    First,
    /// It stays there, too, but has clusters that lead to one provider after the other (1.37 and 1.38): their names, with
    /// spaces between.
    Orders(Arc<str>),
}

/// One exchange.
#[derive(Debug)]
pub enum Exchange {
    /// Nothing has come yet.
    Arriving(Arriving),
    /// The headers are known.
    Asked(Box<Asked>),
    /// The request is on its way to the plan's first target.
    Sent(Box<Sent>),
    /// An answer is coming that is taken whole.
    Whole(Box<Whole>),
    /// An answer is coming as a stream.
    Streaming(Box<Streaming>),
    /// Nothing more is to be done.
    Over,
}

/// A message that does not belong here.
#[derive(Debug, thiserror::Error)]
#[error("Envoy sent {got} while the exchange was {state}; is the processing mode the one that `attache envoy` prints?")]
pub struct Unexpected {
    state: &'static str,
    got: &'static str,
}

impl Exchange {
    /// A new exchange.
    pub fn new(service: Arc<Service>, topology: Topology, follow: Follow) -> Self {
        Self::Arriving(Arriving::new(service, topology, follow))
    }

    /// Takes one message.
    ///
    /// # Errors
    /// For a message that cannot come now. The exchange is over then.
    pub async fn on(self, event: Event) -> Result<(Self, Reply), Unexpected> {
        match (self, event) {
            (Self::Arriving(state), Event::RequestHeaders(head)) => Ok(state.head(head).await),
            (Self::Asked(state), Event::RequestBody(body)) => Ok(state.body(body).await),
            (Self::Asked(state), Event::ResponseHeaders(head)) => Ok(state.refused_by_envoy(&head)),
            (Self::Sent(state), Event::ResponseHeaders(head)) => Ok(state.head(&head)),
            (Self::Whole(state), Event::ResponseBody { bytes, .. }) => Ok(state.body(&bytes).await),
            (Self::Streaming(state), Event::ResponseBody { bytes, end }) => Ok(state.chunk(&bytes, end).await),
            (Self::Streaming(state), Event::ResponseTrailers) => Ok(state.trailers()),
            // Trailers say nothing that anybody here acts on, and after the end there is nothing to do.
            (state, Event::RequestTrailers | Event::ResponseTrailers) => Ok((state, Reply::unchanged())),
            (Self::Over, _) => Ok((Self::Over, Reply::unchanged())),
            (state, event) => Err(Unexpected { state: state.name(), got: event.name() }),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Arriving(_) => "waiting for request headers",
            Self::Asked(_) => "waiting for the request body",
            Self::Sent(_) => "waiting for response headers",
            Self::Whole(_) => "waiting for the response body",
            Self::Streaming(_) => "streaming",
            Self::Over => "over",
        }
    }
}
