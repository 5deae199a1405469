//! What cites the answer finds its words again.

use super::*;
use serde_json::{Value, json};

/// What the model says, and what the client reads.
const SAID: &str = "é [NAME-0001] and #12# say: hello";

/// A stream in which `citation` stands behind the text.
fn out(dialect: Dialect, pieces: &[&str], citation: &Value) -> String {
    let stream = String::from_utf8(streams::stream(dialect, pieces, false)).unwrap();
    // Behind the last piece, before whatever ends the text.
    let last = serde_json::to_string(pieces.last().unwrap()).unwrap();
    let behind = stream.find(&last).unwrap();
    let behind = behind + stream.get(behind..).unwrap().find("\n\n").unwrap() + 2;
    let (before, after) = stream.split_at(behind);
    let name = citation["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
    let stream = format!("{before}{name}data: {citation}\n\n{after}");
    String::from_utf8(veiled(&Double::default(), dialect, Framing::Sse, &[stream.as_bytes()]).0).unwrap()
}

/// The first number under this key.
fn number(out: &str, key: &str) -> usize {
    let behind = out.split_once(&format!("\"{key}\":")).unwrap().1;
    behind.bytes().take_while(u8::is_ascii_digit).fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}

#[test]
fn positions_in_the_answer_move_with_it() {
    let now = Double::default().text(SAID);
    let (chars, bytes) = (SAID.chars().count(), SAID.len());
    for (dialect, keys, citation) in [
        (
            Dialect::OpenAi,
            ["start_index", "end_index"],
            json!({"choices":[{"index":0,"delta":{"annotations":[{"type":"url_citation","url_citation":{"start_index":chars - 5,"end_index":chars}}]}}]}),
        ),
        (
            Dialect::Responses,
            ["start_index", "end_index"],
            json!({"type":"response.output_text.annotation.added","output_index":0,"content_index":0,"annotation":{"type":"url_citation","start_index":chars - 5,"end_index":chars}}),
        ),
        (
            Dialect::Gemini,
            ["startIndex", "endIndex"],
            json!({"candidates":[{"index":0,"groundingMetadata":{"groundingSupports":[{"segment":{"startIndex":bytes - 5,"endIndex":bytes}}]}}]}),
        ),
        (
            Dialect::Cohere,
            ["start", "end"],
            json!({"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":chars - 5,"end":chars,"type":"TEXT_CONTENT"}}}}),
        ),
    ] {
        for pieces in
            [vec![SAID], SAID.split_inclusive(' ').collect(), vec!["é [NAME-0", "001] and #1", "2# say: hello"]]
        {
            let out = out(dialect, &pieces, &citation);
            let [start, end] = keys.map(|key| number(&out, key));
            let in_bytes = dialect == Dialect::Gemini;
            let in_chars = || now.chars().skip(start).take(end - start).collect();
            let cited: String = if in_bytes { now.get(start..end).unwrap().to_owned() } else { in_chars() };
            assert_eq!(cited, "hello", "{dialect:?} {pieces:?}: {out}");
        }
    }
}

#[test]
fn positions_in_documents_that_were_masked_are_not_told() {
    for (dialect, citation) in [
        (
            Dialect::Anthropic,
            json!({"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"[NAME-0001]","document_index":0,"start_char_index":3,"end_char_index":14}}}),
        ),
        (
            Dialect::Converse,
            json!({"type":"contentBlockDelta","contentBlockIndex":0,"delta":{"citation":{"location":{"documentChar":{"documentIndex":0,"start":3,"end":14}}}}}),
        ),
    ] {
        let out = out(dialect, &["hello"], &citation);
        assert!(!out.contains(":14") && !out.contains(":3"), "{out}");
        assert!(dialect != Dialect::Anthropic || out.contains(r#""cited_text":"Ann \"A\"\n""#), "{out}");
    }
}
