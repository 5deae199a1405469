//! The first line of a request: what a URL of a dialect asks for, and at which URL a provider takes it.

use crate::dialect::Dialect;
use std::borrow::Cow;

/// The same dialect at another URL and in another envelope: the house that serves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hosting {
    /// The dialect's own house.
    #[default]
    Native,
    /// Azure OpenAI's deployments: the model is a part of the URL.
    /// <https://learn.microsoft.com/azure/ai-foundry/openai/reference>
    AzureDeployment,
    /// Amazon Bedrock's InvokeModel: the model is a part of the URL, streams are AWS event-streams.
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>
    Bedrock,
    /// Vertex AI's publisher models.
    /// <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>
    Vertex,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An answer.
    Chat,
    /// How many tokens a chat request has.
    Count,
    /// Vectors for texts.
    Embed,
    /// An order of documents by a question.
    Rerank,
    /// Bedrock's InvokeModel: what it asks for shows in its body.
    Invoke,
    /// What names a model and goes to a provider of the same dialect only: images, sound, moderation.
    Pass,
    /// Anything else that servers of the dialect may know: files, batches, stored answers. It names no model.
    Other,
}

/// How the events of a stream are framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Server-sent events.
    #[default]
    Sse,
    /// A JSON array that grows (Gemini's streams without `alt=sse`).
    JsonArray,
    /// Messages of an AWS event-stream.
    EventStream,
    /// The same, with every event base64-encoded in a `chunk` (InvokeModelWithResponseStream).
    Chunks,
}

impl Operation {
    /// What it gives, in words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Count => "counting of tokens",
            Self::Embed => "embeddings",
            Self::Rerank => "reranking",
            Self::Invoke => "InvokeModel",
            Self::Pass => "such endpoint",
            Self::Other => "such endpoint",
        }
    }
}

impl Framing {
    /// The media type of such a stream.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::JsonArray => "application/json",
            Self::EventStream | Self::Chunks => "application/vnd.amazon.eventstream",
        }
    }

    /// In what a provider sends its streams.
    pub fn of_upstream(dialect: Dialect, hosting: Hosting) -> Self {
        match (dialect, hosting) {
            (Dialect::Converse, _) => Self::EventStream,
            (Dialect::Anthropic, Hosting::Bedrock) => Self::Chunks,
            _ => Self::Sse,
        }
    }
}

/// What a client asks for, by method-less URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The dialect in which it asks, and reads answers and errors.
    pub dialect: Dialect,
    /// What it asks for.
    pub operation: Operation,
    /// The envelope that it uses.
    pub hosting: Hosting,
    /// The model, where the URL names it.
    pub model: Option<String>,
    /// Whether a stream is wanted, where the URL says so.
    pub stream: Option<bool>,
    /// How it reads streams.
    pub framing: Framing,
    /// The path below the API's root, for what is passed on as it is: `/images/edits`.
    pub tail: Cow<'static, str>,
}

impl From<Dialect> for Endpoint {
    /// A chat request in the dialect's own house.
    fn from(dialect: Dialect) -> Self {
        let framing = Framing::of_upstream(dialect, Hosting::Native);
        let (hosting, tail) = (Hosting::Native, Cow::Borrowed(""));
        Self { dialect, operation: Operation::Chat, hosting, model: None, stream: None, framing, tail }
    }
}

impl Endpoint {
    /// Finds out what a path (its query included) asks for. `anthropic`: an Anthropic SDK asks, which only matters for
    /// paths that two dialects have. `None` for a path below no API's root.
    pub fn of(path: &str, anthropic: bool) -> Option<Self> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.strip_prefix("/openai").filter(|path| path.starts_with("/v1/")).unwrap_or(path);
        if let Some(deployment) = path.strip_prefix("/openai/deployments/") {
            let (model, tail) = deployment.split_once('/')?;
            let found = Self::openai(&format!("/{tail}"));
            return Some(Self { model: Some(unescaped(model)), hosting: Hosting::AzureDeployment, ..found });
        }
        if let Some(call) = path.strip_prefix("/model/") {
            return Self::bedrock(call);
        }
        if let Some((_, call)) = path.split_once("/models/").filter(|(_, call)| call.contains(':')) {
            return Self::google(path, call, query);
        }
        let (root, tail) = path.get(1..)?.split_once('/').map(|(root, _)| path.split_at(root.len() + 1))?;
        match root {
            "/v1" if tail.starts_with("/messages") => Some(Self::anthropic(tail)),
            "/v1" if anthropic && Self::openai(tail).operation == Operation::Other => Some(Self::anthropic(tail)),
            "/v1" => Some(Self::openai(tail)),
            "/v2" => Some(Self::cohere(tail)),
            "/v1beta" => Some(Self { tail: tail.to_owned().into(), ..Self::other(Dialect::Gemini) }),
            _ => None,
        }
    }

    fn other(dialect: Dialect) -> Self {
        Self { operation: Operation::Other, ..Self::from(dialect) }
    }

    fn openai(tail: &str) -> Self {
        let (dialect, operation) = match tail {
            "/chat/completions" => (Dialect::OpenAi, Operation::Chat),
            "/completions" => (Dialect::Completions, Operation::Chat),
            "/responses" => (Dialect::Responses, Operation::Chat),
            "/responses/input_tokens" => (Dialect::Responses, Operation::Count),
            "/embeddings" => (Dialect::OpenAi, Operation::Embed),
            "/rerank" => (Dialect::OpenAi, Operation::Rerank),
            "/moderations" => (Dialect::OpenAi, Operation::Pass),
            _ if tail.starts_with("/images/") || tail.starts_with("/audio/") => (Dialect::OpenAi, Operation::Pass),
            _ => (Dialect::OpenAi, Operation::Other),
        };
        Self { operation, tail: tail.to_owned().into(), ..Self::from(dialect) }
    }

    fn anthropic(tail: &str) -> Self {
        let operation = match tail {
            "/messages" => Operation::Chat,
            "/messages/count_tokens" => Operation::Count,
            _ => Operation::Other,
        };
        Self { operation, tail: tail.to_owned().into(), ..Self::from(Dialect::Anthropic) }
    }

    fn cohere(tail: &str) -> Self {
        let operation = match tail {
            "/chat" => Operation::Chat,
            "/embed" => Operation::Embed,
            "/rerank" => Operation::Rerank,
            _ => Operation::Other,
        };
        Self { operation, tail: tail.to_owned().into(), ..Self::from(Dialect::Cohere) }
    }

    fn bedrock(call: &str) -> Option<Self> {
        let (model, verb) = call.rsplit_once('/')?;
        let (operation, stream) = match verb {
            "converse" => (Operation::Chat, false),
            "converse-stream" => (Operation::Chat, true),
            "invoke" => (Operation::Invoke, false),
            "invoke-with-response-stream" => (Operation::Invoke, true),
            "count-tokens" => (Operation::Count, false),
            _ => return None,
        };
        let hosting = if operation == Operation::Invoke { Hosting::Bedrock } else { Hosting::Native };
        let (model, stream) = (Some(unescaped(model)), Some(stream));
        Some(Self { operation, hosting, model, stream, ..Self::from(Dialect::Converse) })
    }

    fn google(path: &str, call: &str, query: &str) -> Option<Self> {
        let (model, verb) = call.rsplit_once(':')?;
        let hosting = if path.contains("/publishers/") { Hosting::Vertex } else { Hosting::Native };
        let (dialect, operation, stream) = match verb {
            "generateContent" => (Dialect::Gemini, Operation::Chat, false),
            "streamGenerateContent" => (Dialect::Gemini, Operation::Chat, true),
            "countTokens" => (Dialect::Gemini, Operation::Count, false),
            "embedContent" | "batchEmbedContents" | "predict" => (Dialect::Gemini, Operation::Embed, false),
            "rawPredict" => (Dialect::Anthropic, Operation::Chat, false),
            "streamRawPredict" => (Dialect::Anthropic, Operation::Chat, true),
            _ => return None,
        };
        let sse = dialect == Dialect::Anthropic || query.split('&').any(|pair| pair == "alt=sse");
        let framing = if sse { Framing::Sse } else { Framing::JsonArray };
        let (model, stream, tail) = (Some(unescaped(model)), Some(stream), Cow::from(format!(":{verb}")));
        Some(Self { operation, hosting, model, stream, framing, tail, ..Self::from(dialect) })
    }

    /// The dialect in which the client reads errors: an envelope may have its own.
    pub fn errors(&self) -> Dialect {
        match self.hosting {
            Hosting::Bedrock => Dialect::Converse,
            Hosting::Native | Hosting::AzureDeployment | Hosting::Vertex => self.dialect,
        }
    }

    /// The path (below the provider's base URL) at which an upstream takes this; `None` where it has no such thing.
    /// A base URL is written as the provider's own SDK takes it: OpenAI's and Gemini's with the version, others' without.
    pub fn upstream_path(
        &self,
        dialect: Dialect,
        hosting: Hosting,
        model: &str,
        stream: bool,
    ) -> Option<Cow<'static, str>> {
        let model = escaped(model);
        let (azure, vertex) = (hosting == Hosting::AzureDeployment, hosting == Hosting::Vertex);
        let openai = |tail: &str| match azure {
            true => Cow::Owned(format!("/openai/deployments/{model}{tail}")),
            false => Cow::Owned(tail.to_owned()),
        };
        let google = |verb: &str| match vertex {
            true => Cow::Owned(format!("/publishers/google/models/{model}:{verb}")),
            false => Cow::Owned(format!("/models/{model}:{verb}")),
        };
        let claude = |verb: &str| Cow::Owned(format!("/publishers/anthropic/models/{model}:{verb}"));
        let amazon = |verb: &str| Cow::Owned(format!("/model/{model}/{verb}"));
        let path = match (self.operation, dialect) {
            (Operation::Chat, Dialect::OpenAi) => openai("/chat/completions"),
            (Operation::Chat, Dialect::Completions) => openai("/completions"),
            (Operation::Chat, Dialect::Responses) if azure => "/openai/responses".into(),
            (Operation::Chat, Dialect::Responses) => "/responses".into(),
            (Operation::Count, Dialect::Responses) if !azure => "/responses/input_tokens".into(),
            (Operation::Chat, Dialect::Anthropic) => match (hosting, stream) {
                (Hosting::Vertex, false) => claude("rawPredict"),
                (Hosting::Vertex, true) => claude("streamRawPredict"),
                (Hosting::Bedrock, false) => amazon("invoke"),
                (Hosting::Bedrock, true) => amazon("invoke-with-response-stream"),
                (Hosting::Native | Hosting::AzureDeployment, _) => "/v1/messages".into(),
            },
            (Operation::Count, Dialect::Anthropic) => match hosting {
                Hosting::Native => "/v1/messages/count_tokens".into(),
                Hosting::Vertex => "/publishers/anthropic/models/count-tokens:rawPredict".into(),
                Hosting::AzureDeployment | Hosting::Bedrock => return None,
            },
            (Operation::Chat, Dialect::Gemini) if stream => {
                format!("{}?alt=sse", google("streamGenerateContent")).into()
            }
            (Operation::Chat, Dialect::Gemini) => google("generateContent"),
            (Operation::Count, Dialect::Gemini) => google("countTokens"),
            (Operation::Chat, Dialect::Converse) if stream => amazon("converse-stream"),
            (Operation::Chat, Dialect::Converse) => amazon("converse"),
            (Operation::Count, Dialect::Converse) => amazon("count-tokens"),
            (Operation::Chat, Dialect::Cohere) => "/v2/chat".into(),
            (Operation::Embed, Dialect::OpenAi | Dialect::Responses | Dialect::Completions) => openai("/embeddings"),
            (Operation::Embed, Dialect::Gemini) if vertex => google("predict"),
            (Operation::Embed, Dialect::Gemini) if self.tail == ":embedContent" => google("embedContent"),
            (Operation::Embed, Dialect::Gemini) => google("batchEmbedContents"),
            (Operation::Embed | Operation::Invoke, Dialect::Converse) => amazon("invoke"),
            (Operation::Embed, Dialect::Cohere) => "/v2/embed".into(),
            (Operation::Rerank, Dialect::Cohere) => "/v2/rerank".into(),
            (Operation::Rerank, Dialect::OpenAi | Dialect::Responses | Dialect::Completions) => openai("/rerank"),
            (Operation::Pass, Dialect::OpenAi | Dialect::Responses | Dialect::Completions) => openai(&self.tail),
            (Operation::Other, Dialect::Anthropic) => format!("/v1{}", self.tail).into(),
            (Operation::Other, Dialect::Cohere) => format!("/v2{}", self.tail).into(),
            (Operation::Other, _) => self.tail.clone(),
            (Operation::Count | Operation::Embed | Operation::Rerank | Operation::Pass | Operation::Invoke, _) => {
                return None;
            }
        };
        Some(path)
    }
}

/// A path segment without its %-escapes (SDKs escape the `/` of `provider/model`, and the `:` of Bedrock's names).
pub fn unescaped(segment: &str) -> String {
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

/// A name as one path segment: whatever is not unreserved is escaped, since a name must not lead anywhere else.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(
                [byte >> 4, byte & 15]
                    .map(|digit| char::from(*b"0123456789ABCDEF".get(usize::from(digit)).unwrap_or(&b'0'))),
            );
        }
    }
    out
}

/// The query of a client's request as far as it concerns a provider of the same dialect: without credentials, and
/// without what the path of the upstream says itself.
pub fn query_for_upstream(query: &str) -> String {
    let kept = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty()
            && !matches!(name, "key" | "api-key" | "api_key" | "access_token" | "alt" | "$alt" | "api-version")
    });
    kept.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_what_is_asked_for() {
        use Dialect::{Anthropic, Cohere, Completions, Converse, Gemini, OpenAi, Responses};
        use Operation::{Chat, Count, Embed, Invoke, Other, Pass, Rerank};
        for (path, dialect, operation, model, stream) in [
            ("/v1/chat/completions", OpenAi, Chat, None, None),
            ("/openai/v1/chat/completions", OpenAi, Chat, None, None),
            ("/openai/deployments/my%20gpt/chat/completions?api-version=1", OpenAi, Chat, Some("my gpt"), None),
            ("/v1/completions", Completions, Chat, None, None),
            ("/v1/responses", Responses, Chat, None, None),
            ("/v1/responses/resp_1", OpenAi, Other, None, None),
            ("/v1/messages?beta=true", Anthropic, Chat, None, None),
            ("/v1/messages/count_tokens", Anthropic, Count, None, None),
            ("/v1/messages/batches", Anthropic, Other, None, None),
            ("/v1beta/models/gemini-2.5-pro:generateContent", Gemini, Chat, Some("gemini-2.5-pro"), Some(false)),
            ("/v1beta/models/a%2Fb:streamGenerateContent?alt=sse", Gemini, Chat, Some("a/b"), Some(true)),
            (
                "/v1/projects/p/locations/l/publishers/google/models/m:countTokens",
                Gemini,
                Count,
                Some("m"),
                Some(false),
            ),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:streamRawPredict",
                Anthropic,
                Chat,
                Some("claude@1"),
                Some(true),
            ),
            (
                "/model/anthropic.claude-v2%3A1/converse-stream",
                Converse,
                Chat,
                Some("anthropic.claude-v2:1"),
                Some(true),
            ),
            ("/model/m/invoke", Converse, Invoke, Some("m"), Some(false)),
            ("/v2/chat", Cohere, Chat, None, None),
            ("/v2/rerank", Cohere, Rerank, None, None),
            ("/v1/rerank", OpenAi, Rerank, None, None),
            ("/v1/embeddings", OpenAi, Embed, None, None),
            ("/v1/images/edits", OpenAi, Pass, None, None),
            ("/v1/audio/speech", OpenAi, Pass, None, None),
            ("/v1/files/file-1/content", OpenAi, Other, None, None),
            ("/v1beta/files", Gemini, Other, None, None),
        ] {
            let found = Endpoint::of(path, false).unwrap();
            let expected = (dialect, operation, model.map(str::to_owned), stream);
            assert_eq!((found.dialect, found.operation, found.model, found.stream), expected, "{path}");
        }
        for path in ["/", "", "/tokenize", "/v3/x", "/model/m/other", "/v1beta/models/m:other", "v1/x/y"] {
            assert_eq!(Endpoint::of(path, false), None, "{path}");
        }
        assert_eq!(Endpoint::of("/v1beta/models/m:streamGenerateContent", false).unwrap().framing, Framing::JsonArray);
        assert_eq!(Endpoint::of("/v1/files", true).unwrap().dialect, Anthropic);
        assert_eq!(Endpoint::of("/v1/chat/completions", true), Endpoint::of("/v1/chat/completions", false));
    }

    #[test]
    fn every_upstream_has_its_path() {
        use Dialect::{Anthropic, Cohere, Converse, Gemini, OpenAi, Responses};
        use Hosting::{AzureDeployment, Bedrock, Native, Vertex};
        let at = |path: &str, dialect, hosting, stream| {
            let endpoint = Endpoint::of(path, false).unwrap();
            endpoint.upstream_path(dialect, hosting, "a/b:1", stream).map(Cow::into_owned)
        };
        for (dialect, hosting, stream, expected) in [
            (OpenAi, Native, true, "/chat/completions"),
            (OpenAi, AzureDeployment, true, "/openai/deployments/a%2Fb%3A1/chat/completions"),
            (Responses, Native, true, "/responses"),
            (Anthropic, Native, true, "/v1/messages"),
            (Anthropic, Vertex, true, "/publishers/anthropic/models/a%2Fb%3A1:streamRawPredict"),
            (Anthropic, Bedrock, false, "/model/a%2Fb%3A1/invoke"),
            (Gemini, Native, true, "/models/a%2Fb%3A1:streamGenerateContent?alt=sse"),
            (Gemini, Vertex, false, "/publishers/google/models/a%2Fb%3A1:generateContent"),
            (Converse, Native, true, "/model/a%2Fb%3A1/converse-stream"),
            (Cohere, Native, true, "/v2/chat"),
        ] {
            assert_eq!(at("/v1/chat/completions", dialect, hosting, stream).as_deref(), Some(expected));
        }
        for (path, dialect, expected) in [
            ("/v1/images/edits", OpenAi, Some("/images/edits")),
            ("/v1/images/edits", Gemini, None),
            ("/v1/embeddings", Gemini, Some("/models/a%2Fb%3A1:batchEmbedContents")),
            ("/v1/embeddings", Anthropic, None),
            ("/v1/rerank", Cohere, Some("/v2/rerank")),
            ("/v1/messages/batches", Anthropic, Some("/v1/messages/batches")),
        ] {
            assert_eq!(at(path, dialect, Native, false).as_deref(), expected, "{path} at {dialect:?}");
        }
    }

    #[test]
    fn credentials_in_a_query_stay_here() {
        for (query, expected) in [("key=secret&beta=true", "beta=true"), ("alt=sse", ""), ("", ""), ("a=1&&b", "a=1&b")]
        {
            assert_eq!(query_for_upstream(query), expected);
        }
    }
}
