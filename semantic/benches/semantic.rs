//! What a look into the semantic cache costs: `cargo bench -p attache-semantic`.
//!
//! A text of 20 tokens is a short question, one of 200 a long one. The index is searched in one partition that holds
//! everything, which is the worst case.

#![allow(clippy::print_stdout, reason = "it prints figures for a person")]

use attache_semantic::encoder::{Encoder, Files, Pooling, Vocabulary};
use attache_semantic::index::Index;
use attache_semantic::synthetic::{Model, Shape};
use criterion::Criterion;
use std::hint::black_box;

const DIMENSIONS: usize = 384;

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    encode(&mut criterion);
    search(&mut criterion);
    criterion.final_summary();
}

/// A model of the size of all-MiniLM-L6-v2, but for its vocabulary, whose size does not matter.
fn encode(criterion: &mut Criterion) {
    let shape = Shape { hidden: DIMENSIONS, layers: 6, heads: 12, wide: 1536, places: 512, mixing: 1.0, seed: 1 };
    let model = Model::new(&shape, &["why", "sky", "blue"]);
    let weights = model.weights();
    let files = Files {
        config: model.config.as_bytes(),
        weights: &weights,
        vocabulary: Vocabulary::Text { file: model.vocabulary.as_bytes(), lower_case: true },
        pooling: Pooling::Mean,
        window: None,
    };
    let encoder = Encoder::read(&files).expect("the model is whole");
    let mut group = criterion.benchmark_group("encode");
    group.sample_size(20);
    for tokens in [20, 200] {
        let text = "why sky blue ".repeat(tokens).split(' ').take(tokens - 2).collect::<Vec<_>>().join(" ");
        group.bench_function(format!("{tokens} tokens"), |bencher| bencher.iter(|| encoder.encode(black_box(&text))));
    }
}

fn search(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nearest");
    group.sample_size(20);
    for (name, entries) in [("10k", 10_000), ("100k", 100_000), ("1M", 1_000_000)] {
        if std::env::args().any(|argument| argument == "--test") && entries > 10_000 {
            continue;
        }
        let mut random = 88_172_645_463_325_252_u64;
        let mut index = Index::new(DIMENSIONS, usize::MAX);
        let mut query = Vec::new();
        for number in 0..entries {
            query = vector(&mut random);
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            index.insert([0; 32], id, &query, u32::MAX).expect("it is a vector of the index");
        }
        println!("{name}: {} bytes for each entry", index.size().bytes / entries);
        group.bench_function(name, |bencher| {
            bencher.iter(|| index.nearest(&[0; 32], black_box(&query), 0, 0.92).expect("it is a vector of the index"));
        });
    }
}

fn vector(random: &mut u64) -> Vec<f32> {
    let number = |_| {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        (*random >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..DIMENSIONS).map(number).collect()
}
