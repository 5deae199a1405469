//! `attache cache`: what is kept, forgetting it, and what may be found by meaning.

mod calibrate;
mod purge;
mod stats;

use super::Anything;
use crate::config::Config;
use clap::Subcommand;

/// What has been answered before.
#[derive(Debug, Subcommand)]
pub enum Cache {
    /// Say what is in the running service's cache, and what became of lookups.
    Stats(stats::Stats),
    /// Have the running service forget answers, and with a shared Redis all others, too.
    Purge(purge::Purge),
    /// Say what a threshold is worth: how many of your own pairs of questions would be answered, and how many wrongly.
    Calibrate(calibrate::Calibrate),
}

impl Cache {
    pub(super) fn run(self) -> Result<(), Anything> {
        match self {
            Self::Stats(stats) => stats.run(),
            Self::Purge(purge) => purge.run(),
            Self::Calibrate(calibrate) => calibrate.run(),
        }
    }
}

/// What is told when no service runs.
fn nobody(config: &Config) -> Anything {
    let address = &config.written.service.admin;
    format!("no attache serves at {address}: what is cached is in its memory, or followed by it").into()
}
