//! Somebody's own guard over HTTP: `docs/guard-callouts.md` has the contract.

use super::passage::name_of;
use super::{About, Passage, Verdict, post, read};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A webhook.
#[derive(Debug)]
pub struct Webhook {
    /// Where to POST.
    pub url: String,
    /// Headers to send.
    pub headers: Vec<(String, SecretString)>,
}

#[derive(Serialize)]
struct Question<'a> {
    guard: &'a str,
    direction: &'a str,
    request_id: &'a str,
    caller: &'a str,
    model: &'a str,
    front: &'a str,
    texts: Vec<Text<'a>>,
}

#[derive(Serialize)]
struct Text<'a> {
    scope: &'a str,
    choice: u32,
    text: &'a str,
}

/// Strict, since a verdict that is misread lets something pass.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    allow: bool,
    #[serde(default)]
    rule: String,
}

impl Webhook {
    /// What it says of these texts.
    pub(super) async fn ask(
        &self,
        guard: &str,
        about: &About<'_>,
        texts: &[Passage],
        time: Duration,
    ) -> Result<Verdict, String> {
        let About { direction, request_id, caller, model, front } = *about;
        let texts =
            texts.iter().map(|Passage { scope, choice, text }| Text { scope: name_of(*scope), choice: *choice, text });
        let direction = direction.as_str();
        let question = Question { guard, direction, request_id, caller, model, front, texts: texts.collect() };
        let answer = post(&self.url, &self.headers, &question, time).await?;
        let Answer { allow, rule } = read(&answer)?;
        Ok(if allow { Verdict::Allow } else { Verdict::stop(&rule) })
    }
}
