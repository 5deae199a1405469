//! Requests and answers in both shapes, both ways.

use super::*;
use proptest::prelude::*;

use Shape::{Cohere, Jina};

/// What becomes of a client's request, and what could not be said.
fn sent(front: Shape, upstream: Shape, body: &str, expected: &str, losses: &str) -> Asked {
    let (encoded, asked) = encode(front, upstream, body.as_bytes(), "m").unwrap();
    assert_eq!(std::str::from_utf8(&encoded.body).unwrap(), expected);
    assert_eq!(encoded.losses.header(), losses, "{body}");
    asked
}

#[test]
fn requests() {
    let cohere = r#"{"model":"x","query":"q","documents":["a","b"],"top_n":1,"max_tokens_per_doc":9,"priority":1,"relevant_spans":{},"new":1}"#;
    let lost = "new, relevant_spans, priority, max_tokens_per_doc";
    sent(
        Cohere,
        Jina,
        cohere,
        r#"{"model":"m","query":"q","documents":["a","b"],"top_n":1,"return_documents":false}"#,
        lost,
    );
    let jina = r#"{"model":"x","query":"q","documents":["a",{"text":"b","title":"t"}],"truncation":true}"#;
    let expected = r#"{"model":"m","query":"q","documents":["a","b"]}"#;
    let asked = sent(Jina, Cohere, jina, expected, "truncation, documents.title");
    assert_eq!(asked.texts, Some(vec!["a".to_owned(), "b".to_owned()]));
    let silent = r#"{"model":"x","query":"","documents":[{"text":"b"}],"return_documents":false}"#;
    let asked = sent(Jina, Cohere, silent, r#"{"model":"m","query":"","documents":["b"]}"#, "");
    assert_eq!(asked, Asked { documents: 1, texts: None });
    let mut seen = Vec::new();
    texts(Jina, jina.as_bytes(), &mut |text| seen.push(text.to_owned()));
    assert_eq!(seen, ["q", "a", "b"]);
}

fn refused(front: Shape, body: &str, message: &str) {
    let fault = encode(front, Cohere, body.as_bytes(), "m").unwrap_err();
    assert!(fault.message.contains(message), "{body}: {}", fault.message);
}

#[test]
fn what_is_no_request() {
    refused(Cohere, "{", "not valid JSON");
    refused(Cohere, r#"{"documents":["a"]}"#, "query: this field is required");
    refused(Jina, r#"{"query":"q"}"#, "documents: this field is required");
    refused(Jina, r#"{"query":"q","documents":[]}"#, "one at least");
    refused(Jina, r#"{"query":"q","documents":[{"image":"x"}]}"#, "missing field `text`");
    refused(Jina, r#"{"query":"q","documents":[7]}"#, "documents[0]");
    refused(Jina, r#"{"query":"q","documents":["a"],"top_n":-1}"#, "top_n");
}

fn got(front: Shape, upstream: Shape, texts: Option<&[&str]>, body: &str, expected: &str, losses: &str) {
    let texts = texts.map(|texts| texts.iter().map(|text| (*text).to_owned()).collect());
    let asked = Asked { documents: 2, texts };
    let (answered, told, lost) = answer(front, upstream, &asked, "x", body.as_bytes()).unwrap();
    assert_eq!(std::str::from_utf8(&answered).unwrap(), expected);
    assert_eq!((lost.header().as_str(), told), (losses, usage(upstream, body.as_bytes())));
}

#[test]
fn answers() {
    let cohere = r#"{"id":"07","results":[{"index":1,"relevance_score":0.9990},{"index":0,"relevance_score":1e-3}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}"#;
    let lost = "meta.billed_units.search_units, usage";
    let ranked = |first: &str, second: &str| {
        format!(
            r#"{{"id":"07","model":"x","object":"list","usage":{{"prompt_tokens":0,"total_tokens":0}},"results":[{{"index":1,"relevance_score":0.9990{first}}},{{"index":0,"relevance_score":1e-3{second}}}]}}"#
        )
    };
    got(Jina, Cohere, None, cohere, &ranked("", ""), lost);
    let with = ranked(r#","document":{"text":"b"}"#, r#","document":{"text":"a"}"#);
    got(Jina, Cohere, Some(&["a", "b"]), cohere, &with, lost);
    let jina = r#"{"model":"y","object":"list","usage":{"prompt_tokens":0,"total_tokens":815},"results":[{"index":0,"relevance_score":-2,"document":{"text":"a"}}]}"#;
    let expected = r#"{"results":[{"index":0,"relevance_score":-2}],"meta":{"tokens":{"input_tokens":815}}}"#;
    got(Cohere, Jina, None, jina, expected, "");
    assert_eq!(usage(Jina, jina.as_bytes()).unwrap().input, 815);
}

#[test]
fn what_is_no_answer() {
    let asked = Asked { documents: 2, texts: None };
    for (body, message) in [
        ("", "holds no ranking"),
        (r#"{"message":"no"}"#, "holds no ranking"),
        (r#"{"results":[{"index":2,"relevance_score":1}]}"#, "document 2 of 2"),
        (r#"{"results":[{"relevance_score":1}]}"#, "without an index"),
        (r#"{"results":[{"index":0,"relevance_score":"high"}]}"#, "or a score"),
    ] {
        for upstream in [Cohere, Jina] {
            let fault = answer(Jina, upstream, &asked, "m", body.as_bytes()).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Upstream);
            assert!(fault.message.contains(message), "{body}: {}", fault.message);
        }
    }
}

proptest! {
    #[test]
    fn documents_arrive(documents in prop::collection::vec(".{0,20}", 1..5), front in any::<bool>(), upstream in any::<bool>()) {
        let shape = |cohere| if cohere { Cohere } else { Jina };
        let body = serde_json::json!({ "query": "q", "documents": documents }).to_string();
        let (encoded, asked) = encode(shape(front), shape(upstream), body.as_bytes(), "m").unwrap();
        let mut seen = Vec::new();
        texts(shape(upstream), &encoded.body, &mut |text| seen.push(text.to_owned()));
        prop_assert_eq!(&seen[1..], documents.as_slice());
        prop_assert_eq!(asked.documents, documents.len());
    }
}
