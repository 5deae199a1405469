//! Any file of a model: it is read, or there is a reason why not; what is read has a vector for a text that is not too long.
#![no_main]

use attache_semantic::encoder::{Encoder, Files, Pooling, Vocabulary};
use attache_semantic::synthetic::{Model, Shape};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const SHAPE: Shape = Shape { hidden: 8, layers: 1, heads: 2, wide: 8, places: 16, mixing: 1.0, seed: 42 };
static MODEL: LazyLock<(Model, Vec<u8>)> = LazyLock::new(|| {
    let model = Model::new(&SHAPE, &["why", "is", "the", "sky", "blue"]);
    let weights = model.weights();
    (model, weights)
});

fuzz_target!(|data: &[u8]| {
    let [choice, place, bytes @ ..] = data else { return };
    let (model, weights) = &*MODEL;
    // The bytes are a file, or stand somewhere in a good one.
    let with = |good: &[u8]| {
        if choice & 8 != 0 {
            return bytes.to_vec();
        }
        // Most of what can be wrong stands at the beginning.
        let at = (usize::from(*place) * if choice & 16 != 0 { 1 } else { good.len() / 256 + 1 }).min(good.len());
        let mut file = good.to_vec();
        let end = if choice & 32 != 0 { (at + bytes.len()).min(file.len()) } else { at };
        file.splice(at..end, bytes.iter().copied());
        file
    };
    let mut config = model.config.clone().into_bytes();
    let (mut words, mut numbers) = (model.vocabulary.clone().into_bytes(), weights.clone());
    let mut json = None;
    match choice % 4 {
        0 => config = with(&config),
        1 => words = with(&words),
        2 => numbers = with(&numbers),
        _ => json = Some(bytes),
    }
    let vocabulary = json.map_or(Vocabulary::Text { file: &words, lower_case: true }, Vocabulary::Json);
    let pooling = if choice & 64 != 0 { Pooling::Mean } else { Pooling::First };
    let files =
        Files { config: &config, vocabulary, weights: &numbers, pooling, window: (choice & 128 != 0).then_some(9) };
    let Ok(encoder) = Encoder::read(&files) else { return };
    for text in ["why is the sky blue?", "", "天 \u{0}"] {
        if let Ok(vector) = encoder.encode(text) {
            assert_eq!(vector.len(), encoder.dimensions());
        }
    }
});
