//! A service that answers `POST /analyze` as Microsoft Presidio's analyzer does; what it finds stops.
//! <https://microsoft.github.io/presidio/api-docs/api-docs.html>

use super::{Passage, Verdict, post, read};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An analyzer.
#[derive(Debug)]
pub struct Presidio {
    /// Where it is, path included.
    pub url: String,
    /// Headers to send.
    pub headers: Vec<(String, SecretString)>,
    /// The language of the texts.
    pub language: String,
    /// From which score on a finding stops.
    pub score_min: f64,
    /// What may not be there; nothing that it knows, when none are named.
    pub entities: Vec<String>,
}

#[derive(Serialize)]
struct Question<'a> {
    text: String,
    language: &'a str,
    score_threshold: f64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    entities: &'a [String],
}

#[derive(Deserialize)]
struct Found {
    entity_type: String,
    score: f64,
}

impl Presidio {
    /// What it says of these texts: one call, since where something stands does not matter here.
    pub(super) async fn ask(&self, texts: &[Passage], time: Duration) -> Result<Verdict, String> {
        let text = texts.iter().map(|passage| &*passage.text).collect::<Vec<_>>().join("\n\n");
        let Self { language, score_min, entities, .. } = self;
        let question = Question { text, language, score_threshold: *score_min, entities };
        let answer = post(&self.url, &self.headers, &question, time).await?;
        let found: Vec<Found> = read(&answer)?;
        let counts = |found: &&Found| {
            found.score >= self.score_min && (entities.is_empty() || entities.contains(&found.entity_type))
        };
        Ok(found.iter().find(counts).map_or(Verdict::Allow, |found| Verdict::stop(&found.entity_type)))
    }
}
