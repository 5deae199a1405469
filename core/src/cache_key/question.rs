//! The last words of the user, where they may be compared by meaning, and why not where not.
//!
//! Everything that is decided here errs on the side of an exact match: what is not known for certain to be a plain
//! question in text is [`ExactOnly`].

use super::tree::{Node, decoded};
use super::{DELIVERY, Key, Keys, LeftOut, Request, Scope};
use crate::alike::{content_words, is_volatile, words};
use crate::dialect::Dialect;
use crate::endpoint::Operation;
use std::fmt;

/// Fewer words that carry meaning than this are a follow-up (`and then?`), whose meaning is elsewhere.
const CONTENT_WORDS_MIN: usize = 2;
/// Where parameters stand besides the top.
const SETTINGS: [&str; 6] = [
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "additionalModelRequestFields",
    "extra_body",
    "options",
];

/// Why an answer may be found by its exact request only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExactOnly {
    /// The route did not ask for it.
    NotOptedIn,
    /// It is no chat.
    NotChat,
    /// Something in it was redacted, or looks as if it were: its placeholders mean something only in this exchange.
    Redacted,
    /// Several answers are wanted.
    Several,
    /// Log probabilities are wanted, which belong to one sampling.
    Logprobs,
    /// A seed is given: the client wants this very sampling.
    Seed,
    /// A key comes twice where it matters, and nobody knows which one the provider reads.
    Ambiguous,
    /// The last message is not the user's: a tool's result, a beginning of the answer.
    NotFromUser,
    /// The last message has more than text: an image, a tool's result.
    NotText,
    /// It is empty, or hardly says anything by itself.
    FewWords,
    /// It is longer than what is compared.
    TooLong,
    /// It is about now, and what is kept is kept too long for that.
    Volatile,
}

impl ExactOnly {
    /// The word for it in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOptedIn => "not_opted_in",
            Self::NotChat => "not_chat",
            Self::Redacted => "redacted",
            Self::Several => "several",
            Self::Logprobs => "logprobs",
            Self::Seed => "seed",
            Self::Ambiguous => "ambiguous",
            Self::NotFromUser => "not_from_user",
            Self::NotText => "not_text",
            Self::FewWords => "few_words",
            Self::TooLong => "too_long",
            Self::Volatile => "volatile",
        }
    }
}

/// What the host knows and a body does not say.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// The route asked for it.
    pub opted_in: bool,
    /// Something in the request was redacted.
    pub redacted: bool,
    /// Longest question in bytes; the encoder's window in tokens is the encoder's business.
    pub bytes_max: usize,
    /// Answers about now may be found as well, since they are not kept for long.
    pub volatile: bool,
}

/// The user's last words.
#[derive(Clone)]
pub struct Question<'a> {
    /// As it is written in the body: its place there.
    raw: &'a str,
    text: String,
}

impl Question<'_> {
    /// What is asked.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Shows nothing of it.
impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({} bytes)", self.text.len())
    }
}

impl Keys {
    /// The key of everything but the question: only questions of the same partition are compared. `embedder` is the model
    /// that makes vectors, with its version.
    pub fn partition(&self, scope: &Scope<'_>, embedder: &str, request: &Request<'_>, question: &Question<'_>) -> Key {
        let mut form = self.begin("partition", scope, request.endpoint);
        form.text(embedder);
        form.body(&request.root, LeftOut { fields: [&DELIVERY, scope.left_out], text: Some(question.raw) });
        Key(form.finish())
    }
}

impl<'a> Request<'a> {
    /// What may be compared by meaning.
    ///
    /// # Errors
    /// Why nothing may.
    pub fn question(&self, conditions: &Conditions) -> Result<Question<'a>, ExactOnly> {
        if !conditions.opted_in {
            return Err(ExactOnly::NotOptedIn);
        }
        if self.endpoint.operation != Operation::Chat {
            return Err(ExactOnly::NotChat);
        }
        if conditions.redacted || has_placeholder(self.body) {
            return Err(ExactOnly::Redacted);
        }
        self.is_one_sampling()?;
        let raw = self.last_text()?;
        let text = String::from_utf8_lossy(&decoded(raw)).into_owned();
        if text.len() > conditions.bytes_max {
            return Err(ExactOnly::TooLong);
        }
        let words = words(&text);
        if content_words(&words) < CONTENT_WORDS_MIN {
            return Err(ExactOnly::FewWords);
        }
        if !conditions.volatile && is_volatile(&words) {
            return Err(ExactOnly::Volatile);
        }
        Ok(Question { raw, text })
    }

    /// Whether parameters ask for more than any answer that is right.
    fn is_one_sampling(&self) -> Result<(), ExactOnly> {
        let inner = SETTINGS.iter().flat_map(|field| self.root.all(field));
        for (key, value) in std::iter::once(&self.root).chain(inner).flat_map(Node::fields) {
            let key = decoded(key);
            match &*key {
                b"n" | b"best_of" | b"candidateCount" | b"candidate_count" | b"num_generations" if !is_one(value) => {
                    return Err(ExactOnly::Several);
                }
                b"logprobs" | b"top_logprobs" | b"responseLogprobs" | b"response_logprobs" | b"prompt_logprobs"
                    if !value.is_nothing() =>
                {
                    return Err(ExactOnly::Logprobs);
                }
                b"include" if includes_logprobs(value) => return Err(ExactOnly::Logprobs),
                b"seed" | b"random_seed" if !matches!(value, Node::Word("null")) => return Err(ExactOnly::Seed),
                _ => {}
            }
        }
        Ok(())
    }

    /// The literal of the last text of the last message.
    fn last_text(&self) -> Result<&'a str, ExactOnly> {
        let (conversation, content) = match self.endpoint.dialect {
            Dialect::OpenAi | Dialect::Anthropic | Dialect::Converse | Dialect::Cohere => ("messages", "content"),
            Dialect::Responses => ("input", "content"),
            Dialect::Gemini => ("contents", "parts"),
            Dialect::Completions => ("prompt", ""),
        };
        let said = one(&self.root, conversation)?.ok_or(ExactOnly::NotFromUser)?;
        let message = match said {
            Node::Text(raw) => return Ok(raw),
            // Of several prompts each gets an answer.
            Node::List(_) if self.endpoint.dialect == Dialect::Completions => return Err(ExactOnly::Several),
            Node::List(messages) => messages.last().ok_or(ExactOnly::NotFromUser)?,
            Node::Word(_) | Node::Number(_) | Node::Object(_) => return Err(ExactOnly::NotFromUser),
        };
        let is_user = match one(message, "role")? {
            Some(role) => role.is("user"),
            None => self.endpoint.dialect == Dialect::Gemini,
        };
        let is_message = one(message, "type")?.is_none_or(|kind| kind.is("message"));
        if !is_user || !is_message {
            return Err(ExactOnly::NotFromUser);
        }
        match one(message, content)?.ok_or(ExactOnly::NotText)? {
            Node::Text(raw) => Ok(raw),
            Node::List(parts) => last_part(parts),
            Node::Word(_) | Node::Number(_) | Node::Object(_) => Err(ExactOnly::NotText),
        }
    }
}

fn is_one(count: &Node<'_>) -> bool {
    matches!(count, Node::Number("1") | Node::Word("null"))
}

/// Whether Responses' list of extras names the probabilities.
fn includes_logprobs(extras: &Node<'_>) -> bool {
    let items = if let Node::List(items) = extras { items.as_slice() } else { &[] };
    items.iter().any(|item| item.is("message.output_text.logprobs"))
}

/// The text of the last part, if all parts are texts. Those before it belong to the partition.
fn last_part<'a>(parts: &[Node<'a>]) -> Result<&'a str, ExactOnly> {
    let mut last = None;
    for part in parts {
        if part.fields().iter().all(|(key, _)| *key == "cachePoint") && !part.fields().is_empty() {
            continue;
        }
        // Fields of a text in one dialect or another; whatever else there is may be anything.
        let known = |(key, _): &(&str, Node<'_>)| matches!(*key, "type" | "text" | "cache_control" | "citations");
        let is_text = one(part, "type")?.is_none_or(|kind| kind.is("text") || kind.is("input_text"));
        if !is_text || !part.fields().iter().all(known) {
            return Err(ExactOnly::NotText);
        }
        let Some(Node::Text(raw)) = one(part, "text")? else { return Err(ExactOnly::NotText) };
        last = Some(*raw);
    }
    last.ok_or(ExactOnly::NotText)
}

/// A field that comes once or not at all.
fn one<'n, 'a>(node: &'n Node<'a>, key: &str) -> Result<Option<&'n Node<'a>>, ExactOnly> {
    let mut found = node.all(key);
    let first = found.next();
    if found.next().is_some() { Err(ExactOnly::Ambiguous) } else { Ok(first) }
}

/// Fewest characters of a placeholder's code.
const CODE_CHARS_MIN: usize = 10;

/// Whether something in a text looks like what redaction puts in the place of a value: `[LABEL-0123456789AB]`.
pub fn has_placeholder(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('[') {
        rest = after;
        let label_bytes = after
            .bytes()
            .take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
            .count();
        let Some(code) = after.get(label_bytes..).and_then(|code| code.strip_prefix('-')) else { continue };
        let code = code.strip_prefix("sha:").unwrap_or(code);
        let code_chars = code.bytes().take_while(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()).count();
        let is_closed = code.as_bytes().get(code_chars) == Some(&b']');
        if label_bytes > 0 && code_chars >= CODE_CHARS_MIN && is_closed {
            return true;
        }
    }
    false
}
