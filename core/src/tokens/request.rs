//! What a whole request weighs, as the provider would count it.
//!
//! Exact, as OpenAI's usage reports show: messages of text ([the frames are documented](https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb)),
//! and images whose size can be read, where the rule is published. Known to be approximate, and then said to be
//! [`Method::Estimated`]: tools and response schemas (how they are shown to the model is known from what models told of
//! their prompts), tool calls and their results in the conversation, sound, documents, thoughts, and images that only
//! the provider can fetch. For other providers' models even the frames of messages are assumed to be OpenAI's; the few
//! tokens that this is off by are within the estimate's error.

use super::family::Family;
use super::media::of_media;
use super::tool::{of_format, of_tools};
use super::{Count, Counter, Method, Ratio};
use crate::chat::{Message, Part, Request, Role, ToolCall, ToolResult};
use std::iter::Sum;
use std::ops::Add;

/// Tokens around every message: `<|start|>`, `<|message|>` and `<|end|>`.
const MESSAGE: u64 = 3;
/// The role's own name: every known one is one token.
const ROLE: u64 = 1;
/// A token before a speaker's name.
const NAME: u64 = 1;
/// Tokens with which the answer is begun.
const REPLY: u64 = 3;
/// Tokens around a tool call or a tool's result: a guess from usage reports, rather high.
const CALL: u64 = 8;

/// The prompt tokens of a request for a model (the provider's own name for it, which tells the rules for images, sound
/// and tools).
pub fn of_request(request: &Request<'_>, counter: &Counter<'_>, model: &str) -> Count {
    let prompt = Prompt { counter, family: Family::of_model(model), model };
    let messages: Tally = request.messages.iter().map(|message| prompt.message(message)).sum();
    let has_system = request.messages.iter().any(|message| matches!(message.role, Role::System | Role::Developer));
    let tally = messages
        + of_tools(&request.tools, has_system, counter, prompt.family)
        + of_format(request.format.as_ref(), counter)
        + Tally::sure(REPLY);
    Count { tokens: tally.tokens, method: if tally.guessed { Method::Estimated } else { counter.method() } }
}

struct Prompt<'a> {
    counter: &'a Counter<'a>,
    family: Family,
    model: &'a str,
}

impl Prompt<'_> {
    fn message(&self, message: &Message<'_>) -> Tally {
        let name = message.name.as_ref().map_or(0, |name| NAME.saturating_add(self.counter.count(name)));
        let role = match &message.role {
            Role::System | Role::Developer | Role::User | Role::Assistant | Role::Tool => ROLE,
            Role::Unknown(role) => self.counter.count(role),
        };
        Tally::sure(MESSAGE.saturating_add(role)) + Tally::sure(name) + self.parts(&message.parts)
    }

    fn parts(&self, parts: &[Part<'_>]) -> Tally {
        parts.iter().map(|part| self.part(part)).sum()
    }

    fn part(&self, part: &Part<'_>) -> Tally {
        match part {
            Part::Text(text) => Tally::sure(self.counter.count(&text.text)),
            Part::Refusal(text) => Tally::sure(self.counter.count(text)),
            Part::Thinking { text, .. } => Tally::guess(self.counter.count(text)),
            // Encrypted text, a little longer than the text itself, in base64.
            Part::RedactedThinking { data } => Tally::guess(data.len() as u64 / 5),
            Part::Media(media) => of_media(media, self.counter, self.family, self.model),
            Part::ToolCall(call) => self.call(call),
            Part::ToolResult(result) => self.result(result),
        }
    }

    fn call(&self, call: &ToolCall<'_>) -> Tally {
        let said = self.counter.count(&call.name).saturating_add(self.counter.count(&call.arguments));
        Tally::guess(CALL.saturating_add(said))
    }

    fn result(&self, result: &ToolResult<'_>) -> Tally {
        Tally::guess(CALL) + self.parts(&result.content)
    }
}

/// Tokens, and whether any of them were guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) tokens: u64,
    pub(super) guessed: bool,
}

impl Tally {
    pub(super) fn sure(tokens: u64) -> Self {
        Self { tokens, guessed: false }
    }

    pub(super) fn guess(tokens: u64) -> Self {
        Self { tokens, guessed: true }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), guessed: self.guessed || other.guessed }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Self::add)
    }
}

/// What looks like base64 and is at least this long is taken for a file, not for text.
const FILE_BYTES_MIN: usize = 1024;
/// Most tokens for a file, before what it has for its length: an image is not more.
const FILE: u64 = 12_000;
/// A token for so many bytes beyond that: a PDF of many pages, a long recording.
const FILE_BYTES_PER_TOKEN: u64 = 32;

/// A safe estimate for a request that nobody here can read: all of its bytes as if they were text, the JSON around the
/// words included, so that it is rather too high by a tenth to a half. Long runs of base64 count as files: a token for
/// two bytes, but beyond 12,000 tokens only one for thirty-two.
pub fn of_bytes(body: &[u8], counter: &Counter<'_>) -> Count {
    let ratio = match counter {
        Counter::Exact(_) => Ratio::PLAIN,
        Counter::Estimate(ratio) => *ratio,
        Counter::Custom(_) => Ratio::of_model(""),
    };
    let mut thousandths: u64 = 0;
    let mut files: u64 = 0;
    for stretch in body.split_inclusive(|byte| !is_base64(*byte)) {
        if stretch.len() >= FILE_BYTES_MIN {
            let by_length = FILE + stretch.len() as u64 / FILE_BYTES_PER_TOKEN;
            files = files.saturating_add((stretch.len() as u64 / 2).min(by_length));
        }
    }
    for text in texts(body) {
        thousandths = thousandths.saturating_add(super::shape::thousandths(&text));
    }
    Count { tokens: ratio.scale_thousandths(thousandths).saturating_add(files), method: Method::Estimated }
}

/// The body without its files, in pieces that are read as UTF-8 as far as they are.
fn texts(body: &[u8]) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let file = file_start(rest);
        let (text, after) = rest.split_at_checked(file).unwrap_or((rest, &[]));
        let length = after.iter().take_while(|byte| is_base64(**byte)).count();
        rest = after.get(length..).unwrap_or_default();
        Some(String::from_utf8_lossy(text))
    })
}

/// Where the first file begins; the length when there is none.
fn file_start(bytes: &[u8]) -> usize {
    let mut start = 0;
    for stretch in bytes.split_inclusive(|byte| !is_base64(*byte)) {
        if stretch.len() >= FILE_BYTES_MIN {
            return start;
        }
        start += stretch.len();
    }
    start
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

#[cfg(test)]
mod tests {
    use super::super::Encoding;
    use super::*;
    use crate::dialect::Dialect;
    use serde_json::{Value, json};

    const O200K: Counter<'_> = Counter::Exact(Encoding::O200k);
    const CL100K: Counter<'_> = Counter::Exact(Encoding::Cl100k);

    #[test]
    fn messages_count_as_usage_reports_say() {
        // The example of OpenAI's cookbook, with what its usage said.
        let body = json!({ "model": "m", "messages": [
            { "role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English." },
            { "role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth." },
            { "role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue." },
            { "role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage." },
            { "role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do better." },
            { "role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable." },
        ]});
        assert_eq!(count(&body, &CL100K, "gpt-4"), Count { tokens: 129, method: Method::Exact });
        assert_eq!(count(&body, &O200K, "gpt-4o"), Count { tokens: 124, method: Method::Exact });
    }

    #[test]
    fn tools_count_about_as_usage_reports_say() {
        // From the same cookbook.
        for (model, counter, said) in [("gpt-4", CL100K, 105), ("gpt-4o", O200K, 101)] {
            let found = count(&weather(), &counter, model);
            assert_eq!(found.method, Method::Estimated);
            assert!((said..=said + 15).contains(&found.tokens), "{model}: {found:?}, said {said}");
        }
    }

    #[test]
    fn anthropics_requests_are_estimated_and_not_below_their_reports() {
        // From <https://platform.claude.com/docs/en/build-with-claude/token-counting>.
        let hello = json!({ "model": "m", "max_tokens": 10, "system": "You are a scientist",
            "messages": [{ "role": "user", "content": "Hello, Claude" }] });
        let request = Dialect::Anthropic
            .decode_request(hello.to_string().as_bytes())
            .map(|request| of_request(&request, &Counter::of_model("claude-opus-5"), "claude-opus-5"));
        let found = request.expect("a valid request");
        assert_eq!(found.method, Method::Estimated);
        assert!((14..=32).contains(&found.tokens), "{found:?}");
        let found = count(&weather(), &Counter::of_model("claude-opus-5"), "claude-opus-5");
        assert!((403..=900).contains(&found.tokens), "{found:?}");
    }

    #[test]
    fn what_can_only_be_guessed_is_said_to_be() {
        let image = |url: &str| json!([{ "type": "image_url", "image_url": { "url": url, "detail": "high" } }]);
        let png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAYAAAB/HSuDAAAA";
        for (content, tokens, method) in [
            (json!("Hi"), 8, Method::Exact),
            (image(png), 7 + 765, Method::Exact),
            (image("https://example.com/a.png"), 7 + 85 + 8 * 170, Method::Estimated),
        ] {
            let body = json!({ "model": "m", "messages": [{ "role": "user", "content": content }] });
            assert_eq!(count(&body, &O200K, "gpt-4o"), Count { tokens, method }, "{content}");
        }
        let hi = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] });
        assert_eq!(count(&hi, &Counter::of_model("mistral-small"), "mistral-small").method, Method::Estimated);
        let letters = |text: &str| text.len() as u64;
        let custom = Counter::Custom(&letters);
        assert_eq!(count(&hi, &custom, "llama-3"), Count { tokens: 9, method: Method::Tokenizer });
    }

    #[test]
    fn more_never_counts_less() {
        let (mut body, mut before) = (weather(), 0);
        let call =
            json!({ "id": "1", "type": "function", "function": { "name": "get_current_weather", "arguments": "{}" } });
        for (path, value) in [
            ("/messages/1/content", json!("What's the weather like in San Francisco? And tomorrow?")),
            (
                "/tools/0/function/parameters/properties/location",
                json!({ "type": ["string", "null"], "default": "here, where I am now, wherever that is" }),
            ),
            (
                "/messages/0",
                json!({ "role": "assistant", "content": body["messages"][0]["content"], "tool_calls": [call] }),
            ),
        ] {
            *body.pointer_mut(path).expect("the path is there") = value;
            let found = count(&body, &O200K, "gpt-4o").tokens;
            assert!(found > before, "{found} after {before}: {body}");
            before = found;
        }
        body["response_format"] =
            json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": { "type": "object" } } });
        assert!(count(&body, &O200K, "gpt-4o").tokens > before);
    }

    #[test]
    fn a_schema_as_deep_as_can_be_is_counted() {
        let mut schema = json!({ "type": "string" });
        for _ in 0..60 {
            schema = json!({ "type": "object", "properties": { "a": schema } });
        }
        let tool = |schema: &str| {
            format!(
                r#"{{"model":"m","messages":[],"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]}}"#
            )
        };
        for schema in [schema.to_string(), format!("{}{}", "[".repeat(100), "]".repeat(100))] {
            let body = tool(&schema);
            if let Ok(request) = Dialect::OpenAi.decode_request(body.as_bytes()) {
                assert!(of_request(&request, &O200K, "gpt-4o").tokens > 10);
            }
        }
    }

    #[test]
    fn bytes_that_cannot_be_read_are_estimated_on_the_high_side() {
        for (name, text) in super::super::tests::corpus() {
            if ["whitespace", "digits", "special"].iter().any(|odd| name.contains(odd)) {
                continue;
            }
            let (exact, found) = (Encoding::O200k.count(&text), of_bytes(text.as_bytes(), &O200K));
            assert_eq!(found.method, Method::Estimated);
            assert!(found.tokens * 100 >= exact * 85 && found.tokens <= exact * 2, "{name}: {found:?} for {exact}");
        }
        let file = format!(r#"{{"data":"{}","text":"hello"}}"#, "iVBORw0KGgo".repeat(100_000));
        let tokens = of_bytes(file.as_bytes(), &O200K).tokens;
        assert!((12_000..60_000).contains(&tokens), "a file of a megabyte: {tokens}");
        assert!(of_bytes(&[0xff; 1000], &O200K).tokens > 100);
        assert_eq!(of_bytes(b"", &O200K).tokens, 0);
    }

    fn count(body: &Value, counter: &Counter<'_>, model: &str) -> Count {
        let body = body.to_string();
        let request = Dialect::OpenAi.decode_request(body.as_bytes()).expect("a valid request");
        of_request(&request, counter, model)
    }

    fn weather() -> Value {
        json!({ "model": "m", "messages": [
            { "role": "system", "content": "You are a helpful assistant that can answer to questions about the weather." },
            { "role": "user", "content": "What's the weather like in San Francisco?" },
        ], "tools": [{ "type": "function", "function": {
            "name": "get_current_weather", "description": "Get the current weather in a given location",
            "parameters": { "type": "object", "properties": {
                "location": { "type": "string", "description": "The city and state, e.g. San Francisco, CA" },
                "unit": { "type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"] },
            }, "required": ["location"] },
        } }] })
    }
}
