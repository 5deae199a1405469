//! What a test wants to happen: one JSON object per request, strict, every key optional.
//!
//! Parsing only. What a key does is decided where it acts: faults in `pace`, content in `turn`, errors in the dialects.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::openai::vendor::Vendor;

/// One scripted answer. The table in the README says what each key does.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Script {
    pub(crate) record: Option<bool>,
    pub(crate) validate: Option<bool>,
    pub(crate) strict_as: Option<Vendor>,
    pub(crate) require_content_length: bool,

    pub(crate) latency_ms: u64,
    pub(crate) first_token_ms: u64,
    pub(crate) chunk_delay_ms: u64,
    pub(crate) hold_ms_after_done: u64,
    pub(crate) chunks: Option<usize>,
    pub(crate) argument_chunks: Option<usize>,
    pub(crate) cut_bytes: Option<usize>,
    pub(crate) pings: usize,
    pub(crate) sse: SseStyle,

    pub(crate) status: Option<u16>,
    pub(crate) error_message: Option<String>,
    pub(crate) error_type: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) raw_body: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) trailers: BTreeMap<String, String>,
    pub(crate) gzip: bool,

    pub(crate) reset_before_headers: bool,
    pub(crate) never_answer: bool,
    pub(crate) reset_after_events: Option<u64>,
    pub(crate) close_after_events: Option<u64>,
    pub(crate) never_finish_after_events: Option<u64>,
    pub(crate) garbage_after_events: Option<u64>,
    pub(crate) error_after_events: Option<ErrorAfter>,

    pub(crate) text: Option<String>,
    pub(crate) text_bytes: Option<usize>,
    pub(crate) thinking: Option<String>,
    pub(crate) redacted_thinking: Option<String>,
    pub(crate) tool_calls: Vec<ScriptedCall>,
    pub(crate) refusal: Option<String>,
    #[serde(alias = "finish_reason")]
    pub(crate) stop_reason: Option<String>,
    pub(crate) usage: Option<Map<String, Value>>,
    pub(crate) omit_usage: bool,
    pub(crate) omit_done: bool,
    pub(crate) json_instead_of_stream: bool,
}

/// How the server-sent events are spelled; all of it is legal SSE.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SseStyle {
    pub(crate) crlf: bool,
    pub(crate) no_space: bool,
    pub(crate) comments: bool,
    pub(crate) bom: bool,
    pub(crate) multi_line: bool,
    /// Names on events (`event: …`). Unset: as the provider does.
    pub(crate) event_names: Option<bool>,
}

/// An error inside the stream, after a 200 has been promised.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ErrorAfter {
    pub(crate) after: u64,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) message: Option<String>,
}

/// A tool call that the model is to make. A string is sent as it is, even when it is no JSON.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedCall {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) arguments: Option<Value>,
    #[serde(default)]
    pub(crate) id: Option<String>,
}

impl Script {
    /// Reads one script.
    ///
    /// # Errors
    /// What is wrong with it, in words that name the key.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let script: Self = serde_json::from_slice(json).map_err(|error| format!("script: {error}"))?;
        script.checked()
    }

    fn checked(self) -> Result<Self, String> {
        if self.cut_bytes == Some(0) {
            return Err("script: cut_bytes: expected at least 1".to_owned());
        }
        if let Some(status) = self.status.filter(|status| !(200..=599).contains(status)) {
            return Err(format!("script: status: {status}: expected 200 to 599"));
        }
        for (key, all) in [("headers", &self.headers), ("trailers", &self.trailers)] {
            let fits = |(name, value): (&String, &String)| {
                http::HeaderName::from_bytes(name.as_bytes()).is_ok() && http::HeaderValue::from_str(value).is_ok()
            };
            if let Some((name, _)) = all.iter().find(|one| !fits(*one)) {
                return Err(format!("script: {key}: {name}: not a header that HTTP allows"));
            }
        }
        if let Some(value) = self.content_type.as_ref().filter(|value| http::HeaderValue::from_str(value).is_err()) {
            return Err(format!("script: content_type: {value:?}: not a header value that HTTP allows"));
        }
        Ok(self)
    }
}

/// Where scripts come from: the request itself, then the queue, then the default.
#[derive(Debug)]
pub(crate) struct Scripts {
    default: Mutex<Arc<Script>>,
    queue: Mutex<VecDeque<Arc<Script>>>,
}

impl Scripts {
    pub(crate) fn new(default: Script) -> Self {
        Self { default: Mutex::new(Arc::new(default)), queue: Mutex::default() }
    }

    /// The script of this request, and whether the default script wants requests recorded.
    ///
    /// # Errors
    /// The `x-sim` header holds no valid script.
    pub(crate) fn pick(&self, header: Option<&[u8]>) -> Result<(Arc<Script>, bool), String> {
        let default = Arc::clone(&self.default.lock().unwrap_or_else(PoisonError::into_inner));
        let record = default.record.unwrap_or(true);
        let script = match header {
            Some(json) => Arc::new(Script::parse(json)?),
            None => self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or(default),
        };
        let record = script.record.unwrap_or(record);
        Ok((script, record))
    }

    pub(crate) fn set_default(&self, script: Script) {
        *self.default.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    }

    /// Appends a JSON array of scripts; all of them or none. Returns how many wait now.
    ///
    /// # Errors
    /// What is wrong, with the position in the array.
    pub(crate) fn enqueue(&self, json: &[u8]) -> Result<usize, String> {
        let values: Vec<Box<serde_json::value::RawValue>> = serde_json::from_slice(json)
            .map_err(|error| format!("queue: expected a JSON array of scripts: {error}"))?;
        let scripts: Vec<Arc<Script>> = values
            .iter()
            .enumerate()
            .map(|(n, value)| {
                Script::parse(value.get().as_bytes()).map(Arc::new).map_err(|error| format!("[{n}]: {error}"))
            })
            .collect::<Result<_, _>>()?;
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.extend(scripts);
        Ok(queue.len())
    }

    pub(crate) fn clear_queue(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named() {
        for (json, word) in [
            (r#"{"latency": 1}"#, "latency"),
            (r#"{"sse": {"lf": true}}"#, "lf"),
            (r#"{"cut_bytes": 0}"#, "cut_bytes"),
            (r#"{"status": 100}"#, "status"),
            (r#"{"headers": {"a b": "c"}}"#, "a b"),
            (r#"{"trailers": {"a": "b\n"}}"#, "trailers"),
            (r#"{"error_after_events": {"at": 1}}"#, "at"),
        ] {
            let error = Script::parse(json.as_bytes()).expect_err(json);
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn header_then_queue_then_default() {
        let scripts = Scripts::new(Script::parse(br#"{"text":"default","record":false}"#).expect("valid"));
        scripts.enqueue(br#"[{"text":"one"},{"text":"two"}]"#).expect("valid");
        let text = |header: Option<&[u8]>| scripts.pick(header).expect("valid").0.text.clone().unwrap_or_default();
        assert_eq!(text(Some(br#"{"text":"own"}"#)), "own");
        assert_eq!(text(None), "one");
        assert_eq!(text(None), "two");
        assert_eq!(text(None), "default");
        assert!(!scripts.pick(Some(b"{}")).expect("valid").1, "the default's record: false holds for all");
    }

    #[test]
    fn a_queue_is_taken_whole_or_not_at_all() {
        let scripts = Scripts::new(Script::default());
        let error = scripts.enqueue(br#"[{},{"nope":1}]"#).expect_err("unknown key");
        assert!(error.starts_with("[1]") && error.contains("nope"), "{error}");
        assert_eq!(scripts.enqueue(b"[]"), Ok(0));
    }
}
