//! [`Stranger`]: why somebody is not let in, for the operator; and what a stranger reads, which tells nothing of what
//! exists.

use attache_core::dialect::Dialect;
use attache_core::fault::{Fault, FaultKind};
use std::time::Duration;

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// It shows nothing that could prove anything.
    NoKey,
    /// A key that nobody knows.
    WrongKey,
    /// A key, or a token, whose time is over.
    Expired,
    /// A key, a team or an organisation that is switched off.
    Disabled,
    /// A right key of a team or organisation that is not configured.
    Homeless,
    /// A token, a certificate or a header that does not prove what it says; why, for the log.
    BadToken(&'static str),
    /// Too many wrong keys from its address.
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// What would tell is not there yet: the store's keys, or an issuer's.
    Unavailable,
}

impl Stranger {
    /// In a word, for metrics and records.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::WrongKey => "wrong_key",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::Homeless => "unknown_team",
            Self::BadToken(_) => "bad_token",
            Self::Throttled { .. } => "throttled",
            Self::Unavailable => "unavailable",
        }
    }

    /// When trying again makes sense, for `retry-after`, in whole seconds.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Throttled { retry_after } => Some(retry_after.as_millis().div_ceil(1000).max(1) as u64),
            Self::Unavailable => Some(1),
            Self::NoKey | Self::WrongKey | Self::Expired | Self::Disabled | Self::Homeless | Self::BadToken(_) => None,
        }
    }

    /// Whether this was an attempt to get in with something wrong, which counts against its address.
    pub(super) fn is_a_failure(&self) -> bool {
        match self {
            Self::WrongKey | Self::Expired | Self::Disabled | Self::BadToken(_) => true,
            Self::NoKey | Self::Homeless | Self::Throttled { .. } | Self::Unavailable => false,
        }
    }

    /// What the client reads. A key that was never there, is over, or is switched off reads the same.
    pub fn fault(&self) -> Fault {
        let unauthenticated =
            |message: &str| Fault::new(FaultKind::Authentication, message).with_code("invalid_api_key");
        match self {
            Self::NoKey => unauthenticated(
                "no API key was sent; send it as `authorization: Bearer KEY`, or in x-api-key, x-goog-api-key or api-key",
            ),
            Self::WrongKey | Self::Expired | Self::Disabled | Self::BadToken(_) => {
                unauthenticated("the API key or token is not, or no longer, valid")
            }
            Self::Homeless => Fault::new(
                FaultKind::Permission,
                "this caller's team is not set up here; ask those who run this gateway",
            )
            .with_code("unknown_team"),
            Self::Throttled { .. } => {
                Fault::new(FaultKind::RateLimit, "too many wrong API keys came from this address; try again later")
                    .with_code("too_many_wrong_keys")
            }
            Self::Unavailable => {
                Fault::new(FaultKind::Overloaded, "API keys cannot be checked right now; try again in a moment")
            }
        }
    }
}

/// What a caller reads that may not speak this dialect.
pub fn front_refused(front: Dialect) -> Fault {
    let message = format!("this caller may not use the {} API here", front.as_str());
    Fault::new(FaultKind::Permission, message).with_code("front_not_allowed")
}
