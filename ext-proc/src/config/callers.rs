//! What the sections `callers`, `teams` and `orgs` mean.

use super::Problem;
use super::compiled::{duration, secret};
use crate::callers::access::{Allow, Names};
use crate::callers::claims::{Paths, Said, is_fit};
use crate::callers::jwks::KeySet;
use crate::callers::jwt::{Issuer, Keys};
use crate::callers::key::{CHARS_MIN, KeyHash};
use crate::callers::mesh::{EnvoyJwt, Headers, Known, Mtls, Payload};
use crate::callers::rules::{Group, Groups, Key, Rules};
use crate::callers::throttle::Rate;
use crate::callers::{KEY_HEADERS, Source};
use crate::config::written::{self, callers as w};
use crate::outbound::check_url;
use crate::pattern::Pattern;
use attache_core::dialect::Dialect;
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How often a key set is fetched anew where nothing is said.
const REFRESH: Duration = Duration::from_secs(600);
/// Most failures that can be configured: what forgives more of them hinders nobody.
const FAILURES_MAX: u32 = 10_000;

/// What all these sections mean; `None` where everybody is let in.
pub(super) fn compile(written: &written::Config, problems: &mut Vec<Problem>) -> Option<Arc<Rules>> {
    let before = problems.len();
    let mut compiler = Compiler { written, material: Vec::new(), problems };
    let groups = compiler.groups();
    let Some(callers) = &written.callers else {
        for (section, is_empty) in [("teams", written.teams.is_empty()), ("orgs", written.orgs.is_empty())] {
            if !is_empty {
                let message =
                    "without `callers` nobody belongs to one; write `callers: {}` at least, which lets in stored keys";
                compiler.problem(section, message);
            }
        }
        return None;
    };
    let rules = compiler.rules(callers, groups);
    (problems.len() == before).then(|| Arc::new(rules))
}

/// The token that opens the key endpoints.
pub(super) fn admin_token(written: &written::Service, problems: &mut Vec<Problem>) -> Option<SecretString> {
    let at = "service.admin_token";
    let token = secret(written.admin_token.as_ref()?, "", at.to_owned(), problems)?;
    if token.expose_secret().chars().count() < CHARS_MIN {
        problems.push(Problem::at(at, too_short("an admin token")));
    }
    Some(token)
}

fn too_short(what: &str) -> String {
    format!("{what} of fewer than {CHARS_MIN} characters can be guessed; `openssl rand -hex 32` makes one that cannot")
}

/// What a list allows.
pub fn allow_list(written: &w::Allow) -> Allow {
    let names = |names: &Option<Vec<String>>| names.as_ref().map(|names| Names::of(names.iter().map(String::as_str)));
    let fronts = written.fronts.as_ref().map(|fronts| fronts.iter().copied().map(Dialect::from).collect());
    Allow { models: names(&written.models), providers: names(&written.providers), fronts }
}

/// The Unix seconds that a point in time is, as people write it.
///
/// # Errors
/// What was met, and what was expected.
pub fn unix_seconds(text: &str) -> Result<u64, String> {
    let time = humantime::parse_rfc3339(text).ok();
    let since = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since
        .map(|since| since.as_secs())
        .ok_or_else(|| format!("`{text}` is not a point in time; expected something like 2027-01-01T00:00:00Z"))
}

struct Compiler<'a> {
    written: &'a written::Config,
    /// Everything secret, and every key set that was read.
    material: Vec<String>,
    problems: &'a mut Vec<Problem>,
}

impl Compiler<'_> {
    fn problem(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::at(at, message));
    }

    fn rules(&mut self, callers: &w::Callers, groups: Groups) -> Rules {
        let keys = self.keys(&callers.keys, &groups);
        let issuers: Vec<_> = callers.jwt.iter().enumerate().filter_map(|(i, issuer)| self.issuer(i, issuer)).collect();
        let envoy_jwt = callers.envoy_jwt.as_ref().and_then(|envoy_jwt| self.envoy_jwt(envoy_jwt));
        let mtls = callers.mtls.as_ref().map(|mtls| self.mtls(mtls));
        let headers = callers.headers.as_ref().map(|headers| self.headers(headers));
        let throttle = self.throttle(&callers.throttle);
        Rules {
            anonymous: callers.anonymous == w::Anonymous::Allow,
            keys,
            stored_keys: callers.stored_keys.0,
            issuers,
            envoy_jwt,
            mtls,
            headers,
            throttle,
            groups,
            material: KeyHash::of_all(self.material.iter().map(String::as_str)),
        }
    }

    fn groups(&mut self) -> Groups {
        let (teams, orgs) = (&self.written.teams, &self.written.orgs);
        let mut groups = Groups::default();
        for (name, org) in orgs {
            let at = format!("orgs.{name}");
            self.check_name(name, &at);
            let allow = self.allow(&org.allow, &at);
            let group = Group { org: None, tags: org.tags.clone(), allow, disabled: org.disabled };
            groups.orgs.insert(name.clone(), group);
        }
        for (name, team) in teams {
            let at = format!("teams.{name}");
            self.check_name(name, &at);
            let allow = self.allow(&team.allow, &at);
            let known = orgs.keys().map(String::as_str);
            self.check_known("organisation", team.org.as_deref(), known, &format!("{at}.org"));
            let (org, tags) = (team.org.clone(), team.tags.clone());
            groups.teams.insert(name.clone(), Group { org, tags, allow, disabled: team.disabled });
        }
        groups
    }

    fn keys(&mut self, keys: &BTreeMap<String, w::Key>, groups: &Groups) -> HashMap<KeyHash, Arc<Key>> {
        let mut by_hash: HashMap<KeyHash, Arc<Key>> = HashMap::with_capacity(keys.len());
        let mut owners: HashMap<KeyHash, &str> = HashMap::with_capacity(keys.len());
        for (name, key) in keys {
            let at = format!("callers.keys.{name}");
            self.check_name(name, &at);
            let allow = self.allow(&key.allow, &at);
            self.check_team(key.team.as_deref(), &at);
            let expires_s = key.expires.as_ref().and_then(|text| match unix_seconds(text) {
                Ok(seconds) => Some(seconds),
                Err(message) => {
                    self.problem(format!("{at}.expires"), message);
                    None
                }
            });
            let said = Said { name: name.clone(), team: key.team.clone(), tags: key.tags.clone(), ..Said::default() };
            let caller = if key.disabled {
                Err(crate::callers::Stranger::Disabled)
            } else {
                groups.caller(said, Source::Key, None, &allow)
            };
            let key = (self.hashes(key, &at), Arc::new(Key { caller, expires_s }));
            for hash in key.0 {
                if let Some(other) = owners.insert(hash, name) {
                    self.problem(&at, format!("this key is also that of `{other}`; whose requests would they be?"));
                }
                by_hash.insert(hash, key.1.clone());
            }
        }
        by_hash
    }

    fn hashes(&mut self, key: &w::Key, at: &str) -> Vec<KeyHash> {
        let mut hashes = Vec::new();
        for (i, text) in key.sha256.0.iter().enumerate() {
            let Some(hash) = KeyHash::from_hex(text) else {
                let message =
                    "this is no SHA-256: expected 64 hex digits, as `printf %s \"$KEY\" | sha256sum` prints them";
                self.problem(format!("{at}.sha256[{i}]"), message);
                continue;
            };
            hashes.push(hash);
        }
        match (&key.value, key.sha256.0.is_empty()) {
            (Some(value), true) => {
                let at = format!("{at}.value");
                let Some(text) = secret(value, "", at.clone(), self.problems) else { return hashes };
                if text.expose_secret().chars().count() < CHARS_MIN {
                    self.problem(at, too_short("a key"));
                }
                hashes.push(KeyHash::of(text.expose_secret()));
            }
            (None, false) => {}
            _ => self.problem(at, "write either `sha256: HASH` (or a list of them) or `value: SECRET`"),
        }
        self.material.extend(hashes.iter().map(|hash| hash.to_hex()));
        hashes
    }

    fn issuer(&mut self, index: usize, written: &w::Issuer) -> Option<Issuer> {
        let at = format!("callers.jwt[{index}]");
        let earlier = self.written.callers.iter().flat_map(|callers| callers.jwt.iter().take(index));
        if earlier.into_iter().any(|other| other.issuer == written.issuer) {
            self.problem(
                format!("{at}.issuer"),
                format!("`{}` is there already; one issuer has one entry", written.issuer),
            );
        }
        if written.audiences.is_empty() {
            let message = "write what the `aud` of its tokens says for this gateway: without it, a token that was made for any \
                           other service would count here";
            self.problem(format!("{at}.audiences"), message);
        }
        if written.algorithms.is_empty() {
            self.problem(
                format!("{at}.algorithms"),
                "an empty list allows no token; leave it out to allow all of them",
            );
        }
        self.check_tokens(&written.prefix, &written.claims, &at);
        let allow = self.allow(&written.allow, &at);
        let keys = self.jwks(&written.jwks, &format!("{at}.jwks"))?;
        Some(Issuer {
            name: written.issuer.clone(),
            audiences: written.audiences.clone(),
            algorithms: written.algorithms.clone(),
            keys,
            paths: paths(&written.claims),
            prefix: written.prefix.clone(),
            tags: written.tags.clone(),
            allow,
        })
    }

    fn jwks(&mut self, written: &w::Jwks, at: &str) -> Option<Keys> {
        match (&written.file, &written.url) {
            (Some(file), None) => {
                let read = std::fs::read_to_string(file).map_err(|error| error.to_string());
                let parsed = read.and_then(|text| {
                    let keys = KeySet::parse(text.as_bytes())?;
                    self.material.push(text);
                    Ok(keys)
                });
                match parsed {
                    Ok(keys) => Some(Keys::Here(Arc::new(keys))),
                    Err(error) => {
                        self.problem(format!("{at}.file"), format!("{file}: {error}"));
                        None
                    }
                }
            }
            (None, Some(url)) => {
                if let Err(message) = check_url(url, "https://idp.example.com/.well-known/jwks.json") {
                    self.problem(format!("{at}.url"), message);
                }
                let refresh = written.refresh.as_ref();
                let refresh = refresh.map(|text| duration(text, &format!("{at}.refresh"), self.problems));
                let refresh = refresh.flatten().unwrap_or(REFRESH);
                if refresh < Duration::from_secs(30) {
                    self.problem(format!("{at}.refresh"), "a key set is fetched every 30s at most");
                }
                Some(Keys::At(url.clone(), refresh))
            }
            _ => {
                self.problem(at, "write either `{ file: PATH }` or `{ url: URL }`");
                None
            }
        }
    }

    fn envoy_jwt(&mut self, written: &w::EnvoyJwt) -> Option<EnvoyJwt> {
        let at = "callers.envoy_jwt";
        self.check_tokens(&written.prefix, &written.claims, at);
        let allow = self.allow(&written.allow, at);
        let payload = match (&written.metadata, &written.header) {
            (Some(key), None) => Payload::Metadata(key.clone()),
            (None, Some(name)) => Payload::Header(self.trusted_header(name, &format!("{at}.header"))),
            _ => {
                self.problem(at, "write either `metadata: KEY` or `header: NAME`: where jwt_authn leaves the payload");
                return None;
            }
        };
        let (prefix, tags) = (written.prefix.clone(), written.tags.clone());
        Some(EnvoyJwt { payload, paths: paths(&written.claims), prefix, tags, allow })
    }

    fn mtls(&mut self, written: &w::Mtls) -> Mtls {
        let (mut exact, mut patterns) = (BTreeMap::new(), Vec::new());
        if written.identities.is_empty() {
            let message = "no certificate would be a caller; write `\"*\": {}` for all that Envoy lets in";
            self.problem("callers.mtls.identities", message);
        }
        for (identity, known) in &written.identities {
            let at = format!("callers.mtls.identities.{identity}");
            self.check_team(known.team.as_deref(), &at);
            if let Some(caller) = &known.caller {
                self.check_name(caller, &format!("{at}.caller"));
            }
            let allow = self.allow(&known.allow, &at);
            let (caller, team, tags) = (known.caller.clone(), known.team.clone(), known.tags.clone());
            let known = Known { caller, team, tags, allow };
            if identity.contains('*') {
                patterns.push((Pattern::new(identity), known));
            } else {
                exact.insert(identity.clone(), known);
            }
        }
        patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.fixed_bytes()));
        Mtls { identity: written.identity, from: written.from, exact, patterns }
    }

    fn headers(&mut self, written: &w::Headers) -> Headers {
        let at = "callers.headers";
        let caller = self.trusted_header(&written.caller, &format!("{at}.caller"));
        let team = written.team.as_ref().map(|name| self.trusted_header(name, &format!("{at}.team")));
        let org = written.org.as_ref().map(|name| self.trusted_header(name, &format!("{at}.org")));
        let tags = written.tags.iter();
        let tags =
            tags.map(|(tag, name)| (tag.clone(), self.trusted_header(name, &format!("{at}.tags.{tag}")))).collect();
        Headers { caller, team, org, tags, allow: self.allow(&written.allow, at) }
    }

    /// The name of a header that somebody in front sets.
    fn trusted_header(&mut self, name: &str, at: &str) -> String {
        let name = name.to_ascii_lowercase();
        if http::HeaderName::try_from(&name).is_err() {
            self.problem(at, format!("`{name}` is not a header name"));
        } else if KEY_HEADERS.contains(&name.as_str()) {
            self.problem(at, format!("`{name}` holds the client's own key or token; it proves nothing by being there"));
        } else if name.starts_with("x-attache-") || name.starts_with("x-envoy-") {
            self.problem(at, format!("`{name}` is set by the gateway itself, which takes others away"));
        }
        name
    }

    fn throttle(&mut self, written: &w::Throttle) -> Rate {
        let at = "callers.throttle";
        if !(1..=FAILURES_MAX).contains(&written.failures) {
            self.problem(format!("{at}.failures"), format!("expected from 1 to {FAILURES_MAX}"));
        }
        let per = duration(&written.per, &format!("{at}.per"), self.problems).unwrap_or(Duration::from_secs(60));
        Rate { failures: written.failures, per }
    }

    fn allow(&mut self, written: &w::Allow, at: &str) -> Arc<Allow> {
        let (models, providers) = (&self.written.models, &self.written.providers);
        for (i, name) in written.providers.iter().flatten().enumerate() {
            if !name.contains('*') {
                let known = providers.keys().map(String::as_str);
                self.check_known("provider", Some(name), known, &format!("{at}.allow.providers[{i}]"));
            }
        }
        for (i, name) in written.models.iter().flatten().enumerate() {
            // `provider/model` names any model of a provider that is exposed.
            if !name.contains(['*', '/']) {
                let known = models.keys().map(String::as_str);
                self.check_known("model", Some(name), known, &format!("{at}.allow.models[{i}]"));
            }
        }
        Arc::new(allow_list(written))
    }

    fn check_team(&mut self, team: Option<&str>, at: &str) {
        let teams = &self.written.teams;
        // Without any team that is written, a team is only a name.
        if !teams.is_empty() {
            self.check_known("team", team, teams.keys().map(String::as_str), &format!("{at}.team"));
        } else if let Some(team) = team {
            self.check_name(team, &format!("{at}.team"));
        }
    }

    fn check_known<'n>(&mut self, what: &str, name: Option<&str>, known: impl Iterator<Item = &'n str>, at: &str) {
        let known: Vec<_> = known.collect();
        if let Some(name) = name.filter(|name| !known.contains(name)) {
            let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            self.problem(at, format!("no {what} `{name}`; there is: {there}"));
        }
    }

    fn check_name(&mut self, name: &str, at: &str) {
        if !is_fit(name) {
            self.problem(at, "a name has 1 to 256 bytes and no control characters");
        }
    }

    fn check_tokens(&mut self, prefix: &str, claims: &w::Claims, at: &str) {
        if prefix.len() > 64 || prefix.contains(char::is_control) {
            self.problem(format!("{at}.prefix"), "a prefix has at most 64 bytes and no control characters");
        }
        if claims.caller.is_empty() {
            self.problem(format!("{at}.claims.caller"), "the path of the claim that names the caller is empty");
        }
    }
}

fn paths(written: &w::Claims) -> Paths {
    let w::Claims { caller, team, org, tags, keep } = written.clone();
    Paths { caller, team, org, tags, keep }
}
