//! A proxy's callbacks in any order, with any bytes: no WASM filter ends, and what one writes into a body that was JSON is
//! JSON.
#![no_main]

use attache_filter::{Exchange, Filter, Guard, ModelRouter, Prompt, Redact, Step, Translate, Usage};
use libfuzzer_sys::fuzz_target;
use std::rc::Rc;

const PATHS: &[&str] = &[
    "/v1/chat/completions",
    "/v1/messages",
    "/v1beta/models/m:generateContent",
    "/v1beta/models/m:streamGenerateContent",
    "/model/m/converse",
    "/model/m/converse-stream",
    "/model/m/invoke",
    "/v1/responses",
    "/v1/completions",
    "/v2/chat",
    "/v1beta/models/m:countTokens",
    "/v1/files",
    "/healthz",
];
const KINDS: &[&str] =
    &["application/json", "text/event-stream", "application/vnd.amazon.eventstream", "multipart/form-data; boundary=b"];

thread_local! {
    static REDACT: Rc<Redact> = read(r#"{"redact":[{"name":"a","key":"0123456789abcdef","tiers":[],"response":"redact",
        "words":[{"name":"p","label":"PROJECT","words":["Bluebird"]}]}],"body_bytes_max":4000}"#);
    static GUARD: Rc<Guard> = read(r#"{"guards":[{"name":"b","on":"both","patterns":{"deny_words":["bluebird"]},
        "then":{"message":"no"}}],"body_bytes_max":4000}"#);
    static ROUTER: Rc<ModelRouter> = read(r#"{"routes":[{"name":"c","when":{"images":true,"tools":false}},
        {"name":"d","when":{"model":"m*","stream":true}}],"unreadable":"pass","body_bytes_max":4000}"#);
    static PROMPT: Rc<Prompt> = read(r#"{"prompt":[{"name":"e","system":{"prepend":"{{v}}","append":"z"},"messages":
        {"append":[{"role":"user","content":"{{v}}"}]}},{"name":"f","when":{"model":"m*"},"system":{"replace":"r"}}],
        "variables":{"v":{"header":"x-v","default":"\"v\n"}},"unreadable":"pass","body_bytes_max":4000}"#);
    static CLAUDE: Rc<Translate> = read(r#"{"translate":[{"name":"g","preset":"anthropic"}],"body_bytes_max":4000}"#);
    static GPT: Rc<Translate> = read(r#"{"translate":[{"name":"h","preset":"openai"}],"body_bytes_max":4000}"#);
    static USAGE: Rc<Usage> = read(r#"{"usage":[{"name":"i","list_prices":true}],"body_bytes_max":4000}"#);
    static UNHELD_REDACT: Rc<Redact> = read(r#"{"redact":[{"name":"a","key":"0123456789abcdef","tiers":[],"response":"redact",
        "words":[{"name":"p","label":"PROJECT","words":["Bluebird"]}]}],"body_bytes_max":4000,"hold_headers":false}"#);
    static UNHELD_GUARD: Rc<Guard> = read(r#"{"guards":[{"name":"b","on":"both","patterns":{"deny_words":["bluebird"]},
        "then":{"message":"no"}}],"body_bytes_max":4000,"hold_headers":false}"#);
    static UNHELD_USAGE: Rc<Usage> = read(r#"{"usage":[{"name":"i"}],"body_bytes_max":4000,"hold_headers":false}"#);
}

fn read<F: Filter>(configuration: &str) -> Rc<F> {
    Rc::new(F::read(configuration.as_bytes()).expect("it is right"))
}

fuzz_target!(|data: &[u8]| {
    let [path, kind, calls, cut, bytes @ ..] = data else { return };
    let path = PATHS[usize::from(*path) % PATHS.len()];
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let (request, answer) = bytes.split_at(usize::from(*cut) * bytes.len() / 256);
    let talk = Talk { path, kind, calls: *calls, request, answer };
    REDACT.with(|filter| talk.through(filter));
    GUARD.with(|filter| talk.through(filter));
    ROUTER.with(|filter| talk.through(filter));
    PROMPT.with(|filter| talk.through(filter));
    CLAUDE.with(|filter| talk.through(filter));
    GPT.with(|filter| talk.through(filter));
    USAGE.with(|filter| talk.through(filter));
    UNHELD_REDACT.with(|filter| talk.through(filter));
    UNHELD_GUARD.with(|filter| talk.through(filter));
    UNHELD_USAGE.with(|filter| talk.through(filter));
});

struct Talk<'a> {
    path: &'a str,
    kind: &'a str,
    calls: u8,
    request: &'a [u8],
    answer: &'a [u8],
}

impl Talk<'_> {
    fn through<F: Filter>(&self, filter: &Rc<F>) {
        let Self { path, kind, calls, request, answer } = *self;
        let does = |bit: u8| calls & (1 << bit) != 0;
        let mut exchange = Exchange::new(filter.clone());
        let asks = |name: &str| match name {
            ":path" => Some(path.to_owned()),
            ":method" => Some("POST".to_owned()),
            "content-type" => Some(kind.to_owned()),
            "anthropic-version" => does(0).then(|| "1".to_owned()),
            "x-v" => does(1).then(|| "{{v}}\\".to_owned()),
            "upgrade" => (does(0) && does(1)).then(|| "websocket".to_owned()),
            _ => None,
        };
        let answers = |name: &str| match name {
            ":status" => Some(if does(2) { "500" } else { "200" }.to_owned()),
            "content-type" => Some(kind.to_owned()),
            "content-encoding" => (does(2) && does(3)).then(|| "gzip".to_owned()),
            _ => None,
        };
        if !does(4) {
            drop(exchange.request_head(&asks, does(5), 7));
            let step = exchange.request_body(&asks, request.len(), true, 7, &|| request.to_vec());
            check(request, &step);
        }
        drop(exchange.response_head(&answers, does(6)));
        for piece in answer.chunks(usize::from(calls) + 1) {
            drop(exchange.response_body(piece.len(), false, &|| piece.to_vec()));
        }
        drop(if does(7) {
            exchange.response_trailers(&|| answer.to_vec())
        } else {
            exchange.response_body(0, true, &Vec::new)
        });
        exchange.finish();
        exchange.told();
    }
}

fn check(request: &[u8], step: &Step) {
    let is_json = |bytes: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    if let Step::Go(change) = step {
        if let Some(body) = &change.body {
            assert!(!is_json(request) || is_json(body), "{}", String::from_utf8_lossy(body));
        }
        for (name, value) in &change.set {
            assert!(!value.contains(['\r', '\n', '\0']), "{name}");
        }
    }
}
