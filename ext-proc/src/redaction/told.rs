//! What operators learn: how often what was found, and what became of it. Counts, never values.

use super::{Policy, Redaction};
use crate::exchange::settle::Settlement;
use crate::metrics::Metrics;
use attache_core::redact::{Action, Direction};
use attache_proto::usage::v1 as proto;
use std::collections::BTreeMap;

/// The audit log's line for what was withheld. It names the entity, which no client reads.
pub(super) fn audit(books: &Settlement, policy: &Policy, entity: &str, direction: Direction) {
    tracing::info!(
        target: "attache::audit",
        request_id = books.request_id,
        policy = &*policy.name,
        entity = &*policy.shown(entity),
        caller = &*books.caller().name,
        direction = direction.as_str(),
        "withheld"
    );
}

impl Redaction {
    /// How often something was found, the answer as far as it has come included.
    pub fn count(&self) -> u64 {
        self.tallied().values().sum()
    }

    /// By entity, action and direction, under names that may be shown.
    fn tallied(&self) -> BTreeMap<(String, Action, Direction), u64> {
        let mut sums = BTreeMap::new();
        let streamed = self.stream.as_ref().map(|stream| stream.tally());
        for ((entity, action, direction), count) in streamed.into_iter().chain([&self.tally]).flat_map(|tally| &tally.0)
        {
            let key = (self.policy.shown(entity).into_owned(), *action, *direction);
            *sums.entry(key).or_default() += count;
        }
        sums
    }

    /// Counts it all for Prometheus.
    pub fn count_in(&self, metrics: &Metrics) {
        for ((entity, action, direction), count) in self.tallied() {
            let labels = [&*entity, action.as_str(), direction.as_str(), &*self.policy.name];
            metrics.redaction.found.with_label_values(&labels).inc_by(count);
        }
    }

    /// All of it, for the usage record.
    pub fn record(&self) -> Vec<proto::Redaction> {
        let one = |((entity, action, direction), count): ((_, Action, Direction), _)| proto::Redaction {
            policy: self.policy.name.to_string(),
            entity,
            action: action.as_str().to_owned(),
            direction: direction.as_str().to_owned(),
            count,
        };
        self.tallied().into_iter().map(one).collect()
    }
}
