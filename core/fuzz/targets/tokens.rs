//! Any text has the tokens that tiktoken gives it; any request that can be read can be counted, and so can its bytes.
#![no_main]

use attache_core::dialect::Dialect;
use attache_core::tokens::{Counter, Delivered, Encoding, Learned, Ratio, of_bytes, of_request};
use libfuzzer_sys::fuzz_target;

const MODELS: [&str; 6] = ["gpt-4o", "gpt-5-mini", "gpt-6", "claude-opus-4-6", "gemini-2.5-pro", "llama-3"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let (encoding, reference) = match choice % 4 {
        0 => (Encoding::O200k, tiktoken_rs::o200k_base_singleton()),
        1 => (Encoding::Cl100k, tiktoken_rs::cl100k_base_singleton()),
        2 => (Encoding::P50k, tiktoken_rs::p50k_base_singleton()),
        _ => (Encoding::R50k, tiktoken_rs::r50k_base_singleton()),
    };
    let counter = Counter::Exact(encoding);
    let text = String::from_utf8_lossy(data);
    let tokens = encoding.encode(&text);
    assert_eq!(tokens, reference.encode_ordinary(&text));
    assert_eq!(encoding.count(&text), tokens.len() as u64);

    let estimate = Counter::Estimate(Ratio::of_model(MODELS[usize::from(choice / 4) % MODELS.len()]));
    assert_eq!(estimate.count(&text) == 0, text.is_empty());
    let _ = of_bytes(data, &estimate);
    let mut delivered = Delivered::default();
    text.split_inclusive(' ').for_each(|piece| delivered.add(piece, &counter));
    let mut learned = Learned::new(Ratio::PLAIN);
    learned.observe(learned.ratio(), estimate.count(&text), delivered.total());

    for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
        let Ok(request) = dialect.decode_request(data) else { continue };
        for model in MODELS {
            let exact = of_request(&request, &counter, model);
            assert!(exact.tokens >= 3 && exact.tokens < 1 << 40, "{exact:?}");
            let _ = of_request(&request, &estimate, model);
        }
    }
});
