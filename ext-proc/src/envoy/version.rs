//! What the versions of Envoy can do, where they differ in what a bootstrap needs.

use super::orders;
use crate::config::Config;
use crate::exchange::Follow;
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A version of Envoy for which a bootstrap can be printed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema, ValueEnum,
)]
#[serde(try_from = "Written")]
#[schemars(!try_from)]
pub enum Version {
    /// 1.36
    #[serde(rename = "1.36")]
    #[value(name = "1.36")]
    V1_36,
    /// 1.37
    #[serde(rename = "1.37")]
    #[value(name = "1.37")]
    V1_37,
    /// 1.38
    #[serde(rename = "1.38")]
    #[value(name = "1.38")]
    V1_38,
    /// 1.39
    #[serde(rename = "1.39")]
    #[value(name = "1.39")]
    V1_39,
    /// 1.40
    #[default]
    #[serde(rename = "1.40")]
    #[value(name = "1.40")]
    V1_40,
}

impl Version {
    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_36 => "1.36",
            Self::V1_37 => "1.37",
            Self::V1_38 => "1.38",
            Self::V1_39 => "1.39",
            Self::V1_40 => "1.40",
        }
    }

    /// How its router follows a plan.
    pub(super) fn follow(self) -> Follow {
        match self {
            // The specifier `priority_group` is new in 1.40 …
            Self::V1_40 => Follow::Groups,
            // … and `refresh_cluster_on_retry`, by which any specifier is asked again, in 1.39.
            Self::V1_39 => Follow::Steps,
            Self::V1_36 | Self::V1_37 | Self::V1_38 => Follow::First,
        }
    }
}

impl Version {
    /// Whether it has clusters that lead to one provider after the other, and no better way.
    pub(super) fn has_composite(self) -> bool {
        matches!(self, Self::V1_37 | Self::V1_38)
    }
}

/// A version as it stands in YAML, where 1.40 without quotes is a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Number(f64),
}

impl TryFrom<Written> for Version {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let text = match written {
            Written::Text(text) => text,
            Written::Number(number) => format!("{number:.2}"),
        };
        let known = || Self::value_variants().iter().map(|version| version.as_str()).collect::<Vec<_>>().join(", ");
        <Self as ValueEnum>::from_str(&text, false).map_err(|_| format!("no Envoy `{text}`; there is {}", known()))
    }
}

/// Why a configuration cannot be printed for the topology `hybrid`, for a person to read. `bootstrap`: it is to be one.
pub(crate) fn unfit_for_hybrid(config: &Config, bootstrap: bool) -> Option<String> {
    let mut all = Vec::new();
    let version = config.written.envoy.version;
    if version.follow() == Follow::First {
        let version = version.as_str();
        all.push(format!(
            "envoy.version: Envoy {version} stays with the first attempt's provider; this needs 1.39 or later"
        ));
    }
    if !bootstrap {
        all.push("--for: meshes are not printed for this; use --topology sidecar or shared".to_owned());
    }
    if super::clusters::service_is_elsewhere(config) {
        all.push(
            "service.grpc: the service must stand beside Envoy, at a `unix:` socket: one process keeps the books"
                .to_owned(),
        );
    }
    all.extend(config.needs_bodies.iter().cloned());
    let list: String = all.iter().map(|one| format!("\n  {one}")).collect();
    (!all.is_empty()).then(|| format!("the topology `hybrid` cannot do this:{list}"))
}

/// What a configuration asks for that its version of Envoy does not do, for a person to read.
pub(crate) fn missing(config: &Config) -> Option<String> {
    let version = config.written.envoy.version;
    if version.follow() != Follow::First {
        return None;
    }
    let moves_on = |model: &crate::config::compiled::Model| {
        let clusters: BTreeSet<_> = model.targets.iter().map(|target| &target.provider.cluster).collect();
        clusters.len() > 1 && model.retry.attempts > 1 && !orders::follows(config, model)
    };
    let models: Vec<_> =
        config.models.iter().filter(|(_, model)| moves_on(model)).map(|(name, _)| format!("`{name}`")).collect();
    (!models.is_empty()).then(|| {
        format!(
            "Envoy {} cannot move on to another provider: every attempt at {} goes to the provider of the first one. \
             Run Envoy 1.39 or later, or give each provider a model of its own and let clients choose",
            version.as_str(),
            models.join(", ")
        )
    })
}
