//! The filter `prompt`: what an operator adds to every prompt.
//!
//! Every decorator whose `when` fits a request acts, in the order of the list: each around what those before it did.

use crate::block::{Block, Blocks};
use crate::decided::Decided;
use crate::when::When;
use crate::{Asked, Change, Filter, Headers, Question, Reply, Told};
use attache_core::decorate::{Decorator, Decorators, Templates, Variables};
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::fault::Fault;
use attache_core::redact::config::OnUnreadable;
use std::borrow::Cow;

/// The filter `prompt`, configured.
pub struct Prompt {
    all: Vec<(String, When)>,
    decorators: Decorators,
    unreadable: OnUnreadable,
    body_bytes_max: usize,
    hold_headers: bool,
}

impl Filter for Prompt {
    type Stage = Decided;

    fn read(configuration: &[u8]) -> Result<Self, String> {
        let more = ["templates", "variables", "unreadable"];
        let mut blocks = Blocks::<Decorator>::read_with(configuration, "prompt", &more)?.named()?;
        let templates: Templates = blocks.more("templates")?;
        let variables: Variables = blocks.more("variables")?;
        let unreadable = blocks.more("unreadable")?;
        let (mut all, mut written) = (Vec::new(), Vec::new());
        for Block { at, name, when, key, tenant, rules } in blocks.list {
            if key.is_some() || tenant.is_some() {
                return Err(format!("{at}: a prompt has no `key` and no `tenant`"));
            }
            all.push((name, when));
            written.push(rules);
        }
        let decorators = Decorators::new(&written, &templates, &variables);
        let decorators = decorators.map_err(|why| if why.starts_with('[') { format!("prompt{why}") } else { why })?;
        let (body_bytes_max, hold_headers) = (blocks.body_bytes_max, blocks.hold_headers);
        Ok(Self { all, decorators, unreadable, body_bytes_max, hold_headers })
    }

    fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    fn holds_headers(&self) -> bool {
        self.hold_headers
    }

    fn insists(&self) -> Option<String> {
        (self.unreadable == OnUnreadable::Refuse).then(|| "the prompt filter".to_owned())
    }

    /// Only chats have a prompt to add to.
    fn reads_request(&self, endpoint: &Endpoint, _: &dyn Headers) -> bool {
        has_prompt(endpoint) || endpoint.operation == Operation::Invoke
    }

    fn open(&self, question: &Question<'_>) -> Option<Decided> {
        let refuse = |fault: &Fault| {
            Some(Decided::new(Asked::Answer(Reply::fault(question.endpoint.errors(), fault)), told(["refused"])))
        };
        if question.ask.is_none() && crate::is_sent(question) {
            let refused = self.unreadable == OnUnreadable::Refuse;
            return if refused { refuse(&crate::unread(question)) } else { None };
        }
        // A model behind `invoke` whose bodies nobody here knows.
        let foreign = question.endpoint.operation == Operation::Invoke && self.unreadable == OnUnreadable::Refuse;
        if foreign && self.all.iter().any(|(_, when)| when.fits(question)) {
            return refuse(&crate::unread(question));
        }
        if question.ask.is_none() || !has_prompt(question.endpoint) {
            return None;
        }
        let acts = || self.all.iter().enumerate().filter(|(_, (_, when))| when.fits(question));
        let header = |name: &str| question.headers.get(name).map(Cow::into_owned);
        let decoration = match self.decorators.fill(acts().map(|(place, _)| place), &header) {
            Ok(decoration) => decoration,
            Err(fault) => return refuse(&fault),
        };
        match decoration.write(question.endpoint, question.body) {
            Ok(body) => {
                let change = Change { body, ..Change::default() };
                Some(Decided::new(Asked::Go(change), told(acts().map(|(_, (name, _))| name.as_str()))))
            }
            Err(fault) if self.unreadable == OnUnreadable::Refuse => refuse(&fault),
            Err(_) => None,
        }
    }
}

fn has_prompt(endpoint: &Endpoint) -> bool {
    matches!(endpoint.operation, Operation::Chat | Operation::Count)
}

fn told<'n>(names: impl IntoIterator<Item = &'n str>) -> Told {
    let count = |name| (format!("attache_decorated.rule.{name}"), 1);
    Told { counts: names.into_iter().map(count).collect(), ..Told::default() }
}
