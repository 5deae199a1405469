//! What it takes until the service listens, and until an Envoy does that has no service: bare, or with a filter inside.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::child::Child;
use super::scenario::Scenario;
use super::table::{ms, number};
use super::usage;

/// How a process started for a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    scenario: Scenario,
    /// Until it listened.
    time: Duration,
    /// What it had used by then.
    cpu: Option<Duration>,
    /// Its memory then, before any exchange.
    resident_bytes: Option<u64>,
}

impl Start {
    /// Of a process that listens by now.
    pub(crate) fn of(process: &Child, scenario: Scenario, begun: Instant) -> Self {
        let (time, id) = (begun.elapsed(), process.id());
        Self { scenario, time, cpu: usage::cpu(id), resident_bytes: usage::resident_bytes(id) }
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "scenario": self.scenario.name(),
            "ms": ms(self.time),
            "cpu_ms": self.cpu.map(ms),
            "resident_bytes": self.resident_bytes,
        })
    }
}

/// One line for each of them.
pub(crate) fn render(starts: &[Start]) -> String {
    let lines = starts.iter().map(|start| {
        let resident = start.resident_bytes.map(|bytes| bytes as f64 / 1e6);
        format!(
            "{:<48} {:>7} {:>7} {:>7}\n",
            start.scenario.name(),
            number(Some(ms(start.time)), 0),
            number(start.cpu.map(ms), 0),
            number(resident, 1)
        )
    });
    let title = "start of the service, or of an Envoy without one";
    format!("{title:<48} {:>7} {:>7} {:>7}\n{}", "ms", "CPU ms", "RSS MB", lines.collect::<String>())
}
