//! Any body of a client: read by every front, made into a request for every upstream.
#![no_main]

use attache_core::dialect::{Dialect, MaxTokensField, ThinkingStyle, Upstream};
use attache_core::translate::Ask;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let pick = |bit: u8| choice & (1 << bit) != 0;
    let dialect = |other: bool| if other { Dialect::Anthropic } else { Dialect::OpenAi };
    let mut upstream = Upstream::new("m");
    upstream.sampling = pick(2);
    upstream.reasoning = pick(5);
    upstream.thinking = if pick(3) { ThinkingStyle::Adaptive } else { ThinkingStyle::Budget };
    upstream.max_tokens_field = if pick(4) { MaxTokensField::MaxTokens } else { MaxTokensField::MaxCompletionTokens };
    let (front, to) = (dialect(pick(0)), dialect(pick(1)));
    let Ok(ask) = Ask::read(front, body) else { return };
    let Ok(made) = ask.translate(to, &upstream, 1) else { return };
    // What is made is a request: it can be read again.
    let body = made.body.as_deref().unwrap_or(body);
    let again = Ask::read(to, body).expect("a request that was made can be read");
    assert_eq!(again.model, "m");
    assert_eq!(again.stream, ask.stream);
    if front != to {
        to.decode_request(body).expect("a request that was translated can be decoded");
    }
});
