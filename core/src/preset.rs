//! Presets: what is known about a provider before anybody configures it. Data, in `data/presets.json`.
//!
//! Each entry says where its facts come from (`documentation`) and whether they were seen there (`confirmed`). A preset
//! holds no secret and makes no decision: it stands where an operator has written nothing.

use crate::dialect::Dialect;
use crate::dialect::quirks::Quirks;
use crate::endpoint::Hosting;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What is known about a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// By which a configuration names it: `groq`.
    pub name: String,
    /// As the provider writes itself.
    pub title: String,
    /// What it is translated to.
    #[serde(deserialize_with = "dialect")]
    pub dialect: Dialect,
    /// What it speaks besides, at the same base URL.
    #[serde(default, deserialize_with = "dialects")]
    pub also: Vec<Dialect>,
    /// At which kind of URL and in which envelope.
    #[serde(default, with = "HostingName")]
    pub hosting: Hosting,
    /// The base URL, with `{parameters}`.
    pub url: String,
    /// What every request has in its query, with `{parameters}`.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Where a key travels; `None` where there are no keys.
    #[serde(default)]
    pub key: Option<KeyPlace>,
    /// The cloud whose own credentials it takes, besides a key or instead of one.
    #[serde(default)]
    pub auth: Option<Cloud>,
    /// What its URL leaves open.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Headers of every request, with `{parameters}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How it deviates from its dialect.
    #[serde(default)]
    pub quirks: Quirks,
    /// The provider's own page.
    pub documentation: String,
    /// The entry was seen on the provider's own page or in its SDK.
    pub confirmed: bool,
    /// What else is worth knowing.
    #[serde(default)]
    pub note: Option<String>,
}

/// Where a key travels.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// `authorization: Bearer KEY`.
    Bearer,
    /// In a header of this name.
    Header(String),
    /// In a parameter of the query of this name.
    Query(String),
}

/// A cloud with credentials of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// Signatures of AWS.
    Aws,
    /// Tokens of Google Cloud.
    Gcp,
    /// Tokens of Microsoft Entra.
    Azure,
}

/// Something that a preset's URL leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is.
    pub what: String,
    /// How one looks.
    pub example: String,
    /// What holds if nothing is written.
    #[serde(default)]
    pub default: Option<String>,
    /// Values with which the base URL is another one.
    #[serde(default)]
    pub urls: BTreeMap<String, String>,
}

/// All presets in the order of the table.
pub fn all() -> &'static [Preset] {
    static ALL: LazyLock<Vec<Preset>> =
        LazyLock::new(|| read(include_str!("../data/presets.json")).expect("a test reads it"));
    &ALL
}

/// The preset of this name.
pub fn named(name: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.name == name)
}

impl Preset {
    /// Its base URL with the parameters filled in.
    ///
    /// # Errors
    /// What is wrong with them, each with the parameter's name.
    pub fn fill(&self, given: &BTreeMap<String, String>) -> Result<Filled, Vec<Wrong>> {
        let mut wrong: Vec<Wrong> = Vec::new();
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, parameter) in &self.parameters {
            match given.get(name).or(parameter.default.as_ref()) {
                Some(value) if is_plain(value) => {
                    values.insert(name, value);
                }
                Some(value) => {
                    let message =
                        format!("{value:?} cannot be part of a URL; expected something like {}", parameter.example);
                    wrong.push(Wrong { parameter: name.clone(), message });
                }
                None => {
                    let message =
                        format!("{} is missing; write for example `{name}: {}`", parameter.what, parameter.example);
                    wrong.push(Wrong { parameter: name.clone(), message });
                }
            }
        }
        for name in given.keys().filter(|name| !self.parameters.contains_key(*name)) {
            let known: Vec<_> = self.parameters.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("the preset `{}` has no such parameter; it has: {known}", self.name);
            wrong.push(Wrong { parameter: name.clone(), message });
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let special =
            |(name, parameter): (&String, &Parameter)| parameter.urls.get(*values.get(name.as_str())?).cloned();
        let url = self.parameters.iter().find_map(special).unwrap_or_else(|| self.url.clone());
        let filled = |templates: &BTreeMap<String, String>| {
            templates.iter().map(|(name, template)| (name.clone(), fill(template, &values))).collect()
        };
        Ok(Filled { url: fill(&url, &values), query: filled(&self.query), headers: filled(&self.headers) })
    }
}

/// What a preset's templates become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The base URL.
    pub url: String,
    /// What every request has in its query.
    pub query: BTreeMap<String, String>,
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
}

/// A parameter that cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its name.
    pub parameter: String,
    /// What was met and what was expected.
    pub message: String,
}

/// Names of hosts, regions, projects and versions: nothing that could end a host or a segment of a path.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'))
}

fn fill(template: &str, values: &BTreeMap<&str, &str>) -> String {
    values.iter().fold(template.to_owned(), |filled, (name, value)| filled.replace(&format!("{{{name}}}"), value))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: Format,
    presets: Vec<Preset>,
}

#[derive(Deserialize)]
enum Format {
    #[serde(rename = "attache.presets.v1")]
    V1,
}

fn read(json: &str) -> Result<Vec<Preset>, String> {
    let json = &mut serde_json::Deserializer::from_str(json);
    let File { format: Format::V1, presets } =
        serde_path_to_error::deserialize(json).map_err(|error| error.to_string())?;
    Ok(presets)
}

#[derive(Deserialize)]
#[serde(remote = "Hosting", rename_all = "snake_case")]
enum HostingName {
    Native,
    AzureDeployment,
    Bedrock,
    Vertex,
}

fn dialect<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Dialect, D::Error> {
    let name = String::deserialize(deserializer)?;
    Dialect::named(&name).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no dialect")))
}

fn dialects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Dialect>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let unknown = |name: &String| serde::de::Error::custom(format!("`{name}` is no dialect"));
    names.iter().map(|name| Dialect::named(name).ok_or_else(|| unknown(name))).collect()
}

#[cfg(test)]
mod tests;
