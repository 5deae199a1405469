//! Rules: what is cached, for whom, and under which names.

use super::semantic::Embedder;
use crate::callers::Caller;
use crate::callers::Source;
use crate::config::compiled::Target;
use crate::limits::rule::{Dimension, Facts};
use crate::pattern::Pattern;
use attache_core::cache_key::{Keys, Tenant};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use crate::config::written::cache::Scope;

/// Everything that a configuration says of the cache.
#[derive(Debug)]
pub struct Rules {
    /// Makes the names of entries.
    pub keys: Keys,
    /// A hash of the secret, by which a change of it is known.
    pub material: [u8; 32],
    /// Answers are kept in Redis.
    pub in_redis: bool,
    /// Most bytes of answers in this process.
    pub memory_bytes_max: u64,
    /// Most bytes of one answer.
    pub entry_bytes_max: usize,
    /// What is cached, and for whom.
    pub rules: Vec<Arc<Rule>>,
    /// Who makes vectors.
    pub embedder: Option<Arc<Embedder>>,
    /// A hash of what operators let happen to requests and answers: redaction and guards.
    pub policy: String,
    /// A hash of how each provider and each model is set up, by `provider NAME` and `model NAME`.
    pub setups: BTreeMap<String, String>,
}

/// What is cached, and for whom.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// To what it applies; one pattern of each must fit.
    pub when: Vec<(Dimension, Vec<Pattern>)>,
    /// Who reads what was answered to whom.
    pub scope: Scope,
    /// How long an answer is kept.
    pub ttl: Duration,
    /// Answers that call tools are kept, too.
    pub store_tool_calls: bool,
    /// An answer from the cache counts as a request.
    pub count_requests: bool,
    /// Clients may say what the cache does for them.
    pub client_controls: bool,
    /// How long to wait for the answer to an identical request; `None`: not at all.
    pub coalesce: Option<Duration>,
    /// Fields at the top of requests that do not matter.
    pub ignore: Vec<&'static str>,
    /// Whether questions that mean the same have the same answer; `None`: no.
    pub semantic: Option<SemanticRule>,
}

/// How answers are found by meaning.
#[derive(Clone, Copy, Debug)]
pub struct SemanticRule {
    /// It counts what it would have answered, and does not answer.
    pub shadow: bool,
    /// How alike two questions must be.
    pub threshold: f32,
    /// Which share of its answers is asked for all the same and compared.
    pub verify_sample: f64,
    /// How long an answer can be found so.
    pub ttl: Duration,
}

impl Rules {
    /// The rule that applies to an exchange.
    pub fn of(&self, facts: &Facts<'_>) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| facts.fit(&rule.when, None))
    }

    /// The models that may answer, each with a hash of how it is set up: an answer under another setup is another one.
    pub fn targets<'t>(&self, model: &str, targets: impl Iterator<Item = &'t Arc<Target>>) -> Vec<String> {
        let setup = |of: String| self.setups.get(&of).map_or("", String::as_str).to_owned();
        let of_model = setup(format!("model {model}"));
        let one = |target: &Arc<Target>| {
            let provider = &target.provider.name;
            let of_provider = setup(format!("provider {provider}"));
            format!("{provider}/{} {of_provider} {of_model}", target.upstream.model)
        };
        targets.map(one).collect()
    }
}

/// A name without the sign that stands between two of them: names come from tokens, too.
fn escaped(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}

/// A caller by all that says which one it is. Two who prove themselves in different ways may have the same name, and so may
/// two of different organisations, teams or issuers of tokens.
pub fn known_as(caller: &Caller) -> String {
    let source = match caller.source {
        Source::EnvoyJwt => "envoy_jwt",
        source @ (Source::Key | Source::Jwt | Source::Mtls | Source::Headers | Source::Anonymous) => source.as_str(),
    };
    let group = |name: &Option<Arc<str>>| name.as_ref().map_or_else(String::new, |name| format!("={}", escaped(name)));
    // Of all others nothing is said: what was kept for them before issuers counted stays theirs.
    let issuer = caller.issuer.as_ref().map_or_else(String::new, |issuer| format!("/{}", escaped(issuer)));
    format!("{source}/{}/{}/{}{issuer}", escaped(&caller.name), group(&caller.org), group(&caller.team))
}

/// Whose answers are kept together, as entries and operators name it: `caller/key:alice`, `team/search`,
/// `team/acme/search`, `route/faq`, `shared`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    scope: Scope,
    /// As operators name it.
    name: String,
    /// As keys know it, where that says more.
    known_as: Option<String>,
}

impl Whose {
    /// Whose the answers to a caller under a rule are; `None` where the caller is nobody of whom that could be said.
    pub fn of(rule: &Rule, caller: &Caller) -> Option<Self> {
        let name = match rule.scope {
            Scope::Caller if caller.source == Source::Anonymous => return None,
            Scope::Caller => format!("{}:{}", caller.source.as_str(), caller.name),
            Scope::Team => match (&caller.org, caller.team.as_deref()?) {
                (Some(org), team) => format!("{}/{}", escaped(org), escaped(team)),
                (None, team) => escaped(team),
            },
            Scope::Route => rule.name.to_string(),
            Scope::Shared => String::new(),
        };
        let known_as = (rule.scope == Scope::Caller).then(|| known_as(caller));
        Some(Self { scope: rule.scope, name, known_as })
    }

    /// As keys know it.
    pub fn tenant(&self) -> Tenant<'_> {
        match self.scope {
            Scope::Caller => Tenant::Caller(self.known_as.as_deref().unwrap_or(&self.name)),
            Scope::Team => Tenant::Team(&self.name),
            Scope::Route => Tenant::Route(&self.name),
            Scope::Shared => Tenant::Shared,
        }
    }

    /// As entries and operators name it. Callers of one name and kind of proof have one tag, whatever else tells them apart.
    pub fn tag(&self) -> String {
        match self.scope {
            Scope::Caller => format!("caller/{}", self.name),
            Scope::Team => format!("team/{}", self.name),
            Scope::Route => format!("route/{}", self.name),
            Scope::Shared => "shared".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::entry::{About, Entry};
    use crate::cache::now_ms;
    use crate::cache::shelf::Memory;
    use crate::callers::access::Access;
    use crate::callers::caller::Identity;
    use attache_core::cache_key::{Key, Request, Scope as KeyScope};
    use attache_core::endpoint::Endpoint;
    use bytes::Bytes;
    use proptest::prelude::*;

    /// Somebody who asks, under a rule.
    #[derive(Clone, Debug)]
    struct Asker {
        source: Source,
        issuer: Option<&'static str>,
        name: &'static str,
        org: Option<&'static str>,
        team: Option<&'static str>,
        scope: Scope,
        rule: &'static str,
    }

    impl Asker {
        fn whose(&self) -> Option<Whose> {
            let caller = Caller::new(Identity {
                name: self.name.into(),
                source: self.source,
                issuer: self.issuer.map(Arc::from),
                key: None,
                team: self.team.map(Arc::from),
                org: self.org.map(Arc::from),
                tags: BTreeMap::new(),
                claims: BTreeMap::new(),
                access: Access::default(),
            });
            let rule = Rule {
                name: self.rule.into(),
                when: Vec::new(),
                scope: self.scope,
                ttl: Duration::from_secs(60),
                store_tool_calls: false,
                count_requests: true,
                client_controls: true,
                coalesce: None,
                ignore: Vec::new(),
                semantic: None,
            };
            Whose::of(&rule, &caller)
        }

        fn key(&self) -> Option<Key> {
            let whose = self.whose()?;
            let endpoint = Endpoint::of("/v1/chat/completions", false)?;
            let request = Request::read(&endpoint, br#"{"model":"m","messages":[]}"#).ok()?;
            let scope = KeyScope { tenant: whose.tenant(), policy: "", models: &[], also: &[], left_out: &[] };
            Some(Keys::new(b"a secret").exact(&scope, &request))
        }

        /// Whether two may read each other's answers, said in another way.
        fn may_share(&self, other: &Self) -> bool {
            let known = |asker: &Self| asker.source != Source::Anonymous;
            let proof = |asker: &Self| (asker.source, asker.issuer, asker.name, asker.org, asker.team);
            match (self.scope, other.scope) {
                (Scope::Caller, Scope::Caller) => known(self) && proof(self) == proof(other),
                (Scope::Team, Scope::Team) => self.team.is_some() && (self.org, self.team) == (other.org, other.team),
                (Scope::Route, Scope::Route) => self.rule == other.rule,
                (Scope::Shared, Scope::Shared) => true,
                (Scope::Caller | Scope::Team | Scope::Route | Scope::Shared, _) => false,
            }
        }
    }

    /// Somebody with a name of this source.
    fn of(source: Source, org: Option<&'static str>, team: Option<&'static str>) -> Asker {
        Asker { source, issuer: None, name: "alice", org, team, scope: Scope::Caller, rule: "faq" }
    }

    fn by(issuer: &'static str) -> Asker {
        Asker { issuer: Some(issuer), ..of(Source::Jwt, None, None) }
    }

    #[test]
    fn callers_of_one_name_have_one_tag_and_not_the_same_answers() {
        let alike = [
            of(Source::Jwt, None, None),
            of(Source::EnvoyJwt, None, None),
            of(Source::Jwt, Some("acme"), None),
            of(Source::Jwt, None, Some("acme")),
            of(Source::Jwt, Some(""), None),
            of(Source::Jwt, Some("acme"), Some("search")),
            by("https://idp.example"),
            by("https://other.example"),
        ];
        for (place, one) in alike.iter().enumerate() {
            assert_eq!(one.whose().unwrap().tag(), "caller/jwt:alice");
            assert!(alike.iter().skip(place + 1).all(|other| one.key() != other.key()), "{one:?}");
        }
        assert_eq!(of(Source::Key, Some("acme"), Some("search")).whose().unwrap().tag(), "caller/key:alice");
    }

    fn asker() -> impl Strategy<Value = Asker> {
        let name = || prop::sample::select(vec!["a", "b", "a/b", "a%2Fb", "key:a", "", "shared"]);
        let sources =
            vec![Source::Key, Source::Jwt, Source::EnvoyJwt, Source::Mtls, Source::Headers, Source::Anonymous];
        let scopes = vec![Scope::Caller, Scope::Team, Scope::Route, Scope::Shared];
        let some = || prop::option::of(name());
        let (source, scope) = (prop::sample::select(sources), prop::sample::select(scopes));
        (source, some(), name(), some(), some(), scope, name()).prop_map(
            |(source, issuer, name, org, team, scope, rule)| Asker { source, issuer, name, org, team, scope, rule },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn nobody_finds_what_is_another_s(first in asker(), second in asker()) {
            let memory = Memory::new(1 << 20);
            if let Some(key) = first.key() {
                let about = About { expires_at: now_ms() + 60_000, ..About::default() };
                memory.put(&key, Arc::new(Entry { body: Bytes::from_static(b"secret"), about }));
            }
            let found = second.key().is_some_and(|key| memory.get(&key).is_some());
            prop_assert_eq!(found, first.may_share(&second));
            // What operators name is as particular as what keys know, but for callers of one name.
            let tags = first.whose().map(|whose| whose.tag()).zip(second.whose().map(|whose| whose.tag()));
            let same_name = first.scope == Scope::Caller
                && second.scope == Scope::Caller
                && first.source != Source::Anonymous
                && (first.source.as_str(), first.name) == (second.source.as_str(), second.name);
            prop_assert_eq!(tags.is_some_and(|(first, second)| first == second), first.may_share(&second) || same_name);
        }
    }
}
