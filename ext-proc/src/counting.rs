//! Counting tokens before they are used: which counter fits a target, and what an exchange is expected to use.
//!
//! OpenAI's models are counted exactly, others with their own tokenizer where one is configured. For the rest there is an
//! estimate, which learns from what providers report.

use crate::config::Config;
use crate::config::compiled::Target;
use attache_core::dialect::Dialect;
use attache_core::embed::Said;
use attache_core::endpoint::{Endpoint, Operation};
use attache_core::hybrid::{self, MEDIUM_TOKENS};
use attache_core::tokens::{self, Count, Counter, Encoding, Learned, Method, Ratio};
use attache_core::translate::Ask;
use dashmap::DashMap;
use serde_json::json;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Most targets whose ratio is kept: clients may make up the names of an exposed provider's models.
const TARGETS_MAX: usize = 4096;

/// Most bytes of a request that are counted exactly: ten milliseconds' work, for which all exchanges of a thread wait.
const EXACT_BYTES_MAX: usize = 1 << 20;

/// Makes the tables now that counting under this configuration needs. Otherwise the first exchange would make them: a tenth
/// of a second, in which its thread does nothing else. Where nothing is limited nobody may ever count.
pub fn prepare(config: &Config) {
    if !config.rules.all().is_empty() {
        encodings(config).into_iter().for_each(Encoding::load);
    }
}

fn encodings(config: &Config) -> HashSet<Encoding> {
    let targets = config.models.values().flat_map(|model| &model.targets);
    let named = targets.filter_map(|target| Encoding::of_model(&target.upstream.model));
    // Clients name the models of an exposed provider; what OpenAI has made for years counts like this.
    let exposed = config.providers.values().filter(|provider| provider.expose && provider.primary() == Dialect::OpenAi);
    named.chain(exposed.map(|_| Encoding::O200k)).collect()
}

/// How far the estimates for each target are off, as learned in this process.
#[derive(Debug, Default)]
pub struct Calibration(DashMap<(Arc<str>, String), Learned>);

impl Calibration {
    fn ratio(&self, target: &Target) -> Ratio {
        let key = (target.provider.name.clone(), target.upstream.model.clone());
        self.0.get(&key).map_or_else(|| Ratio::of_model(&target.upstream.model), |learned| learned.ratio())
    }

    /// Takes in what a provider reports of a prompt that was estimated.
    pub fn observe(&self, target: &Target, with: Ratio, estimated: u64, reported: u64) {
        let key = (target.provider.name.clone(), target.upstream.model.clone());
        if self.0.len() >= TARGETS_MAX && !self.0.contains_key(&key) {
            return;
        }
        let mut learned = self.0.entry(key).or_insert_with(|| Learned::new(Ratio::of_model(&target.upstream.model)));
        learned.observe(with, estimated, reported);
    }
}

/// A tokenizer that somebody brought: Hugging Face's `tokenizer.json`.
pub struct Tokenizer(Box<dyn Fn(&str) -> u64 + Send + Sync>);

impl Tokenizer {
    /// Loads one from a file.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn load(path: &Path) -> Result<Self, String> {
        let tokenizer = tokenizers::Tokenizer::from_file(path)
            .map_err(|error| format!("{} is no tokenizer.json: {error}", path.display()))?;
        Ok(Self(Box::new(move |text| {
            // The crate promises nothing about any text that a client may send; an estimate is always at hand.
            let counted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tokenizer.encode_fast(text, false)));
            match counted {
                Ok(Ok(encoding)) => encoding.len() as u64,
                Ok(Err(_)) | Err(_) => Ratio::PLAIN.count(text),
            }
        })))
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokenizer")
    }
}

/// How the text of a target's exchanges is counted.
#[derive(Clone, Debug)]
pub enum Counting {
    /// Exactly.
    Exact(Encoding),
    /// With the model's own tokenizer.
    Tokenizer(Arc<Tokenizer>),
    /// By an estimate.
    Estimate(Ratio),
}

impl Counting {
    /// The best way to count so many bytes for a target.
    pub fn best(target: &Target, calibration: &Calibration, bytes: usize) -> Self {
        if bytes > EXACT_BYTES_MAX {
            return Self::estimate(target, calibration);
        }
        if let Some(tokenizer) = &target.tokenizer {
            return Self::Tokenizer(tokenizer.clone());
        }
        match Encoding::of_model(&target.upstream.model) {
            Some(encoding) => Self::Exact(encoding),
            None => Self::estimate(target, calibration),
        }
    }

    /// The cheapest: it needs no tables.
    pub fn estimate(target: &Target, calibration: &Calibration) -> Self {
        Self::Estimate(calibration.ratio(target))
    }

    /// The counter.
    pub fn counter(&self) -> Counter<'_> {
        match self {
            Self::Exact(encoding) => Counter::Exact(*encoding),
            Self::Tokenizer(tokenizer) => Counter::Custom(&*tokenizer.0),
            Self::Estimate(ratio) => Counter::Estimate(*ratio),
        }
    }

    /// With which ratio it estimates, if it does.
    pub fn ratio(&self) -> Option<Ratio> {
        match self {
            Self::Exact(_) | Self::Tokenizer(_) => None,
            Self::Estimate(ratio) => Some(*ratio),
        }
    }
}

/// The tokens of a prompt by its length alone, where nobody needs to know better: about four bytes are one.
pub fn rough(body: &[u8]) -> u64 {
    hybrid::rough(body.len() as u64)
}

/// The tokens of a prompt, also of one that only its provider understands.
pub fn prompt(ask: &Ask<'_>, body: &[u8], counting: &Counting, model: &str) -> Count {
    match ask.endpoint().operation {
        Operation::Chat | Operation::Count => {}
        Operation::Embed | Operation::Rerank => return texts(ask, counting),
        Operation::Invoke => return tokens::of_bytes(body, &counting.counter()),
        // Sound, pictures: what they weigh, their provider says.
        Operation::Pass | Operation::Other => return Count { tokens: 0, method: Method::Estimated },
    }
    match ask.meaning() {
        Ok(request) => tokens::of_request(request, &counting.counter(), model),
        Err(_) => tokens::of_bytes(body, &counting.counter()),
    }
}

/// The tokens of what vectors or a ranking are asked for.
fn texts(ask: &Ask<'_>, counting: &Counting) -> Count {
    let counter = counting.counter();
    let (mut tokens, mut method) = (0, counter.method());
    ask.texts(&mut |said| match said {
        Said::Text(text) => tokens += counter.count(text),
        Said::Tokens(made) => tokens += made,
        // What a picture weighs differs from model to model; about as much as in a chat.
        Said::Medium => (tokens, method) = (tokens + MEDIUM_TOKENS, Method::Estimated),
    });
    Count { tokens, method }
}

/// The tokens of a text as vLLM's `/tokenize` tells them: <https://docs.vllm.ai/en/stable/serving/openai_compatible_server/#tokenizer-api>.
/// Where they can only be estimated, their number is told and none of them.
pub fn tokenized(text: &str, counting: &Counting) -> Vec<u8> {
    let (count, tokens) = match counting {
        Counting::Exact(encoding) => {
            let tokens = encoding.encode(text);
            (tokens.len() as u64, tokens)
        }
        Counting::Tokenizer(_) | Counting::Estimate(_) => (counting.counter().count(text), Vec::new()),
    };
    json!({ "count": count, "max_model_len": null, "tokens": tokens }).to_string().into_bytes()
}

/// What a request wants of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Most tokens of each answer; `None` where the request does not say.
    pub each: Option<u64>,
    /// How many answers.
    pub answers: u64,
}

/// What a request wants of the answer.
pub fn wanted(ask: &Ask<'_>) -> Wanted {
    Wanted { each: ask.output_max(), answers: ask.answers() }.at(ask.endpoint())
}

/// The same, as a filter tells it that has read the request.
pub fn wanted_by(ask: &hybrid::Ask, endpoint: &Endpoint) -> Wanted {
    Wanted { each: ask.output_max, answers: ask.answers }.at(endpoint)
}

impl Wanted {
    /// Only chats are answered with tokens.
    fn at(self, endpoint: &Endpoint) -> Self {
        let each = if endpoint.operation == Operation::Chat { self.each } else { Some(0) };
        Self { each, answers: self.answers.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::config::compile;

    /// A tokenizer that knows two words.
    const TOKENIZER: &str = r#"{ "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "Whitespace" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": { "hello": 0, "world": 1, "[UNK]": 2 }, "unk_token": "[UNK]" } }"#;

    #[test]
    fn a_target_is_counted_as_well_as_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, TOKENIZER).unwrap();
        let config = |tokenizer: &str| {
            let text = format!(
                "providers: {{ a: {{ dialect: openai, url: http://a }} }}\nmodels:\n  own: {{ targets: [{{ provider: a, model: x, tokenizer: \"{tokenizer}\" }}] }}\n  gpt: {{ targets: [{{ provider: a, model: gpt-4o }}] }}\n  other: {{ targets: [{{ provider: a, model: llama }}] }}\n"
            );
            compile(&text, &|_| None)
        };
        let config_with = config(path.to_str().unwrap()).unwrap();
        let best = |name: &str, bytes| {
            let model = config_with.model(name).unwrap();
            Counting::best(&model.targets[0], &Calibration::default(), bytes)
        };
        let own = best("own", 100);
        assert!(matches!(own, Counting::Tokenizer(_)));
        assert_eq!(own.counter().count("hello world and hello"), 4);
        assert!(matches!(best("gpt", 100), Counting::Exact(Encoding::O200k)));
        assert!(matches!(best("gpt", EXACT_BYTES_MAX + 1), Counting::Estimate(_)));
        assert!(matches!(best("other", 100), Counting::Estimate(_)));
        let missing = config("/nonexistent/tokenizer.json").unwrap_err().to_string();
        assert!(
            missing.starts_with("models.own.targets[0].tokenizer: /nonexistent/tokenizer.json is no tokenizer.json"),
            "{missing}"
        );
    }

    #[test]
    fn estimates_learn_within_bounds() {
        let text = "providers: { a: { dialect: openai, url: http://a, expose: true } }";
        let config = compile(text, &|_| None).unwrap();
        let calibration = Calibration::default();
        let model = config.model("a/llama").unwrap();
        let before = calibration.ratio(&model.targets[0]);
        for _ in 0..100 {
            calibration.observe(&model.targets[0], calibration.ratio(&model.targets[0]), 1000, 2000);
        }
        assert!(calibration.ratio(&model.targets[0]).per_mille > before.per_mille);
        for i in 0..2 * TARGETS_MAX {
            let model = config.model(&format!("a/made-up-{i}")).unwrap();
            calibration.observe(&model.targets[0], before, 1000, 1000);
        }
        assert_eq!(calibration.0.len(), TARGETS_MAX);
    }

    #[test]
    fn tables_are_made_for_the_models_that_are_configured() {
        let prepared = |provider: &str, model: &str| {
            let text = format!(
                "providers: {{ a: {{ {provider}, url: \"http://a\" }} }}\n\
                 models: {{ m: {{ targets: [{{ provider: a, model: {model} }}] }} }}\n"
            );
            encodings(&config::compile(&text, &|_| None).unwrap())
        };
        assert_eq!(prepared("dialect: openai", "gpt-4o-mini"), HashSet::from([Encoding::O200k]));
        assert_eq!(prepared("dialect: openai", "gpt-4"), HashSet::from([Encoding::Cl100k]));
        assert_eq!(prepared("dialect: openai", "llama"), HashSet::new());
        assert_eq!(prepared("dialect: openai, expose: true", "llama"), HashSet::from([Encoding::O200k]));
        assert_eq!(prepared("dialect: anthropic, expose: true", "claude"), HashSet::new());
    }
}
