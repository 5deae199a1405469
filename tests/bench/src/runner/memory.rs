//! Memory per open stream: fresh processes, a little traffic to warm them, then many slow streams held at once.

use std::time::Duration;

use attache_bench::hold::{Hold, HoldReport};
use attache_bench::load::Load;
use serde_json::{Value, json};

use super::arguments::Programs;
use super::lab::{Lab, LabError};
use super::scenario::{HOLD_SCRIPT, Scenario, Workload};
use super::usage;

const OPENED_PER_SECOND: u32 = 200;
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// Between the last stream's first byte and the measurement: let what was allocated for opening settle.
const SETTLE: Duration = Duration::from_secs(2);
const END_TIMEOUT: Duration = Duration::from_secs(60);
const WARM_UP: Duration = Duration::from_secs(1);
const WARM_UP_CONCURRENCY: usize = 16;

/// What holding streams took.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) scenario: Scenario,
    /// How many were open when memory was read.
    pub(crate) open: usize,
    pub(crate) service_bytes_per_stream: Option<f64>,
    pub(crate) envoy_bytes_per_stream: Option<f64>,
    pub(crate) report: HoldReport,
}

impl Held {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "scenario": self.scenario.name(),
            "wanted": self.report.wanted,
            "open": self.open,
            "completed": self.report.completed,
            "errors": self.report.errors,
            "last_error": self.report.last_error,
            "service_bytes_per_stream": self.service_bytes_per_stream,
            "envoy_bytes_per_stream": self.envoy_bytes_per_stream,
        })
    }
}

/// Holds `streams` streams through `scenario`. None when the lab has no such way.
pub(crate) async fn hold(programs: &Programs, scenario: Scenario, streams: usize) -> Result<Option<Held>, LabError> {
    let lab = Lab::start(programs, &[scenario], HOLD_SCRIPT).await?;
    let Some(route) = lab.route(scenario) else {
        return Ok(None);
    };
    let warm_up = Load::start(&scenario.target(route.address, Workload::Chat), WARM_UP_CONCURRENCY);
    tokio::time::sleep(WARM_UP).await;
    warm_up.finish().await;

    let resident = |process: Option<u32>| process.and_then(usage::resident_bytes);
    let before = (resident(route.service), resident(route.envoy));
    let hold = Hold::start(&scenario.target(route.address, Workload::Stream), streams, OPENED_PER_SECOND);
    let open = hold.all_open(OPEN_TIMEOUT).await;
    tokio::time::sleep(SETTLE).await;
    let held = (resident(route.service), resident(route.envoy));
    let report = hold.finish(END_TIMEOUT).await;

    let per_stream = |before: Option<u64>, held: Option<u64>| {
        let grown = held? as f64 - before? as f64;
        (open > 0).then(|| grown / open as f64)
    };
    Ok(Some(Held {
        scenario,
        open,
        service_bytes_per_stream: per_stream(before.0, held.0),
        envoy_bytes_per_stream: per_stream(before.1, held.1),
        report,
    }))
}
