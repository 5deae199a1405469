//! Who asks: keys, tokens, certificates, trusted headers.
//!
//! A request is looked at in a fixed order, and the first source that it shows something of decides: a key or token of its
//! own ([`key`], [`stored`], [`jwt`]), then what Envoy or a mesh has verified ([`mesh`]). A wrong key is never made good by
//! a weaker source. Nothing here waits: keys and key sets are kept up to date beside the exchanges ([`Callers::keep_up`]).
//!
//! No key, hash or token is ever logged, counted or shown.

pub mod access;
pub mod admin;
pub mod caller;
pub mod claims;
pub mod command;
pub mod jwks;
pub mod jwt;
pub mod key;
mod key_sets;
mod manage;
pub mod mesh;
pub mod rules;
mod stored;
mod stranger;
pub mod throttle;

pub use caller::{Caller, Source};
pub use manage::Undone;
pub use stranger::{Stranger, front_refused};

use crate::config::Config;
use crate::exchange::message::Head;
use crate::metrics::Metrics;
use crate::store::Store;
use arc_swap::ArcSwap;
use claims::Said;
use dashmap::DashMap;
use key::KeyHash;
use key_sets::KeySets;
use mesh::Named;
use rules::Rules;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};
use stored::StoredKeys;
use throttle::Throttle;

/// Headers in which a key or a token arrives, in the order in which they count.
pub const KEY_HEADERS: [&str; 4] = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];
/// Envoy's attribute with the address of the client.
const ADDRESS_ATTRIBUTE: &str = "source.address";
/// Most tokens that are known to be right. Each takes about a kilobyte.
const TOKENS_MAX: usize = 10_000;

/// Finds out who asks. One per process.
#[derive(Debug)]
pub struct Callers {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    stored: StoredKeys,
    key_sets: KeySets,
    tokens: DashMap<KeyHash, Token>,
    throttle: Throttle,
    /// Wrong admin tokens by address.
    admin_throttle: Throttle,
    /// Held while a stored key is changed: reading and writing it are two steps.
    changing: tokio::sync::Mutex<()>,
}

/// A token that was found right.
#[derive(Debug)]
struct Token {
    caller: Caller,
    until_s: u64,
    /// Under these rules, with these key sets.
    rules: Arc<Rules>,
    generation: u64,
}

/// Why somebody is not let in, and what it showed.
type Refusal = (Option<Source>, Stranger);

impl Callers {
    /// With the keys of this store.
    pub fn new(store: Arc<Store>, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            metrics,
            stored: StoredKeys::default(),
            key_sets: KeySets::default(),
            tokens: DashMap::new(),
            throttle: Throttle::default(),
            admin_throttle: Throttle::default(),
            changing: tokio::sync::Mutex::default(),
        }
    }

    /// Keeps stored keys and fetched key sets up to date for as long as the process lives.
    pub async fn keep_up(&self, config: &ArcSwap<Config>) {
        tokio::join!(self.stored.keep_up(&self.store), self.key_sets.keep_up(config));
    }

    /// Who sends this request. Never waits.
    ///
    /// # Errors
    /// Why nobody is let in by it; [`Stranger::fault`] is what the client reads.
    pub fn who(&self, head: &Head, config: &Config, now: SystemTime) -> Result<Caller, Stranger> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let found = match &config.callers {
            Some(rules) => self.find(head, rules, since.as_secs()),
            None => Ok(Caller::anonymous()),
        };
        let found = found.map_err(|(source, stranger)| {
            let rate = config.callers.as_ref().map(|rules| rules.throttle).filter(|_| stranger.is_a_failure());
            let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
            // Right keys have been let in already: the same address may be the way out of a whole office.
            match rate.map(|rate| self.throttle.fail(address(head), rate, now_ms)) {
                Some(Err(retry_after)) => (source, Stranger::Throttled { retry_after }),
                None | Some(Ok(())) => (source, stranger),
            }
        });
        let (source, outcome) = match &found {
            Ok(caller) => (Some(caller.source), "ok"),
            Err((source, stranger)) => (*source, stranger.as_str()),
        };
        if let Err((_, Stranger::BadToken(why))) = &found {
            tracing::info!(why, source = source.map_or("none", Source::as_str), "a caller is not believed");
        }
        self.metrics.auth.with_label_values(&[source.map_or("none", Source::as_str), outcome]).inc();
        found.map_err(|(_, stranger)| stranger)
    }

    fn find(&self, head: &Head, rules: &Arc<Rules>, now_s: u64) -> Result<Caller, Refusal> {
        if let Some(text) = shown(head, rules)
            && let Some(caller) = self.by_text(text, rules, now_s)?
        {
            return Ok(caller);
        }
        for source in [Source::EnvoyJwt, Source::Mtls, Source::Headers] {
            let refused = |stranger| (Some(source), stranger);
            if let Some((said, allow)) = named(rules, source, head).map_err(|why| refused(Stranger::BadToken(why)))? {
                return rules.groups.caller(said, source, None, allow).map_err(refused);
            }
        }
        if !rules.anonymous {
            return Err((None, Stranger::NoKey));
        }
        Ok(Caller::anonymous())
    }

    /// Whose key or token this is; `None`: nobody's, where that does not matter.
    fn by_text(&self, text: &str, rules: &Arc<Rules>, now_s: u64) -> Result<Option<Caller>, Refusal> {
        let of_key = |stranger| (Some(Source::Key), stranger);
        let hash = KeyHash::of(text);
        if let Some(key) = rules.keys.get(&hash) {
            if key.expires_s.is_some_and(|expires_s| expires_s <= now_s) {
                return Err(of_key(Stranger::Expired));
            }
            return key.caller.clone().map(Some).map_err(of_key);
        }
        let token = !rules.issuers.is_empty() && jwt::looks_like_one(text);
        // What does not look like one that was made here was not, and waits for no store.
        if rules.stored_keys
            && text.starts_with(key::BEGINNING)
            && let Some(caller) = self.stored.find(&hash, rules, now_s).map_err(of_key)?
        {
            return Ok(Some(caller));
        }
        if token {
            return self.by_token(text, hash, rules, now_s).map(Some).map_err(|stranger| (Some(Source::Jwt), stranger));
        }
        if rules.anonymous && !text.starts_with(key::BEGINNING) {
            return Ok(None);
        }
        Err(of_key(Stranger::WrongKey))
    }

    fn by_token(&self, text: &str, hash: KeyHash, rules: &Arc<Rules>, now_s: u64) -> Result<Caller, Stranger> {
        let generation = self.key_sets.generation.load(Ordering::Acquire);
        if let Some(known) = self.tokens.get(&hash)
            && Arc::ptr_eq(&known.rules, rules)
            && known.generation == generation
        {
            return if known.until_s > now_s { Ok(known.caller.clone()) } else { Err(Stranger::Expired) };
        }
        let verified = jwt::verify(text, &rules.issuers, &|url| self.key_sets.get(url), now_s);
        let verified = verified.map_err(|refused| match refused {
            jwt::Refused::Bad(why) => Stranger::BadToken(why),
            jwt::Refused::Expired => Stranger::Expired,
            jwt::Refused::UnknownKey(url) => {
                if let Some(url) = url {
                    self.key_sets.want(url);
                }
                Stranger::BadToken("it names a key that its issuer's key set does not have")
            }
            jwt::Refused::NoKeys => Stranger::Unavailable,
        })?;
        let jwt::Verified { issuer, claims, until_s } = verified;
        let said: Said = issuer.paths.read(&claims, &issuer.prefix, &issuer.tags).map_err(Stranger::BadToken)?;
        let caller = rules.groups.caller(said, Source::Jwt, None, &issuer.allow)?;
        self.remember(hash, Token { caller: caller.clone(), until_s, rules: rules.clone(), generation }, now_s);
        Ok(caller)
    }

    /// Keeps a right token, so that its signature is verified once. Wrong ones are not kept: they could be without number.
    fn remember(&self, hash: KeyHash, token: Token, now_s: u64) {
        if self.tokens.len() >= TOKENS_MAX {
            let (rules, generation) = (token.rules.clone(), token.generation);
            self.tokens.retain(|_, known| {
                known.until_s > now_s && Arc::ptr_eq(&known.rules, &rules) && known.generation == generation
            });
            if self.tokens.len() >= TOKENS_MAX {
                self.tokens.clear();
            }
        }
        self.tokens.insert(hash, token);
    }
}

/// Whom somebody else has verified, if this source is configured and names anybody.
fn named<'a>(rules: &'a Rules, source: Source, head: &Head) -> Named<'a> {
    match source {
        Source::EnvoyJwt => rules.envoy_jwt.as_ref().map_or(Ok(None), |envoy_jwt| envoy_jwt.named(head)),
        Source::Mtls => rules.mtls.as_ref().map_or(Ok(None), |mtls| mtls.named(head)),
        Source::Headers => rules.headers.as_ref().map_or(Ok(None), |headers| headers.named(head)),
        Source::Key | Source::Jwt | Source::Anonymous => Ok(None),
    }
}

/// The key or token that a request shows, if keys or tokens count at all: where they do not, SDKs still send something.
fn shown<'a>(head: &'a Head, rules: &Rules) -> Option<&'a str> {
    if rules.keys.is_empty() && !rules.stored_keys && rules.issuers.is_empty() {
        return None;
    }
    let texts = KEY_HEADERS.into_iter().filter_map(|name| {
        let text = head.get(name)?;
        let text = if name == "authorization" { bearer(text)? } else { text };
        Some(text.trim()).filter(|text| !text.is_empty())
    });
    texts.into_iter().next()
}

/// What stands behind `Bearer`; other schemes are nobody's key.
fn bearer(text: &str) -> Option<&str> {
    let (scheme, text) = text.trim_start().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(text)
}

/// The address of the client, as Envoy tells it. None of it is the client's own word.
fn address(head: &Head) -> Option<IpAddr> {
    let text = head.attribute(ADDRESS_ATTRIBUTE)?;
    text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests;
