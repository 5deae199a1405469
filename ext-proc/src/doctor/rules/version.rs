//! Whether this Envoy can do what the configuration wants.

use crate::doctor::at::Place;
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::envoy::Version;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "envoy-too-old",
        severity: Severity::Error,
        what: "Envoy is older than what the service's configuration is written for (`envoy.version`)",
        why: "what `attache envoy` prints for it does not load, or does less",
        look: |seen| {
            let wanted = seen.config.map(|config| config.written.envoy.version);
            let old = wanted.zip(seen.version).filter(|(wanted, is)| *is < numbers(*wanted));
            old.map(|(wanted, is)| {
                let fix = format!("run Envoy {} or later, or set `envoy.version` in attache.yaml", wanted.as_str());
                Hit::todo(&Place::named("Envoy"), format!("{}.{}", is.0, is.1), fix)
            })
            .into_iter()
            .collect()
        },
    },
    Rule {
        name: "envoy-untried",
        severity: Severity::Warning,
        what: "Envoy is older than 1.36",
        why: "nothing here was ever tried with it",
        look: |seen| {
            let old = seen.version.filter(|is| *is < numbers(Version::V1_36));
            let fix = "run Envoy 1.36 or later; 1.39 or later moves on to other providers";
            old.map(|is| Hit::todo(&Place::named("Envoy"), format!("{}.{}", is.0, is.1), fix)).into_iter().collect()
        },
    },
    Rule {
        name: "no-other-provider",
        severity: Severity::Warning,
        what: "a model has targets at several providers, and the configuration is for an Envoy that stays with the first",
        why: "no request ever moves on to another provider",
        look: |seen| {
            let missing = seen.config.and_then(crate::envoy::missing);
            let place = Place::named("attache.yaml: envoy.version");
            missing.map(|missing| Hit::todo(&place, "before 1.39", missing)).into_iter().collect()
        },
    },
];

fn numbers(version: Version) -> (u64, u64) {
    let (major, minor) = version.as_str().split_once('.').unwrap_or_default();
    (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
}
