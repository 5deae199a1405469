//! A model that is made on the spot: for tests and examples, which must not need a download.
//!
//! It has the form of a real one (BERT, safetensors, `vocab.txt`) and numbers from a generator, the same for the same
//! seed. With no `mixing` its layers do nothing, and the vector of a text is the mean of its words': texts that share
//! words lie close together, which is enough to try things out, and no more. It knows what it is told of meaning: which
//! words say the same, and which say nothing ([`Words`]).

use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;

/// The shape of a made-up model.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Numbers of a vector.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of each layer.
    pub heads: usize,
    /// Numbers between the two halves of a layer.
    pub wide: usize,
    /// Most tokens.
    pub places: usize,
    /// How much the layers do: 0 is nothing, 1 about as much as in a trained model.
    pub mixing: f32,
    /// Where its numbers begin.
    pub seed: u64,
}

/// The words that a made-up model knows, each in one list only.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Words of one list have one vector.
    pub groups: Vec<Vec<String>>,
    /// These, signs and `[CLS]` among them, add nothing to a text's vector, as long as there is no `mixing`.
    pub empty: Vec<String>,
}

impl Words {
    /// Reads a list: a line of words that mean the same, or behind a `-` of words that mean nothing; `#` begins a comment.
    pub fn read(list: &str) -> Self {
        let mut words = Self::default();
        for line in list.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
            let split = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            match line.strip_prefix("- ") {
                Some(empty) => words.empty.extend(split(empty)),
                None if line.is_empty() => {}
                None => words.groups.push(split(line)),
            }
        }
        words
    }
}

/// A made-up model, as the files that a real one has.
#[derive(Clone, Debug)]
pub struct Model {
    /// `config.json`.
    pub config: String,
    /// `vocab.txt`.
    pub vocabulary: String,
    /// What `model.safetensors` holds: names, shapes, numbers.
    pub tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl Model {
    /// A model that knows these words, and letter by letter every other word of the same letters.
    pub fn new(shape: &Shape, words: &[&str]) -> Self {
        let vocabulary = vocabulary(words);
        let known = vocabulary.lines().count();
        let Shape { hidden, layers, heads, wide, places, mixing, seed } = *shape;
        let config = serde_json::json!({
            "model_type": "bert", "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "intermediate_size": wide, "max_position_embeddings": places, "vocab_size": known, "type_vocab_size": 2,
            "hidden_act": "gelu", "layer_norm_eps": 1e-12, "position_embedding_type": "absolute",
        });
        let mut made = Made { random: seed | 1, tensors: Vec::new() };
        made.random("embeddings.word_embeddings.weight", &[known, hidden], 1.0);
        made.random("embeddings.position_embeddings.weight", &[places, hidden], 0.1 * mixing);
        made.random("embeddings.token_type_embeddings.weight", &[2, hidden], 0.1 * mixing);
        made.norm("embeddings", hidden, mixing);
        for layer in 0..layers {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            for part in ["query", "key", "value"] {
                made.linear(&name(&format!("attention.self.{part}")), hidden, hidden, mixing);
            }
            made.linear(&name("attention.output.dense"), hidden, hidden, mixing);
            made.norm(&name("attention.output"), hidden, mixing);
            made.linear(&name("intermediate.dense"), hidden, wide, mixing);
            made.linear(&name("output.dense"), wide, hidden, mixing);
            made.norm(&name("output"), hidden, mixing);
        }
        Self { config: config.to_string(), vocabulary, tensors: made.tensors }
    }

    /// A model that was told what words mean.
    pub fn of(shape: &Shape, words: &Words) -> Self {
        let all: Vec<&str> = words.groups.iter().flatten().chain(&words.empty).map(String::as_str).collect();
        let mut model = Self::new(shape, &all);
        let rows: HashMap<&str, usize> = model.vocabulary.lines().enumerate().map(|(row, word)| (word, row)).collect();
        let row = |word: &String| rows.get(&*word.to_lowercase()).or_else(|| rows.get(&**word)).copied();
        let Some((.., numbers)) = model.tensors.first_mut() else { return model };
        let width = shape.hidden;
        for group in &words.groups {
            let mut rows = group.iter().filter_map(row);
            let Some(first) = rows.next() else { continue };
            rows.for_each(|row| numbers.copy_within(first * width..(first + 1) * width, row * width));
        }
        for row in words.empty.iter().filter_map(row) {
            numbers.iter_mut().skip(row * width).take(width).for_each(|number| *number = 0.0);
        }
        model
    }

    /// `model.safetensors`; empty if there are no tensors that could be written.
    pub fn weights(&self) -> Vec<u8> {
        let data: Vec<Vec<u8>> = self
            .tensors
            .iter()
            .map(|(.., numbers)| numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
            .collect();
        let views = self.tensors.iter().zip(&data).filter_map(|((name, shape, _), data)| {
            Some((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).ok()?))
        });
        safetensors::serialize(views, None).unwrap_or_default()
    }
}

/// The lines of a `vocab.txt`.
fn vocabulary(words: &[&str]) -> String {
    let mut lines: Vec<String> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned).to_vec();
    lines.extend(".,?!'\"-:;()$%/+=".chars().map(String::from));
    for letter in ('a'..='z').chain('0'..='9') {
        lines.push(letter.to_string());
        lines.push(format!("##{letter}"));
    }
    let mut words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    words.sort_unstable();
    words.dedup();
    lines.extend(words.into_iter().filter(|word| word.chars().count() > 1));
    lines.join("\n")
}

struct Made {
    random: u64,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl Made {
    fn random(&mut self, name: &str, shape: &[usize], size: f32) {
        let count = shape.iter().product();
        let numbers = (0..count).map(|_| self.next() * size).collect();
        self.tensors.push((name.to_owned(), shape.to_vec(), numbers));
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize, mixing: f32) {
        let size = 1.7 * mixing / (inputs as f32).sqrt();
        self.random(&format!("{name}.weight"), &[outputs, inputs], size);
        self.random(&format!("{name}.bias"), &[outputs], 0.1 * mixing);
    }

    fn norm(&mut self, name: &str, width: usize, mixing: f32) {
        let scale = (0..width).map(|_| 1.0 + 0.2 * mixing * self.next()).collect();
        self.tensors.push((format!("{name}.LayerNorm.weight"), vec![width], scale));
        self.random(&format!("{name}.LayerNorm.bias"), &[width], 0.1 * mixing);
    }

    /// A number between -1 and 1 (xorshift).
    fn next(&mut self) -> f32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{Encoder, Files, Pooling, Vocabulary};

    #[test]
    fn it_knows_what_it_is_told_of_words() {
        let words = Words::read("# of books\nwrite wrote author\nhamlet\nsing\n- who the of ? [CLS] [SEP]\n\n");
        let shape = Shape { hidden: 32, layers: 1, heads: 2, wide: 8, places: 32, mixing: 0.0, seed: 3 };
        let model = Model::of(&shape, &words);
        let weights = model.weights();
        let encoder = Encoder::read(&Files {
            config: model.config.as_bytes(),
            weights: &weights,
            vocabulary: Vocabulary::Text { file: model.vocabulary.as_bytes(), lower_case: true },
            pooling: Pooling::Mean,
            window: None,
        })
        .unwrap();
        let similarity = |one: &str, other: &str| -> f32 {
            let (one, other) = (encoder.encode(one).unwrap(), encoder.encode(other).unwrap());
            one.iter().zip(&other).map(|(one, other)| one * other).sum()
        };
        assert!(similarity("Who wrote Hamlet?", "the author of Hamlet") > 0.999);
        assert!(similarity("Who wrote Hamlet?", "Who sing") < 0.7);
    }
}
