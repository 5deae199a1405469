//! The small tables: embeddings and reranking.

use crate::cell::Cell;
use attache_core::embed::{self, Said, Target};
use attache_core::loss::Losses;
use attache_core::rerank;
use std::fmt::Write as _;
use std::path::Path;

/// How the APIs that make vectors are called in fixtures and in the table.
const EMBED: [(embed::Shape, &str, &str); 7] = [
    (embed::Shape::OpenAi, "openai", "OpenAI `/v1/embeddings`"),
    (embed::Shape::Gemini, "gemini", "Gemini `embedContent`"),
    (embed::Shape::GeminiBatch, "batch", "Gemini `batchEmbedContents`"),
    (embed::Shape::Vertex, "vertex", "Vertex AI `predict`"),
    (embed::Shape::Cohere, "cohere", "Cohere `/v2/embed`"),
    (embed::Shape::Titan, "titan", "Bedrock, Amazon Titan"),
    (embed::Shape::CohereBedrock, "bedrock", "Bedrock, Cohere"),
];

pub fn embeddings() -> String {
    let mut table =
        "| from | to | one text | several texts | size and purpose | answer |\n|---|---|---|---|---|---|\n".to_owned();
    for (front, file, name) in EMBED {
        for (upstream, upstream_file, upstream_name) in EMBED.into_iter().filter(|(shape, ..)| *shape != front) {
            let asks = ["one", "two", "sized"].map(|probe| embed_request(front, upstream, file, probe).to_string());
            let answer = embed_answer(front, upstream, file, upstream_file);
            writeln!(table, "| {name} | {upstream_name} | {} | {answer} |", asks.join(" | ")).unwrap();
        }
    }
    table
}

fn embed_probe(file: &str, probe: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/embed/probes");
    std::fs::read(folder.join(format!("{file}.{probe}.json"))).ok()
}

fn embed_request(front: embed::Shape, upstream: embed::Shape, file: &str, probe: &str) -> Cell {
    let Some(body) = embed_probe(file, probe) else { return Cell::None("one at a time".to_owned()) };
    let (encoded, _) = match embed::encode(front, upstream, &body, &Target::new("target")) {
        Ok(made) => made,
        Err(fault) => return Cell::Refused(fault.message),
    };
    assert_eq!(texts(upstream, &encoded.body), texts(front, &body), "{front:?} to {upstream:?}, {probe}");
    works(&encoded.losses)
}

fn texts(shape: embed::Shape, body: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    embed::texts(shape, body, &mut |said| match said {
        Said::Text(text) => texts.push(text.to_owned()),
        Said::Tokens(_) | Said::Medium => panic!("the probes hold texts only"),
    });
    assert!(!texts.is_empty(), "{shape:?}: {}", String::from_utf8_lossy(body));
    texts
}

fn embed_answer(front: embed::Shape, upstream: embed::Shape, file: &str, upstream_file: &str) -> Cell {
    let request = embed_probe(file, "one").unwrap();
    let (_, asked) = embed::encode(front, upstream, &request, &Target::new("target")).unwrap();
    let answer = embed_probe(upstream_file, "answer").unwrap();
    let (made, usage, losses) = match embed::answer(front, upstream, &asked, "fast", &answer) {
        Ok(made) => made,
        Err(fault) => return Cell::Refused(fault.message),
    };
    let json: serde_json::Value = serde_json::from_slice(&made).unwrap();
    assert!(json.to_string().contains("[0.25,0.5]"), "{upstream:?} back to {front:?}: {json}");
    assert_eq!(usage, embed::usage(upstream, &answer), "{upstream:?} back to {front:?}");
    works(&losses)
}

const RERANK: [(rerank::Shape, &str, &str, &str); 2] = [
    (
        rerank::Shape::Cohere,
        "Cohere `/v2/rerank`",
        r#"{"model":"probe","query":"alpha","documents":["beta","gamma"],"top_n":1}"#,
        r#"{"id":"r1","results":[{"index":1,"relevance_score":0.5}],"meta":{"billed_units":{"search_units":1}}}"#,
    ),
    (
        rerank::Shape::Jina,
        "Jina, vLLM `/v1/rerank`",
        r#"{"model":"probe","query":"alpha","documents":["beta",{"text":"gamma"}],"top_n":1}"#,
        r#"{"model":"probe-1","usage":{"total_tokens":9},"results":[{"index":1,"relevance_score":0.5,"document":{"text":"gamma"}}]}"#,
    ),
];

pub fn rerank() -> String {
    let mut table = "| from | to | request | answer |\n|---|---|---|---|\n".to_owned();
    for (front, name, request, _) in RERANK {
        for (upstream, upstream_name, _, answer) in RERANK.into_iter().filter(|(shape, ..)| *shape != front) {
            let [ask, back] = reranked(front, upstream, request, answer);
            writeln!(table, "| {name} | {upstream_name} | {ask} | {back} |").unwrap();
        }
    }
    table
}

fn reranked(front: rerank::Shape, upstream: rerank::Shape, request: &str, answer: &str) -> [Cell; 2] {
    let what = format!("{front:?} to {upstream:?}");
    let (encoded, asked) = rerank::encode(front, upstream, request.as_bytes(), "target").unwrap();
    let texts = |shape, body: &[u8]| {
        let mut texts = Vec::new();
        rerank::texts(shape, body, &mut |text| texts.push(text.to_owned()));
        texts
    };
    assert_eq!(texts(upstream, &encoded.body), texts(front, request.as_bytes()), "{what}");
    let (made, _, losses) = rerank::answer(front, upstream, &asked, "fast", answer.as_bytes()).unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
    let first = &made["results"][0];
    assert_eq!((first["index"].as_u64(), first["relevance_score"].as_f64()), (Some(1), Some(0.5)), "{what}: {made}");
    [works(&encoded.losses), works(&losses)]
}

fn works(losses: &Losses) -> Cell {
    Cell::works(losses.names().map(str::to_owned).collect())
}
