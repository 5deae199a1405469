//! `attache guard`: what guards say of a text, a request or an answer. Nothing is sent and nobody is asked: of guards that
//! ask somebody it says only that they would.

use super::table::Table;
use super::{Anything, print};
use crate::config;
use crate::guards::{Guard as Compiled, Guards};
use attache_core::endpoint::Endpoint;
use attache_core::guard::{Finding, Findings, Mode, Then, Way};
use attache_core::texts::Scope;
use clap::ValueEnum;
use serde::Serialize;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;

/// The largest input that is read, in bytes.
const INPUT_BYTES_MAX: u64 = 1 << 30;

/// Print what every guard says of standard input, whomever its `when` is for. Exit code 0; 3 where one stops it; 1 for what
/// cannot be done.
#[derive(Debug, clap::Args)]
pub struct Guard {
    /// The configuration file.
    #[arg(long, default_value = "attache.yaml")]
    config: PathBuf,
    /// Only the guard of this name.
    #[arg(long, value_name = "NAME")]
    guard: Option<String>,
    /// The input is a body of this API, such as `/v1/chat/completions`. Default: it is text.
    #[arg(long, value_name = "PATH", value_parser = super::redact::endpoint)]
    endpoint: Option<Endpoint>,
    /// Which way it goes.
    #[arg(long, value_enum, default_value_t = On::Request)]
    on: On,
    /// Whose words a text is. Default: the user's in a request, the assistant's in an answer.
    #[arg(long, value_enum, conflicts_with = "endpoint")]
    scope: Option<Whose>,
    /// Print a JSON array, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum On {
    /// What is asked.
    Request,
    /// What is answered.
    Response,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Whose {
    System,
    User,
    Assistant,
    ToolCalls,
    ToolResults,
    ToolDefinitions,
}

/// A guard stops the input.
#[derive(Debug)]
pub struct Stopped(String);

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guard `{}` stops it", self.0)
    }
}

impl std::error::Error for Stopped {}

/// What one guard says.
#[derive(Serialize)]
struct Said<'g> {
    guard: &'g str,
    /// `pass`, `stop`, `monitor` (it would be stopped), `not_asked`.
    verdict: &'static str,
    /// What it found, the heaviest first.
    rules: Vec<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// Whose words; absent for the body as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    /// What the client would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    then: Option<&'g Then>,
}

#[derive(Serialize)]
struct Rule {
    rule: String,
    /// `null`: it stops by itself.
    weight: Option<f64>,
}

impl Guard {
    /// Has guards look at standard input.
    ///
    /// # Errors
    /// [`Stopped`], and anything that a person must read.
    pub fn run(&self) -> Result<(), Anything> {
        let config = config::load(&self.config)?;
        let looking = self.looking(&config.guards)?;
        let mut input = Vec::new();
        std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut input)?;
        let findings = self.findings(&config.guards, &looking, input)?;
        let said: Vec<_> =
            looking.iter().map(|(place, guard)| said(guard, found(&config.guards, &findings, *place))).collect();
        print(&self.shown(&said)?)?;
        match said.iter().find(|said| said.verdict == "stop") {
            Some(said) => Err(Box::new(Stopped(said.guard.to_owned()))),
            None => Ok(()),
        }
    }

    /// The guards that look, by their places.
    fn looking<'g>(&self, guards: &'g Guards) -> Result<Vec<(usize, &'g Compiled)>, Anything> {
        let all = || guards.all().iter().map(|guard| &**guard).enumerate();
        if let Some(name) = &self.guard
            && !all().any(|(_, guard)| *guard.name == **name)
        {
            let known: Vec<_> = all().map(|(_, guard)| &*guard.name).collect();
            return Err(format!("no guard `{name}`; there is: {}", known.join(", ")).into());
        }
        let looks = |(_, guard): &(usize, &Compiled)| {
            let here = match self.on {
                On::Request => guard.on.request(),
                On::Response => guard.on.response(),
            };
            here && self.guard.as_deref().is_none_or(|name| *guard.name == *name)
        };
        let looking: Vec<_> = all().filter(looks).collect();
        if looking.is_empty() {
            return Err(format!("{}: it has no guard that looks at this", self.config.display()).into());
        }
        Ok(looking)
    }

    fn findings(&self, guards: &Guards, looking: &[(usize, &Compiled)], input: Vec<u8>) -> Result<Findings, Anything> {
        let Some((rules, places)) = guards.rules() else { return Ok(Findings::default()) };
        let looks = |place: usize| looking.iter().any(|(looking, _)| *looking == place);
        let rules = rules.select(&|rule| places.get(rule).is_some_and(|place| looks(*place)));
        let (way, mut scope) = match self.on {
            On::Request => (Way::Request, Scope::User),
            On::Response => (Way::Response, Scope::Assistant),
        };
        match (&self.endpoint, way) {
            (Some(endpoint), Way::Request) => Ok(rules.request(endpoint, &input)),
            (Some(endpoint), Way::Response) => Ok(rules.answer(endpoint, &input)),
            (None, way) => {
                if let Some(whose) = self.scope {
                    scope = whose.into();
                }
                let text = String::from_utf8(input).map_err(|_| "the input is no UTF-8 text")?;
                Ok(rules.texts(way, &[(scope, &text)]))
            }
        }
    }

    fn shown(&self, said: &[Said<'_>]) -> Result<String, Anything> {
        if self.json {
            return Ok(format!("{}\n", serde_json::to_string_pretty(said)?));
        }
        let mut table = Table::default().words("guard").words("verdict").words("rules").numbers("score").words("scope");
        for one in said {
            let rules: Vec<_> = one.rules.iter().map(|rule| &*rule.rule).collect();
            let scope = serde_json::to_value(one.scope)?.as_str().unwrap_or_default().to_owned();
            let score = one.score.map(|score| format!("{score:.2}")).unwrap_or_default();
            table.row(vec![one.guard.to_owned(), one.verdict.to_owned(), rules.join(", "), score, scope]);
        }
        Ok(table.text())
    }
}

/// What the guard at this place found.
fn found<'f>(guards: &Guards, findings: &'f Findings, place: usize) -> Option<&'f Finding> {
    let (_, places) = guards.rules()?;
    findings.0.iter().find(|finding| places.get(finding.index) == Some(&place))
}

fn said<'g>(guard: &'g Compiled, found: Option<&Finding>) -> Said<'g> {
    let verdict = match (found, guard.mode) {
        _ if guard.asks.is_some() => "not_asked",
        (None, _) => "pass",
        (Some(_), Mode::Enforce) => "stop",
        (Some(_), Mode::Monitor) => "monitor",
    };
    let rules = found.iter().flat_map(|finding| &finding.hits);
    let rules =
        rules.map(|hit| Rule { rule: hit.rule.to_string(), weight: Some(hit.weight).filter(|w| w.is_finite()) });
    Said {
        guard: &guard.name,
        verdict,
        rules: rules.collect(),
        score: found.map(|finding| finding.score),
        scope: found.and_then(|finding| finding.scope),
        then: (verdict == "stop").then_some(&guard.then),
    }
}

impl From<Whose> for Scope {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::System => Self::System,
            Whose::User => Self::User,
            Whose::Assistant => Self::Assistant,
            Whose::ToolCalls => Self::ToolCalls,
            Whose::ToolResults => Self::ToolResults,
            Whose::ToolDefinitions => Self::ToolDefinitions,
        }
    }
}
