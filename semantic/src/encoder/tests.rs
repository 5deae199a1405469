use super::*;
use crate::synthetic::{Model, Shape};
use std::collections::HashMap;

const SHAPE: Shape = Shape { hidden: 48, layers: 3, heads: 4, wide: 100, places: 40, mixing: 1.0, seed: 42 };
const WORDS: [&str; 12] =
    ["why", "is", "the", "sky", "blue", "what", "makes", "capital", "of", "france", "how", "tall"];

#[test]
fn it_computes_what_the_formulas_say() {
    let model = Model::new(&SHAPE, &WORDS);
    for pooling in [Pooling::Mean, Pooling::First] {
        let encoder = encoder(&model, pooling);
        for text in ["why is the sky blue?", "Why", "", "capital of France", "how tall is a giraffe in the sky, 42?"] {
            let tokens = tokens::tokens(&encoder.tokenizer, text, 40).unwrap();
            let expected = naive(&model, &tokens, pooling);
            let found = encoder.encode(text).unwrap();
            assert_eq!(found.len(), SHAPE.hidden);
            let off = found.iter().zip(&expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
            let off = off.fold(0.0, f64::max);
            assert!(off < 2e-6, "{text}: {off}");
        }
    }
}

#[test]
fn words_are_cut_as_the_vocabulary_says() {
    let model = Model::new(&SHAPE, &WORDS);
    let encoder = encoder(&model, Pooling::Mean);
    let vocabulary: Vec<&str> = model.vocabulary.lines().collect();
    for (text, expected) in [
        ("Why is the SKY blue?", "[CLS] why is the sky blue ? [SEP]"),
        ("capital-of FRANCE", "[CLS] capital - of france [SEP]"),
        ("café", "[CLS] c ##a ##f ##e [SEP]"),
        ("skyX", "[CLS] sky ##x [SEP]"),
        ("xsky", "[CLS] x ##s ##k ##y [SEP]"),
        ("天", "[CLS] [UNK] [SEP]"),
        (" \n ", "[CLS] [SEP]"),
    ] {
        let tokens = tokens::tokens(&encoder.tokenizer, text, 40).unwrap();
        let found: Vec<&str> = tokens.iter().map(|token| vocabulary[*token as usize]).collect();
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

#[test]
fn texts_that_share_words_lie_close() {
    let model = Model::new(&Shape { mixing: 0.0, hidden: 384, ..SHAPE }, &WORDS);
    let encoder = encoder(&model, Pooling::Mean);
    let vector = |text: &str| encoder.encode(text).unwrap();
    let cosine =
        |one: &str, other: &str| vector(one).iter().zip(vector(other)).map(|(one, other)| one * other).sum::<f32>();
    assert!((cosine("why is the sky blue", "why is the sky blue") - 1.0).abs() < 1e-5);
    assert!((cosine("why is the sky blue", "Blue the sky is, why") - 0.9) > 0.0);
    assert!(cosine("why is the sky blue", "how tall is the capital of france") < 0.7);
}

#[test]
fn what_is_too_long_is_refused_and_never_cut() {
    let model = Model::new(&SHAPE, &WORDS);
    let encoder = encoder(&model, Pooling::Mean);
    assert!(encoder.encode(&"sky ".repeat(38)).is_ok());
    assert_eq!(encoder.encode(&"sky ".repeat(39)), Err(NotEncoded::TooLong { most: 40 }));
    assert_eq!(encoder.encode(&"x".repeat(10 << 20)), Err(NotEncoded::TooLong { most: 40 }));
    let weights = model.weights();
    let narrow = Encoder::read(&Files { window: Some(10), ..files(&model, &weights) }).unwrap();
    assert_eq!(narrow.window(), 10);
    assert_eq!(narrow.encode(&"sky ".repeat(9)), Err(NotEncoded::TooLong { most: 10 }));
}

#[test]
fn a_tokenizer_json_does_the_same_and_does_not_cut() {
    let model = Model::new(&SHAPE, &WORDS);
    let plain = encoder(&model, Pooling::Mean);
    let mut tokenizer = plain.tokenizer.clone();
    tokenizer.with_truncation(Some(tokenizers::TruncationParams { max_length: 5, ..Default::default() })).unwrap();
    tokenizer.with_padding(Some(tokenizers::PaddingParams {
        strategy: tokenizers::PaddingStrategy::Fixed(30),
        ..Default::default()
    }));
    let json = tokenizer.to_string(false).unwrap();
    let weights = model.weights();
    let files = Files { vocabulary: Vocabulary::Json(json.as_bytes()), ..files(&model, &weights) };
    let with_json = Encoder::read(&files).unwrap();
    let text = "why is the sky blue, and how tall is the sky?";
    assert_eq!(with_json.encode(text), plain.encode(text));
}

#[test]
fn numbers_of_sixteen_bits_give_nearly_the_same() {
    let mut model = Model::new(&SHAPE, &WORDS);
    model.tensors.iter_mut().for_each(|(name, ..)| *name = format!("bert.{name}"));
    let expected = encoder(&model, Pooling::Mean).encode("why is the sky blue").unwrap();
    let halves: Vec<(String, Vec<usize>, Vec<u8>)> = model
        .tensors
        .iter()
        .map(|(name, shape, numbers)| {
            (
                name.clone(),
                shape.clone(),
                numbers.iter().flat_map(|number| number.to_le_bytes()[2..].to_vec()).collect(),
            )
        })
        .collect();
    let views = halves.iter().map(|(name, shape, data)| {
        (name.as_str(), safetensors::tensor::TensorView::new(safetensors::Dtype::BF16, shape.clone(), data).unwrap())
    });
    let weights = safetensors::serialize(views, None).unwrap();
    let found = Encoder::read(&files(&model, &weights)).unwrap().encode("why is the sky blue").unwrap();
    let cosine: f32 = found.iter().zip(&expected).map(|(found, expected)| found * expected).sum();
    assert!(cosine > 0.999, "{cosine}");
}

#[test]
fn what_is_no_model_says_why() {
    let model = Model::new(&SHAPE, &WORDS);
    let weights = model.weights();
    let fine = files(&model, &weights);
    let config = |from: &str, to: &str| model.config.replace(from, to);
    let known = format!(r#""vocab_size":{}"#, model.vocabulary.lines().count());
    for (config, expected) in [
        ("{".to_owned(), "the model's config: EOF while parsing an object at line 1 column 1"),
        (
            config(r#""model_type":"bert""#, r#""model_type":"roberta""#),
            "the model's config: model_type is `roberta`, and only `bert` is read",
        ),
        (
            config(r#""hidden_act":"gelu""#, r#""hidden_act":"relu""#),
            "the model's config: hidden_act is `relu`, and only `gelu` is computed",
        ),
        (
            config(r#""num_attention_heads":4"#, r#""num_attention_heads":5"#),
            "the model's config: num_attention_heads is no divisor of hidden_size",
        ),
        (
            config(r#""num_attention_heads":4"#, r#""num_attention_heads":0"#),
            "the model's config: num_attention_heads is 0; expected 1 to 1048576",
        ),
        (
            config(r#""intermediate_size":100"#, r#""intermediate_size":99"#),
            "the model's weights: `encoder.layer.0.intermediate.dense.weight` is [100, 48] where the config says [99, 48]",
        ),
        (
            config(r#""num_hidden_layers":3"#, r#""num_hidden_layers":4"#),
            "the model's weights: there is no tensor `encoder.layer.3.attention.self.query.weight`",
        ),
        (
            config(&known, r#""vocab_size":50"#),
            "the model's vocabulary: it has a token 104, and the model knows 50 only",
        ),
    ] {
        let error = Encoder::read(&Files { config: config.as_bytes(), ..fine }).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    for weights in [&b"not a file"[..], b"", &weights[..100], &weights[..weights.len() - 4]] {
        assert!(matches!(Encoder::read(&Files { weights, ..fine }), Err(Unreadable::Weights(_))));
    }
    for file in [&b"why\nsky"[..], b"[CLS]\n[SEP]\nsky"] {
        let vocabulary = Vocabulary::Text { file, lower_case: true };
        assert!(matches!(Encoder::read(&Files { vocabulary, ..fine }), Err(Unreadable::Vocabulary(_))));
    }
    let mut broken = model.clone();
    broken.tensors[3].2[0] = f32::NAN;
    let error = Encoder::read(&files(&broken, &broken.weights())).unwrap_err();
    assert!(error.to_string().ends_with("holds what is no number"), "{error}");
    assert_eq!(
        Pooling::read(br#"{"pooling_mode_mean_tokens":true,"word_embedding_dimension":384}"#),
        Ok(Pooling::Mean)
    );
    assert_eq!(Pooling::read(br#"{"pooling_mode_cls_token":true}"#), Ok(Pooling::First));
    assert!(Pooling::read(br#"{"pooling_mode_max_tokens":true}"#).is_err());
}

fn encoder(model: &Model, pooling: Pooling) -> Encoder {
    let weights = model.weights();
    Encoder::read(&Files { pooling, ..files(model, &weights) }).unwrap()
}

fn files<'a>(model: &'a Model, weights: &'a [u8]) -> Files<'a> {
    Files {
        config: model.config.as_bytes(),
        weights,
        vocabulary: Vocabulary::Text { file: model.vocabulary.as_bytes(), lower_case: true },
        pooling: Pooling::Mean,
        window: None,
    }
}

/// The same network, written down straight from its description (Devlin et al., 2018; Vaswani et al., 2017), one number
/// at a time and with nothing of the code above.
fn naive(model: &Model, tokens: &[u32], pooling: Pooling) -> Vec<f64> {
    let tensors: HashMap<&str, (&[usize], &[f32])> = model
        .tensors
        .iter()
        .map(|(name, shape, numbers)| (name.trim_start_matches("bert."), (shape.as_slice(), numbers.as_slice())))
        .collect();
    let at = |name: &str, row: usize, column: usize| {
        let (shape, numbers) = tensors[name];
        f64::from(if shape.len() == 1 { numbers[column] } else { numbers[row * shape[1] + column] })
    };
    let hidden = SHAPE.hidden;
    let linear = |name: &str, row: &[f64]| -> Vec<f64> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let outputs = tensors[bias.as_str()].0[0];
        let output = |output| {
            at(&bias, 0, output) + (0..row.len()).map(|input| row[input] * at(&weight, output, input)).sum::<f64>()
        };
        (0..outputs).map(output).collect()
    };
    let norm = |name: &str, row: &[f64]| -> Vec<f64> {
        let mean = row.iter().sum::<f64>() / row.len() as f64;
        let variance = row.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / row.len() as f64;
        let (weight, bias) = (format!("{name}.LayerNorm.weight"), format!("{name}.LayerNorm.bias"));
        let number = |place: usize| {
            (row[place] - mean) / (variance + 1e-12).sqrt() * at(&weight, 0, place) + at(&bias, 0, place)
        };
        (0..row.len()).map(number).collect()
    };
    let add =
        |one: &[f64], other: &[f64]| -> Vec<f64> { one.iter().zip(other).map(|(one, other)| one + other).collect() };
    // Φ by the series of the error function, which converges for everything that stands here.
    let gelu = |x: f64| {
        let z = x / std::f64::consts::SQRT_2;
        let (mut term, mut sum) = (z, z);
        for n in 1..200 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        x * 0.5 * (1.0 + 2.0 / std::f64::consts::PI.sqrt() * sum)
    };
    let mut rows: Vec<Vec<f64>> = (0..tokens.len())
        .map(|place| {
            let number = |column| {
                at("embeddings.word_embeddings.weight", tokens[place] as usize, column)
                    + at("embeddings.position_embeddings.weight", place, column)
                    + at("embeddings.token_type_embeddings.weight", 0, column)
            };
            norm("embeddings", &(0..hidden).map(number).collect::<Vec<f64>>())
        })
        .collect();
    for layer in 0..SHAPE.layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let each = |part: &str| -> Vec<Vec<f64>> {
            rows.iter().map(|row| linear(&name(&format!("attention.self.{part}")), row)).collect()
        };
        let (queries, keys, values) = (each("query"), each("key"), each("value"));
        let width = hidden / SHAPE.heads;
        let seen = |place: usize| -> Vec<f64> {
            (0..hidden)
                .map(|column| {
                    let head = column / width;
                    let score = |other: usize| {
                        let products = (head * width..(head + 1) * width).map(|d| queries[place][d] * keys[other][d]);
                        (products.sum::<f64>() / (width as f64).sqrt()).exp()
                    };
                    let total: f64 = (0..rows.len()).map(score).sum();
                    (0..rows.len()).map(|other| score(other) / total * values[other][column]).sum()
                })
                .collect()
        };
        let next = |place: usize| -> Vec<f64> {
            let attended = linear(&name("attention.output.dense"), &seen(place));
            let attended = norm(&name("attention.output"), &add(&attended, &rows[place]));
            let wide: Vec<f64> = linear(&name("intermediate.dense"), &attended).into_iter().map(gelu).collect();
            norm(&name("output"), &add(&linear(&name("output.dense"), &wide), &attended))
        };
        rows = (0..rows.len()).map(next).collect();
    }
    let count = if pooling == Pooling::First { 1 } else { rows.len() };
    let sums: Vec<f64> = (0..hidden).map(|column| rows[..count].iter().map(|row| row[column]).sum()).collect();
    let length = sums.iter().map(|value| value * value).sum::<f64>().sqrt();
    sums.iter().map(|value| value / length).collect()
}
