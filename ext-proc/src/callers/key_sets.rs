//! Key sets that are fetched from a URL, beside the exchanges and never on their way: at the start, in intervals, and soon
//! after a token has named a key that was not there.

use super::jwks::{BYTES_MAX, KeySet};
use super::jwt::{Issuer, Keys};
use crate::config::Config;
use crate::outbound::Client;
use arc_swap::ArcSwap;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two fetches of one set: unknown keys can be made up.
const PAUSE: Duration = Duration::from_secs(30);
/// The time after which a set that was never there is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// Most time for one fetch.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often to look whether something is due.
const LOOK: Duration = Duration::from_millis(250);

/// Sets that were fetched, by URL.
#[derive(Debug, Default)]
pub struct KeySets {
    sets: ArcSwap<HashMap<String, Arc<KeySet>>>,
    /// URLs whose set lacks a key that a token has named.
    wanted: Mutex<HashSet<String>>,
    /// Goes up with every set that is new: tokens verified before must be verified again.
    pub generation: AtomicU64,
}

/// When a set was last asked for.
struct Asked {
    at: Instant,
    worked: bool,
}

impl KeySets {
    /// The set from this URL, once it was fetched.
    pub fn get(&self, url: &str) -> Option<Arc<KeySet>> {
        self.sets.load().get(url).cloned()
    }

    /// A token names a key that the set from this URL does not have. It holds no more URLs than are configured.
    pub fn want(&self, url: String) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).insert(url);
    }

    /// Keeps the sets of the running configuration up to date for as long as the process lives.
    pub async fn keep_up(&self, config: &ArcSwap<Config>) {
        let mut client = None;
        let mut asked: HashMap<String, Asked> = HashMap::new();
        loop {
            let running = config.load_full();
            let issuers = running.callers.iter().flat_map(|rules| &rules.issuers);
            for (url, refresh) in issuers.filter_map(at_url) {
                if !self.is_due(url, refresh, asked.get(url)) {
                    continue;
                }
                let Some(client) = client.get_or_insert_with(new_client) else { continue };
                let worked = self.fetch(client, url).await;
                asked.insert(url.to_owned(), Asked { at: Instant::now(), worked });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn is_due(&self, url: &str, refresh: Duration, asked: Option<&Asked>) -> bool {
        let Some(asked) = asked else { return true };
        let waited = asked.at.elapsed();
        let missing = self.get(url).is_none();
        if missing || !asked.worked {
            return waited >= if missing { RETRY } else { PAUSE };
        }
        let wanted = waited >= PAUSE && self.wanted.lock().unwrap_or_else(PoisonError::into_inner).remove(url);
        wanted || waited >= refresh
    }

    /// Fetches one set; whether that worked. What was there before stays otherwise.
    async fn fetch(&self, client: &Client, url: &str) -> bool {
        let fetched = client.get(url, BYTES_MAX, TIMEOUT).await;
        match fetched.and_then(|bytes| KeySet::parse(&bytes)) {
            Ok(set) => {
                self.put(url, set);
                true
            }
            Err(error) => {
                let effect = if self.get(url).is_some() {
                    "the last one keeps counting"
                } else {
                    "its tokens cannot be checked"
                };
                tracing::error!(url, error, "callers.jwt: a key set was not fetched; {effect}");
                false
            }
        }
    }

    #[cfg(test)]
    pub(super) fn wants(&self, url: &str) -> bool {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).contains(url)
    }

    pub(super) fn put(&self, url: &str, set: KeySet) {
        let set = Arc::new(set);
        self.sets.rcu(|sets| {
            let mut sets = HashMap::clone(sets);
            sets.insert(url.to_owned(), set.clone());
            sets
        });
        self.generation.fetch_add(1, Ordering::Release);
    }
}

fn at_url(issuer: &Issuer) -> Option<(&str, Duration)> {
    match &issuer.keys {
        Keys::Here(_) => None,
        Keys::At(url, refresh) => Some((url, *refresh)),
    }
}

/// That plain http leads no further than this machine is the configuration's to check.
fn new_client() -> Option<Client> {
    let complain = |error: &std::io::Error| {
        tracing::error!(%error, "callers.jwt: no CA certificates, so no key set can be fetched; set SSL_CERT_FILE");
    };
    Client::new().inspect_err(complain).ok()
}

#[cfg(test)]
mod tests {
    use super::super::jwt::tests::Signer;
    use super::*;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Answers every request with this, until dropped.
    async fn serving(answer: String) -> (String, tokio::task::JoinHandle<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _read = stream.read(&mut [0; 4096]).await;
                let _written = stream.write_all(answer.as_bytes()).await;
            }
        });
        (url, served)
    }

    fn http(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn sets_are_fetched_and_bad_ones_change_nothing() {
        let good = json!({ "keys": [Signer::es256().jwk("1")] }).to_string();
        let sets = KeySets::default();
        let client = new_client().unwrap();
        for (answer, worked) in [
            (http("200 OK", &good), true),
            (http("404 Not Found", &good), false),
            (http("302 Found\r\nlocation: http://127.0.0.1:1/", &good), false),
            (http("200 OK", "<html>"), false),
            (http("200 OK", &" ".repeat(BYTES_MAX + 1)), false),
        ] {
            let (url, served) = serving(answer.clone()).await;
            assert_eq!(sets.fetch(&client, &url).await, worked, "{answer:.60}");
            assert_eq!(sets.get(&url).is_some(), worked);
            served.abort();
        }
        assert!(!sets.fetch(&client, "http://127.0.0.1:1/").await, "nobody there");
    }

    #[test]
    fn unknown_keys_make_for_one_fetch_per_pause() {
        let sets = KeySets::default();
        let ago = |time: Duration, worked| Asked { at: Instant::now() - time, worked };
        let refresh = Duration::from_secs(600);
        let due = |asked: Option<Asked>| sets.is_due("u", refresh, asked.as_ref());
        assert!(due(None), "at the start");
        assert!(!due(Some(ago(Duration::ZERO, false))) && due(Some(ago(RETRY, false))), "not there: soon again");
        sets.put("u", KeySet::default());
        assert!(!due(Some(ago(RETRY, false))) && due(Some(ago(PAUSE, false))), "there, but the last fetch failed");
        assert!(!due(Some(ago(PAUSE, true))) && due(Some(ago(refresh, true))), "in its interval");
        sets.want("u".to_owned());
        assert!(!due(Some(ago(Duration::from_secs(1), true))), "a made-up key makes no traffic");
        assert!(due(Some(ago(PAUSE, true))) && !due(Some(ago(PAUSE, true))), "once");
    }
}
