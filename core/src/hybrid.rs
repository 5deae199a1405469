//! What filters and the service tell each other when filters read bodies and the service decides by headers alone.
//!
//! ```text
//! model-router ──header x-attache-ask: Ask──► service ──header x-attache-plan: Plan──► translate
//! translate ──filter state wasm.attache_usage: Told──► Envoy's access log ──► service
//! ```
//!
//! Each is one line of JSON in visible ASCII. No client writes them: Envoy removes `x-attache-…` before anything reads it.

mod prompt;

pub use prompt::{MEDIUM_TOKENS, prompt};

use crate::usage::Usage;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::ser::Formatter;
use std::io;

/// The header of an [`Ask`].
pub const ASK_HEADER: &str = "x-attache-ask";
/// The header of a [`Plan`]. The first attempt takes it off the request and keeps it in the filter state for later ones; the
/// same text is in the dynamic metadata `attache`, under [`PLAN_KEY`].
pub const PLAN_HEADER: &str = "x-attache-plan";
/// The key of a [`Plan`] in the dynamic metadata `attache`.
pub const PLAN_KEY: &str = "told_plan";
/// The filter state of a [`Told`], as Envoy knows it: a filter sets `attache_usage`.
pub const TOLD_STATE: &str = "wasm.attache_usage";

/// The longest text of each, in bytes: a name of 256 bytes may take 768 in escapes, and a plan has ten attempts of three.
pub const TEXT_BYTES_MAX: usize = 32 << 10;
/// How much of a model's name is told, in characters. No configured one is longer.
pub const MODEL_CHARS_MAX: usize = 300;
/// What the name of a target ends with that no model names: whatever its provider is asked for, as the plan says.
const ANY: &str = "/*";

/// What a client asks for, as far as its body says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The model, as the client names it; at most [`MODEL_CHARS_MAX`] characters of it.
    pub model: String,
    /// A stream is wanted.
    pub stream: bool,
    /// The tokens of the prompt by a rough count ([`prompt()`]).
    pub prompt_tokens: u64,
    /// Most tokens of each answer, where the request says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_max: Option<u64>,
    /// How many answers are asked for.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub answers: u64,
    /// The body's bytes.
    pub bytes: u64,
}

fn one() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_one(number: &u64) -> bool {
    *number == 1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Who serves, attempt by attempt: element n is attempt n + 1. Attempts beyond the last stay with the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The attempts' targets.
    pub targets: Vec<Aim>,
    /// Most tokens of each answer that may be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_cap: Option<u64>,
}

/// The target of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aim {
    /// The target's name in the configuration: [`target_name`] or [`any_of`].
    pub to: String,
    /// Its provider.
    pub provider: String,
    /// The provider's own name for the model; empty for what names none (files, batches).
    pub model: String,
}

/// The name of a model's target: `fast/openai/gpt-4o-mini`. It says whom it means and not in which place, so that a filter
/// whose configuration is older than the plan knows the same target by it, or none. `before`: how many targets of this model
/// before it have the same provider and the same name there.
pub fn target_name(model: &str, provider: &str, there: &str, before: usize) -> String {
    let name = format!("{model}/{provider}/{there}");
    if before == 0 { name } else { format!("{name}#{}", before.saturating_add(1)) }
}

/// The name of whatever a provider is asked for by its own name, where no model of the configuration does: `openai/*`.
pub fn any_of(provider: &str) -> String {
    format!("{provider}{ANY}")
}

/// What an answer told, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Which attempt it answers.
    pub attempt: u32,
    /// Tokens used, as far as the provider has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The model that answered, in the provider's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tier at which it was served, where the provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Something of the answer itself has come.
    pub content: bool,
    /// Nobody reads the answer (files, sound): whether it is whole, only the proxy knows.
    #[serde(skip_serializing_if = "is_false")]
    pub unread: bool,
    /// The answer is whole: its last byte, or the dialect's last event, has come.
    pub done: bool,
    /// Tokens of text and tool calls that have come, by a rough count.
    pub output: u64,
    /// Tokens of thoughts that have come, by a rough count; not in `output`.
    pub reasoning: u64,
    /// The kind of what went wrong, in a word ([`FaultKind::as_str`](crate::fault::FaultKind::as_str)): the provider's error,
    /// an answer that nobody understands, or a request that was not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What could not be carried, there and back, by the names of fields that this project knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<String>,
    /// What else could not be carried: these names are the client's own, or the provider's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub losses_unknown: Vec<String>,
}

/// Tokens by their bytes alone, where nobody needs to know better: about four are one.
pub fn rough(bytes: u64) -> u64 {
    bytes / 4
}

/// Writes one of these in visible ASCII, as a header or a filter state holds it.
///
/// # Errors
/// When it is longer than [`TEXT_BYTES_MAX`].
pub fn write(value: &impl Serialize) -> Result<String, TooLong> {
    let mut text = Vec::with_capacity(256);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Ascii)).map_err(|_| TooLong)?;
    let text = String::from_utf8(text).map_err(|_| TooLong)?;
    if text.len() > TEXT_BYTES_MAX { Err(TooLong) } else { Ok(text) }
}

/// Reads one of these.
///
/// # Errors
/// Where and why it cannot be read.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(TooLong.to_string());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// It is longer than [`TEXT_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it has more than {TEXT_BYTES_MAX} bytes")
    }
}

/// JSON on one line, with everything beyond visible ASCII as escapes.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Most is ASCII, which goes as it is.
        for run in fragment.split_inclusive(|c| !matches!(c, ' '..='~')) {
            let seen = run.trim_end_matches(|c| !matches!(c, ' '..='~'));
            writer.write_all(seen.as_bytes())?;
            let hidden = run.get(seen.len()..).unwrap_or_default();
            for unit in hidden.encode_utf16() {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(model: &str) -> Ask {
        Ask { model: model.to_owned(), stream: true, prompt_tokens: 5, output_max: None, answers: 1, bytes: 20 }
    }

    #[test]
    fn a_line_of_ascii_says_it_all() {
        assert_eq!(write(&ask("fast")).unwrap(), r#"{"model":"fast","stream":true,"prompt_tokens":5,"bytes":20}"#);
        for model in ["", "模型/ü", "🦀", "a\r\nx-admin: 1", "\u{7f}\u{0}", "say \"hi\" \\"] {
            let text = write(&ask(model)).unwrap();
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
            assert_eq!(read::<Ask>(&text), Ok(ask(model)), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_but_for_what_an_answer_told() {
        for text in ["", "{}", "null", r#"{"model":"m","stream":true,"prompt_tokens":5,"bytes":20,"more":1}"#] {
            assert!(read::<Ask>(text).is_err(), "{text}");
        }
        let told = read::<Told>(r#"{"usage":{"input":7,"output":3},"done":true,"news":1}"#).unwrap();
        let usage = Usage { input: 7, output: 3, ..Usage::default() };
        assert_eq!(told, Told { usage: Some(usage), done: true, ..Told::default() });
        assert_eq!(read::<Told>(&write(&told).unwrap()), Ok(told));
    }

    #[test]
    fn nothing_is_longer_than_a_header() {
        let aim = Aim { to: "x".repeat(TEXT_BYTES_MAX), provider: String::new(), model: String::new() };
        assert_eq!(write(&Plan { targets: vec![aim], output_cap: None }), Err(TooLong));
        assert!(read::<Ask>(&" ".repeat(TEXT_BYTES_MAX + 1)).is_err());
    }
}
