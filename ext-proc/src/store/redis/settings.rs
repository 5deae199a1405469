//! What is configured about Redis, and what that means to the client library.

use crate::config::written::{Secret, SecretFile};
use redis::{
    ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Redis (or Valkey) that replicas share: one of `url`, `sentinel` and `cluster`.
///
/// The user needs these rights and no others (PREFIX is `prefix`):
/// `resetchannels resetkeys ~{PREFIX}:* -@all +ping +time +eval +evalsha +exists +get +set +pttl +pexpire +hexists +hget +hmget
/// +hset +hdel +hincrby +hgetall +zadd +zrem +zrangebyscore`, besides `+select` with a database other than
/// 0, `+cluster|slots +readonly` with a cluster. A cache there needs these as well:
/// `~PREFIX:cache:* +unlink +getrange +scan +xadd +xread +xrevrange +xtrim +hsetnx +hlen +hkeys`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// One server: `redis://HOST:PORT/DB`, `rediss://…` with TLS, `redis+unix:///PATH`.
    pub url: Option<String>,
    /// Servers watched by Sentinels.
    pub sentinel: Option<Sentinel>,
    /// Some nodes of a cluster: `redis://HOST:PORT` or `rediss://HOST:PORT`.
    pub cluster: Vec<String>,
    /// The user, where there are access lists.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// The CA bundle that signs the servers' certificates. Default: the system's.
    pub ca_file: Option<String>,
    /// The certificate that this service shows, where servers ask for one.
    pub certificate_file: Option<String>,
    /// The certificate's key.
    pub key_file: Option<String>,
    /// Every key begins with `{PREFIX}:`. The braces keep all keys on one node of a cluster: what is decided at once lies
    /// in one place.
    pub prefix: String,
    /// Longest time in milliseconds that a request waits for Redis.
    pub timeout_ms: u64,
    /// How long what was used is kept for a Redis that is away, in seconds. Then it is dropped, and counted in
    /// `attache_store_dropped_total`.
    pub retry_seconds: u64,
    /// Whether a replica holds some of a limit in advance where it is claimed 50 times a second and more, so that most
    /// requests need not wait for Redis. There is never more let through; but up to 5 % of such a limit can lie idle in a
    /// replica for up to 200 ms, and what was used is seen by others that much later.
    pub leases: bool,
}

/// Sentinels, and whom they watch.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentinel {
    /// The Sentinels: `redis://HOST:PORT` or `rediss://HOST:PORT`.
    pub urls: Vec<String>,
    /// The name under which they know the master.
    pub master: String,
    /// The Sentinels' user.
    #[serde(default)]
    pub username: Option<String>,
    /// The Sentinels' password.
    #[serde(default)]
    pub password: Option<Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: None,
            sentinel: None,
            cluster: Vec::new(),
            username: None,
            password: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            prefix: "attache".to_owned(),
            timeout_ms: 50,
            retry_seconds: 120,
            leases: true,
        }
    }
}

/// Settings that contradict themselves, or name what cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Problem(String);

impl Settings {
    /// Finds what is wrong without connecting anywhere.
    ///
    /// # Errors
    /// What is wrong, and what to write instead. Never repeats a secret.
    pub fn check(&self) -> Result<(), Problem> {
        let ways = [self.url.is_some(), self.sentinel.is_some(), !self.cluster.is_empty()];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(Problem("say where Redis is with exactly one of url, sentinel and cluster".to_owned()));
        }
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return Err(Problem("prefix is a word without braces".to_owned()));
        }
        if self.timeout_ms == 0 {
            return Err(Problem("timeout_ms is at least 1".to_owned()));
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return Err(Problem("certificate_file and key_file belong together".to_owned()));
        }
        let sentinels = self.sentinel.iter().flat_map(|sentinel| &sentinel.urls);
        let urls: Vec<_> = self.url.iter().chain(sentinels).chain(&self.cluster).collect();
        if urls.is_empty() {
            return Err(Problem("sentinel.urls names at least one Sentinel".to_owned()));
        }
        let tls = urls.iter().filter(|url| is_tls(url)).count();
        if tls != 0 && tls != urls.len() {
            return Err(Problem("all URLs are rediss:// or none is".to_owned()));
        }
        urls.into_iter().try_for_each(|url| info(url).map(drop))
    }

    /// Longest time that a request waits.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(super) fn retry(&self) -> Duration {
        Duration::from_secs(self.retry_seconds)
    }

    pub(super) fn tls(&self) -> bool {
        let sentinels = self.sentinel.iter().flat_map(|sentinel| &sentinel.urls);
        self.url.iter().chain(sentinels).chain(&self.cluster).any(|url| is_tls(url))
    }

    /// The single server, with who we are.
    pub(super) fn server(&self, url: &str) -> Result<ConnectionInfo, Problem> {
        let info = info(url)?;
        let who = named(info.redis_settings().clone(), self.username.as_deref(), password(self.password.as_ref())?);
        Ok(info.set_redis_settings(who))
    }

    pub(super) fn password(&self) -> Result<Option<String>, Problem> {
        password(self.password.as_ref())
    }

    pub(super) fn certificates(&self) -> Result<TlsCertificates, Problem> {
        let client_tls = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => {
                Some(ClientTlsConfig { client_cert: file(certificate)?, client_key: file(key)? })
            }
            (None, None) | (Some(_), None) | (None, Some(_)) => None,
        };
        Ok(TlsCertificates { client_tls, root_cert: self.ca_file.as_deref().map(file).transpose()? })
    }
}

fn named(who: RedisConnectionInfo, username: Option<&str>, password: Option<String>) -> RedisConnectionInfo {
    // A client that says what library it uses needs one right more.
    let mut who = who.set_skip_set_lib_name();
    if let Some(username) = username {
        who = who.set_username(username);
    }
    match password {
        Some(password) => who.set_password(password),
        None => who,
    }
}

pub(super) fn password(secret: Option<&Secret>) -> Result<Option<String>, Problem> {
    match secret {
        None => Ok(None),
        Some(Secret::Text(text)) => Ok(Some(text.clone())),
        Some(Secret::File(SecretFile { file: path })) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| Problem(format!("cannot read the password from {path}: {error}")))?;
            Ok(Some(text.lines().next().unwrap_or_default().trim().to_owned()))
        }
    }
}

/// What a URL says. What follows is said elsewhere and would be shown in the config view.
pub(super) fn info(url: &str) -> Result<ConnectionInfo, Problem> {
    let info = url.into_connection_info();
    let info = info.map_err(|error| {
        let why = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        Problem(format!("a Redis URL reads redis://HOST:PORT/DB, rediss://HOST:PORT/DB or redis+unix:///PATH{why}"))
    })?;
    if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(Problem(
            "a Redis URL ends with its database: certificates are always checked, see ca_file".to_owned(),
        ));
    }
    if info.redis_settings().username().is_some() || info.redis_settings().password().is_some() {
        return Err(Problem("a Redis URL holds no user and password: write them as username and password".to_owned()));
    }
    Ok(info)
}

fn is_tls(url: &str) -> bool {
    url.starts_with("rediss:") || url.starts_with("valkeys:")
}

fn file(path: &str) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|error| Problem(format!("cannot read {path}: {error}")))
}
