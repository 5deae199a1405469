//! Guards that ask somebody else: what they send, how long they wait, and what becomes of no answer.
//!
//! Never logs a text, nor what somebody answers: only which guard, and what kind of answer it was.

mod cache;
mod grpc;
mod judge;
mod moderation;
pub mod passage;
mod presidio;
#[cfg(test)]
mod tests;
mod webhook;

pub use grpc::Grpc;
pub use judge::Judge;
pub use moderation::Moderation;
pub use passage::Passage;
pub use presidio::Presidio;
pub use webhook::Webhook;

use super::Direction;
use crate::config::written::guards::Sees;
use crate::outbound::Client;
use attache_core::guard::Fail;
use attache_core::texts::Scope;
use bytes::Bytes;
use cache::Verdicts;
use http::{Request, StatusCode};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Longest name of a rule in records.
const RULE_CHARS_MAX: usize = 64;
/// The rule of what nobody could decide.
pub const UNDECIDED: &str = "undecided";

/// What somebody says who was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass.
    Allow,
    /// It may not, by this rule of theirs.
    Stop(String),
}

impl Verdict {
    /// It may not pass. What others call their rules may be anything.
    fn stop(rule: &str) -> Self {
        let fits = |char: &char| char.is_ascii_alphanumeric() || "_-./:".contains(*char);
        let rule: String = rule.chars().filter(fits).take(RULE_CHARS_MAX).collect();
        Self::Stop(if rule.is_empty() { "stop".to_owned() } else { rule })
    }
}

/// Who is asked.
#[derive(Debug)]
pub enum Asks {
    /// An endpoint that moderates as OpenAI's does.
    Moderation(Moderation),
    /// An analyzer that answers as Presidio's does.
    Presidio(Presidio),
    /// Somebody's own, over HTTP.
    Webhook(Webhook),
    /// Somebody's own, over gRPC.
    Grpc(Grpc),
    /// A model.
    Judge(Judge),
}

impl Asks {
    /// Only who is told who asks can say one thing to one and another to the next.
    pub fn is_told_who_asks(&self) -> bool {
        match self {
            Self::Webhook(_) | Self::Grpc(_) => true,
            Self::Moderation(_) | Self::Presidio(_) | Self::Judge(_) => false,
        }
    }
}

/// A guard that asks somebody.
pub struct CallOut {
    /// Whom.
    pub asks: Asks,
    /// And how.
    pub manner: Manner,
    under_way: Semaphore,
    verdicts: Verdicts,
}

impl fmt::Debug for CallOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOut").field("asks", &self.asks).finish_non_exhaustive()
    }
}

/// How somebody is asked, whoever it is.
#[derive(Debug)]
pub struct Manner {
    /// What happens without an answer.
    pub fail: Fail,
    /// Whose words it is about.
    pub scopes: Vec<Scope>,
    /// Which form of the texts.
    pub sees: Sees,
    /// Most time for an answer.
    pub timeout: Duration,
    /// For how long a verdict is remembered.
    pub cache: Duration,
    /// Most characters that are sent.
    pub chars_max: usize,
    /// After how many characters of an answer under way somebody is asked.
    pub every_chars: usize,
    /// After how much time with something new.
    pub every: Duration,
    /// Most calls under way.
    pub at_once: usize,
}

/// What a question is about, beside its texts.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Which way it goes.
    pub direction: Direction,
    /// The value of x-request-id.
    pub request_id: &'a str,
    /// Who asks.
    pub caller: &'a str,
    /// The model that was asked for.
    pub model: &'a str,
    /// The dialect that the client speaks.
    pub front: &'a str,
}

/// How a verdict was come by, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing had to be asked.
    Nothing,
    /// It was remembered.
    Cache,
    /// Somebody said it.
    Answer,
    /// Nobody said anything that counts.
    Failure,
}

impl Source {
    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Cache => "cache",
            Self::Answer => "answer",
            Self::Failure => "failure",
        }
    }
}

impl CallOut {
    /// Somebody, asked in this manner.
    pub fn new(asks: Asks, manner: Manner) -> Self {
        let (under_way, verdicts) = (Semaphore::new(manner.at_once), Verdicts::default());
        Self { asks, manner, under_way, verdicts }
    }

    /// What they say of these texts. `guard`: its name. `None` for texts: nobody can tell what they are.
    pub async fn verdict(&self, guard: &str, about: &About<'_>, texts: Option<&[Passage]>) -> (Verdict, Source) {
        let Some(texts) = texts else { return self.undecided(guard, about, "the body cannot be read") };
        let wanted = |passage: &&Passage| self.manner.scopes.is_empty() || self.manner.scopes.contains(&passage.scope);
        let texts: Vec<Passage> = texts.iter().filter(wanted).cloned().collect();
        if texts.is_empty() {
            return (Verdict::Allow, Source::Nothing);
        }
        if passage::chars(&texts) > self.manner.chars_max {
            return self.undecided(guard, about, "there is more text than `chars_max`");
        }
        let key = self.key(about, &texts);
        if let Some(verdict) = self.verdicts.recall(&key, self.manner.cache) {
            return (verdict, Source::Cache);
        }
        let asked = tokio::time::timeout(self.manner.timeout, self.ask(guard, about, &texts)).await;
        match asked.unwrap_or_else(|_| Err(format!("no answer within {} ms", self.manner.timeout.as_millis()))) {
            Ok(verdict) => {
                if !self.manner.cache.is_zero() {
                    self.verdicts.remember(key, &verdict);
                }
                (verdict, Source::Answer)
            }
            Err(problem) => self.undecided(guard, about, &problem),
        }
    }

    fn undecided(&self, guard: &str, about: &About<'_>, problem: &str) -> (Verdict, Source) {
        let (fails, verdict) = match self.manner.fail {
            Fail::Open => ("open", Verdict::Allow),
            Fail::Closed => ("closed", Verdict::Stop(UNDECIDED.to_owned())),
        };
        tracing::warn!(request_id = about.request_id, guard, problem, fails, "a guard cannot decide");
        (verdict, Source::Failure)
    }

    async fn ask(&self, guard: &str, about: &About<'_>, texts: &[Passage]) -> Result<Verdict, String> {
        let _permit = self.under_way.acquire().await.map_err(|_| "nobody is asked any more")?;
        match &self.asks {
            Asks::Moderation(moderation) => moderation.ask(texts, self.manner.timeout).await,
            Asks::Presidio(presidio) => presidio.ask(texts, self.manner.timeout).await,
            Asks::Webhook(webhook) => webhook.ask(guard, about, texts, self.manner.timeout).await,
            Asks::Grpc(grpc) => grpc.ask(guard, about, texts).await,
            Asks::Judge(judge) => judge.ask(texts, self.manner.timeout).await,
        }
    }

    /// By what a verdict is remembered: a hash with a key of this process, so that nobody who reads its memory can try
    /// texts on it elsewhere.
    fn key(&self, about: &About<'_>, texts: &[Passage]) -> cache::Key {
        static KEY: LazyLock<hmac::Key> =
            LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>()));
        let mut hash = hmac::Context::with_key(&KEY);
        let mut add = |text: &str| {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        add(about.direction.as_str());
        if self.asks.is_told_who_asks() {
            [about.caller, about.model, about.front].into_iter().for_each(&mut add);
        }
        for Passage { scope, choice, text } in texts {
            add(passage::name_of(*scope));
            add(&choice.to_string());
            add(text);
        }
        let tag = hash.sign();
        let mut key = cache::Key::default();
        key.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        key
    }
}

/// Posts JSON; the body of what is answered with 200.
async fn post(
    url: &str,
    headers: &[(String, SecretString)],
    json: &impl serde::Serialize,
    time: Duration,
) -> Result<Bytes, String> {
    let body = serde_json::to_vec(json).map_err(|_| "the question cannot be written")?;
    let mut request = Request::post(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(name, value.expose_secret());
    }
    let request = request.body(Bytes::from(body)).map_err(|_| "not a URL")?;
    let answer = Client::shared()?.call(request, ANSWER_BYTES_MAX, time).await?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        status => Err(format!("answered with status {}", status.as_u16())),
    }
}

/// Reads an answer. What a parser says of a wrong one could repeat a part of it.
fn read<'a, T: serde::Deserialize<'a>>(answer: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(answer).map_err(|_| "answered with something that is no verdict".to_owned())
}
