//! An analyzer that is asked for what patterns cannot find: Microsoft Presidio's, or whoever answers as it does.
//!
//! `POST /analyze` with `{text, language, score_threshold, entities}` gives `[{entity_type, start, end, score}]`; positions
//! count Unicode code points, since they are those of a Python string.
//! <https://microsoft.github.io/presidio/api-docs/api-docs.html>

use crate::config::written::redact::{OnFailure, Presidio};
use crate::outbound::Client;
use attache_core::endpoint::Endpoint;
use attache_core::redact::Others;
use attache_core::texts;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::{Request, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// Most texts of one request that are analyzed.
const TEXTS_MAX: usize = 2048;
/// Most bytes of all texts of one request. A text of a million characters is more than spaCy's models take.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Calls under way at the same time for one request.
const CALLS_MAX: usize = 8;
/// Most texts in one call, where it takes several.
const BATCH_MAX: usize = 128;
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// An analyzer, ready to be asked.
pub struct Analyzer {
    url: String,
    headers: Vec<(String, SecretString)>,
    language: String,
    score_min: f64,
    entities: Vec<String>,
    timeout: Duration,
    on_failure: OnFailure,
    batch_max: usize,
}

impl fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyzer").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What it is asked.
#[derive(Serialize)]
struct Question<'a> {
    text: Texts<'a>,
    language: &'a str,
    score_threshold: f64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    entities: &'a [String],
}

#[derive(Serialize)]
#[serde(untagged)]
enum Texts<'a> {
    One(&'a str),
    Several(&'a [String]),
}

/// One thing that it found.
#[derive(Deserialize)]
struct Found {
    entity_type: String,
    start: usize,
    end: usize,
    score: f64,
}

impl Analyzer {
    /// As it is written.
    pub fn new(written: &Presidio, timeout: Duration, headers: Vec<(String, SecretString)>) -> Self {
        Self {
            url: format!("{}/analyze", written.url.trim_end_matches('/')),
            headers,
            language: written.language.clone(),
            score_min: written.score_min,
            entities: written.entities.clone(),
            timeout,
            on_failure: written.fail,
            batch_max: if written.batch { BATCH_MAX } else { 1 },
        }
    }

    /// Whether a request goes on without its answer.
    pub fn fails_open(&self) -> bool {
        self.on_failure == OnFailure::Open
    }

    /// Has every text of a request analyzed.
    ///
    /// # Errors
    /// Why that could not be done, in words for the log: nothing of the texts is in them.
    pub async fn analyze(&self, endpoint: &Endpoint, body: &[u8]) -> Result<Others, String> {
        self.analyze_texts(&texts_of(endpoint, body)?).await
    }

    /// Has texts analyzed.
    async fn analyze_texts(&self, texts: &[String]) -> Result<Others, String> {
        if texts.is_empty() {
            return Ok(Others::new());
        }
        let client = Client::shared()?;
        let calls: Vec<_> = texts.chunks(self.batch_max).map(|texts| self.call(&client, texts).boxed()).collect();
        let asked = async {
            let mut found = Others::new();
            let mut answers = futures_util::stream::iter(calls).buffer_unordered(CALLS_MAX);
            while let Some(answer) = answers.next().await {
                found.extend(answer?);
            }
            Ok(found)
        };
        let answered = tokio::time::timeout(self.timeout, asked).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {} ms", self.timeout.as_millis())))
    }

    /// Has some texts analyzed by one call.
    async fn call(&self, client: &Client, texts: &[String]) -> Result<Vec<Analyzed>, String> {
        let text = match texts {
            [text] if self.batch_max == 1 => Texts::One(text),
            several => Texts::Several(several),
        };
        let one = matches!(text, Texts::One(_));
        let (language, score_threshold) = (&*self.language, self.score_min);
        let question = Question { text, language, score_threshold, entities: &self.entities };
        let body = serde_json::to_vec(&question).map_err(|_| "the question cannot be written")?;
        let mut request = Request::post(&self.url).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value.expose_secret());
        }
        let request = request.body(Bytes::from(body)).map_err(|error| format!("not a URL: {error}"))?;
        let answer = client.call(request, ANSWER_BYTES_MAX, self.timeout).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("answered with status {}", answer.status().as_u16()));
        }
        // What a parser says of a wrong answer could repeat a part of it.
        let wrong = |_| "answered with something else than Presidio does".to_owned();
        let found: Vec<Vec<Found>> = if one {
            vec![serde_json::from_slice(answer.body()).map_err(wrong)?]
        } else {
            serde_json::from_slice(answer.body()).map_err(wrong)?
        };
        if found.len() != texts.len() {
            return Err(format!("answered for {} texts, and was asked for {}", found.len(), texts.len()));
        }
        texts.iter().zip(found).map(|(text, found)| Ok((text.clone(), self.placed(text, found)?))).collect()
    }

    /// Where in a text things were found, in bytes, surest first.
    fn placed(&self, text: &str, mut found: Vec<Found>) -> Result<Vec<(Range<usize>, String)>, String> {
        found.retain(|found| found.score >= self.score_min);
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        let edges: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let placed = found.into_iter().map(|Found { entity_type, start, end, .. }| {
            let (start, end) = edges.get(start).copied().zip(edges.get(end).copied())?;
            (start < end).then(|| (start..end, entity_type.to_ascii_lowercase()))
        });
        placed.collect::<Option<_>>().ok_or_else(|| "found something outside of a text".to_owned())
    }
}

/// A text, and what was found in it.
type Analyzed = (String, Vec<(Range<usize>, String)>);

/// All different texts of a request in which words can stand.
fn texts_of(endpoint: &Endpoint, body: &[u8]) -> Result<Vec<String>, String> {
    let (mut all, mut bytes) = (BTreeSet::new(), 0);
    let seen = texts::request(endpoint, body, &mut |place, text, _| {
        let is_words = place.form == texts::Form::Text && !place.signed && text.contains(char::is_alphabetic);
        if is_words && bytes <= TEXT_BYTES_MAX && all.len() <= TEXTS_MAX && !all.contains(text) {
            bytes += text.len();
            all.insert(text.to_owned());
        }
    });
    if seen.is_err() {
        // The policy itself says what becomes of what cannot be read.
        return Ok(Vec::new());
    }
    if bytes > TEXT_BYTES_MAX || all.len() > TEXTS_MAX {
        return Err(format!("the request has more than {TEXTS_MAX} texts or {TEXT_BYTES_MAX} bytes of them"));
    }
    Ok(all.into_iter().collect())
}

#[cfg(test)]
mod tests;
