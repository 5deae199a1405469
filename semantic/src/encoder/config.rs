//! The shape of a model, from its `config.json`, and how its tokens become one vector.

use super::Unreadable;
use serde::Deserialize;

/// What of a model's `config.json` matters.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    model_type: String,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) vocab_size: usize,
    #[serde(default = "two")]
    pub(super) type_vocab_size: usize,
    #[serde(default = "epsilon")]
    pub(super) layer_norm_eps: f32,
    #[serde(default)]
    hidden_act: Option<String>,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

fn two() -> usize {
    2
}

fn epsilon() -> f32 {
    1e-12
}

/// Largest number in a config that is believed: beyond it nobody has memory for the model.
const SIZE_MAX: usize = 1 << 20;

impl Config {
    pub(super) fn read(file: &[u8]) -> Result<Self, Unreadable> {
        let config: Self = serde_json::from_slice(file).map_err(|error| Unreadable::Config(error.to_string()))?;
        config.check().map_err(Unreadable::Config)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let Self { model_type, hidden_act, position_embedding_type, .. } = self;
        if model_type != "bert" {
            return Err(format!("model_type is `{model_type}`, and only `bert` is read"));
        }
        if let Some(other) = hidden_act.as_ref().filter(|name| *name != "gelu") {
            return Err(format!("hidden_act is `{other}`, and only `gelu` is computed"));
        }
        if let Some(other) = position_embedding_type.as_ref().filter(|name| *name != "absolute") {
            return Err(format!("position_embedding_type is `{other}`, and only `absolute` is computed"));
        }
        for (name, size) in [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("vocab_size", self.vocab_size),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            if !(1..=SIZE_MAX).contains(&size) {
                return Err(format!("{name} is {size}; expected 1 to {SIZE_MAX}"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err("num_attention_heads is no divisor of hidden_size".to_owned());
        }
        Ok(())
    }
}

/// How the vectors of the tokens become the vector of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// That of the first token.
    First,
}

impl Pooling {
    /// From the `1_Pooling/config.json` of a sentence encoder.
    ///
    /// # Errors
    /// For a way of pooling that is not computed here.
    pub fn read(file: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct Modes {
            pooling_mode_cls_token: bool,
            pooling_mode_mean_tokens: bool,
        }
        let modes: Modes = serde_json::from_slice(file).map_err(|error| Unreadable::Config(error.to_string()))?;
        match (modes.pooling_mode_mean_tokens, modes.pooling_mode_cls_token) {
            (true, false) => Ok(Self::Mean),
            (false, true) => Ok(Self::First),
            (true, true) | (false, false) => {
                Err(Unreadable::Config("expected pooling by either the mean of the tokens or the first".to_owned()))
            }
        }
    }
}
