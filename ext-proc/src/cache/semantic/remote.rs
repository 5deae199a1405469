//! Vectors from a provider, by its embeddings endpoint: OpenAI's, or any that the gateway can translate to.
//!
//! Asked directly, not through Envoy, with the provider's own credentials. Never logs a text, nor what is answered.

use crate::config::provider::Provider;
use crate::credentials::ToSign;
use crate::outbound::Client;
use attache_core::dialect::Dialect;
use attache_core::endpoint::Endpoint;
use attache_core::translate::Ask;
use bytes::Bytes;
use http::Request;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;

/// Most bytes of an answer: 16,384 numbers, generously written.
const ANSWER_BYTES_MAX: usize = 512 << 10;
/// Most numbers of a vector.
const DIMENSIONS_MAX: usize = 1 << 14;

/// A provider's model.
#[derive(Debug)]
pub struct Remote {
    provider: Arc<Provider>,
    model: String,
    under_way: Semaphore,
    /// The last call failed. It is said once, and once when that is over.
    is_away: AtomicBool,
}

/// Why there is no vector.
#[derive(Debug, PartialEq, Eq)]
pub enum NoVector {
    /// Too many are asked for at once.
    Full,
    /// The provider gave none.
    Away(String),
}

#[derive(Deserialize)]
struct Answer {
    data: [One; 1],
}

#[derive(Deserialize)]
struct One {
    embedding: Vec<f32>,
}

impl Remote {
    /// A provider's model, asked for so many vectors at once at most.
    pub fn new(provider: Arc<Provider>, model: String, at_once: usize) -> Self {
        Self { provider, model, under_way: Semaphore::new(at_once), is_away: AtomicBool::new(false) }
    }

    /// A name that other models do not have. What changes behind a provider's name, nobody here can tell.
    pub fn name(&self) -> String {
        let Provider { authority, base_path, .. } = &*self.provider;
        format!("remote {authority}{base_path} {}", self.model)
    }

    /// The vector of a text.
    pub(super) async fn vector(&self, text: &str, time: Duration) -> Result<Vec<f32>, NoVector> {
        let _permit = self.under_way.try_acquire().map_err(|_| NoVector::Full)?;
        let asked = tokio::time::timeout(time, self.ask(text, time)).await;
        let vector = asked.unwrap_or_else(|_| Err(format!("no answer within {} ms", time.as_millis())));
        let was_away = self.is_away.swap(vector.is_err(), Ordering::Relaxed);
        let (provider, model) = (&*self.provider.name, self.model.as_str());
        match &vector {
            Err(problem) if !was_away => {
                tracing::warn!(provider, model, problem, "no vectors: questions are not looked up by meaning");
            }
            Ok(_) if was_away => tracing::info!(provider, model, "there are vectors again"),
            Ok(_) | Err(_) => {}
        }
        vector.map_err(NoVector::Away)
    }

    async fn ask(&self, text: &str, time: Duration) -> Result<Vec<f32>, String> {
        let provider = &*self.provider;
        let endpoint = Endpoint::of("/v1/embeddings", false).ok_or("there is no such endpoint")?;
        let body = json!({ "model": self.model, "input": text, "encoding_format": "float" }).to_string();
        let ask = Ask::read(endpoint, body.as_bytes()).map_err(|fault| fault.message)?;
        let now = SystemTime::now();
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let dialect = provider.dialect_for(Dialect::OpenAi);
        let translated = ask.translate(dialect, &provider.upstream(&self.model), seconds);
        let translated = translated.map_err(|fault| fault.message)?;
        let body = translated.body.unwrap_or_else(|| body.clone().into_bytes());
        let mut path = format!("{}{}", provider.base_path, translated.path);
        if let Some(query) = &provider.query {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(query);
        }
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(provider.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())));
        let to_sign = ToSign {
            method: "POST",
            authority: &provider.authority,
            path_and_query: &path,
            headers: &headers,
            body: Some(&body),
            now,
        };
        let signed = provider.credentials.sign(&to_sign).await.map_err(|error| error.to_string())?;
        let scheme = if provider.tls { "https" } else { "http" };
        let mut request = Request::post(format!("{scheme}://{}{}", provider.authority, signed.path(&path)));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in &signed.headers {
            request = request.header(&**name, value.expose_secret());
        }
        let request = request.body(Bytes::from(body)).map_err(|_| "the request cannot be written")?;
        let answer = Client::shared()?.call(request, ANSWER_BYTES_MAX, time).await?;
        let status = answer.status().as_u16();
        provider.credentials.answered(&signed.used, status, None);
        if status != 200 {
            return Err(format!("answered with status {status}"));
        }
        let whole = translated.answer.whole(answer.body(), &mut |_| {}).map_err(|_| NO_VECTOR)?;
        read(whole.body.as_deref().unwrap_or(answer.body()))
    }
}

const NO_VECTOR: &str = "answered with something that is no vector";

fn read(body: &[u8]) -> Result<Vec<f32>, String> {
    // What a parser says could repeat a part of what it read.
    let Answer { data: [One { embedding }] } = serde_json::from_slice(body).map_err(|_| NO_VECTOR)?;
    let is_one = (1..=DIMENSIONS_MAX).contains(&embedding.len()) && embedding.iter().all(|number| number.is_finite());
    if is_one { Ok(embedding) } else { Err(NO_VECTOR.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_vector_is_one() {
        let good =
            br#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1,2e-3]}],"model":"m"}"#;
        assert_eq!(read(good), Ok(vec![0.5, -1.0, 0.002]));
        for bad in [
            r#"{"data":[]}"#,
            r#"{"data":[{"embedding":[]}]}"#,
            r#"{"data":[{"embedding":"AAAA"}]}"#,
            r#"{"data":[{"embedding":[1e99]}]}"#,
            "<html>",
        ] {
            assert_eq!(read(bad.as_bytes()), Err(NO_VECTOR.to_owned()), "{bad}");
        }
    }
}
