//! How much a request asks for, read from its fields alone: what else it means need not be found out for that.
//!
//! Says never less than a provider may read. Which of two fields it goes by, and which spelling of a number it takes, nobody
//! knows here, and a limit is held for what is said here.

use super::ask::Ask;
use crate::dialect::Dialect;
use crate::edit::Object;
use crate::endpoint::Operation;
use crate::text::Str;
use serde::de::IgnoredAny;

impl Ask<'_> {
    /// Most tokens of each answer, where a chat says so: the largest number that any field has for it.
    pub fn output_max(&self) -> Option<u64> {
        match self.sought(self.endpoint().dialect.output_fields())? {
            Sought::UpTo(most) => Some(most),
            Sought::Open => None,
        }
    }

    /// How many answers a chat asks for, those that only the provider sees (`best_of`) among them.
    pub fn answers(&self) -> u64 {
        let each = match self.sought(self.endpoint().dialect.answers_fields()) {
            Some(Sought::UpTo(answers)) => answers.max(1),
            Some(Sought::Open) | None => 1,
        };
        each.saturating_mul(self.prompts())
    }

    /// Legacy completions answer each prompt of a list.
    fn prompts(&self) -> u64 {
        let endpoint = self.endpoint();
        if endpoint.operation != Operation::Chat || endpoint.dialect != Dialect::Completions {
            return 1;
        }
        let list = self.object.raw("prompt").and_then(|prompt| prompt.trim().strip_prefix('['));
        // Numbers are the tokens of one prompt.
        if !list.is_some_and(|list| list.trim_start().starts_with(['"', '['])) {
            return 1;
        }
        let prompts = self.object.get::<Vec<IgnoredAny>>("prompt").ok().flatten();
        prompts.map_or(1, |prompts| prompts.len().max(1) as u64)
    }

    /// The most that any of these fields asks for.
    fn sought(&self, fields: &[&str]) -> Option<Sought> {
        if self.endpoint().operation != Operation::Chat {
            return None;
        }
        let most = |field: &&str| match field.split_once('.') {
            None => Sought::most(&self.object, field),
            Some((outer, inner)) => {
                let named = self.object.fields().filter(|(name, _)| *name == outer);
                let settings = named.filter_map(|(_, settings)| Object::read(settings.as_bytes()).ok());
                settings.filter_map(|settings| Sought::most(&settings, inner)).max()
            }
        };
        fields.iter().filter_map(most).max()
    }
}

/// What a field asks for; what is more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sought {
    /// At most so much.
    UpTo(u64),
    /// A number below zero, which some servers take for "no limit": as if nothing were said.
    Open,
}

impl Sought {
    /// The most that a field of this name asks for; a name may come twice.
    fn most(object: &Object<'_>, name: &str) -> Option<Self> {
        object.fields().filter(|(key, _)| *key == name).filter_map(|(_, json)| Self::read(json)).max()
    }

    /// Reads a count, also as a string, with a fraction or an exponent, as lenient servers do; nothing for `null`. What cannot
    /// be read here is as much as can be: its provider may read it.
    pub(super) fn read(json: &str) -> Option<Self> {
        let json = json.trim();
        if json == "null" {
            return None;
        }
        let text = serde_json::from_str::<Str<'_>>(json).unwrap_or_else(|_| Str::from(json));
        let text = text.trim();
        let count = text.parse::<u64>().ok();
        let number = || text.parse::<f64>().ok().filter(|number| number.is_finite());
        Some(match (count, number) {
            (Some(count), _) => Self::UpTo(count),
            (None, number) => match number() {
                Some(number) if number < 0.0 => Self::Open,
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it saturates, and is not below 0"
                )]
                Some(number) => Self::UpTo(number.ceil() as u64),
                None => Self::UpTo(u64::MAX),
            },
        })
    }

    /// So much, but no more than a limit.
    pub(super) fn capped(self, cap: u64) -> u64 {
        match self {
            Self::UpTo(most) => most.min(cap),
            Self::Open => cap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use std::path::Path;

    fn sought(path: &str, body: &str) -> (Option<u64>, u64) {
        let endpoint = Endpoint::of(path, path == "/v1/messages").unwrap();
        let ask = Ask::read(endpoint, body.as_bytes()).unwrap();
        (ask.output_max(), ask.answers())
    }

    #[test]
    fn each_dialect_has_its_words_for_it() {
        let chat = "/v1/chat/completions";
        let gemini = "/v1beta/models/g:generateContent";
        for (path, body, expected) in [
            (chat, r#"{"model":"m"}"#, (None, 1)),
            (chat, r#"{"model":"m","max_tokens":7,"n":3}"#, (Some(7), 3)),
            (chat, r#"{"model":"m","max_tokens":7,"max_completion_tokens": 5 ,"n":0}"#, (Some(7), 1)),
            (chat, r#"{"model":"m","max_tokens":7,"max_completion_tokens":50}"#, (Some(50), 1)),
            (chat, r#"{"model":"m","max_tokens":100000,"max_tokens":1,"n":9,"n":1}"#, (Some(100_000), 9)),
            (chat, r#"{"model":"m","max_tokens":null,"n":null}"#, (None, 1)),
            (chat, r#"{"model":"m","max_tokens":-1,"n":-1}"#, (None, 1)),
            (chat, r#"{"model":"m","max_completion_tokens":1,"max_tokens":-1}"#, (None, 1)),
            (chat, r#"{"model":"m","max_tokens":1e5,"n":1e1}"#, (Some(100_000), 10)),
            (chat, r#"{"model":"m","max_tokens":"\u0037","n":2.5}"#, (Some(7), 3)),
            (
                chat,
                r#"{"model":"m","max_completion_tokens":1,"max_tokens":"1_000","n":[2]}"#,
                (Some(u64::MAX), u64::MAX),
            ),
            (chat, r#"{"model":"m","max_tokens":1e999,"n":"NaN"}"#, (Some(u64::MAX), u64::MAX)),
            (chat, r#"{"model":"m","n":2,"best_of":3}"#, (None, 3)),
            ("/v1/completions", r#"{"model":"m","prompt":"a","max_tokens":7,"n":2}"#, (Some(7), 2)),
            ("/v1/completions", r#"{"model":"m","prompt":"a","n":2,"best_of":20}"#, (None, 20)),
            ("/v1/completions", r#"{"model":"m","prompt":["a","b"],"n":2,"best_of":3}"#, (None, 6)),
            ("/v1/completions", r#"{"model":"m","prompt":[[1],[2],[3]],"max_tokens":7}"#, (Some(7), 3)),
            ("/v1/completions", r#"{"model":"m","prompt":[1,2,3]}"#, (None, 1)),
            ("/v1/completions", r#"{"model":"m","prompt":[]}"#, (None, 1)),
            ("/v1/responses", r#"{"model":"m","max_output_tokens":9,"n":2}"#, (Some(9), 1)),
            ("/v1/messages", r#"{"model":"m","max_tokens":8}"#, (Some(8), 1)),
            ("/v2/chat", r#"{"model":"m","max_tokens":8}"#, (Some(8), 1)),
            ("/model/m/converse", r#"{"inferenceConfig":{"maxTokens":4}}"#, (Some(4), 1)),
            (gemini, r#"{"generationConfig":{"maxOutputTokens":4,"candidateCount":2}}"#, (Some(4), 2)),
            (gemini, r#"{"generation_config":{"max_output_tokens":"4","candidate_count":2.0}}"#, (Some(4), 2)),
            (gemini, r#"{"generationConfig":[4]}"#, (None, 1)),
            (
                gemini,
                r#"{"generationConfig":{"maxOutputTokens":4},"generation_config":{"max_output_tokens":100000}}"#,
                (Some(100_000), 1),
            ),
            (gemini, r#"{"generationConfig":{"maxOutputTokens":4,"max_output_tokens":9}}"#, (Some(9), 1)),
            (gemini, r#"{"generation_config":{"candidateCount":3}}"#, (None, 3)),
            ("/v1/embeddings", r#"{"model":"m","input":"a","max_tokens":7,"n":2}"#, (None, 1)),
        ] {
            assert_eq!(sought(path, body), expected, "{body}");
        }
    }

    #[test]
    fn it_is_what_the_whole_meaning_says() {
        let mut read = 0;
        for (folder, path) in [
            ("openai", "/v1/chat/completions"),
            ("completions", "/v1/completions"),
            ("responses", "/v1/responses"),
            ("anthropic", "/v1/messages"),
            ("cohere", "/v2/chat"),
            ("converse", "/model/m/converse"),
            ("gemini", "/v1beta/models/g:generateContent"),
        ] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder).join("requests");
            for file in std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
                if file.extension().is_none_or(|extension| extension != "json") {
                    continue;
                }
                let body = std::fs::read(&file).unwrap();
                let Some(endpoint) = Endpoint::of(path, path == "/v1/messages") else { continue };
                let Ok(ask) = Ask::read(endpoint, &body) else { continue };
                let Ok(meaning) = ask.meaning() else { continue };
                assert_eq!(ask.output_max(), meaning.max_tokens, "{}", file.display());
                // No other dialect has `best_of`: what a request means does not say it.
                let best_of = ask.object.get("best_of").unwrap().unwrap_or(1);
                assert_eq!(ask.answers(), meaning.n.unwrap_or(1).max(best_of), "{}", file.display());
                read += 1;
            }
        }
        assert!(read > 30, "only {read} fixtures");
    }
}
