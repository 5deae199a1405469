//! What a configuration means: names resolved, secrets read, everything that an exchange asks for ready to use.

use super::prices::Prices;
use super::provider;
pub use super::provider::Provider;
use super::written::{self, LossPolicy, OnServiceFailure, RetryOn, Select};
use super::{Invalid, Problem};
use crate::cache;
use crate::callers::rules::Rules as CallerRules;
use crate::counting::Tokenizer;
use crate::fetch;
use crate::guards::Guards;
use crate::limits::rule::Rules;
use crate::redaction;
use crate::store::RedisSettings;
use attache_core::dialect::{Dialect, ThinkingStyle, Upstream};
use attache_core::fault::Fault;
use attache_core::hybrid::{any_of, target_name};
use attache_core::price::Price;
use attache_core::translate::Translated;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// The most attempts of one exchange; more only delays the error.
const ATTEMPTS_MAX: u32 = 10;

/// The longest time that can be configured; beyond it Envoy's own numbers overflow sooner or later.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest name of a model, in bytes. It is repeated in headers, metrics and records.
const MODEL_NAME_BYTES_MAX: usize = 256;

/// A compiled configuration. Immutable: a reload makes a new one.
#[derive(Debug)]
pub struct Config {
    /// What was written, for `attache envoy` and the admin view. Its secrets never serialise.
    pub written: written::Config,
    /// Every provider by name.
    pub providers: BTreeMap<String, Arc<Provider>>,
    /// Every model by the name that clients ask for.
    pub models: HashMap<String, Arc<Model>>,
    /// Rate limits and budgets.
    pub rules: Rules,
    /// What models cost.
    pub prices: Prices,
    /// What must not leave the house.
    pub redact: Vec<Arc<redaction::Policy>>,
    /// Who may stop what is asked and answered.
    pub guards: Guards,
    /// What is cached, and for whom; `None`: nothing.
    pub cache: Option<cache::Rules>,
    /// Names of request headers that may hold a credential for some provider: none of them reaches another one.
    pub credential_headers: BTreeSet<String>,
    /// Who may ask; `None`: everybody, as `anonymous`.
    pub callers: Option<Arc<CallerRules>>,
    /// What opens the key endpoints of the admin interface; `None`: nothing does.
    pub admin_token: Option<SecretString>,
    /// What the service can do only where it sees bodies, each in words for a person: empty where it could go by headers.
    pub needs_bodies: Vec<String>,
}

/// A name that clients ask for.
#[derive(Debug)]
pub struct Model {
    /// The name.
    pub name: Arc<str>,
    /// Who serves it.
    pub targets: Vec<Arc<Target>>,
    /// The weight of each target; empty where the order is the one written.
    pub weights: Vec<u32>,
    /// When the next target is tried.
    pub retry: Retry,
    /// What happens when something cannot be said.
    pub losses: LossPolicy,
    /// What may be fetched for its requests; `None`: nothing.
    pub fetch_media: Option<fetch::Rules>,
}

/// A provider and its own name for a model.
#[derive(Debug)]
pub struct Target {
    /// Its name, by which filters know it: [`target_name`] or [`any_of`].
    pub name: Arc<str>,
    /// Who.
    pub provider: Arc<Provider>,
    /// Which model, and how it wants to be asked.
    pub upstream: Upstream,
    /// What it costs; `None` where nobody knows.
    pub price: Option<Arc<Price>>,
    /// Its own tokenizer, where one is configured.
    pub tokenizer: Option<Arc<Tokenizer>>,
}

/// When the next target is tried, in Envoy's words.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Most attempts, the first included.
    pub attempts: u32,
    /// The value for `x-envoy-retry-on`.
    pub on: String,
    /// The value for `x-envoy-retriable-status-codes`.
    pub status_codes: Option<&'static str>,
    /// Most time until response headers.
    pub per_try_timeout: Option<Duration>,
}

impl Config {
    /// Finds out what a written configuration means.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(written: written::Config) -> Result<Self, Invalid> {
        let mut problems = Vec::new();
        check_addresses(&written, &mut problems);
        check_store(&written.store, &mut problems);
        if written.providers.is_empty() {
            problems.push(Problem::at("providers", "no provider is configured; nothing could be served"));
        }
        let providers: BTreeMap<_, _> = written
            .providers
            .iter()
            .filter_map(|(name, provider)| {
                let compiled = Provider::compile(name, provider, &mut problems)?;
                Some((name.clone(), Arc::new(compiled)))
            })
            .collect();
        provider::check_together(&providers, &mut problems);
        let prices = Prices::compile(&written.prices, &written.providers, &mut problems);
        let models = written
            .models
            .iter()
            .filter_map(|(name, model)| {
                let compiled = Model::compile(name, model, &written.providers, &providers, &prices, &mut problems)?;
                Some((name.clone(), Arc::new(compiled)))
            })
            .collect();
        if written.models.is_empty() && !written.providers.values().any(|provider| provider.expose) {
            let message = "no model is configured and no provider has `expose: true`; clients could ask for nothing";
            problems.push(Problem::at("models", message));
        }
        let rules = super::rules::compile(&written, &mut problems);
        let redact = super::redact::compile(&written, &mut problems);
        let guards = super::guards::compile(&written, &mut problems);
        let cache = super::cache::compile(&written, &redact, &guards, &providers, &mut problems);
        let callers = super::callers::compile(&written, &mut problems);
        let admin_token = super::callers::admin_token(&written.service, &mut problems);
        if !problems.is_empty() {
            return Err(Invalid(problems));
        }
        let of_callers = callers.iter().flat_map(|rules| rules.header_names().map(str::to_owned).collect::<Vec<_>>());
        let credential_headers = providers
            .values()
            .flat_map(|provider| {
                let credentials = provider.credentials.header_names().into_iter().map(str::to_owned);
                credentials.chain(provider.headers.iter().map(|(name, _)| name.clone()))
            })
            // These belong to the dialect: the client's own must still reach another provider.
            .filter(|name| !matches!(name.as_str(), "anthropic-version" | "anthropic-beta"))
            // Who asks is the gateway's business, not a provider's.
            .chain(of_callers)
            .collect();
        let mut config = Self {
            written,
            providers,
            models,
            prices,
            rules,
            redact,
            guards,
            cache,
            callers,
            admin_token,
            credential_headers,
            needs_bodies: Vec::new(),
        };
        config.needs_bodies = super::by_headers::objections(&config);
        Ok(config)
    }

    /// The model that a client asks for: a configured name, or `provider/model` of an exposed provider.
    pub fn model(&self, asked: &str) -> Option<Arc<Model>> {
        if let Some(model) = self.models.get(asked) {
            return Some(model.clone());
        }
        let (provider, model) = asked.split_once('/')?;
        let provider = self.providers.get(provider).filter(|provider| provider.expose && is_model_name(model))?;
        Some(Arc::new(Model::of_one(self.exposed(provider, model))))
    }

    /// Who takes what names no model: the provider that is marked for such endpoints of this dialect.
    pub fn elsewhere(&self, dialect: Dialect) -> Option<Arc<Model>> {
        let takes = |provider: &&Arc<Provider>| provider.other_endpoints && provider.speaks.contains(&dialect);
        let provider = self.providers.values().find(takes)?;
        Some(Arc::new(Model::of_one(self.exposed(provider, ""))))
    }

    /// The target that an attempt of a plan goes to, by the names that the plan carries: of the model that was asked for,
    /// and the provider's own. Other models may have the same target with other settings.
    pub fn target(&self, asked: &str, provider: &str, model: &str) -> Option<Arc<Target>> {
        let targets = self.models.get(asked).map(|model| &*model.targets).unwrap_or_default();
        let known = targets.iter().find(|target| &*target.provider.name == provider && target.upstream.model == model);
        if let Some(known) = known {
            return Some(known.clone());
        }
        // What names no model goes to who takes that, exposed or not.
        let serves = |provider: &&Arc<Provider>| provider.expose || (provider.other_endpoints && model.is_empty());
        let provider = self.providers.get(provider).filter(serves)?;
        Some(Arc::new(self.exposed(provider, model)))
    }

    /// A target that no model names: of a provider that is exposed.
    fn exposed(&self, provider: &Arc<Provider>, model: &str) -> Target {
        let price = self.prices.of(provider, model);
        let name = any_of(&provider.name).into();
        Target { name, provider: provider.clone(), upstream: provider.upstream(model), price, tokenizer: None }
    }
}

impl Model {
    fn compile(
        name: &str,
        written: &written::Model,
        written_providers: &BTreeMap<String, written::Provider>,
        providers: &BTreeMap<String, Arc<Provider>>,
        prices: &Prices,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let at = format!("models.{name}");
        if !is_model_name(name) {
            problems.push(Problem::at("models", format!("{name:?} {NO_MODEL_NAME}")));
        }
        if written.targets.is_empty() {
            problems.push(Problem::at(format!("{at}.targets"), "a model needs at least one target"));
            return None;
        }
        let mut targets = Vec::new();
        for (i, target) in written.targets.iter().enumerate() {
            if !written_providers.contains_key(&target.provider) {
                let known: Vec<_> = written_providers.keys().map(String::as_str).collect();
                let message = format!("no provider `{}`; there is: {}", target.provider, known.join(", "));
                problems.push(Problem::at(format!("{at}.targets[{i}].provider"), message));
            }
            if !is_model_name(&target.model) {
                let message = format!("{:?} {NO_MODEL_NAME}", target.model);
                problems.push(Problem::at(format!("{at}.targets[{i}].model"), message));
            }
            // A provider that is written but did not compile has said why already.
            if let Some(provider) = providers.get(&target.provider) {
                let at = format!("{at}.targets[{i}]");
                let mut target = Target::compile(target, provider, prices, &at, problems);
                let there = &target.upstream.model;
                let is_alike = |other: &&Arc<Target>| {
                    other.provider.name == target.provider.name && other.upstream.model == *there
                };
                let before = targets.iter().filter(is_alike).count();
                target.name = target_name(name, &target.provider.name, there, before).into();
                targets.push(Arc::new(target));
            }
        }
        let weights = match written.select {
            Select::InOrder => Vec::new(),
            Select::Weighted => written.targets.iter().map(|target| target.weight).collect(),
        };
        if written.select == Select::Weighted && weights.iter().all(|weight| *weight == 0) {
            problems.push(Problem::at(format!("{at}.targets"), "every weight is 0; at least one target needs more"));
        }
        let retry = Retry::compile(&written.retry, targets.len(), &format!("{at}.retry"), problems);
        let fetch_media = fetch::Rules::compile(&written.fetch_media, &format!("{at}.fetch_media"), problems);
        Some(Self { name: name.into(), targets, weights, retry, losses: written.losses, fetch_media })
    }
}

impl Model {
    /// A model that is not configured but follows from its provider, by whose name metrics know it.
    fn of_one(target: Target) -> Self {
        Self {
            name: target.provider.name.clone(),
            targets: vec![Arc::new(target)],
            weights: Vec::new(),
            retry: Retry::compile(&written::Retry::default(), 1, "", &mut Vec::new()),
            losses: LossPolicy::Allow,
            fetch_media: None,
        }
    }

    /// Applies the policy on what could not be said.
    ///
    /// # Errors
    /// A [`Fault`] that names the losses, where the policy is to refuse them.
    pub fn judge(&self, translated: Translated) -> Result<Translated, Fault> {
        if translated.losses.is_empty() || self.losses == LossPolicy::Allow {
            return Ok(translated);
        }
        Err(translated.losses.refused())
    }
}

impl Target {
    fn compile(
        written: &written::Target,
        provider: &Arc<Provider>,
        prices: &Prices,
        at: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut upstream = provider.upstream(&written.model);
        if let Some(max_tokens) = written.max_tokens_default {
            upstream.max_tokens_default = max_tokens;
        }
        upstream.sampling = written.sampling;
        upstream.reasoning = written.reasoning;
        upstream.thinking = match written.thinking {
            written::Thinking::Budget => ThinkingStyle::Budget,
            written::Thinking::Adaptive => ThinkingStyle::Adaptive,
        };
        let tokenizer = written.tokenizer.as_ref().and_then(|path| {
            let complain = |error: &String| problems.push(Problem::at(format!("{at}.tokenizer"), error));
            Tokenizer::load(path.as_ref()).inspect_err(complain).ok().map(Arc::new)
        });
        let (name, price) = (any_of(&provider.name).into(), prices.of(provider, &written.model));
        Self { name, provider: provider.clone(), upstream, price, tokenizer }
    }
}

impl Retry {
    fn compile(written: &written::Retry, targets: usize, at: &str, problems: &mut Vec<Problem>) -> Self {
        let default = u32::try_from(targets).unwrap_or(ATTEMPTS_MAX).clamp(1, ATTEMPTS_MAX);
        let attempts = written.attempts.unwrap_or(default);
        if !(1..=ATTEMPTS_MAX).contains(&attempts) {
            let message = format!("{attempts} attempts; from 1 (no retry) to {ATTEMPTS_MAX} make sense");
            problems.push(Problem::at(format!("{at}.attempts"), message));
        }
        let mut words = BTreeSet::new();
        for on in &written.on {
            words.insert(match on {
                RetryOn::ServerError => "5xx",
                RetryOn::TooMany => "retriable-status-codes",
                RetryOn::ConnectFailure => "connect-failure",
                RetryOn::Reset | RetryOn::Timeout => "reset",
            });
        }
        let per_try_timeout = written
            .per_try_timeout
            .as_ref()
            .and_then(|text| duration(text, &format!("{at}.per_try_timeout"), problems));
        Self {
            attempts,
            on: words.into_iter().collect::<Vec<_>>().join(","),
            status_codes: written.on.contains(&RetryOn::TooMany).then_some("429"),
            per_try_timeout,
        }
    }
}

/// Reads a secret that becomes a header's value. No message ever shows it.
pub(super) fn secret(
    written: &written::Secret,
    prefix: &str,
    at: String,
    problems: &mut Vec<Problem>,
) -> Option<SecretString> {
    let text = match written {
        written::Secret::Text(text) => text.clone(),
        written::Secret::File(written::SecretFile { file }) => match std::fs::read_to_string(file) {
            Ok(text) => text.lines().next().unwrap_or_default().trim().to_owned(),
            Err(error) => {
                problems.push(Problem::at(at, format!("cannot read the secret from {file}: {error}")));
                return None;
            }
        },
    };
    let value = format!("{prefix}{text}");
    if text.is_empty() || http::HeaderValue::try_from(&value).is_err() {
        problems.push(Problem::at(at, "the secret is empty or holds characters that no header may hold"));
        return None;
    }
    Some(SecretString::from(value))
}

/// Headers that Envoy and the service set themselves.
const RESERVED_HEADERS: [&str; 11] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "content-type",
    "accept-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "x-request-id",
];

pub(super) fn header_name(name: &str, at: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let message = if http::HeaderName::try_from(&name).is_err() {
        format!("`{name}` is not a header name")
    } else if RESERVED_HEADERS.contains(&name.as_str())
        || name.starts_with("x-attache-")
        || name.starts_with("x-envoy-")
        || name.starts_with("x-forwarded-")
    {
        format!("`{name}` is set by the gateway itself")
    } else {
        return Some(name);
    };
    problems.push(Problem::at(at, message));
    None
}

/// What is wrong with a name that is not [`is_model_name`].
const NO_MODEL_NAME: &str =
    "is no name for a model: expected 1 to 256 bytes without control characters, not `.` or `..`";

/// Whether this can be a model's name: headers repeat it, some URLs hold it as a segment (where `..` would lead elsewhere),
/// and an unknown client may have made it up.
fn is_model_name(name: &str) -> bool {
    (1..=MODEL_NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control) && !matches!(name, "." | "..")
}

pub fn duration(text: &str, at: &str, problems: &mut Vec<Problem>) -> Option<Duration> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration > TIME_MAX => {
            problems.push(Problem::at(at, format!("`{text}` is longer than a day")));
            None
        }
        Ok(duration) if duration >= Duration::from_millis(1) => Some(duration),
        Ok(_) => {
            problems.push(Problem::at(at, format!("`{text}` is shorter than a millisecond")));
            None
        }
        Err(_) => {
            problems
                .push(Problem::at(at, format!("`{text}` is not a time; expected something like 30s, 500ms or 15m")));
            None
        }
    }
}

/// Whether a store could be opened as it is written.
fn check_store(store: &written::Store, problems: &mut Vec<Problem>) {
    let file = store.memory.as_ref().and_then(|memory| memory.file.as_deref());
    if file.is_some_and(str::is_empty) {
        problems.push(Problem::at("store.memory.file", "the path is empty; leave `file` out to keep nothing"));
    }
    if let Some(Err(problem)) = store.redis.as_ref().map(RedisSettings::check) {
        problems.push(Problem::at("store.redis", problem.to_string()));
    }
    if store.memory.is_some() && store.redis.is_some() {
        problems.push(Problem::at("store", "there is one store: write either `memory` or `redis`"));
    }
    if !(1..=TIME_MAX.as_secs()).contains(&store.hold_seconds) {
        let message = format!("{} seconds; from 1 to {} (a day) make sense", store.hold_seconds, TIME_MAX.as_secs());
        problems.push(Problem::at("store.hold_seconds", message));
    }
}

fn check_addresses(written: &written::Config, problems: &mut Vec<Problem>) {
    for (at, address) in
        [("listen", &written.listen), ("service.admin", &written.service.admin), ("envoy.admin", &written.envoy.admin)]
    {
        if address.parse::<std::net::SocketAddr>().is_err() {
            problems.push(Problem::at(
                at,
                format!("`{address}` is not an address; expected IP:PORT such as 127.0.0.1:9090"),
            ));
        }
    }
    let envoys_way = written.envoy.service.iter().map(|service| ("envoy.service", service));
    for (at, grpc) in envoys_way.chain([("service.grpc", &written.service.grpc)]) {
        if grpc.strip_prefix("unix:").is_none_or(str::is_empty) && split_host_port(grpc).is_none() {
            let message = format!("`{grpc}` is not an address; expected unix:PATH or HOST:PORT");
            problems.push(Problem::at(at, message));
        }
    }
    for (at, text) in
        [("envoy.idle_timeout", &written.envoy.idle_timeout), ("envoy.connect_timeout", &written.envoy.connect_timeout)]
    {
        duration(text, at, problems);
    }
    if let OnServiceFailure::PassTo(provider) = &written.envoy.on_service_failure
        && !written.providers.contains_key(provider)
    {
        let message = format!("no provider `{provider}`");
        problems.push(Problem::at("envoy.on_service_failure.pass_to", message));
    }
    if written.service.drain_seconds > TIME_MAX.as_secs() {
        let message = format!("{} seconds are longer than a day", written.service.drain_seconds);
        problems.push(Problem::at("service.drain_seconds", message));
    }
    if !(1024..=1 << 30).contains(&written.limits.body_bytes_max) {
        problems.push(Problem::at("limits.body_bytes_max", "expected from 1024 bytes to 1 GiB (1073741824)"));
    }
}

/// `HOST:PORT`, where the host may be a name.
pub fn split_host_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    (!host.is_empty()).then_some((host.trim_matches(['[', ']']), port.parse().ok()?))
}

/// A time as Envoy writes it: `0.500s`.
pub fn seconds(text: &str) -> String {
    let duration = humantime::parse_duration(text).unwrap_or_default();
    format!("{}.{:03}s", duration.as_secs(), duration.subsec_millis())
}
