//! What an answer repeats of its request, and what the tools were before they became functions.

use super::request::tools::{self, Form};
use crate::edit::Object;
use crate::text::Str;
use std::fmt::Write as _;

/// The parts of a request that its answer needs again. SDKs demand some of them in every answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The model that the client asked for: not every provider names the one that answers.
    model: String,
    /// Members of a JSON object, on one line, without the braces.
    members: String,
    /// Tools that were not plain functions, by the name that they have in the hub.
    tools: Vec<(String, Was)>,
}

/// What a tool was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Was {
    /// The client's own name for it.
    pub(super) name: String,
    /// The namespace that it is in.
    pub(super) namespace: Option<String>,
    /// It takes free text.
    pub(super) is_freeform: bool,
}

/// What of it says who asks, and is not the same for all who ask the same.
const OF_THE_ASKER: [&str; 5] = ["metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "user"];

/// What is repeated as it was written, and what holds where it was not.
const REPEATED: [(&str, &str); 17] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("prompt_cache_retention", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

impl Echo {
    /// Of a request's body.
    pub fn of(request: &Object<'_>) -> Self {
        Self::repeating(|name| request.raw(name))
    }

    fn repeating<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Self {
        let mut members = String::new();
        for (name, default) in REPEATED {
            let written = field(name).map(str::trim).filter(|json| *json != "null").unwrap_or(default);
            let between = if members.is_empty() { "" } else { "," };
            // Between two values a line end may stand, in a stream's data it may not.
            let lines: Vec<&str> = written.split(['\n', '\r']).collect();
            let _infallible = write!(members, "{between}\"{name}\":{}", lines.join(" "));
        }
        let forms = field("tools").map(tools::forms).unwrap_or_default();
        let model = field("model").and_then(|name| serde_json::from_str(name).ok()).unwrap_or_default();
        Self {
            model,
            members,
            tools: forms.into_iter().map(|form| (hub_name(&form).into_string(), form.into())).collect(),
        }
    }

    /// The answer to another who asked the same, repeating what this one said of itself; `None` where nothing changes.
    pub(crate) fn addressed(&self, body: &[u8]) -> Option<Vec<u8>> {
        let members = format!("{{{}}}", self.members);
        let (own, body) = (Object::read(members.as_bytes()).ok()?, Object::read(body).ok()?);
        let mut edit = body.edit();
        for name in OF_THE_ASKER {
            if let Some(json) = own.raw(name).filter(|_| body.raw(name).is_some()) {
                edit.set(name, json);
            }
        }
        (!edit.is_empty()).then(|| edit.write())
    }

    /// The model that the client asked for.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// The members to repeat.
    pub(super) fn members(&self) -> &str {
        &self.members
    }

    /// What the tool of this hub name was; `None` for a plain function.
    pub(super) fn tool(&self, name: &str) -> Option<&Was> {
        self.tools.iter().find(|(known, _)| known == name).map(|(_, was)| was)
    }
}

impl Default for Echo {
    /// Of a request that says nothing.
    fn default() -> Self {
        Self::repeating(|_| None)
    }
}

impl From<Form<'_>> for Was {
    fn from(form: Form<'_>) -> Self {
        Self {
            name: form.name.into_string(),
            namespace: form.namespace.map(Str::into_string),
            is_freeform: form.is_freeform,
        }
    }
}

fn hub_name<'a>(form: &Form<'a>) -> Str<'a> {
    tools::hub_name(form.namespace.as_deref(), form.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &str, member: &str) {
        let echo = Echo::of(&Object::read(request.as_bytes()).unwrap());
        assert!(echo.members().contains(member), "{} has no {member}", echo.members());
        assert!(serde_json::from_str::<serde_json::Value>(&format!("{{{}}}", echo.members())).is_ok());
        assert!(!echo.members().contains('\n'));
    }

    #[test]
    fn what_was_asked_is_repeated_as_it_was_written() {
        check("{}", r#""tools":[],"#);
        check("{}", r#""parallel_tool_calls":true"#);
        check("{\"tools\":\n[\r\n] ,\"tool_choice\":null}", r#""tools":[  ],"#);
        check(r#"{"tool_choice":{"type":"function","name":"f"}}"#, r#""tool_choice":{"type":"function","name":"f"}"#);
        check(r#"{"temperature":0.20,"instructions":"a\nb"}"#, r#""temperature":0.20"#);
        assert_eq!(Echo::default(), Echo::of(&Object::read(b"{}").unwrap()));
    }

    #[test]
    fn an_answer_to_another_repeats_what_this_one_said_of_itself() {
        let echo = Echo::of(&Object::read(br#"{"model":"m","user":"bob","metadata":{"a": "b"}}"#).unwrap());
        let theirs = br#"{"id":"1", "user":"alice","prompt_cache_key":"alice's","metadata":{"who":"alice"},
            "temperature":0.5,"safety_identifier":"alice","prompt_cache_retention":"24h"}"#;
        let own = r#"{"id":"1", "user":"bob","prompt_cache_key":null,"metadata":{"a": "b"},
            "temperature":0.5,"safety_identifier":null,"prompt_cache_retention":null}"#;
        assert_eq!(String::from_utf8(echo.addressed(theirs).unwrap()).unwrap(), own);
        assert_eq!(echo.addressed(own.as_bytes()), None);
        assert_eq!(echo.addressed(br#"{"id":"1"}"#), None);
    }

    #[test]
    fn tools_that_are_no_plain_functions_are_remembered() {
        let request = r#"{"tools":[{"type":"function","name":"f"},{"type":"custom","name":"patch"},
            {"type":"namespace","name":"mcp","tools":[{"type":"function","name":"f"},{"type":"custom","name":"c"}]}]}"#;
        let echo = Echo::of(&Object::read(request.as_bytes()).unwrap());
        assert_eq!(echo.tool("f"), None);
        let was = |name: &str, namespace: Option<&str>, is_freeform| {
            Some(Was { name: name.into(), namespace: namespace.map(Into::into), is_freeform })
        };
        assert_eq!(echo.tool("patch").cloned(), was("patch", None, true));
        assert_eq!(echo.tool("mcp__f").cloned(), was("f", Some("mcp"), false));
        assert_eq!(echo.tool("mcp__c").cloned(), was("c", Some("mcp"), true));
    }
}
