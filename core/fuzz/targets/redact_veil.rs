//! Any stream of any dialect through a veil, cut anywhere: the same as uncut. Any text, said in any pieces: the same as
//! the whole, and nothing masked in it.
#![no_main]

mod common;

use attache_core::dialect::Dialect;
use attache_core::endpoint::{Endpoint, Framing};
use attache_core::redact::{Others, Policy, Redact, Tally, Vault, Veil};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

const SECRETS: [&str; 3] = ["536-22-8726", "E-1", "E-10"];
const FRAMINGS: [Framing; 4] = [Framing::Sse, Framing::JsonArray, Framing::EventStream, Framing::Chunks];

/// A policy, what it masked of the secrets, and their placeholders.
struct Exchange(Arc<Policy>, Vault, Vec<String>);

static EXCHANGES: LazyLock<Vec<Exchange>> = LazyLock::new(|| {
    let custom = r#""custom":[{"name":"employee","regex":"E-[0-9]{1,4}"}]"#;
    let of = |rest: &str| {
        let config: Redact = serde_json::from_str(&format!("{{{custom}{rest}}}")).expect("a policy");
        let policy = Policy::new(&config, b"EXAMPLE key, long enough").expect("it compiles");
        let messages: Vec<Value> = SECRETS.iter().map(|text| json!({"role":"user","content":text})).collect();
        let body = json!({"model":"m","messages":messages}).to_string();
        let masked = policy.request("a", &Endpoint::from(Dialect::OpenAi), body.as_bytes(), &Others::new());
        let masked = masked.expect("it is a request");
        let sent: Value = serde_json::from_slice(&masked.body.expect("it changed")).expect("it is JSON");
        let said = |i: usize| sent["messages"][i]["content"].as_str().expect("a text").to_owned();
        Exchange(Arc::new(policy), masked.vault, (0..SECRETS.len()).map(said).collect())
    };
    ["", r#","response":"redact""#, r#","response":"block""#].map(of).into()
});

fuzz_target!(|data: &[u8]| {
    let [choice, cut, rest @ ..] = data else { return };
    let choice = usize::from(*choice);
    let Exchange(policy, vault, placeholders) = &EXCHANGES[choice % 3];
    let (dialect, framing) = (common::DIALECTS[choice / 3 % 7], FRAMINGS[choice / 21 % 4]);
    let veil =
        |endpoint: &Endpoint| Veil::new(Arc::clone(policy), vault.clone(), endpoint).expect("something was masked");
    let endpoint = Endpoint { framing, ..dialect.into() };
    let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut stream, mut out) = (veil(&endpoint).stream(), Vec::new());
        pieces.for_each(|piece| stream.push(piece, &mut out));
        stream.end(&mut out);
        out
    };
    let cut = usize::from(*cut).max(1);
    assert_eq!(run(&mut std::iter::once(rest)), run(&mut rest.chunks(cut)), "the network's cuts show");
    if choice % 3 == 2 {
        return;
    }

    let mut text = String::from_utf8_lossy(rest).into_owned();
    for (at, placeholder) in ["\u{1}", "\u{2}", "\u{3}"].iter().zip(placeholders) {
        text = text.replace(at, placeholder);
    }
    text = text.replace('\u{4}', SECRETS[0]);
    let endpoint = Endpoint::from(Dialect::OpenAi);
    let whole = json!({"choices":[{"index":0,"message":{"role":"assistant","content":text}}]}).to_string();
    let edited = veil(&endpoint).whole(whole.as_bytes(), &mut Tally::default()).expect("nothing blocks");
    let whole: Value = serde_json::from_slice(edited.as_deref().unwrap_or(whole.as_bytes())).expect("it is JSON");
    let (mut stream, mut out) = (veil(&endpoint).stream(), Vec::new());
    let letters: Vec<char> = text.chars().collect();
    for piece in letters.chunks(cut % 13 + 1) {
        let piece = String::from_iter(piece);
        let event = json!({"choices":[{"index":0,"delta":{"content":piece}}]});
        stream.push(format!("data: {event}\n\n").as_bytes(), &mut out);
    }
    stream.push(b"data: [DONE]\n\n", &mut out);
    stream.end(&mut out);
    let said = |line: &str| -> Option<String> {
        let event: Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
        Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned())
    };
    let heard: String = String::from_utf8(out).expect("it is text").lines().filter_map(said).collect();
    assert_eq!(Some(heard.as_str()), whole["choices"][0]["message"]["content"].as_str());
});
