//! Fronts: what clients may ask for, by method and path, and the answers that need no provider.

use crate::callers::Caller;
use crate::config::Config;
use crate::config::compiled::Model;
use attache_core::dialect::Dialect;
use attache_core::endpoint::{Endpoint, Operation, unescaped};
use attache_core::fault::{Fault, FaultKind};
use serde_json::json;
use std::sync::Arc;

/// What a request is, by its first line.
#[derive(Debug, PartialEq, Eq)]
pub enum Front {
    /// Something that a provider answers, or that is counted for it.
    Endpoint(Endpoint),
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
            Self::Endpoint(endpoint) => endpoint.errors(),
            Self::Models { dialect, .. } | Self::Nowhere(dialect, _) | Self::Otherwise { dialect, .. } => *dialect,
            Self::Tokenize => Dialect::OpenAi,
        }
    }
}

/// Finds the front of a request. `anthropic`: it carries an `anthropic-version`, so an Anthropic SDK asks.
pub fn of(method: &str, path_and_query: &str, anthropic: bool) -> Front {
    let path = path_and_query.split_once('?').map_or(path_and_query, |(path, _)| path);
    let nearest = nearest(path, anthropic);
    let list =
        ["/v1/models", "/openai/v1/models", "/v1beta/models"].into_iter().find_map(|list| path.strip_prefix(list));
    let (allowed, front) = match list {
        Some("") => ("GET", Front::Models { dialect: nearest, one: None }),
        // `models/NAME:verb` is a call.
        Some(one) if one.len() > 1 && one.starts_with('/') && !is_call(one, nearest, path_and_query) => {
            ("GET", Front::Models { dialect: nearest, one: one.get(1..).map(unescaped) })
        }
        _ if path == "/tokenize" => ("POST", Front::Tokenize),
        _ => match Endpoint::of(path_and_query, anthropic) {
            // Which methods it takes, its provider knows.
            Some(endpoint) if endpoint.operation == Operation::Other => return Front::Endpoint(endpoint),
            Some(endpoint) => ("POST", Front::Endpoint(endpoint)),
            None => return Front::Nowhere(nearest, not_served(method, path)),
        },
    };
    if method == allowed {
        return front;
    }
    let message = format!("{path} takes {allowed}, not {}", printable(method));
    Front::Otherwise { dialect: front.dialect(), allowed, fault: Fault::new(FaultKind::Method, message) }
}

/// Whether `models/NAME:verb` is a call of Google's: its newer SDKs ask at `/v1` too, where OpenAI's fine-tuned models have
/// names with colons.
fn is_call(one: &str, nearest: Dialect, path: &str) -> bool {
    let names_model = || Endpoint::of(path, false).is_some_and(|endpoint| endpoint.model.is_some());
    one.contains(':') && (nearest == Dialect::Gemini || names_model())
}

/// The dialect of whoever asks for a path that is not served.
fn nearest(path: &str, anthropic: bool) -> Dialect {
    match path {
        _ if anthropic || path.starts_with("/v1/messages") => Dialect::Anthropic,
        _ if path.starts_with("/v1beta") => Dialect::Gemini,
        _ if path.starts_with("/model/") => Dialect::Converse,
        _ if path.starts_with("/v2/") => Dialect::Cohere,
        _ => Dialect::OpenAi,
    }
}

/// What is said of a path that nobody serves.
pub fn not_served(method: &str, path: &str) -> Fault {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let message = format!(
        "nothing is served at {} {}; there is POST /v1/chat/completions, /v1/responses, /v1/messages, /v1/embeddings and \
         others (docs/dialects.md), and GET /v1/models",
        printable(method),
        printable(path)
    );
    Fault::new(FaultKind::NotFound, message).with_code("unknown_url")
}

fn printable(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(100).collect()
}

/// The list of configured models that a caller may see, or one of them, in the dialect's own shape; `None` when that one is
/// not there for it.
///
/// OpenAI: <https://platform.openai.com/docs/api-reference/models>, Anthropic: <https://docs.anthropic.com/en/api/models-list>,
/// Gemini: <https://ai.google.dev/api/models>.
pub fn models(dialect: Dialect, config: &Config, caller: &Caller, one: Option<&str>) -> Option<Vec<u8>> {
    let entry = |name: &str| match dialect {
        Dialect::Anthropic => {
            json!({ "type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z" })
        }
        Dialect::Gemini => json!({
            "name": format!("models/{name}"),
            "displayName": name,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        }),
        Dialect::OpenAi | Dialect::Responses | Dialect::Completions | Dialect::Converse | Dialect::Cohere => {
            json!({ "id": name, "object": "model", "created": 0, "owned_by": "attache" })
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
                Dialect::Anthropic => {
                    json!({ "data": data, "has_more": false, "first_id": names.first(), "last_id": names.last() })
                }
                Dialect::Gemini => json!({ "models": data }),
                Dialect::OpenAi | Dialect::Responses | Dialect::Completions | Dialect::Converse | Dialect::Cohere => {
                    json!({ "object": "list", "data": data })
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
        use Dialect::{Anthropic, Converse, Gemini, OpenAi};
        for (method, path, anthropic, dialect, operation) in [
            ("POST", "/v1/chat/completions", false, OpenAi, Operation::Chat),
            ("POST", "/v1/messages?beta=true", true, Anthropic, Operation::Chat),
            ("POST", "/v1beta/models/m:generateContent", false, Gemini, Operation::Chat),
            ("POST", "/v1/models/m:batchEmbedContents", false, Gemini, Operation::Embed),
            ("DELETE", "/v1/files/file-1", false, OpenAi, Operation::Other),
            ("POST", "/v1/messages/batches", true, Anthropic, Operation::Other),
        ] {
            let Front::Endpoint(endpoint) = of(method, path, anthropic) else { panic!("{method} {path}") };
            assert_eq!((endpoint.dialect, endpoint.operation), (dialect, operation), "{method} {path}");
        }
        assert_eq!(of("GET", "/v1/models", true), Front::Models { dialect: Anthropic, one: None });
        assert_eq!(of("GET", "/v1beta/models", false), Front::Models { dialect: Gemini, one: None });
        for (path, dialect, one) in [
            ("/v1/models/openai%2Fgpt%204", OpenAi, "openai/gpt 4"),
            ("/v1/models/ft:gpt-4o:acme", OpenAi, "ft:gpt-4o:acme"),
            ("/v1beta/models/m", Gemini, "m"),
        ] {
            assert_eq!(of("GET", path, false), Front::Models { dialect, one: Some(one.to_owned()) });
        }
        for (method, path, dialect) in
            [("GET", "/", OpenAi), ("POST", "/model/m/unknown", Converse), ("GET", "/v3/x", OpenAi)]
        {
            let Front::Nowhere(met, fault) = of(method, path, false) else { panic!("{method} {path} is served") };
            assert_eq!((met, fault.kind), (dialect, FaultKind::NotFound), "{method} {path}");
        }
        for (method, path, expected) in [
            ("GET", "/v1/chat/completions", (OpenAi, "POST")),
            ("DELETE", "/v1/messages", (Anthropic, "POST")),
            ("POST", "/v1/models/x", (OpenAi, "GET")),
            ("GET", "/model/m/converse", (Converse, "POST")),
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
