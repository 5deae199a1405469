//! What the model says, before any dialect writes it down: decided by the script, else by what was asked.

use std::fmt::Write as _;
use std::ops::Range;

use serde_json::{Value, json};

use crate::schema;
use crate::script::{Script, ScriptedCall};

/// As much of the last user text as the default answer repeats.
const ECHO_CHARS_MAX: usize = 200;
/// Deltas of a text when the script does not say how many.
const DEFAULT_DELTAS_MAX: usize = 32;
/// Four bytes are a token here, so that counts can be foretold.
const BYTES_PER_TOKEN: usize = 4;

/// What the answer depends on, read from a request of either dialect.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) last_user_text: String,
    pub(crate) prompt_tokens: u64,
    /// The tool that must be called, with its schema.
    pub(crate) forced_tool: Option<(String, Value)>,
    /// The shape that a JSON answer must have.
    pub(crate) answer_schema: Option<Value>,
    pub(crate) stop: Vec<String>,
    pub(crate) output_tokens_max: Option<u64>,
    pub(crate) thinking: bool,
}

/// One assistant turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) thinking: Option<String>,
    pub(crate) redacted_thinking: Option<String>,
    pub(crate) text: String,
    pub(crate) refusal: Option<String>,
    pub(crate) calls: Vec<Call>,
    pub(crate) stop: Stop,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    /// JSON, unless the script wanted something broken.
    pub(crate) arguments: String,
}

/// Why the model stopped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Stop {
    #[default]
    End,
    Length,
    Sequence(String),
    Tools,
    Refusal,
}

impl Turn {
    pub(crate) fn new(asked: &Asked, script: &Script) -> Self {
        let mut turn = Self {
            thinking: script.thinking.clone().or_else(|| asked.thinking.then(|| "Let me think about this.".to_owned())),
            redacted_thinking: script.redacted_thinking.clone(),
            refusal: script.refusal.clone(),
            calls: script.tool_calls.iter().map(Call::scripted).collect(),
            ..Self::default()
        };
        let says = turn.calls.is_empty() && turn.refusal.is_none();
        if let Some(text) = &script.text {
            turn.text.clone_from(text);
        } else if let Some(bytes) = script.text_bytes {
            turn.text = filler(bytes);
        } else if let Some((name, schema)) = asked.forced_tool.as_ref().filter(|_| says) {
            turn.calls.push(Call { id: None, name: name.clone(), arguments: schema::example(schema).to_string() });
        } else if says {
            turn.say_default(asked, script);
        }
        if turn.refusal.is_some() {
            turn.stop = Stop::Refusal;
        } else if !turn.calls.is_empty() {
            turn.stop = Stop::Tools;
        }
        turn
    }

    fn say_default(&mut self, asked: &Asked, script: &Script) {
        if let Some(schema) = &asked.answer_schema {
            self.text = schema::example(schema).to_string();
            return;
        }
        self.text = String::from("You said: ");
        self.text.extend(asked.last_user_text.chars().take(ECHO_CHARS_MAX));
        // Asked for more deltas than there are characters: say more.
        if let Some(bytes) = script.chunks.map(|chunks| chunks.saturating_mul(BYTES_PER_TOKEN))
            && self.text.len() < bytes
        {
            self.text.push(' ');
            let missing = bytes - self.text.len();
            self.text.push_str(&filler(missing));
        }
        if let Some((at, sequence)) =
            asked.stop.iter().filter_map(|sequence| Some((self.text.find(sequence.as_str())?, sequence))).min()
        {
            self.text.truncate(at);
            self.stop = Stop::Sequence(sequence.clone());
        }
        let bytes_max = asked
            .output_tokens_max
            .map_or(usize::MAX, |tokens| usize::try_from(tokens).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_TOKEN));
        if self.text.len() > bytes_max {
            let mut end = bytes_max;
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            self.text.truncate(end);
            self.stop = Stop::Length;
        }
    }

    /// Output tokens of the whole turn.
    pub(crate) fn tokens(&self) -> u64 {
        let calls: usize = self.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
        let text = self.text.len() + self.refusal.as_ref().map_or(0, String::len);
        tokens(text + calls) + self.thinking_tokens()
    }

    pub(crate) fn thinking_tokens(&self) -> u64 {
        self.thinking.as_ref().map_or(0, |thinking| tokens(thinking.len()))
    }
}

impl Call {
    fn scripted(call: &ScriptedCall) -> Self {
        let arguments = match &call.arguments {
            None => "{}".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        Self { id: call.id.clone(), name: call.name.clone(), arguments }
    }
}

/// How many tokens some bytes are; at least one.
pub(crate) fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(BYTES_PER_TOKEN).max(1)).unwrap_or(u64::MAX)
}

/// Bytes of all the strings that a model would read: not ids, roles, types or base64 data.
pub(crate) fn prompt_bytes(value: &Value) -> usize {
    const NOT_READ: [&str; 18] = [
        "role",
        "type",
        "id",
        "tool_call_id",
        "tool_use_id",
        "signature",
        "media_type",
        "data",
        "url",
        "detail",
        "cache_control",
        "mimeType",
        "fileUri",
        "thoughtSignature",
        "bytes",
        "format",
        "status",
        "toolUseId",
    ];
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(prompt_bytes).sum(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !NOT_READ.contains(&name.as_str()))
            .map(|(_, value)| prompt_bytes(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// The schema that makes an answer any JSON object.
pub(crate) fn any_object_schema() -> Value {
    json!({"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]})
}

/// Cuts a text into this many pieces, or as many as it has characters. An empty text has no pieces.
pub(crate) fn pieces(text: &str, wanted: Option<usize>) -> Vec<Range<usize>> {
    let wanted = wanted.unwrap_or_else(|| text.len().div_ceil(BYTES_PER_TOKEN).min(DEFAULT_DELTAS_MAX)).max(1);
    let mut pieces = Vec::with_capacity(wanted.min(text.len()));
    let mut start = 0;
    for n in 1..=wanted {
        let even = usize::try_from(text.len() as u128 * n as u128 / wanted as u128).unwrap_or(text.len());
        // At least one character, and never half of one.
        let mut end = even.max(start + 1).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        if end > start {
            pieces.push(start..end);
        }
        start = end;
    }
    pieces
}

/// This many bytes of words.
fn filler(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 16);
    let mut n = 1_u32;
    while text.len() < bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "word{n} ");
        n += 1;
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(asked: &Asked, script: &str) -> Turn {
        Turn::new(asked, &Script::parse(script.as_bytes()).expect("a valid script"))
    }

    #[test]
    fn unscripted_it_repeats_the_user() {
        let asked = Asked { last_user_text: "é".repeat(300), ..Asked::default() };
        assert_eq!(say(&asked, "{}").text, format!("You said: {}", "é".repeat(200)));
        assert_eq!(say(&asked, r#"{"text":"x"}"#).text, "x");
        assert_eq!(say(&asked, r#"{"text_bytes":1001}"#).text.len(), 1001);
    }

    #[test]
    fn limits_that_were_asked_for_are_kept() {
        let asked = Asked {
            last_user_text: "one STOP two".into(),
            stop: vec!["two".into(), "STOP".into()],
            output_tokens_max: Some(100),
            ..Asked::default()
        };
        let turn = say(&asked, "{}");
        assert_eq!((turn.text.as_str(), turn.stop), ("You said: one ", Stop::Sequence("STOP".into())));
        let asked = Asked { last_user_text: "hello".into(), output_tokens_max: Some(2), ..Asked::default() };
        let turn = say(&asked, "{}");
        assert_eq!((turn.text.as_str(), turn.stop), ("You said", Stop::Length));
    }

    #[test]
    fn a_forced_tool_is_called_unless_scripted_otherwise() {
        let schema = json!({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]});
        let asked = Asked { forced_tool: Some(("weather".into(), schema)), ..Asked::default() };
        let turn = say(&asked, "{}");
        assert_eq!((turn.calls[0].name.as_str(), turn.calls[0].arguments.as_str()), ("weather", r#"{"city":"value"}"#));
        assert_eq!(turn.stop, Stop::Tools);
        let turn = say(&asked, r#"{"tool_calls":[{"name":"other","arguments":"{broken"}]}"#);
        assert_eq!((turn.calls.len(), turn.calls[0].arguments.as_str()), (1, "{broken"));
    }

    #[test]
    fn pieces_are_whole_characters_and_make_the_text() {
        for text in ["", "a", "héllo wörld", "日本語のテキスト", "👩‍👩‍👧 family"] {
            for wanted in [None, Some(1), Some(3), Some(7), Some(1000)] {
                let ranges = pieces(text, wanted);
                let joined: String = ranges.iter().filter_map(|range| text.get(range.clone())).collect();
                assert_eq!(joined, text);
                assert!(ranges.iter().all(|range| !range.is_empty()));
                assert!(ranges.len() <= wanted.unwrap_or(usize::MAX));
            }
        }
        assert_eq!(pieces(&"x".repeat(100), Some(20)).len(), 20);
    }

    #[test]
    fn as_many_deltas_as_the_script_wants() {
        let asked = Asked { last_user_text: "hi".into(), ..Asked::default() };
        for chunks in [1, 20, 500] {
            let turn = say(&asked, &format!(r#"{{"chunks":{chunks}}}"#));
            assert_eq!(pieces(&turn.text, Some(chunks)).len(), chunks);
        }
    }
}
