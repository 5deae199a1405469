//! The filter `model-router`: reads who is asked for what, and says so in headers, by which Envoy matches its routes.
//!
//! What clients write into those headers goes first, of every request, whatever it asks for. Nothing but headers changes.

use crate::block::{Block, Blocks};
use crate::decided::Decided;
use crate::facts;
use crate::when::When;
use crate::{Asked, Change, Filter, Headers, MODEL_BYTES_MAX, Question, Reply, Told, is_header_text};
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::fault::{Fault, FaultKind};
use attache_core::hybrid::{ASK_HEADER, PLAN_HEADER};
use attache_core::redact::config::OnUnreadable;
use serde::Deserialize;

/// The route that a rule names.
const ROUTE: &str = "x-attache-route";
/// The cluster that a rule names, for routes with `cluster_header`.
const CLUSTER: &str = "x-attache-cluster";
/// The model, as the client names it.
const MODEL: &str = "x-attache-model";
/// The dialect that the client speaks.
const FRONT: &str = "x-attache-front";
/// Whether the client wants a stream.
const STREAM: &str = "x-attache-stream";
/// All of them, and what filters and the service tell each other: no client writes them.
const HEADERS: [&str; 7] = [ROUTE, CLUSTER, MODEL, FRONT, STREAM, ASK_HEADER, PLAN_HEADER];

/// Longest name of a route or a cluster.
const NAME_BYTES_MAX: usize = 256;

/// The filter `model-router`, configured: the first rule whose `when` fits says where a request goes.
pub struct ModelRouter {
    rules: Vec<Rule>,
    otherwise: Otherwise,
    unreadable: OnUnreadable,
    /// The service learns what is asked for.
    facts: bool,
    body_bytes_max: usize,
}

/// One rule.
struct Rule {
    name: String,
    when: When,
    to: Target,
}

/// Where a request goes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Target {
    /// The value of `x-attache-route`; of a rule, its name where nothing is written.
    route: Option<String>,
    /// The value of `x-attache-cluster`.
    cluster: Option<String>,
}

/// What becomes of a request that no rule fits.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Otherwise {
    /// It goes on, without a route or a cluster in its headers.
    #[default]
    Pass,
    /// One that names a model is refused: there is no such model here.
    Refuse,
    /// It goes there.
    To(Target),
}

impl Filter for ModelRouter {
    type Stage = Decided;

    fn read(configuration: &[u8]) -> Result<Self, String> {
        let more = ["otherwise", "unreadable", "facts"];
        let mut blocks = Blocks::<Target>::read_with(configuration, "routes", &more)?;
        blocks.must_hold()?;
        let (otherwise, unreadable, facts) =
            (blocks.more("otherwise")?, blocks.more("unreadable")?, blocks.more("facts")?);
        // Who plans needs facts and no routes.
        let blocks = if facts && blocks.list.is_empty() { blocks } else { blocks.named()? };
        if let Otherwise::To(to) = &otherwise {
            to.check("otherwise.to")?;
        }
        let mut rules = Vec::with_capacity(blocks.list.len());
        for Block { at, name, when, key, tenant, rules: mut to } in blocks.list {
            if key.is_some() || tenant.is_some() {
                return Err(format!("{at}: a route has no `key` and no `tenant`"));
            }
            to.route.get_or_insert_with(|| name.clone());
            to.check(&at)?;
            rules.push(Rule { name, when, to });
        }
        Ok(Self { rules, otherwise, unreadable, facts, body_bytes_max: blocks.body_bytes_max })
    }

    fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    fn insists(&self) -> Option<String> {
        (self.unreadable == OnUnreadable::Refuse).then(|| "the model router".to_owned())
    }

    /// Files, batches, stored answers: they name no model.
    fn reads_request(&self, endpoint: &Endpoint, _: &dyn Headers) -> bool {
        endpoint.operation != Operation::Other
    }

    fn every_head(&self) -> Change {
        // Envoy may have matched a route by what a client wrote.
        Change { remove: HEADERS.map(Into::into).into(), reroute: true, ..Change::default() }
    }

    fn unread_head(&self, question: &Question<'_>) -> Change {
        match self.rules.iter().find(|rule| rule.when.fits(question)).map(|rule| &rule.to) {
            Some(to) => self.headers(question, Some(to)),
            None => match &self.otherwise {
                Otherwise::To(to) => self.headers(question, Some(to)),
                Otherwise::Pass | Otherwise::Refuse => self.headers(question, None),
            },
        }
    }

    fn open(&self, question: &Question<'_>) -> Option<Decided> {
        let unread = question.ask.is_none() && crate::is_sent(question);
        if unread && self.unreadable == OnUnreadable::Refuse {
            return Some(refused("unreadable", question, &crate::unread(question)));
        }
        let rule = self.rules.iter().find(|rule| rule.when.fits(question));
        let (name, to) = match (rule, &self.otherwise) {
            (Some(rule), _) => (rule.name.as_str(), Some(&rule.to)),
            (None, Otherwise::To(to)) => ("otherwise", Some(to)),
            (None, Otherwise::Refuse) if !question.model.is_empty() => {
                return Some(refused("unknown", question, &unknown(question.model)));
            }
            (None, Otherwise::Pass | Otherwise::Refuse) => ("none", None),
        };
        Some(Decided::new(Asked::Go(self.headers(question, to)), told(name)))
    }
}

impl ModelRouter {
    /// What is known of a request, in its headers.
    fn headers(&self, question: &Question<'_>, to: Option<&Target>) -> Change {
        let mut change = Change { reroute: true, ..Change::default() };
        for (name, value) in to.into_iter().flat_map(|to| [(ROUTE, &to.route), (CLUSTER, &to.cluster)]) {
            if let Some(value) = value {
                change.put(name, value.clone());
            }
        }
        if let Some(model) = crate::model_in_header(question.model) {
            change.put(MODEL, model);
        }
        change.put(FRONT, question.endpoint.dialect.as_str());
        change.put(STREAM, if crate::wants_stream(question) { "true" } else { "false" });
        if let Some(facts) = self.facts.then(|| facts::of(question)).flatten() {
            change.put(ASK_HEADER, facts);
        }
        change
    }
}

impl Target {
    fn check(&self, at: &str) -> Result<(), String> {
        for (field, value) in [("route", &self.route), ("cluster", &self.cluster)] {
            let fits = |value: &String| !value.is_empty() && value.len() <= NAME_BYTES_MAX && is_header_text(value);
            if value.as_ref().is_some_and(|value| !fits(value)) {
                return Err(format!("{at}.{field}: expected 1 to {NAME_BYTES_MAX} visible ASCII characters"));
            }
        }
        Ok(())
    }
}

fn unknown(model: &str) -> Fault {
    let shown: String = model.chars().take(MODEL_BYTES_MAX).collect();
    let fault = Fault::new(FaultKind::NotFound, format!("the model `{shown}` does not exist here"));
    fault.with_code("model_not_found").with_param("model")
}

fn refused(why: &str, question: &Question<'_>, fault: &Fault) -> Decided {
    Decided::new(Asked::Answer(Reply::fault(question.endpoint.errors(), fault)), told(why))
}

fn told(rule: &str) -> Told {
    Told { counts: vec![(format!("attache_routed.rule.{rule}"), 1)], ..Told::default() }
}
