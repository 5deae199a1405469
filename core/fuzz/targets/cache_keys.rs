//! Any body: where it has a key, it is the same one for the same body and another tenant has another; its question, where it
//! asks one, is text of it.
#![no_main]

use attache_core::cache_key::{Conditions, Keys, Request, Scope, Tenant};
use attache_core::dialect::Dialect;
use attache_core::endpoint::Endpoint;
use libfuzzer_sys::fuzz_target;

const DIALECTS: [Dialect; 7] = [
    Dialect::OpenAi,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Responses,
    Dialect::Completions,
    Dialect::Cohere,
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let endpoint: Endpoint = DIALECTS[usize::from(*choice) % DIALECTS.len()].into();
    let Ok(request) = Request::read(&endpoint, body) else { return };
    let keys = Keys::new(b"a secret of this target's own");
    let scope = |tenant| Scope { tenant, policy: "1", models: &["m"], also: &[], left_out: &["user"] };
    let key = |tenant| keys.exact(&scope(tenant), &request);
    assert_eq!(key(Tenant::Shared), key(Tenant::Shared));
    assert_ne!(key(Tenant::Shared), key(Tenant::Route("a")));
    let _ = request.unrepeatable();
    let conditions =
        Conditions { opted_in: true, redacted: choice & 64 != 0, bytes_max: 200, volatile: choice & 128 != 0 };
    if let Ok(question) = request.question(&conditions) {
        assert!(question.text().len() <= 200);
        let partition = keys.partition(&scope(Tenant::Shared), "e@1", &request, &question);
        assert_ne!(partition, key(Tenant::Shared));
    }
});
