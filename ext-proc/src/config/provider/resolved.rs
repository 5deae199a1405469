//! A provider's own words, and the preset's where it has none.

use crate::config::Problem;
use crate::config::written::{self, Auth, Keys, Secret};
use attache_core::dialect::Dialect;
use attache_core::dialect::quirks::Quirks;
use attache_core::endpoint::Hosting;
use attache_core::preset::{self, Filled, KeyPlace, Preset};
use std::collections::BTreeMap;

/// Everything that a preset may fill in.
pub(super) struct Resolved {
    pub(super) speaks: Vec<Dialect>,
    pub(super) hosting: Hosting,
    pub(super) url: String,
    pub(super) query: Option<String>,
    /// What `key` stands for.
    pub(super) key: Option<Auth>,
    pub(super) headers: BTreeMap<String, Secret>,
    pub(super) quirks: Quirks,
}

impl Resolved {
    /// Puts both together. `None` when something is missing, which has been said then.
    pub(super) fn of(written: &written::Provider, at: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let before = problems.len();
        let preset = match &written.preset {
            Some(name) => Some(find(name, at, problems)?),
            None => None,
        };
        let filled = filled(written, preset, at, problems)?;
        let dialect = written.dialect.map(Dialect::from).or(preset.map(|preset| preset.dialect));
        if dialect.is_none() {
            let message = "missing: write what it speaks (openai, anthropic, gemini, …), or `preset: NAME` (`attache \
                           presets` lists them)";
            problems.push(Problem::at(format!("{at}.dialect"), message));
        }
        let url = written.url.clone().or_else(|| filled.as_ref().map(|filled| filled.url.clone()));
        if url.is_none() {
            let message = "missing: write the base URL, such as https://api.openai.com/v1, or `preset: NAME`";
            problems.push(Problem::at(format!("{at}.url"), message));
        }
        let (of_query, of_headers) = filled.map(|filled| (filled.query, filled.headers)).unwrap_or_default();
        let query = written.query.clone().unwrap_or(of_query);
        let key = written.key.as_ref().and_then(|key| placed(key, preset, &format!("{at}.key"), problems));
        if let Some((quirk, message)) = written.quirks.complaint() {
            problems.push(Problem::at(format!("{at}.quirks.{quirk}"), message));
        }
        let hosting = written.hosting.map(Hosting::from).or(preset.map(|preset| preset.hosting));
        if problems.len() > before {
            return None;
        }
        Some(Self {
            speaks: speaks(written, preset, dialect?),
            hosting: hosting.unwrap_or_default(),
            url: url?,
            query: escaped(&query),
            key,
            headers: headers(&written.headers, of_headers),
            quirks: written.quirks.clone().over(preset.map(|preset| preset.quirks.clone()).unwrap_or_default()),
        })
    }
}

fn find(name: &str, at: &str, problems: &mut Vec<Problem>) -> Option<&'static Preset> {
    let found = preset::named(name);
    if found.is_none() {
        let distance = |preset: &Preset| strsim::damerau_levenshtein(name, &preset.name);
        let nearest = preset::all().iter().min_by_key(|preset| distance(preset)).filter(|preset| distance(preset) <= 3);
        let hint = match nearest {
            Some(nearest) => format!("did you mean `{}`?", nearest.name),
            None => "`attache presets` lists them; any other provider is written with `dialect` and `url`".to_owned(),
        };
        problems.push(Problem::at(format!("{at}.preset"), format!("no preset `{name}`; {hint}")));
    }
    found
}

/// The preset's templates with their parameters; the inner `None` without a preset.
fn filled(
    written: &written::Provider,
    preset: Option<&Preset>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<Option<Filled>> {
    let Some(preset) = preset else {
        if !written.parameters.is_empty() {
            let message = "parameters fill in a preset's URL, and there is no `preset` here";
            problems.push(Problem::at(format!("{at}.parameters"), message));
        }
        return Some(None);
    };
    match preset.fill(&written.parameters) {
        Ok(filled) => Some(Some(filled)),
        Err(wrong) => {
            for wrong in wrong {
                problems.push(Problem::at(format!("{at}.parameters.{}", wrong.parameter), wrong.message));
            }
            None
        }
    }
}

fn speaks(written: &written::Provider, preset: Option<&Preset>, primary: Dialect) -> Vec<Dialect> {
    let also: Vec<Dialect> = match (&written.also, preset) {
        (Some(also), _) => also.iter().copied().map(Dialect::from).collect(),
        (None, Some(preset)) => preset.also.clone(),
        (None, None) => Vec::new(),
    };
    let mut speaks = vec![primary];
    for dialect in also {
        if !speaks.contains(&dialect) {
            speaks.push(dialect);
        }
    }
    speaks
}

/// The credentials that a key is, where the preset puts it.
fn placed(key: &Keys, preset: Option<&Preset>, at: &str, problems: &mut Vec<Problem>) -> Option<Auth> {
    let place = match preset {
        None => &KeyPlace::Bearer,
        Some(Preset { key: Some(place), .. }) => place,
        Some(Preset { name, .. }) => {
            problems.push(Problem::at(at, format!("`{name}` takes no key; write its credentials as `auth`")));
            return None;
        }
    };
    Some(match place {
        KeyPlace::Bearer => Auth { bearer: Some(key.clone()), ..Auth::default() },
        KeyPlace::Header(name) => Auth { header: Some(name.clone()), value: Some(key.clone()), ..Auth::default() },
        KeyPlace::Query(name) => Auth { query: Some(name.clone()), value: Some(key.clone()), ..Auth::default() },
    })
}

/// The preset's headers and the operator's, which come first.
fn headers(written: &BTreeMap<String, Secret>, of_preset: BTreeMap<String, String>) -> BTreeMap<String, Secret> {
    let is_written = |name: &str| written.keys().any(|written| written.eq_ignore_ascii_case(name));
    let of_preset = of_preset.into_iter().filter(|(name, _)| !is_written(name));
    let mut headers = written.clone();
    headers.extend(of_preset.map(|(name, value)| (name, Secret::Text(value))));
    headers
}

/// A query as it stands in a path, without the `?`.
fn escaped(query: &BTreeMap<String, String>) -> Option<String> {
    if query.is_empty() {
        return None;
    }
    let mut escaped = form_urlencoded::Serializer::new(String::new());
    Some(escaped.extend_pairs(query).finish())
}
