//! What of a configuration the service can do only where it sees bodies.

use super::{Config, written};

/// Twice the [period](crate::exchange::waiting::PERIOD) with which exchanges are heard of.
const HOLD_SECONDS_MIN: u64 = 60;

/// Everything in a configuration that the topology `hybrid` cannot do, in which the service sees headers only; and what to
/// do instead.
pub(super) fn objections(config: &Config) -> Vec<String> {
    let mut all = Vec::new();
    if !config.redact.is_empty() {
        all.push(by_filter("redact", "redact"));
    }
    if !config.written.guards.is_empty() {
        all.push(by_filter("guards", "guard"));
    }
    if config.cache.is_some() {
        all.push(elsewhere("cache: what has been asked before is known by its body"));
    }
    for (name, model) in &config.written.models {
        if config.models.get(name).is_some_and(|model| model.fetch_media.is_some()) {
            all.push(elsewhere(&format!("models.{name}.fetch_media: files are fetched into bodies")));
        }
        for (i, target) in model.targets.iter().enumerate().filter(|(_, target)| target.tokenizer.is_some()) {
            let model = &target.model;
            all.push(format!(
                "models.{name}.targets[{i}].tokenizer: prompts are counted roughly there, by their bytes; leave the tokenizer of \
                 `{model}` out, or use --topology sidecar"
            ));
        }
    }
    for (name, provider) in &config.providers {
        if provider.credentials.signs() {
            all.push(elsewhere(&format!("providers.{name}.auth.aws: a signature covers the body")));
        }
        if provider.credentials.query_name().is_some() {
            all.push(elsewhere(&format!(
                "providers.{name}.auth: a key in the query stands in the path, which a filter makes"
            )));
        }
    }
    for rule in config.rules.all() {
        if rule.budget.as_ref().is_some_and(|budget| budget.end_streams) {
            let name = &rule.name;
            all.push(elsewhere(&format!("budgets.{name}.end_streams: nobody here sees streams")));
        }
    }
    let hold_seconds = config.written.store.hold_seconds;
    if hold_seconds < HOLD_SECONDS_MIN {
        all.push(format!(
            "store.hold_seconds: {hold_seconds}; Envoy tells every 30 s what goes on there: expected {HOLD_SECONDS_MIN} or more"
        ));
    }
    if matches!(config.written.envoy.on_service_failure, written::OnServiceFailure::PassTo(_)) {
        all.push(elsewhere("envoy.on_service_failure: nothing passes there while the service is away"));
    }
    all
}

fn by_filter(field: &str, filter: &str) -> String {
    format!(
        "{field}: the service does not see bodies there; put the WASM filter `{filter}` before `model-router` \
         (docs/wasm.md), or use --topology sidecar"
    )
}

fn elsewhere(what: &str) -> String {
    format!("{what}; use --topology sidecar")
}
