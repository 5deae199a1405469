//! An endpoint that moderates as OpenAI's does: <https://platform.openai.com/docs/api-reference/moderations>.

use super::{Passage, Verdict, post, read};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// An endpoint.
#[derive(Debug)]
pub struct Moderation {
    /// Where it is, path included.
    pub url: String,
    /// Its key, as a header.
    pub headers: Vec<(String, SecretString)>,
    /// The model to ask.
    pub model: Option<String>,
    /// Categories of which none may be flagged; none of all, when none are named.
    pub categories: Vec<String>,
    /// Scores from which on a category stops.
    pub thresholds: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct Question<'a> {
    input: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    flagged: bool,
    /// Some have `null` for what they do not judge in this kind of input.
    #[serde(default)]
    categories: BTreeMap<String, Option<bool>>,
    #[serde(default)]
    category_scores: BTreeMap<String, Option<f64>>,
}

impl Moderation {
    /// What it says of these texts.
    pub(super) async fn ask(&self, texts: &[Passage], time: Duration) -> Result<Verdict, String> {
        let input: Vec<&str> = texts.iter().map(|passage| &*passage.text).collect();
        let question = Question { input, model: self.model.as_deref() };
        let answer = post(&self.url, &self.headers, &question, time).await?;
        let Answer { results } = read(&answer)?;
        if results.len() != texts.len() {
            return Err(format!("judged {} texts, and was asked about {}", results.len(), texts.len()));
        }
        Ok(results.iter().find_map(|one| self.objection(one)).map_or(Verdict::Allow, |rule| Verdict::stop(&rule)))
    }

    /// The category for which a text is stopped.
    fn objection(&self, one: &One) -> Option<String> {
        let flagged = |name: &str| one.categories.get(name).copied().flatten().unwrap_or(false);
        let score = |name: &str| one.category_scores.get(name).copied().flatten().unwrap_or(0.0);
        let over = self.thresholds.iter().find(|(name, from)| score(name) >= **from).map(|(name, _)| name.clone());
        if over.is_some() || !self.thresholds.is_empty() && self.categories.is_empty() {
            return over;
        }
        if !self.categories.is_empty() {
            return self.categories.iter().find(|name| flagged(name)).cloned();
        }
        let first = || one.categories.keys().find(|name| flagged(name)).cloned();
        one.flagged.then(|| first().unwrap_or_else(|| "flagged".to_owned()))
    }
}
