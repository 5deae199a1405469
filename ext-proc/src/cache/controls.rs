//! What a client wants of the cache: by Attaché's own headers, by HTTP's `cache-control`, and by the words of other gateways
//! for the same.
//!
//! | who | what |
//! | --- | --- |
//! | RFC 9111 | `cache-control: no-store`, `no-cache`, `max-age=N`, `only-if-cached` |
//! | Cloudflare AI Gateway | `cf-aig-skip-cache`, `cf-aig-cache-ttl`, `cf-aig-cache-key` |
//! | Portkey | `x-portkey-cache-force-refresh`, `x-portkey-cache-namespace` |
//! | OpenRouter | `x-openrouter-cache`, `x-openrouter-cache-ttl`, `x-openrouter-cache-clear` |
//! | LiteLLM | the field `cache` of a body: `no-cache`, `no-store`, `ttl`, `s-maxage`, `namespace` |

use crate::exchange::message::Head;
use attache_core::edit::Object;
use attache_core::fault::Fault;
use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use std::time::Duration;

/// The longest part that a client may add to keys.
const SALT_BYTES_MAX: usize = 256;
const CACHE_CONTROL: &str = "cache-control";
/// The headers by which clients say it, but for ours.
const HEADERS: [&str; 9] = [
    CACHE_CONTROL,
    "cf-aig-skip-cache",
    "cf-aig-cache-ttl",
    "cf-aig-cache-key",
    "x-portkey-cache-force-refresh",
    "x-portkey-cache-namespace",
    "x-openrouter-cache",
    "x-openrouter-cache-ttl",
    "x-openrouter-cache-clear",
];

/// What a client wants of the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// No answer from the cache.
    pub no_lookup: bool,
    /// The answer is not kept.
    pub no_store: bool,
    /// No answer from a provider.
    pub only_cached: bool,
    /// The oldest answer that will do.
    pub age_max: Option<Duration>,
    /// How long to keep the answer, if that is shorter than the rule says.
    pub ttl: Option<Duration>,
    /// What the key has besides, by who says it.
    pub salts: Vec<(&'static str, String)>,
}

/// LiteLLM's field.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
struct LiteLlm {
    no_cache: Option<bool>,
    no_store: Option<bool>,
    ttl: Option<f64>,
    #[serde(rename = "s-maxage", alias = "s-max-age")]
    s_maxage: Option<f64>,
    namespace: Option<String>,
}

/// Takes LiteLLM's field out of a body: no provider knows it. What is left, and the field; `None` where there is none.
pub fn without_field(body: &Bytes) -> Option<(Bytes, String)> {
    memmem::find(body, b"\"cache\"")?;
    let object = Object::read(body).ok()?;
    let field = object.raw("cache").filter(|field| field.trim_start().starts_with('{'))?.to_owned();
    let mut edit = object.edit();
    edit.remove("cache");
    Some((edit.write().into(), field))
}

/// Whether a header is meant for the cache, and for no provider.
pub fn is_control(name: &str) -> bool {
    HEADERS.contains(&name)
}

impl Controls {
    /// Reads what a client wants. `field`: LiteLLM's, as it was written.
    ///
    /// # Errors
    /// A fault that names what cannot be understood.
    pub fn read(head: &Head, field: Option<&str>) -> Result<Self, Fault> {
        let mut controls = Self::default();
        controls.http(head.get(CACHE_CONTROL).unwrap_or_default());
        controls.own(head)?;
        controls.of_others(head)?;
        if let Some(field) = field {
            controls.litellm(field)?;
        }
        Ok(controls)
    }

    /// RFC 9111, 5.2: what is unknown or makes no sense is ignored.
    fn http(&mut self, value: &str) {
        for directive in value.split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => (self.no_lookup, self.no_store) = (true, true),
                "no-cache" => self.no_lookup = true,
                "only-if-cached" => self.only_cached = true,
                "max-age" => {
                    let seconds = argument.trim().trim_matches('"').parse().ok();
                    self.age_max = seconds.map(Duration::from_secs).or(self.age_max);
                }
                _ => {}
            }
        }
    }

    fn own(&mut self, head: &Head) -> Result<(), Fault> {
        match head.get("x-attache-cache").map(str::trim) {
            None | Some("") => {}
            Some("skip") => (self.no_lookup, self.no_store) = (true, true),
            Some("refresh") => self.no_lookup = true,
            Some("only-if-cached") => self.only_cached = true,
            Some(_) => return Err(bad("x-attache-cache", "skip, refresh or only-if-cached")),
        }
        if let Some(ttl) = head.get("x-attache-cache-ttl") {
            self.ttl = Some(time("x-attache-cache-ttl", ttl)?);
        }
        self.salt("x-attache-cache-key", head.get("x-attache-cache-key"))
    }

    fn of_others(&mut self, head: &Head) -> Result<(), Fault> {
        if said(head, "cf-aig-skip-cache")? == Some(true) || said(head, "x-openrouter-cache")? == Some(false) {
            (self.no_lookup, self.no_store) = (true, true);
        }
        for refreshes in ["x-portkey-cache-force-refresh", "x-openrouter-cache-clear"] {
            self.no_lookup |= said(head, refreshes)? == Some(true);
        }
        for name in ["cf-aig-cache-ttl", "x-openrouter-cache-ttl"] {
            if let Some(ttl) = head.get(name) {
                self.ttl.get_or_insert(time(name, ttl)?);
            }
        }
        self.salt("cf-aig-cache-key", head.get("cf-aig-cache-key"))?;
        self.salt("x-portkey-cache-namespace", head.get("x-portkey-cache-namespace"))
    }

    fn litellm(&mut self, field: &str) -> Result<(), Fault> {
        let field: LiteLlm = serde_json::from_str(field).map_err(|_| {
            bad("cache", "{ no-cache, no-store: true or false, ttl, s-maxage: seconds, namespace: a text }")
        })?;
        self.no_lookup |= field.no_cache == Some(true);
        self.no_store |= field.no_store == Some(true);
        let seconds = |seconds: Option<f64>| {
            let expected = || bad("cache", "ttl and s-maxage in seconds");
            seconds.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(|_| expected())).transpose()
        };
        self.ttl = seconds(field.ttl)?.or(self.ttl);
        self.age_max = seconds(field.s_maxage)?.or(self.age_max);
        self.salt("cache.namespace", field.namespace.as_deref())
    }

    fn salt(&mut self, name: &'static str, salt: Option<&str>) -> Result<(), Fault> {
        let Some(salt) = salt else { return Ok(()) };
        if salt.len() > SALT_BYTES_MAX {
            return Err(bad(name, "at most 256 bytes"));
        }
        self.salts.push((name, salt.to_owned()));
        Ok(())
    }
}

/// A header that says yes or no.
fn said(head: &Head, name: &str) -> Result<Option<bool>, Fault> {
    match head.get(name).map(|value| value.trim().to_ascii_lowercase()).as_deref() {
        None | Some("") => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(bad(name, "true or false")),
    }
}

/// Seconds, or a time with its unit.
fn time(name: &str, value: &str) -> Result<Duration, Fault> {
    let value = value.trim();
    let seconds = value.parse().map(Duration::from_secs).ok();
    let time = seconds.or_else(|| humantime::parse_duration(value).ok());
    time.filter(|time| !time.is_zero()).ok_or_else(|| bad(name, "seconds, or a time such as 15m"))
}

fn bad(name: &str, expected: &str) -> Fault {
    Fault::invalid(format!("{name}: expected {expected}")).with_code("bad_cache_control")
}

#[cfg(test)]
mod tests {
    use super::*;
    use envoy_types::pb::envoy::config::core::v3::HeaderValue;

    fn head(headers: &[(&str, &str)]) -> Head {
        let header = |(key, value): &(&str, &str)| HeaderValue {
            key: (*key).to_owned(),
            value: String::new(),
            raw_value: value.as_bytes().to_vec(),
        };
        Head { headers: headers.iter().map(header).collect(), ..Head::default() }
    }

    fn read(name: &str, value: &str) -> Result<Controls, String> {
        let controls = match name {
            "cache" => Controls::read(&Head::default(), Some(value)),
            name => Controls::read(&head(&[(name, value)]), None),
        };
        controls.map_err(|fault| fault.message)
    }

    #[test]
    fn every_word_for_the_same() {
        let skip = Controls { no_lookup: true, no_store: true, ..Controls::default() };
        let refresh = Controls { no_lookup: true, ..Controls::default() };
        let only = Controls { only_cached: true, ..Controls::default() };
        let ttl = |seconds| Controls { ttl: Some(Duration::from_secs(seconds)), ..Controls::default() };
        let age = |seconds| Controls { age_max: Some(Duration::from_secs(seconds)), ..Controls::default() };
        let salt = |who, salt: &str| Controls { salts: vec![(who, salt.to_owned())], ..Controls::default() };
        for (name, value, expected) in [
            ("cache-control", "no-store", skip.clone()),
            ("cache-control", "No-Cache", refresh.clone()),
            ("cache-control", "max-age=60", age(60)),
            ("cache-control", "max-stale, max-age=x, only-if-cached", only.clone()),
            ("x-attache-cache", "skip", skip.clone()),
            ("x-attache-cache", "refresh", refresh.clone()),
            ("x-attache-cache", "only-if-cached", only),
            ("x-attache-cache-ttl", "90", ttl(90)),
            ("x-attache-cache-ttl", "15m", ttl(900)),
            ("x-attache-cache-key", "a", salt("x-attache-cache-key", "a")),
            ("cf-aig-skip-cache", "true", skip.clone()),
            ("cf-aig-skip-cache", "false", Controls::default()),
            ("cf-aig-cache-ttl", "3600", ttl(3600)),
            ("cf-aig-cache-key", "a", salt("cf-aig-cache-key", "a")),
            ("x-portkey-cache-force-refresh", "true", refresh.clone()),
            ("x-portkey-cache-namespace", "n", salt("x-portkey-cache-namespace", "n")),
            ("x-openrouter-cache", "true", Controls::default()),
            ("x-openrouter-cache", "false", skip),
            ("x-openrouter-cache-ttl", "300", ttl(300)),
            ("x-openrouter-cache-clear", "true", refresh.clone()),
            ("cache", r#"{"no-cache": true}"#, refresh),
            ("cache", r#"{"no-store": true}"#, Controls { no_store: true, ..Controls::default() }),
            ("cache", r#"{"ttl": 300, "use-cache": true}"#, ttl(300)),
            ("cache", r#"{"s-maxage": 600}"#, age(600)),
            ("cache", r#"{"namespace": "n"}"#, salt("cache.namespace", "n")),
        ] {
            assert_eq!(read(name, value), Ok(expected), "{name}: {value}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (name, value, expected) in [
            ("x-attache-cache", "off", "x-attache-cache: expected skip, refresh or only-if-cached"),
            ("x-attache-cache-ttl", "soon", "x-attache-cache-ttl: expected seconds, or a time such as 15m"),
            ("x-attache-cache-ttl", "0", "x-attache-cache-ttl: expected seconds, or a time such as 15m"),
            ("cf-aig-skip-cache", "maybe", "cf-aig-skip-cache: expected true or false"),
            ("cache", r#"{"ttl": -1}"#, "cache: expected ttl and s-maxage in seconds"),
            (
                "cache",
                r#"{"ttl": "long"}"#,
                "cache: expected { no-cache, no-store: true or false, ttl, s-maxage: seconds, namespace: a text }",
            ),
        ] {
            assert_eq!(read(name, value), Err(expected.to_owned()), "{name}: {value}");
        }
        assert!(read("x-attache-cache-key", &"x".repeat(257)).is_err());
    }

    #[test]
    fn the_field_is_taken_out_of_the_body() {
        let without = |body: &'static str| {
            let taken = without_field(&Bytes::from_static(body.as_bytes()));
            taken.map(|(left, field)| (String::from_utf8(left.to_vec()).unwrap(), field))
        };
        let taken = without(r#"{"model":"m","cache":{"ttl":1},"x":[1]}"#).unwrap();
        assert_eq!(taken, (r#"{"model":"m","x":[1]}"#.to_owned(), r#"{"ttl":1}"#.to_owned()));
        for untouched in [r#"{"model":"m"}"#, r#"{"x":{"cache":{}}}"#, r#"{"cache":true}"#, "no json \"cache\""] {
            assert_eq!(without(untouched), None, "{untouched}");
        }
    }
}
