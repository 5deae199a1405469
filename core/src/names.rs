//! Tool names that every dialect takes.
//!
//! Each API has its own rule for the names of tools, and refuses a request with one that does not fit. A request on its way
//! to another dialect gets names that fit; the answer gets the client's own names back, so nothing is lost and nobody has
//! to know. What fits is left alone.

use crate::chat::{Message, Part, Request, Response, ToolChoice};
use crate::dialect::Dialect;
use crate::dialect::openai::fingerprint::{extended, fingerprint};
use crate::stream::Event;
use crate::text::Str;
use std::collections::{HashMap, HashSet};

/// Bytes of a new name after its readable part: `_` and eight hexadecimal digits.
const SUFFIX_BYTES: usize = 9;

/// What an API takes as the name of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    /// ASCII letters and digits, `_`, and these.
    also: &'static [char],
    /// The name must begin with a letter or `_`.
    begins_with_letter: bool,
    bytes_max: usize,
}

impl Rule {
    /// The rule of a dialect, from its provider's own reference.
    fn of(dialect: Dialect) -> Self {
        let openai = Self { also: &['-'], begins_with_letter: false, bytes_max: 64 };
        match dialect {
            // <https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools>, and `toolSpec.name` in
            // <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html>.
            Dialect::OpenAi | Dialect::Responses | Dialect::Completions | Dialect::Converse => openai,
            // <https://docs.anthropic.com/en/api/messages#body-tools>
            Dialect::Anthropic => Self { bytes_max: 128, ..openai },
            // <https://ai.google.dev/api/caching#FunctionDeclaration>; Vertex AI says 128 today and said 64 before.
            Dialect::Gemini => Self { also: &['-', '.', ':'], begins_with_letter: true, bytes_max: 64 },
            // The reference of v2 names no rule; this is v1's, <https://docs.cohere.com/v1/reference/chat> (`tools.name`).
            Dialect::Cohere => Self { also: &[], begins_with_letter: true, bytes_max: 64 },
        }
    }

    fn allows(self, c: char) -> bool {
        c.is_ascii_alphanumeric() || c == '_' || self.also.contains(&c)
    }

    fn fits(self, name: &str) -> bool {
        !name.is_empty()
            && name.len() <= self.bytes_max
            && name.chars().all(|c| self.allows(c))
            && !(self.begins_with_letter && name.starts_with(|c: char| c != '_' && !c.is_ascii_alphabetic()))
    }

    /// A name that fits, from what a person can read of the old one and its fingerprint. It depends on nothing else, so it
    /// is the same in every turn of a conversation; `salt` is for one that is taken.
    fn renamed(self, name: &str, salt: u32) -> String {
        let mut new = String::with_capacity(self.bytes_max);
        if self.begins_with_letter && name.starts_with(|c: char| self.allows(c) && !c.is_ascii_alphabetic()) {
            new.push('_');
        }
        for c in name.chars() {
            match c {
                c if self.allows(c) => new.push(c),
                _ if new.ends_with('_') => {}
                _ => new.push('_'),
            }
            if new.len() + SUFFIX_BYTES >= self.bytes_max {
                break;
            }
        }
        if !new.contains(|c: char| c.is_ascii_alphanumeric()) {
            "tool".clone_into(&mut new);
        }
        let hash = match salt {
            0 => fingerprint(name),
            salt => extended(fingerprint(name), &salt.to_be_bytes()),
        };
        let hash = hash ^ (hash >> 64);
        format!("{}_{:08x}", new.trim_end_matches('_'), (hash ^ (hash >> 32)) & 0xffff_ffff)
    }
}

/// The names that one request's tools have for its upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    to_upstream: HashMap<String, String>,
    to_client: HashMap<String, String>,
}

impl Names {
    /// New names for the tools of a request whose own do not fit the dialect; `None` where all fit, as they mostly do. No
    /// two tools get the same name, and none gets that of another one.
    pub fn for_dialect(request: &Request<'_>, dialect: Dialect) -> Option<Self> {
        let rule = Rule::of(dialect);
        if said(request).all(|name| rule.fits(name)) {
            return None;
        }
        let mut taken: HashSet<String> =
            said(request).filter(|name| rule.fits(name)).map(|name| name.as_str().to_owned()).collect();
        let mut names = Self::default();
        for name in said(request).filter(|name| !rule.fits(name)) {
            if names.to_upstream.contains_key(name.as_str()) {
                continue;
            }
            let free = (0..).map(|salt| rule.renamed(name, salt)).find(|new| !taken.contains(new));
            let Some(new) = free else { continue };
            taken.insert(new.clone());
            names.to_client.insert(new.clone(), name.as_str().to_owned());
            names.to_upstream.insert(name.as_str().to_owned(), new);
        }
        Some(names)
    }

    /// Gives the request its new names, wherever it says one: in its tools, its choice, and the calls of earlier turns.
    pub fn rename<'a>(&self, request: &mut Request<'a>) {
        for tool in &mut request.tools {
            self.put(&mut tool.name);
        }
        match &mut request.tool_choice {
            Some(ToolChoice::Named(name)) => self.put(name),
            Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => {}
        }
        for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
            if let Part::ToolCall(call) = part {
                self.put(&mut call.name);
            }
        }
    }

    /// The client's own name for a name that the provider says; `None` for one that was not changed.
    pub fn restore(&self, name: &str) -> Option<&str> {
        self.to_client.get(name).map(String::as_str)
    }

    /// A whole answer with the client's own names.
    pub fn restore_response<'s>(&'s self, response: &mut Response<'s>) {
        for part in response.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
            if let Part::ToolCall(call) = part
                && let Some(own) = self.restore(&call.name)
            {
                call.name = Str::from(own);
            }
        }
    }

    /// An event of a streamed answer with the client's own name.
    pub fn restore_event<'s>(&'s self, mut event: Event<'s>) -> Event<'s> {
        if let Event::ToolStart { name, .. } = &mut event
            && let Some(own) = self.restore(name)
        {
            *name = Str::from(own);
        }
        event
    }

    fn put(&self, name: &mut Str<'_>) {
        if let Some(new) = self.to_upstream.get(name.as_str()) {
            *name = Str::from(new.clone());
        }
    }
}

/// Makes the names in a request fit the dialect, and remembers the old ones.
pub fn fit(request: &mut Request<'_>, dialect: Dialect) -> Option<Names> {
    let names = Names::for_dialect(request, dialect)?;
    names.rename(request);
    Some(names)
}

/// Every tool name that a request says, as often as it says it.
fn said<'r, 'a>(request: &'r Request<'a>) -> impl Iterator<Item = &'r Str<'a>> {
    let chosen = match &request.tool_choice {
        Some(ToolChoice::Named(name)) => Some(name),
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required) | None => None,
    };
    let called = |message: &'r Message<'a>| {
        message.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(&call.name),
            Part::Text(_)
            | Part::Media(_)
            | Part::Thinking { .. }
            | Part::RedactedThinking { .. }
            | Part::ToolResult(_)
            | Part::Refusal(_) => None,
        })
    };
    request.tools.iter().map(|tool| &tool.name).chain(chosen).chain(request.messages.iter().flat_map(called))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Choice, Role, StopReason, Tool, ToolCall};
    fn asking<'a>(names: &[&'a str]) -> Request<'a> {
        let tool = |name: &&'a str| Tool {
            name: Str::from(*name),
            description: None,
            schema: None,
            strict: None,
            cache: None,
        };
        let call = |name: &&'a str| Part::ToolCall(ToolCall { name: Str::from(*name), ..ToolCall::default() });
        Request {
            tools: names.iter().map(tool).collect(),
            tool_choice: names.first().map(|name| ToolChoice::Named(Str::from(*name))),
            messages: vec![Message { role: Role::Assistant, name: None, parts: names.iter().map(call).collect() }],
            ..Request::default()
        }
    }

    fn new_names(names: &[&str], dialect: Dialect) -> Vec<String> {
        let mut request = asking(names);
        fit(&mut request, dialect);
        request.tools.iter().map(|tool| tool.name.as_str().to_owned()).collect()
    }

    #[test]
    fn what_fits_stays() {
        for (name, dialects) in [
            ("get_weather", &Dialect::ALL[..]),
            ("_x", &Dialect::ALL),
            ("get-weather", &[Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini, Dialect::Converse]),
            ("3d", &[Dialect::OpenAi, Dialect::Responses, Dialect::Anthropic, Dialect::Converse]),
            ("a.b:c", &[Dialect::Gemini]),
        ] {
            for dialect in dialects {
                assert_eq!(fit(&mut asking(&[name]), *dialect), None, "{name} {dialect:?}");
            }
        }
        let long = "a".repeat(128);
        assert_eq!(fit(&mut asking(&[&long]), Dialect::Anthropic), None);
        assert_eq!(fit(&mut asking(&[]), Dialect::OpenAi), None);
    }

    #[test]
    fn a_new_name_is_readable_and_always_the_same() {
        for (name, dialect, expected) in [
            ("mcp.github/list issues", Dialect::OpenAi, "mcp_github_list_issues_5c7e37c7"),
            ("mcp.github/list issues", Dialect::Gemini, "mcp.github_list_issues_5c7e37c7"),
            ("get-weather", Dialect::Cohere, "get_weather_28e89efc"),
            ("3d", Dialect::Gemini, "_3d_cefaba10"),
            ("天気", Dialect::Converse, "tool_001e3e9a"),
            ("", Dialect::Converse, "tool_6bf4c294"),
        ] {
            assert_eq!(new_names(&[name], dialect), [expected], "{name} {dialect:?}");
        }
    }

    #[test]
    fn every_new_name_fits_is_unique_and_comes_back() {
        let long = ["x".repeat(65), "x".repeat(66), "é".repeat(200), "-".repeat(200), "1".repeat(129)];
        let mut own: Vec<&str> = long.iter().map(String::as_str).collect();
        own.extend(["a b", "a/b", "a.b", "a_b", "a-b", "", " ", "9", ".", "-", "tool", "a b"]);
        for dialect in Dialect::ALL {
            let mut request = asking(&own);
            let names = fit(&mut request, dialect).unwrap();
            let mut seen = HashMap::new();
            for (tool, own) in request.tools.iter().zip(&own) {
                assert!(Rule::of(dialect).fits(&tool.name), "{own:?} as {:?} in {dialect:?}", tool.name);
                assert_eq!(*seen.entry(tool.name.as_str()).or_insert(own), own, "{dialect:?}");
                assert_eq!(names.restore(&tool.name).unwrap_or(&tool.name), *own);
            }
            let called: Vec<_> = said(&request).skip(own.len() + 1).collect();
            assert_eq!(called, request.tools.iter().map(|tool| &tool.name).collect::<Vec<_>>());
            assert_eq!(request.tool_choice, Some(ToolChoice::Named(request.tools[0].name.clone())));
        }
    }

    #[test]
    fn a_name_that_is_taken_is_not_given() {
        let taken = &new_names(&["a b"], Dialect::OpenAi)[0];
        for names in [["a b", taken], [taken, "a b"]] {
            let new = new_names(&names, Dialect::OpenAi);
            assert_ne!(new[0], new[1]);
            assert!(new.contains(taken));
        }
    }

    #[test]
    fn answers_say_the_clients_names() {
        let mut request = asking(&["a b", "c"]);
        let names = fit(&mut request, Dialect::OpenAi).unwrap();
        for (said, expected) in [(request.tools[0].name.as_str(), "a b"), ("c", "c"), ("made_up", "made_up")] {
            let start = Event::ToolStart { choice: 0, tool: 0, id: "i".into(), name: said.into() };
            let Event::ToolStart { name, .. } = names.restore_event(start) else { unreachable!() };
            assert_eq!(name, *expected);
            let call = Part::ToolCall(ToolCall { name: said.into(), ..ToolCall::default() });
            let choice = Choice { index: 0, parts: vec![call], stop: StopReason::ToolCalls, logprobs: None };
            let mut response = Response { choices: vec![choice], ..Response::default() };
            names.restore_response(&mut response);
            let Part::ToolCall(call) = &response.choices[0].parts[0] else { unreachable!() };
            assert_eq!(call.name, *expected);
        }
    }
}
