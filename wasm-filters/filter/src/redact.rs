//! The filter `redact`: what must not leave goes out of requests, and comes back in answers.
//!
//! Never keeps a found value beyond its exchange, never names one in what it tells.

use crate::block::{Block, Blocks};
use crate::when::When;
use crate::{AnswerHead, Answered, Asked, Change, Filter, Form, Question, Reply, Stage, Told};
use attache_core::endpoint::{Endpoint, Framing, Operation};
use attache_core::fault::Fault;
use attache_core::redact::config::{Mode, OnUnreadable};
use attache_core::redact::{self, Direction, Masked, Others, Refused, Tally, Veil, VeilStream, Withheld};
use std::rc::Rc;
use std::sync::Arc;

/// The filter `redact`, configured: the first policy whose `when` fits an exchange applies.
pub struct Redact {
    policies: Vec<Rc<Policy>>,
    body_bytes_max: usize,
    hold_headers: bool,
}

struct Policy {
    name: String,
    when: When,
    rules: Arc<redact::Policy>,
    /// The header that says whose the placeholders are; nobody's own without one.
    tenant: Option<String>,
    /// It changes requests and answers, and does not only watch them.
    acts: bool,
    /// What cannot be read does not pass.
    strict: bool,
}

impl Filter for Redact {
    type Stage = Redaction;

    fn read(configuration: &[u8]) -> Result<Self, String> {
        let Blocks { list, body_bytes_max, hold_headers, .. } = Blocks::read(configuration, "redact")?;
        let read = |block| Policy::new(block, hold_headers).map(Rc::new);
        let policies = list.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { policies, body_bytes_max, hold_headers })
    }

    fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    fn holds_headers(&self) -> bool {
        self.hold_headers
    }

    fn early_head(&self, _: &Endpoint) -> Asked {
        Asked::Go(Change::for_reading())
    }

    fn insists(&self) -> Option<String> {
        self.policies.iter().find(|policy| policy.strict).map(Policy::in_words)
    }

    /// What will be masked in the request could not be put back.
    fn withholds_early(&self) -> Option<String> {
        self.policies.iter().find(|policy| policy.acts).map(Policy::in_words)
    }

    fn open(&self, question: &Question<'_>) -> Option<Redaction> {
        let policy = self.policies.iter().find(|policy| policy.when.fits(question))?.clone();
        let tenant = policy.tenant.as_ref().and_then(|header| question.headers.get(header));
        let tenant = tenant.map_or_else(String::new, |value| format!("header {value}"));
        let (endpoint, told) = (question.endpoint.clone(), Tally::default());
        Some(Redaction {
            policy,
            tenant,
            endpoint,
            veil: None,
            stream: None,
            tally: Tally::default(),
            told,
            lines: Vec::new(),
        })
    }
}

impl Policy {
    fn new(block: Block<redact::Redact>, hold_headers: bool) -> Result<Self, String> {
        let Block { at, name, when, key, tenant, rules } = block;
        let key =
            key.ok_or_else(|| format!("{at}.key: a filter cannot make up a secret; write one of 16 bytes or more"))?;
        if key.contains("${") {
            return Err(format!("{at}.key: nobody fills in variables here; write the secret itself"));
        }
        let tenant = match tenant.as_deref().map(|tenant| tenant.split_once(':')) {
            None => None,
            Some(Some(("header", header))) if !header.is_empty() => Some(header.to_ascii_lowercase()),
            Some(_) => return Err(format!("{at}.tenant: a filter knows tenants only by a header: `header:NAME`")),
        };
        let acts = rules.mode == Mode::Enforce;
        let strict = acts && rules.unreadable == OnUnreadable::Refuse;
        let rules = redact::Policy::new(&rules, key.as_bytes()).map_err(|why| placed(&at, &why))?;
        if !hold_headers && rules.blocks_answers() {
            let why =
                "it blocks answers, which changes their status, and that does not wait where `hold_headers` is false";
            return Err(format!("{at}: {why}; redact in answers what must not be there"));
        }
        Ok(Self { name, when, rules: Arc::new(rules), tenant, acts, strict })
    }

    fn in_words(self: &Rc<Self>) -> String {
        format!("the policy `{}`", self.name)
    }
}

/// What the core says about a policy begins with the path of what it is about, where there is one.
fn placed(at: &str, why: &str) -> String {
    let is_path = why.split_once(": ").is_some_and(|(path, _)| !path.contains([' ', '`']));
    if is_path { format!("{at}.{why}") } else { format!("{at}: {why}") }
}

/// What one policy does in one exchange.
pub struct Redaction {
    policy: Rc<Policy>,
    tenant: String,
    endpoint: Endpoint,
    /// The way back, until an answer takes it.
    veil: Option<Veil>,
    /// The way back of an answer that streams.
    stream: Option<VeilStream>,
    tally: Tally,
    /// What has been told already.
    told: Tally,
    lines: Vec<String>,
}

impl Stage for Redaction {
    fn request(&mut self, question: &Question<'_>) -> Asked {
        let Self { policy, tenant, endpoint, .. } = self;
        match policy.rules.request(tenant, endpoint, question.body, &Others::new()) {
            Ok(Masked { body, vault, tally }) => {
                self.tally = tally;
                self.veil = Veil::new(policy.rules.clone(), vault, endpoint);
                Asked::Go(Change { body, ..Change::default() })
            }
            Err(refused) => Asked::Answer(Reply::fault(self.endpoint.errors(), &self.refusal(refused))),
        }
    }

    fn wants_answer(&self) -> bool {
        self.veil.is_some()
    }

    fn answer(&mut self, head: &AnswerHead<'_>) -> Form {
        let framing = self.endpoint.framing;
        let array = framing == Framing::JsonArray;
        let streams = if array {
            head.success && self.endpoint.stream == Some(true) && head.kind == framing.content_type()
        } else {
            head.kind == framing.content_type() || head.kind == Framing::Sse.content_type()
        };
        let passes = matches!(self.endpoint.operation, Operation::Pass | Operation::Other);
        if streams {
            self.stream = self.veil.take().map(|veil| veil.stream());
            Form::Stream
        } else if passes && head.kind != "application/json" && !head.kind.starts_with("text/") {
            // Files, sound, pictures.
            Form::Unread
        } else {
            Form::Whole
        }
    }

    fn whole(&mut self, body: &[u8]) -> Answered {
        let Some(veil) = self.veil.take() else { return Answered::Unchanged };
        match veil.whole(body, &mut self.tally) {
            Ok(None) => Answered::Unchanged,
            Ok(Some(body)) => Answered::Change(Change { body: Some(body), ..Change::default() }),
            Err(withheld) => {
                if let Withheld::Blocked(entity) = &withheld {
                    self.audit(entity, Direction::Response);
                }
                Answered::Instead(Reply::fault(self.endpoint.errors(), &withheld.fault()))
            }
        }
    }

    fn chunk(&mut self, bytes: &[u8], end: bool, out: &mut Vec<u8>) {
        let Some(stream) = &mut self.stream else { return out.extend_from_slice(bytes) };
        let passed = stream.blocked().is_none();
        stream.push(bytes, out);
        if end {
            stream.end(out);
        }
        let blocked = stream.blocked().filter(|_| passed).map(str::to_owned);
        if let Some(entity) = blocked {
            self.audit(&entity, Direction::Response);
        }
    }

    fn unreadable(&mut self, why: &str) -> Option<Fault> {
        let message = format!("the answer is withheld: the policy `{}` cannot read it: {why}", self.policy.name);
        self.policy.strict.then(|| Fault::upstream(message).with_code("answer_withheld"))
    }

    fn tell(&mut self, told: &mut Told) {
        told.lines.append(&mut self.lines);
        let mut sums = self.tally.clone();
        for (key, count) in self.stream.iter().flat_map(|stream| &stream.tally().0) {
            *sums.0.entry(key.clone()).or_default() += count;
        }
        let policy = &self.policy.name;
        for (key, count) in &sums.0 {
            let (entity, action, direction) = key;
            let more = count.saturating_sub(self.told.0.get(key).copied().unwrap_or_default());
            if more > 0 {
                let (action, direction) = (action.as_str(), direction.as_str());
                let name =
                    format!("attache_redactions.policy.{policy}.entity.{entity}.action.{action}.direction.{direction}");
                told.counts.push((name, more));
            }
        }
        self.told = sums;
    }
}

impl Redaction {
    /// What the client reads of a refusal, and the audit log.
    fn refusal(&mut self, refused: Refused) -> Fault {
        let fault = refused.fault(&self.policy.name);
        if let Refused::Blocked { entity, tally } = refused {
            self.tally = tally;
            self.audit(&entity, Direction::Request);
        }
        fault
    }

    fn audit(&mut self, entity: &str, direction: Direction) {
        let (policy, direction) = (&self.policy.name, direction.as_str());
        self.lines.push(format!("withheld policy={policy} entity={entity} direction={direction}"));
    }
}
