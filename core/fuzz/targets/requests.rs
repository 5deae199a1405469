//! Any body of a client: read by every front, made into a request for every upstream.
#![no_main]

mod common;

use attache_core::dialect::{Dialect, ThinkingStyle, Upstream};
use attache_core::endpoint::Endpoint;
use attache_core::preset;
use attache_core::translate::Ask;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let (front, to, _) = common::pair(*choice);
    let pick = |bit: u8| body.len() & (1 << bit) != 0;
    let mut upstream = Upstream::new("m");
    upstream.sampling = pick(2);
    upstream.reasoning = pick(5);
    upstream.thinking = if pick(3) { ThinkingStyle::Adaptive } else { ThinkingStyle::Budget };
    // The quirks of some provider.
    let known = preset::all().get(body.len() % preset::all().len()).filter(|_| pick(4));
    upstream.quirks = known.map(|preset| preset.quirks.clone()).unwrap_or_default().into();
    let endpoint = |dialect: Dialect| {
        let in_url = matches!(dialect, Dialect::Gemini | Dialect::Converse);
        Endpoint { model: in_url.then(|| "m".to_owned()), stream: in_url.then(|| pick(1)), ..dialect.into() }
    };
    let Ok(ask) = Ask::read(endpoint(front), body) else { return };
    let Ok(made) = ask.translate(to, &upstream, 1) else { return };
    // What is made is a request: it can be read again.
    let body = made.body.as_deref().unwrap_or(body);
    let again = Ask::read(endpoint(to), body).expect("a request that was made can be read");
    assert_eq!(again.model, "m");
    if matches!(front, Dialect::Gemini | Dialect::Converse) == matches!(to, Dialect::Gemini | Dialect::Converse) {
        assert_eq!(again.stream, ask.stream);
    }
    if front != to {
        to.decode_request(body).expect("a request that was translated can be decoded");
    }
});
