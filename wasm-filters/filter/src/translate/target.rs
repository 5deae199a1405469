//! What a request is made for: a provider and its models, in an operator's words and the preset's where there are none.

use super::url::Url;
use attache_core::dialect::quirks::Quirks;
use attache_core::dialect::{Dialect, ThinkingStyle, Upstream};
use attache_core::endpoint::Hosting;
use attache_core::fault::Fault;
use attache_core::preset::{self, Filled, Preset};
use attache_core::translate::Translated;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an operator writes about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Its name in the configuration of the service that plans.
    pub(super) target: Option<String>,
    preset: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    dialect: Option<String>,
    also: Option<Vec<String>>,
    hosting: Option<HostingName>,
    url: Option<String>,
    query: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    quirks: Quirks,
    /// The provider's model, whatever the client asks for.
    model: Option<String>,
    /// The provider's model for each name by which clients ask for one.
    #[serde(default)]
    models: BTreeMap<String, String>,
    #[serde(default)]
    losses: LossPolicy,
    max_tokens_default: Option<u64>,
    #[serde(default)]
    thinking: Thinking,
    #[serde(default = "yes")]
    sampling: bool,
    #[serde(default = "yes")]
    reasoning: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LossPolicy {
    #[default]
    Allow,
    Refuse,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Thinking {
    #[default]
    Budget,
    Adaptive,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HostingName {
    Native,
    AzureDeployment,
    Bedrock,
    Vertex,
}

fn yes() -> bool {
    true
}

impl Written {
    /// The field that names the provider's models.
    pub(super) fn names_model(&self) -> Option<&'static str> {
        let models = (!self.models.is_empty()).then_some("models");
        self.model.as_ref().map(|_| "model").or(models)
    }
}

/// A provider and its models.
pub(super) struct Target {
    /// The provider's name, for `x-attache-provider` and counters.
    pub(super) name: String,
    primary: Dialect,
    also: Vec<Dialect>,
    pub(super) authority: String,
    pub(super) base_path: String,
    pub(super) query: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    /// Its habits; the model in it is the one of clients whose model has no other name here.
    upstream: Upstream,
    model: Option<String>,
    models: BTreeMap<String, String>,
    losses: LossPolicy,
}

impl Target {
    /// Puts an operator's words and the preset's together.
    ///
    /// # Errors
    /// What is wrong, with its path.
    pub(super) fn new(name: String, written: Written, at: &str) -> Result<Self, String> {
        let preset = written.preset.as_deref().map(|name| found(name, at)).transpose()?;
        let filled = filled(preset, &written.parameters, at)?;
        let primary = match (&written.dialect, preset) {
            (Some(dialect), _) => named(dialect, &format!("{at}.dialect"))?,
            (None, Some(preset)) => preset.dialect,
            (None, None) => return Err(format!("{at}.dialect: missing: write what the provider speaks, or `preset`")),
        };
        let also = match (&written.also, preset) {
            (Some(also), _) => {
                also.iter().map(|dialect| named(dialect, &format!("{at}.also"))).collect::<Result<_, _>>()?
            }
            (None, Some(preset)) => preset.also.clone(),
            (None, None) => Vec::new(),
        };
        let Filled { url, query, headers } = filled;
        let url = written.url.as_deref().or(preset.map(|_| &*url));
        let url = url.ok_or_else(|| format!("{at}.url: missing: write the provider's base URL, or `preset`"))?;
        let Url { authority, path } = Url::parse(url).map_err(|why| format!("{at}.url: {why}"))?;
        if let Some((quirk, why)) = written.quirks.complaint() {
            return Err(format!("{at}.quirks.{quirk}: {why}"));
        }
        let hosting = written.hosting.map(Hosting::from).or(preset.map(|preset| preset.hosting)).unwrap_or_default();
        let quirks = written.quirks.over(preset.map(|preset| preset.quirks.clone()).unwrap_or_default());
        let thinking = match written.thinking {
            Thinking::Budget => ThinkingStyle::Budget,
            Thinking::Adaptive => ThinkingStyle::Adaptive,
        };
        let habits = Upstream::new("");
        let upstream = Upstream {
            hosting,
            quirks: Arc::new(quirks),
            thinking,
            sampling: written.sampling,
            reasoning: written.reasoning,
            max_tokens_default: written.max_tokens_default.unwrap_or(habits.max_tokens_default),
            ..habits
        };
        Ok(Self {
            name,
            primary,
            also,
            authority,
            base_path: path,
            query: escaped(&written.query.unwrap_or(query)),
            headers: merged(written.headers, headers, at)?,
            upstream,
            model: written.model,
            models: written.models,
            losses: written.losses,
        })
    }

    /// In which dialect it is asked what a client asks in `front`: in the same if it speaks that.
    pub(super) fn dialect_for(&self, front: Dialect) -> Dialect {
        if self.also.contains(&front) { front } else { self.primary }
    }

    /// At which kind of URL it is.
    pub(super) fn hosting(&self) -> Hosting {
        self.upstream.hosting
    }

    /// The model that serves who asks for `asked`.
    pub(super) fn upstream(&self, asked: &str) -> Upstream {
        self.of_model(self.models.get(asked).or(self.model.as_ref()).map_or(asked, String::as_str))
    }

    /// This very model.
    pub(super) fn of_model(&self, model: &str) -> Upstream {
        Upstream { model: model.to_owned(), ..self.upstream.clone() }
    }

    /// Applies the policy on what could not be said.
    ///
    /// # Errors
    /// A [`Fault`] that names the losses, where the policy is to refuse them.
    pub(super) fn judge(&self, translated: Translated) -> Result<Translated, Fault> {
        if translated.losses.is_empty() || self.losses == LossPolicy::Allow {
            return Ok(translated);
        }
        Err(translated.losses.refused())
    }
}

fn found(name: &str, at: &str) -> Result<&'static Preset, String> {
    preset::named(name).ok_or_else(|| {
        format!("{at}.preset: no preset `{name}`; any other provider is written with `dialect` and `url`")
    })
}

fn filled(preset: Option<&Preset>, given: &BTreeMap<String, String>, at: &str) -> Result<Filled, String> {
    let Some(preset) = preset else {
        let nothing = Filled { url: String::new(), query: BTreeMap::new(), headers: BTreeMap::new() };
        let message = format!("{at}.parameters: they fill in a preset's URL, and there is no `preset` here");
        return if given.is_empty() { Ok(nothing) } else { Err(message) };
    };
    preset.fill(given).map_err(|wrong| {
        let all = wrong.iter().map(|wrong| format!("{at}.parameters.{}: {}", wrong.parameter, wrong.message));
        all.collect::<Vec<_>>().join("; ")
    })
}

fn named(dialect: &str, at: &str) -> Result<Dialect, String> {
    Dialect::named(dialect).ok_or_else(|| {
        let known = Dialect::ALL.map(Dialect::as_str).join(", ");
        format!("{at}: `{dialect}` is no dialect; there are: {known}")
    })
}

/// The operator's headers, and the preset's where they are others.
fn merged(
    written: BTreeMap<String, String>,
    of_preset: BTreeMap<String, String>,
    at: &str,
) -> Result<Vec<(String, String)>, String> {
    let mut all = BTreeMap::new();
    for (name, value) in of_preset.into_iter().chain(written) {
        let name = name.to_ascii_lowercase();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let is_text = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | 0x80..);
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(format!("{at}.headers: `{}` is no name of a header", name.escape_debug()));
        }
        if !value.bytes().all(is_text) {
            return Err(format!("{at}.headers.{name}: its value holds what no header may hold"));
        }
        if value.contains("${") {
            return Err(format!("{at}.headers.{name}: nobody fills in variables here"));
        }
        all.insert(name, value);
    }
    Ok(all.into_iter().collect())
}

/// A query as it stands in a path, without the `?`.
fn escaped(query: &BTreeMap<String, String>) -> Option<String> {
    let pairs = query.iter().map(|(name, value)| format!("{}={}", form(name), form(value)));
    (!query.is_empty()).then(|| pairs.collect::<Vec<_>>().join("&"))
}

/// As a form writes it.
fn form(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

impl From<HostingName> for Hosting {
    fn from(name: HostingName) -> Self {
        match name {
            HostingName::Native => Self::Native,
            HostingName::AzureDeployment => Self::AzureDeployment,
            HostingName::Bedrock => Self::Bedrock,
            HostingName::Vertex => Self::Vertex,
        }
    }
}
