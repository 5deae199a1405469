//! Fronts: what clients may ask for, by method and path, and the answers that need no provider.

use crate::callers::Caller;
use crate::config::Config;
use crate::config::compiled::Model;
use attache_core::dialect::Dialect;
use attache_core::fault::{Fault, FaultKind};
use serde_json::json;
use std::sync::Arc;

/// What a request is, by its first line.
#[derive(Debug, PartialEq, Eq)]
pub enum Front {
    /// A chat request in this dialect.
    Chat(Dialect),
    /// How many tokens a chat request of this dialect has.
    Count(Dialect),
    /// The tokens of a text, or how many a chat request has, as vLLM tells them.
    Tokenize,
    /// The models that there are, or one of them.
    Models {
        /// The shape of the list.
        dialect: Dialect,
        /// The one that is asked for.
        one: Option<String>,
    },
    /// Nothing that is served here.
    Nowhere(Dialect, Fault),
    /// Served here, but by another method.
    Otherwise {
        /// The dialect in which to say so.
        dialect: Dialect,
        /// The method that the path takes.
        allowed: &'static str,
        /// What to say.
        fault: Fault,
    },
}

impl Front {
    /// The dialect in which the client wants to be answered.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Chat(dialect)
            | Self::Count(dialect)
            | Self::Models { dialect, .. }
            | Self::Nowhere(dialect, _)
            | Self::Otherwise { dialect, .. } => *dialect,
            Self::Tokenize => Dialect::OpenAi,
        }
    }
}

/// Finds the front of a request. `anthropic`: it carries an `anthropic-version`, so an Anthropic SDK asks.
pub fn of(method: &str, path: &str, anthropic: bool) -> Front {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let nearest = if anthropic || path.starts_with("/v1/messages") { Dialect::Anthropic } else { Dialect::OpenAi };
    let (allowed, front) = match path {
        "/v1/chat/completions" => ("POST", Front::Chat(Dialect::OpenAi)),
        "/v1/messages" => ("POST", Front::Chat(Dialect::Anthropic)),
        "/v1/messages/count_tokens" => ("POST", Front::Count(Dialect::Anthropic)),
        "/tokenize" => ("POST", Front::Tokenize),
        "/v1/models" => ("GET", Front::Models { dialect: nearest, one: None }),
        _ => match path.strip_prefix("/v1/models/") {
            Some(one) if !one.is_empty() => ("GET", Front::Models { dialect: nearest, one: Some(unescaped(one)) }),
            _ => return Front::Nowhere(nearest, not_served(method, path)),
        },
    };
    if method == allowed {
        return front;
    }
    let message = format!("{path} takes {allowed}, not {}", printable(method));
    Front::Otherwise { dialect: front.dialect(), allowed, fault: Fault::new(FaultKind::Method, message) }
}

fn not_served(method: &str, path: &str) -> Fault {
    let message = format!(
        "nothing is served at {} {}; there is POST /v1/chat/completions, POST /v1/messages, POST \
         /v1/messages/count_tokens and GET /v1/models",
        printable(method),
        printable(path)
    );
    Fault::new(FaultKind::NotFound, message).with_code("unknown_url")
}

fn printable(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(100).collect()
}

/// A path segment without its %-escapes (SDKs escape the `/` of `provider/model`).
fn unescaped(segment: &str) -> String {
    let mut out = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escape {
            out.push(high << 4 | low);
            rest = after.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The list of configured models that a caller may see, or one of them, in the dialect's own shape; `None` when that one is
/// not there for it.
///
/// OpenAI: <https://platform.openai.com/docs/api-reference/models>, Anthropic: <https://docs.anthropic.com/en/api/models-list>.
pub fn models(dialect: Dialect, config: &Config, caller: &Caller, one: Option<&str>) -> Option<Vec<u8>> {
    let entry = |name: &str| match dialect {
        Dialect::OpenAi => json!({ "id": name, "object": "model", "created": 0, "owned_by": "attache" }),
        Dialect::Anthropic => {
            json!({ "type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z" })
        }
    };
    // As for a request: a model of which no provider may serve the caller is not there for it either.
    let reaches = |model: Arc<Model>| model.targets.iter().any(|target| caller.may_reach(&target.provider.name));
    let is_there = |name: &str| caller.may_see(name) && config.model(name).is_some_and(reaches);
    let list = match one {
        Some(name) => entry(Some(name).filter(|name| is_there(name))?),
        None => {
            let names = config.models.keys().map(String::as_str);
            let mut names: Vec<_> = names.filter(|name| is_there(name)).collect();
            names.sort_unstable();
            let data: Vec<_> = names.iter().map(|name| entry(name)).collect();
            match dialect {
                Dialect::OpenAi => json!({ "object": "list", "data": data }),
                Dialect::Anthropic => {
                    json!({ "data": data, "has_more": false, "first_id": names.first(), "last_id": names.last() })
                }
            }
        }
    };
    Some(list.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_are_found_by_method_and_path() {
        use Dialect::{Anthropic, OpenAi};
        assert_eq!(of("POST", "/v1/chat/completions", false), Front::Chat(OpenAi));
        assert_eq!(of("POST", "/v1/messages?beta=true", true), Front::Chat(Anthropic));
        assert_eq!(of("GET", "/v1/models", true), Front::Models { dialect: Anthropic, one: None });
        let one = Some("openai/gpt 4".to_owned());
        assert_eq!(of("GET", "/v1/models/openai%2Fgpt%204", false), Front::Models { dialect: OpenAi, one });
        for (method, path, dialect, kind) in [
            ("POST", "/v1/messages/batches", Anthropic, FaultKind::NotFound),
            ("POST", "/v1/embeddings", OpenAi, FaultKind::NotFound),
            ("GET", "/", OpenAi, FaultKind::NotFound),
            ("GET", "/v1/models/", OpenAi, FaultKind::NotFound),
        ] {
            let Front::Nowhere(met, fault) = of(method, path, false) else { panic!("{method} {path} is served") };
            assert_eq!((met, fault.kind), (dialect, kind), "{method} {path}");
        }
        for (method, path, expected) in [
            ("GET", "/v1/chat/completions", (OpenAi, "POST")),
            ("DELETE", "/v1/messages", (Anthropic, "POST")),
            ("POST", "/v1/models/x", (OpenAi, "GET")),
        ] {
            let Front::Otherwise { dialect, allowed, fault } = of(method, path, false) else {
                panic!("{method} {path}")
            };
            assert_eq!(((dialect, allowed), fault.kind), (expected, FaultKind::Method), "{method} {path}");
        }
    }

    #[test]
    fn a_model_is_there_for_those_whom_it_can_serve() {
        let config = crate::config::compile(
            r#"
providers: { a: { dialect: openai, url: "http://a", expose: true }, b: { dialect: openai, url: "http://b", expose: true } }
models: { one: { targets: [{ provider: a, model: m }] }, two: { targets: [{ provider: a, model: m }, { provider: b, model: m }] } }
teams: { search: { allow: { providers: [b] } } }
callers: { keys: { ann: { value: "a-key-of-some-length-1234", team: search } } }
"#,
            &|_| None,
        )
        .unwrap();
        let ann = config.callers.as_ref().unwrap().keys.values().next().unwrap().caller.clone().unwrap();
        let ids = |list: Vec<u8>| {
            let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
            list["data"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(models(Dialect::OpenAi, &config, &ann, None).unwrap()), ["two"]);
        let all = Caller::anonymous();
        assert_eq!(ids(models(Dialect::Anthropic, &config, &all, None).unwrap()), ["one", "two"]);
        for (one, for_ann) in [("one", false), ("two", true), ("a/x", false), ("b/x", true)] {
            assert_eq!(models(Dialect::OpenAi, &config, &ann, Some(one)).is_some(), for_ann, "{one}");
            assert!(models(Dialect::OpenAi, &config, &all, Some(one)).is_some(), "{one}");
        }
        assert!(models(Dialect::OpenAi, &config, &all, Some("three")).is_none());
    }
}
