//! One measurement: one scenario under one load for one window, and what its processes used meanwhile.

use std::time::Duration;

use attache_bench::load::{Load, Report};
use serde_json::{Value, json};

use super::lab::Route;
use super::scenario::{Scenario, Workload};
use super::usage;

const WARM_UP: Duration = Duration::from_millis(400);

/// What a cell of the table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) scenario: Scenario,
    pub(crate) workload: Workload,
    pub(crate) concurrency: usize,
}

impl Key {
    /// The name that `--only` looks at.
    pub(crate) fn name(self) -> String {
        format!("{} c={} {}", self.workload.name(), self.concurrency, self.scenario.name())
    }
}

/// One round's result for one key.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) key: Key,
    pub(crate) round: u32,
    pub(crate) report: Report,
    /// CPU microseconds per completed exchange.
    pub(crate) envoy_us: Option<f64>,
    pub(crate) service_us: Option<f64>,
    pub(crate) store_us: Option<f64>,
    pub(crate) simulator_us: Option<f64>,
    pub(crate) service_resident_bytes: Option<u64>,
}

impl Cell {
    /// Envoy, the service and its Redis together: what the operator pays for.
    pub(crate) fn total_us(&self) -> Option<f64> {
        Some(self.envoy_us? + self.service_us.unwrap_or(0.0) + self.store_us.unwrap_or(0.0))
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "scenario": self.key.scenario.name(),
            "workload": self.key.workload.name(),
            "concurrency": self.key.concurrency,
            "round": self.round,
            "load": self.report.to_json(),
            "cpu_us": {
                "envoy": self.envoy_us,
                "service": self.service_us,
                "store": self.store_us,
                "simulator": self.simulator_us,
                "total": self.total_us(),
            },
            "service_resident_bytes": self.service_resident_bytes,
        })
    }
}

/// Measures one cell for `window`, after a short warm-up.
pub(crate) async fn measure(key: Key, round: u32, route: Route, window: Duration) -> Cell {
    let target = key.scenario.target(route.address, key.workload);
    let load = Load::start(&target, key.concurrency);
    tokio::time::sleep(WARM_UP).await;

    let cpu = |process: Option<u32>| process.and_then(usage::cpu);
    let of_all = || [route.envoy, route.service, route.store, Some(route.simulator)].map(cpu);
    let before = of_all();
    let mut report = load.measure(window).await;
    let after = of_all();
    let service_resident_bytes = route.service.and_then(usage::resident_bytes);
    if !load.finish().await {
        report.errors += 1;
        report.last_error = Some("some exchanges never ended".to_owned());
    }

    let per_exchange = |(before, after): (Option<Duration>, Option<Duration>)| {
        let used = after?.checked_sub(before?)?;
        (report.completed > 0).then(|| used.as_secs_f64() * 1e6 / report.completed as f64)
    };
    let [envoy, service, store, simulator] = before;
    let [envoy_after, service_after, store_after, simulator_after] = after;
    Cell {
        key,
        round,
        envoy_us: per_exchange((envoy, envoy_after)),
        service_us: per_exchange((service, service_after)),
        store_us: per_exchange((store, store_after)),
        simulator_us: per_exchange((simulator, simulator_after)),
        service_resident_bytes,
        report,
    }
}
