//! What no proxy and no provider should send: a trap in a VM would end all its exchanges.

use crate::{Exchange, Filter, Guard, ModelRouter, Prompt, Redact, Translate, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A callback of a proxy.
#[derive(Clone, Debug)]
enum Call {
    RequestHead(BTreeMap<&'static str, String>, bool),
    RequestBody(usize, bool, Vec<u8>),
    ResponseHead(BTreeMap<&'static str, String>, bool),
    ResponseBody(usize, bool, Vec<u8>),
    ResponseTrailers(Vec<u8>),
    Finish,
}

fn headers() -> impl Strategy<Value = BTreeMap<&'static str, String>> {
    let name = prop::sample::select(vec![
        ":path",
        ":status",
        "content-type",
        "content-length",
        "content-encoding",
        "anthropic-version",
        "x-tenant",
        ":details",
        "x-attache-plan",
        "x-envoy-attempt-count",
    ]);
    let value = prop::sample::select(vec![
        "/v1/chat/completions",
        "/v1/messages",
        "/v1beta/models/g:streamGenerateContent",
        "/model/m/converse-stream",
        "/v2/chat",
        "200",
        "413",
        "99999999999999999999",
        "application/json",
        "text/event-stream; charset=utf-8",
        "application/vnd.amazon.eventstream",
        "identity",
        "via_upstream",
        "gzip",
        "",
        "é\u{0}",
        "1",
        "{\"targets\":[{\"to\":\"f/0\",\"provider\":\"a\",\"model\":\"m\"}],\"output_cap\":7}",
    ]);
    prop::collection::btree_map(name, value.prop_map(str::to_owned), 0..6)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Bluebird",
        "\"}]}",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Blue",
        "bird [PROJECT-",
        "\"}}]}\n\n",
        "data: [DONE]\n\n",
        "data: {\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":18446744073709551615,\"completion_tokens\":1e99}}\n\n",
        "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3}}}",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":",
        "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\\\"\\\\u00",
        "\\ud83d",
        "[",
        ",\n",
        "\u{0}\u{0}\u{0}\u{10}",
    ]);
    let text = prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![text, prop::collection::vec(any::<u8>(), 0..64)]
}

fn call() -> impl Strategy<Value = Call> {
    let size = prop_oneof![0..5000usize, Just(usize::MAX)];
    prop_oneof![
        (headers(), any::<bool>()).prop_map(|(headers, end)| Call::RequestHead(headers, end)),
        (size.clone(), any::<bool>(), body()).prop_map(|(size, end, body)| Call::RequestBody(size, end, body)),
        (headers(), any::<bool>()).prop_map(|(headers, end)| Call::ResponseHead(headers, end)),
        (size, any::<bool>(), body()).prop_map(|(size, end, body)| Call::ResponseBody(size, end, body)),
        body().prop_map(Call::ResponseTrailers),
        Just(Call::Finish),
    ]
}

fn survive<F: Filter>(filter: &Rc<F>, calls: &[Call]) {
    let mut exchange = Exchange::new(filter.clone());
    let mut asked = BTreeMap::new();
    for call in calls {
        match call {
            Call::RequestHead(headers, end) => {
                asked.clone_from(headers);
                drop(exchange.request_head(headers, *end, 7));
            }
            Call::RequestBody(size, end, body) => {
                drop(exchange.request_body(&asked, *size, *end, 7, &|| body.clone()));
            }
            Call::ResponseHead(headers, end) => {
                drop(exchange.response_head(headers, *end));
            }
            Call::ResponseBody(size, end, body) => drop(exchange.response_body(*size, *end, &|| body.clone())),
            Call::ResponseTrailers(body) => drop(exchange.response_trailers(&|| body.clone())),
            Call::Finish => exchange.finish(),
        }
        exchange.told();
    }
}

fn read<F: Filter>(configuration: &Value) -> Rc<F> {
    Rc::new(F::read(configuration.to_string().as_bytes()).unwrap_or_else(|why| panic!("{why}")))
}

thread_local! {
    static REDACT: Rc<Redact> = read(&json!({"redact": [{"name": "a", "key": "0123456789abcdef", "tenant": "header:x-tenant",
        "tiers": [], "words": [{"name": "p", "label": "PROJECT", "words": ["Bluebird"]}], "response": "redact"}],
        "body_bytes_max": 4000}));
    static GUARD: Rc<Guard> = read(&json!({"guards": [{"name": "b", "on": "both", "patterns": {"deny_words": ["bluebird"]},
        "then": {"message": "no"}}], "body_bytes_max": 4000}));
    static ROUTER: Rc<ModelRouter> = read(&json!({"routes": [{"name": "c", "when": {"images": true, "tools": false}}],
        "unreadable": "pass", "body_bytes_max": 4000}));
    static PROMPT: Rc<Prompt> = read(&json!({"prompt": [{"name": "d", "system": {"prepend": "{{v}}"}, "messages":
        {"append": [{"role": "user", "content": "z"}]}}, {"name": "e", "system": {"replace": "r"}}],
        "variables": {"v": {"header": "x-tenant", "default": "v"}}, "unreadable": "pass", "body_bytes_max": 4000}));
    static TRANSLATE: Rc<Translate> = read(&json!({"translate": [
        {"name": "a", "when": {"header:x-tenant": "g*"}, "preset": "gemini"},
        {"name": "b", "when": {"front": "openai"}, "preset": "anthropic"},
        {"name": "c", "when": {"front": ["anthropic", "cohere"]}, "dialect": "converse", "url": "http://c"},
        {"name": "d", "dialect": "openai", "url": "http://d/v1"}], "body_bytes_max": 4000}));
    static FACTS: Rc<ModelRouter> = read(&json!({"routes": [], "facts": true, "unreadable": "pass", "body_bytes_max": 4000}));
    static PLANNED: Rc<Translate> = read(&json!({"translate": [{"name": "a", "target": "f/0", "preset": "anthropic"}],
        "per_attempt": true, "planned": true, "body_bytes_max": 4000}));
    static USAGE: Rc<Usage> = read(&json!({"usage": [{"name": "a", "list_prices": true, "provider": "openai"}],
        "body_bytes_max": 4000}));
}

thread_local! {
    static UNHELD_REDACT: Rc<Redact> = read(&json!({"redact": [{"name": "a", "key": "0123456789abcdef", "tiers": [],
        "words": [{"name": "p", "label": "PROJECT", "words": ["Bluebird"]}]}], "body_bytes_max": 4000, "hold_headers": false}));
    static UNHELD_GUARD: Rc<Guard> = read(&json!({"guards": [{"name": "b", "on": "both", "fail": "closed",
        "patterns": {"deny_words": ["bluebird"]}, "then": {"message": "no"}}], "body_bytes_max": 4000, "hold_headers": false}));
    static UNHELD_PROMPT: Rc<Prompt> = read(&json!({"prompt": [{"name": "d", "system": {"prepend": "{{v}}"}}],
        "variables": {"v": {"header": "x-tenant"}}, "body_bytes_max": 4000, "hold_headers": false}));
    static UNHELD_USAGE: Rc<Usage> = read(&json!({"usage": [{"name": "a"}], "body_bytes_max": 4000, "hold_headers": false}));
}

/// No filter ends.
fn all_survive(calls: &[Call]) {
    REDACT.with(|filter| survive(filter, calls));
    GUARD.with(|filter| survive(filter, calls));
    ROUTER.with(|filter| survive(filter, calls));
    PROMPT.with(|filter| survive(filter, calls));
    TRANSLATE.with(|filter| survive(filter, calls));
    FACTS.with(|filter| survive(filter, calls));
    PLANNED.with(|filter| survive(filter, calls));
    USAGE.with(|filter| survive(filter, calls));
    UNHELD_REDACT.with(|filter| survive(filter, calls));
    UNHELD_GUARD.with(|filter| survive(filter, calls));
    UNHELD_PROMPT.with(|filter| survive(filter, calls));
    UNHELD_USAGE.with(|filter| survive(filter, calls));
}

proptest! {
    #[test]
    fn no_order_of_callbacks_and_no_bytes_end_a_filter(calls in prop::collection::vec(call(), 0..12)) {
        all_survive(&calls);
    }

    #[test]
    fn no_bytes_in_the_usual_order_do(asked in headers(), request in body(), answered in headers(), answer in prop::collection::vec(body(), 0..6)) {
        let mut calls = vec![Call::RequestHead(asked, false), Call::RequestBody(request.len(), true, request)];
        calls.push(Call::ResponseHead(answered, false));
        calls.extend(answer.into_iter().map(|body| Call::ResponseBody(body.len(), false, body)));
        calls.push(Call::ResponseBody(0, true, Vec::new()));
        all_survive(&calls);
    }
}
