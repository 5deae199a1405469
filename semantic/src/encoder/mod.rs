//! Sentence encoders of the BERT family, such as all-MiniLM-L6-v2: a text becomes a vector of length one, and texts that
//! mean alike become vectors that lie close together.
//!
//! A model is what its makers publish: `config.json`, `model.safetensors`, and `tokenizer.json` or `vocab.txt`. Everything
//! is computed on the processor, one text at a time on one core, in numbers of 32 bits. A text that is longer than the
//! model's window is refused, never cut: what was cut off could be what matters.
//!
//! Files are read by the host; here they are bytes. Never keeps any text.

mod attention;
mod config;
mod function;
mod linear;
mod tokens;
mod weights;

pub use config::Pooling;
pub use tokens::Vocabulary;

use attention::attend;
use config::Config;
use function::{Norm, gelu};
use linear::Linear;
use pulp::Arch;
use std::fmt;
use tokenizers::Tokenizer;
use weights::Weights;

/// Why a model cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its `config.json`.
    #[error("the model's config: {0}")]
    Config(String),
    /// Its vocabulary.
    #[error("the model's vocabulary: {0}")]
    Vocabulary(String),
    /// Its numbers.
    #[error("the model's weights: {0}")]
    Weights(String),
}

/// Why a text has no vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEncoded {
    /// It does not fit into the model's window.
    #[error("the text has more than {most} tokens")]
    TooLong {
        /// Most tokens.
        most: usize,
    },
    /// The vocabulary does not cut it.
    #[error("the vocabulary has no tokens for the text")]
    Uncut,
}

/// The files of a model.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// `config.json`.
    pub config: &'a [u8],
    /// `model.safetensors`.
    pub weights: &'a [u8],
    /// `tokenizer.json` or `vocab.txt`.
    pub vocabulary: Vocabulary<'a>,
    /// How its tokens become one vector.
    pub pooling: Pooling,
    /// Most tokens of a text, if fewer than the model has places for (`max_seq_length`).
    pub window: Option<usize>,
}

/// A sentence encoder.
pub struct Encoder {
    tokenizer: Tokenizer,
    pooling: Pooling,
    window: usize,
    hidden: usize,
    heads: usize,
    words: Vec<f32>,
    /// Those of the places and of the first segment in one.
    places: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    math: Math,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: Norm,
    wide: Linear,
    narrow: Linear,
    narrow_norm: Norm,
}

/// What the processor can do.
#[derive(Clone, Copy)]
struct Math {
    arch: Arch,
    /// It multiplies and adds in one step; where it does not, a library would, slowly.
    fused: bool,
}

impl Math {
    fn best() -> Self {
        let arch = Arch::new();
        Self { arch, fused: !matches!(arch, Arch::Scalar) || cfg!(target_arch = "aarch64") }
    }

    #[cfg(test)]
    fn plain() -> Self {
        Self { arch: Arch::Scalar, fused: false }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hidden, window, .. } = self;
        f.debug_struct("Encoder").field("dimensions", hidden).field("window", window).finish_non_exhaustive()
    }
}

impl Encoder {
    /// Reads a model. It takes about as much memory as its numbers in 32 bits.
    ///
    /// # Errors
    /// Which file is not what it should be, and why.
    pub fn read(files: &Files<'_>) -> Result<Self, Unreadable> {
        let config = Config::read(files.config)?;
        let tokenizer = files.vocabulary.tokenizer()?;
        let most = tokenizer.get_vocab(true).into_values().max().unwrap_or_default();
        if most as usize >= config.vocab_size {
            let known = config.vocab_size;
            return Err(Unreadable::Vocabulary(format!("it has a token {most}, and the model knows {known} only")));
        }
        let weights = Weights::read(files.weights, config.layer_norm_eps)?;
        let hidden = config.hidden_size;
        let table = |name: &str, rows: usize| weights.tensor(&format!("embeddings.{name}.weight"), &[rows, hidden]);
        let segments = table("token_type_embeddings", config.type_vocab_size)?;
        let mut places = table("position_embeddings", config.max_position_embeddings)?;
        for place in places.chunks_exact_mut(hidden) {
            place.iter_mut().zip(&segments).for_each(|(value, segment)| *value += segment);
        }
        let layers = (0..config.num_hidden_layers).map(|number| Layer::read(&weights, number, &config));
        Ok(Self {
            tokenizer,
            pooling: files.pooling,
            window: files
                .window
                .map_or(config.max_position_embeddings, |most| most.min(config.max_position_embeddings)),
            hidden,
            heads: config.num_attention_heads,
            words: table("word_embeddings", config.vocab_size)?,
            places,
            norm: weights.norm("embeddings", hidden)?,
            layers: layers.collect::<Result<_, _>>()?,
            math: Math::best(),
        })
    }

    /// How many numbers a vector has.
    pub fn dimensions(&self) -> usize {
        self.hidden
    }

    /// Most tokens of a text.
    pub fn window(&self) -> usize {
        self.window
    }

    /// The vector of a text, of length one. Takes milliseconds.
    ///
    /// # Errors
    /// Why the text has none.
    pub fn encode(&self, text: &str) -> Result<Vec<f32>, NotEncoded> {
        let tokens = tokens::tokens(&self.tokenizer, text, self.window)?;
        Ok(self.encode_tokens(&tokens))
    }

    fn encode_tokens(&self, tokens: &[u32]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(tokens.len() * self.hidden);
        for token in tokens {
            let start = *token as usize * self.hidden;
            rows.extend(self.words.get(start..start + self.hidden).unwrap_or_default());
        }
        self.norm.apply(self.math, &mut rows, &self.places);
        for layer in &self.layers {
            rows = layer.apply(self.math, self.heads, self.hidden, rows);
        }
        self.pooled(&rows)
    }

    fn pooled(&self, rows: &[f32]) -> Vec<f32> {
        let mut vector = vec![0.0; self.hidden];
        let most = match self.pooling {
            Pooling::Mean => usize::MAX,
            Pooling::First => 1,
        };
        for row in rows.chunks_exact(self.hidden).take(most) {
            vector.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        vector.iter_mut().for_each(|value| *value /= length);
        vector
    }
}

impl Layer {
    fn read(weights: &Weights<'_>, number: usize, config: &Config) -> Result<Self, Unreadable> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let linear = |part: &str, inputs, outputs| weights.linear(&name(part), inputs, outputs);
        Ok(Self {
            query: linear("attention.self.query", hidden, hidden)?,
            key: linear("attention.self.key", hidden, hidden)?,
            value: linear("attention.self.value", hidden, hidden)?,
            attended: linear("attention.output.dense", hidden, hidden)?,
            attended_norm: weights.norm(&name("attention.output"), hidden)?,
            wide: linear("intermediate.dense", hidden, wide)?,
            narrow: linear("output.dense", wide, hidden)?,
            narrow_norm: weights.norm(&name("output"), hidden)?,
        })
    }

    fn apply(&self, math: Math, heads: usize, hidden: usize, rows: Vec<f32>) -> Vec<f32> {
        let [queries, keys, values] = [&self.query, &self.key, &self.value].map(|linear| linear.apply(math, &rows));
        let seen = attend(math, heads, &queries, &keys, &values, hidden);
        let mut attended = self.attended.apply(math, &seen);
        self.attended_norm.apply(math, &mut attended, &rows);
        let mut wide = self.wide.apply(math, &attended);
        gelu(math, &mut wide);
        let mut narrow = self.narrow.apply(math, &wide);
        self.narrow_norm.apply(math, &mut narrow, &attended);
        narrow
    }
}

#[cfg(test)]
mod tests;
