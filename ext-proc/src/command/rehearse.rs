//! `attache test`: what would become of a request, without sending it: who asks, may they, which limits apply, what it
//! would cost. Nothing but the configuration is asked, so that it runs anywhere.

use super::table::Table;
use super::{Anything, print};
use crate::callers::claims::Said;
use crate::callers::{self, Caller, Callers, Source};
use crate::config::compiled::{Model, Target};
use crate::config::{self, Config};
use crate::counting::{self, Calibration, Counting};
use crate::exchange::message::Head;
use crate::exchange::plan::Plan;
use crate::front::{self, Front};
use crate::limits::claims::{self, Claims, Expected, Meaning};
use crate::limits::rule::{Facts, Rule, Unit};
use crate::metrics::Metrics;
use crate::store::{Store, Wanted};
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::fault::{Fault, FaultKind};
use attache_core::price::Nanos;
use attache_core::translate::Ask;
use clap::ValueEnum;
use envoy_types::pb::envoy::config::core::v3::HeaderValue;
use serde::Serialize;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

/// The largest request that is read, in bytes.
const REQUEST_BYTES_MAX: u64 = 1 << 30;

/// Say what would become of a request: allowed? which limits, what would it cost? Exit code 0: it would be sent on.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// The configuration file.
    #[arg(long, default_value = "attache.yaml")]
    config: PathBuf,
    /// The request's body, or `-` for standard input.
    #[arg(long, default_value = "-")]
    request: PathBuf,
    /// The path that the client asks.
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// A header of the request, `name: value`. May be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<Header>,
    /// The environment variable that holds the caller's key or token.
    #[arg(long, value_name = "VARIABLE")]
    key_env: Option<String>,
    /// Pretend that this caller asks, whatever it would have to show.
    #[arg(long = "as", value_name = "CALLER")]
    caller: Option<String>,
    /// The team of the caller of `--as`.
    #[arg(long, requires = "caller")]
    team: Option<String>,
    /// A tag of the caller of `--as`, `name=value`. May be given several times.
    #[arg(long = "tag", requires = "caller", value_name = "NAME=VALUE")]
    tags: Vec<Tag>,
    /// What is used up already of a limit or budget: `team-month=12.5`, or `per-minute/tokens=900` where it has several
    /// numbers. Money in whole units. May be given several times. Default: nothing is.
    #[arg(long = "used", value_name = "LIMIT=AMOUNT")]
    used: Vec<Tag>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Clone, Debug)]
struct Header(String, String);

impl FromStr for Header {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once(':').ok_or("expected `name: value`")?;
        Ok(Self(name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    }
}

#[derive(Clone, Debug)]
struct Tag(String, String);

impl FromStr for Tag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("expected `name=value`")?;
        Ok(Self(name.trim().to_owned(), value.trim().to_owned()))
    }
}

/// What would become of a request.
#[derive(Debug, Default, Serialize)]
struct Verdict {
    /// It would be sent on.
    allowed: bool,
    /// The HTTP status with which it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// What the client would read then.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    model: String,
    /// The model that was asked for, and why it does not serve, where a used-up budget names another.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead: Option<String>,
    /// Who would serve, in the order of the attempts, and what it would cost there at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<TargetCost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<Prompt>,
    /// Tokens of answer that would be held.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<Limit>,
}

#[derive(Debug, Serialize)]
struct TargetCost {
    target: String,
    /// In whole units of the currency; `None`: nobody knows.
    cost: Option<String>,
    currency: String,
}

#[derive(Debug, Serialize)]
struct Prompt {
    tokens: u64,
    /// exact, tokenizer or estimated
    counted: &'static str,
}

/// What one number of a limit says.
#[derive(Clone, Debug, Serialize)]
struct Limit {
    name: String,
    unit: &'static str,
    per: String,
    /// What would be held or spent; money in whole units.
    wants: String,
    used: String,
    limit: String,
    fits: bool,
    counter: String,
}

/// Who asks, and how.
struct Asking<'a> {
    config: &'a Config,
    caller: &'a Caller,
    endpoint: &'a Endpoint,
    head: &'a Head,
}

impl Test {
    pub(super) fn run(self) -> Result<(), Anything> {
        let config = config::load(&self.config)?;
        let body = self.body()?;
        let verdict = self.verdict(&config, &body)?;
        match self.format {
            Format::Text => print(&verdict.text())?,
            Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&verdict)?))?,
        }
        match verdict.allowed {
            true => Ok(()),
            false => Err(format!("it would be refused: {}", verdict.reason.unwrap_or_default()).into()),
        }
    }

    fn body(&self) -> Result<Vec<u8>, Anything> {
        let mut body = Vec::new();
        let mut source: Box<dyn Read> = match self.request.to_str() {
            Some("-") => Box::new(std::io::stdin()),
            _ => Box::new(
                std::fs::File::open(&self.request).map_err(|error| format!("{}: {error}", self.request.display()))?,
            ),
        };
        source.by_ref().take(REQUEST_BYTES_MAX).read_to_end(&mut body)?;
        Ok(body)
    }

    fn verdict(&self, config: &Config, body: &[u8]) -> Result<Verdict, Anything> {
        let mut verdict = Verdict::default();
        let head = self.head()?;
        let front = front::of("POST", &self.path, head.get("anthropic-version").is_some());
        let endpoint = match front {
            Front::Endpoint(endpoint) if endpoint.operation == Operation::Chat => endpoint,
            Front::Endpoint(_)
            | Front::Tokenize
            | Front::Models { .. }
            | Front::Nowhere(..)
            | Front::Otherwise { .. } => {
                return Err(format!("{} takes no chat request; there is, say, /v1/chat/completions", self.path).into());
            }
        };
        let dialect = endpoint.errors();
        let refuse = |mut verdict: Verdict, fault: &Fault| {
            (verdict.status, verdict.reason) = (Some(dialect.error_status(fault)), Some(fault.message.clone()));
            verdict
        };
        let caller = match self.caller(config, &head)? {
            Ok(caller) => caller,
            Err(fault) => return Ok(refuse(verdict, &fault)),
        };
        verdict.caller = Some(format!("{} ({})", caller.name, caller.source.as_str()));
        verdict.team = caller.team.as_ref().map(ToString::to_string);
        verdict.org = caller.org.as_ref().map(ToString::to_string);
        if !caller.may_speak(endpoint.dialect) {
            return Ok(refuse(verdict, &callers::front_refused(endpoint.dialect)));
        }
        let asking = Asking { config, caller: &caller, endpoint: &endpoint, head: &head };
        match self.weigh(&asking, body, &mut verdict) {
            Ok(()) => Ok(Verdict { allowed: true, ..verdict }),
            Err(fault) => Ok(refuse(verdict, &fault)),
        }
    }

    fn head(&self) -> Result<Head, Anything> {
        let mut headers: Vec<_> = self.headers.iter().map(|Header(name, value)| header(name, value)).collect();
        if let Some(variable) = &self.key_env {
            let key = std::env::var(variable).map_err(|_| format!("the environment variable {variable} is not set"))?;
            headers.push(header("authorization", &format!("Bearer {key}")));
        }
        Ok(Head { headers, ..Head::default() })
    }

    /// Who asks: who `--as` names, or whoever the headers prove.
    fn caller(&self, config: &Config, head: &Head) -> Result<Result<Caller, Fault>, Anything> {
        if let Some(name) = &self.caller {
            let tags = self.tags.iter().map(|Tag(name, value)| (name.clone(), value.clone())).collect();
            let said = Said { name: name.clone(), team: self.team.clone(), tags, ..Said::default() };
            let Some(rules) = &config.callers else { return Err("--as wants a `callers` section".into()) };
            let known =
                rules.keys.values().filter_map(|key| key.caller.as_ref().ok()).find(|caller| *caller.name == **name);
            if let (Some(known), None) = (known, &self.team) {
                return Ok(Ok(known.clone()));
            }
            return Ok(rules
                .groups
                .caller(said, Source::Key, None, &Arc::default())
                .map_err(|stranger| stranger.fault()));
        }
        let metrics = Arc::new(Metrics::new()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (moved, _) = tokio::sync::mpsc::channel(1);
        let store = runtime.block_on(Store::open(&config::written::Store::default(), metrics.clone(), moved))?;
        let found = Callers::new(store, metrics).who(head, config, SystemTime::now());
        Ok(found.map_err(|stranger| stranger.fault()))
    }

    /// Plans, counts and claims, as for an exchange: with the model that is asked for, or with the one that a used-up budget
    /// names instead.
    fn weigh(&self, asking: &Asking<'_>, body: &[u8], verdict: &mut Verdict) -> Result<(), Fault> {
        let ask = Ask::read(asking.endpoint.clone(), body)?;
        let model = Some(&*ask.model).filter(|name| asking.caller.may_see(name));
        let model = model.and_then(|name| asking.config.model(name)).ok_or_else(|| no_such_model(&ask))?;
        let named = ask.model.to_string();
        let Some((limit, instead)) = self.room(asking, &ask, body, (&model, &named), None, verdict)? else {
            return Ok(());
        };
        let Some(other) = instead.and_then(|other| asking.config.model(&other)) else {
            return Err(does_not_fit(&limit));
        };
        verdict.instead = Some(format!("{} ({})", model.name, does_not_fit(&limit).message));
        match self.room(asking, &ask, body, (&other, &other.name), Some(&limit.name), verdict)? {
            Some((limit, _)) => Err(does_not_fit(&limit)),
            None => Ok(()),
        }
    }

    /// What a model's plan would have held. The first limit without room for it, and the model that its budget names instead.
    fn room(
        &self,
        asking: &Asking<'_>,
        ask: &Ask<'_>,
        body: &[u8],
        (model, named): (&Model, &str),
        used_up: Option<&str>,
        verdict: &mut Verdict,
    ) -> Result<Option<(Limit, Option<String>)>, Fault> {
        let Asking { config, caller, endpoint, head } = *asking;
        verdict.model = model.name.to_string();
        let plan = Plan::new(model, &mut rand::rng());
        let plan = plan.and_then(|plan| plan.only(|target| caller.may_reach(&target.provider.name)));
        let plan = plan.ok_or_else(|| no_such_model(ask))?;
        let facts = Facts { caller, model: named, front: endpoint.dialect, head };
        let rules = config.rules.of(&facts);
        let target = plan.attempt(1).ok_or_else(|| no_such_model(ask))?;
        let counting = Counting::best(target, &Calibration::default(), body.len());
        let prompt = counting::prompt(ask, body, &counting, &target.upstream.model);
        let (expected, _) = claims::expected(counting::wanted(ask), prompt.tokens, &rules, &facts, &plan, config);
        verdict.prompt = Some(Prompt { tokens: prompt.tokens, counted: prompt.method.as_str() });
        verdict.answer_tokens = Some(expected.output);
        verdict.targets = plan.targets().iter().map(|target| cost(config, target, expected)).collect();
        let mut plan = claims::with_known_price(plan, &rules, &facts).map_err(|(_, fault)| fault)?;
        loop {
            let claims = Claims::of(&rules, &facts, &plan, expected, &config.prices).passing(used_up);
            let Claims { wanted, meanings, .. } = claims;
            verdict.limits =
                meanings.iter().zip(&wanted).map(|(meaning, wanted)| self.limit(meaning, wanted)).collect();
            let full = verdict.limits.iter().zip(&meanings).find(|(limit, _)| !limit.fits);
            let Some((limit, Meaning { rule, provider, .. })) = full else { return Ok(None) };
            // A provider that has no room itself is passed over.
            let others = provider.as_ref().and_then(|full| plan.only(|target| target.provider.name != *full));
            let Some(others) = others else {
                let instead = rule.budget.as_ref().and_then(|budget| budget.instead.clone());
                return Ok(Some((limit.clone(), instead)));
            };
            verdict.targets = others.targets().iter().map(|target| cost(config, target, expected)).collect();
            plan = others;
        }
    }

    fn limit(&self, meaning: &Meaning, wanted: &Wanted) -> Limit {
        let Meaning { rule, unit, per, .. } = meaning;
        let claim = &wanted.claim;
        let amount = |number: u64| if *unit == Unit::Cost { Nanos(number).to_string() } else { number.to_string() };
        let used = self.used(rule, *unit);
        let wants = claim.spent + claim.open;
        Limit {
            name: rule.name.to_string(),
            unit: if *unit == Unit::Cost { "cost" } else { unit.as_str() },
            per: per.to_string(),
            wants: amount(wants),
            used: amount(used),
            limit: amount(claim.counter.limit),
            fits: claim.soft || used.saturating_add(wants) <= claim.counter.limit,
            counter: claim.counter.key.to_string(),
        }
    }

    /// What `--used` says of a number; what cannot be read was refused before.
    fn used(&self, rule: &Rule, unit: Unit) -> u64 {
        let word = if unit == Unit::Cost { "cost" } else { unit.as_str() };
        let named = |Tag(name, _): &&Tag| **name == *rule.name || *name == format!("{}/{word}", rule.name);
        let Some(Tag(_, amount)) = self.used.iter().find(named) else { return 0 };
        let parsed =
            if unit == Unit::Cost { amount.parse().ok().map(|Nanos(nanos)| nanos) } else { amount.parse().ok() };
        parsed.unwrap_or(u64::MAX)
    }
}

fn no_such_model(ask: &Ask<'_>) -> Fault {
    Fault::new(FaultKind::NotFound, format!("there is no model `{}` for this caller", &*ask.model))
}

fn does_not_fit(Limit { name, wants, used, limit, unit, .. }: &Limit) -> Fault {
    Fault::new(FaultKind::RateLimit, format!("`{name}`: {wants} {unit} do not fit, {used} of {limit} are used"))
}

fn header(name: &str, value: &str) -> HeaderValue {
    HeaderValue { key: name.to_owned(), value: value.to_owned(), raw_value: Vec::new() }
}

fn cost(config: &Config, target: &Target, expected: Expected) -> TargetCost {
    let nanos = config.prices.cost_nanos(target.price.as_deref(), &expected.usage(), None);
    TargetCost {
        target: format!("{}/{}", target.provider.name, target.upstream.model),
        cost: nanos.map(|nanos| Nanos(nanos).to_string()),
        currency: config.prices.currency.to_string(),
    }
}

impl Verdict {
    fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| text.push_str(&format!("{name:<9}{value}\n"));
        line("verdict", if self.allowed { "allowed" } else { "refused" });
        if let (Some(status), Some(reason)) = (self.status, &self.reason) {
            line("", &format!("{status}: {reason}"));
        }
        if let Some(caller) = &self.caller {
            let of = |what: &str, name: &Option<String>| {
                name.as_ref().map(|name| format!(", {what} {name}")).unwrap_or_default()
            };
            line("caller", &format!("{caller}{}{}", of("team", &self.team), of("organisation", &self.org)));
        }
        if !self.model.is_empty() {
            line("model", &self.model);
        }
        if let Some(instead) = &self.instead {
            line("", &format!("instead of {instead}"));
        }
        for (i, TargetCost { target, cost, currency }) in self.targets.iter().enumerate() {
            let cost = cost
                .as_ref()
                .map_or_else(|| "nobody knows its price".to_owned(), |cost| format!("up to {cost} {currency}"));
            line(if i == 0 { "targets" } else { "" }, &format!("{target}: {cost}"));
        }
        if let Some(Prompt { tokens, counted }) = &self.prompt {
            line("prompt", &format!("{tokens} tokens ({counted})"));
        }
        if let Some(tokens) = self.answer_tokens {
            line("answer", &format!("up to {tokens} tokens are held"));
        }
        if !self.limits.is_empty() {
            let table = Table::default().words("limit").words("unit").words("per");
            let mut table = table.numbers("wants").numbers("used").numbers("of").words("fits").words("counter");
            for Limit { name, unit, per, wants, used, limit, fits, counter } in &self.limits {
                let fits = if *fits { "yes" } else { "no" };
                let row = [name, *unit, per, wants, used, limit, fits, counter];
                table.row(row.map(str::to_owned).to_vec());
            }
            text.push('\n');
            text.push_str(&table.text());
        }
        text
    }
}
