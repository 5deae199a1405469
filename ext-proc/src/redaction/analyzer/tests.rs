use super::*;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

/// Answers every question with what `answer` makes of it; gives its URL and what it was asked.
async fn answering(answer: fn(&Value) -> (u16, String)) -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let noted = noted.clone();
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                TokioIo::new(stream),
                service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let noted = noted.clone();
                    async move {
                        assert_eq!(request.uri().path(), "/analyze");
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let question: Value = serde_json::from_slice(&body).unwrap();
                        let (status, body) = answer(&question);
                        noted.lock().unwrap().push(question);
                        let answer = hyper::Response::builder().status(status).body(Full::new(Bytes::from(body)));
                        Ok::<_, Infallible>(answer.unwrap())
                    }
                }),
            ));
        }
    });
    (url, asked)
}

fn analyzer(written: Value) -> Analyzer {
    let written: Presidio = serde_json::from_value(written).unwrap();
    let timeout = humantime::parse_duration(&written.timeout).unwrap();
    Analyzer::new(&written, timeout, Vec::new())
}

/// What is found by the analyzer in two texts.
async fn found(url: &str, options: Value) -> Result<Others, String> {
    let mut written = json!({ "url": url });
    written.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let texts = ["Grüße, 我是 Zoë 🙂 Müller.", "Ask Ann."].map(str::to_owned);
    analyzer(written).analyze_texts(&texts).await
}

/// As Presidio counts: the characters of a Python string.
fn named(text: &str) -> Value {
    let at = |word: &str| {
        let start = text.find(word)?;
        let start = text.get(..start)?.chars().count();
        Some((start, start + word.chars().count()))
    };
    let all = ["Zoë 🙂 Müller", "Ann"].into_iter().filter_map(at);
    all.map(|(start, end)| json!({ "entity_type": "PERSON", "start": start, "end": end, "score": 0.85 })).collect()
}

fn expected() -> Others {
    let one = |text: &str, word: &str| {
        let at = text.find(word).unwrap();
        (text.to_owned(), vec![(at..at + word.len(), "person".to_owned())])
    };
    [one("Grüße, 我是 Zoë 🙂 Müller.", "Zoë 🙂 Müller"), one("Ask Ann.", "Ann")].into()
}

#[tokio::test]
async fn positions_are_those_of_characters_one_call_for_each_text() {
    let (url, asked) = answering(|question| (200, named(question["text"].as_str().unwrap()).to_string())).await;
    assert_eq!(found(&url, json!({ "entities": ["PERSON"], "score_min": 0.4 })).await, Ok(expected()));
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    for question in &*asked {
        assert_eq!((&question["language"], &question["entities"]), (&json!("en"), &json!(["PERSON"])));
        assert_eq!(question["score_threshold"], json!(0.4));
    }
}

#[tokio::test]
async fn several_texts_fit_into_one_call() {
    let answer = |question: &Value| {
        let texts = question["text"].as_array().unwrap().iter();
        (200, texts.map(|text| named(text.as_str().unwrap())).collect::<Value>().to_string())
    };
    let (url, asked) = answering(answer).await;
    assert_eq!(found(&url, json!({ "batch": true })).await, Ok(expected()));
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure_that_repeats_nothing() {
    for (answer, expected) in [
        ((|_| (500, "{\"error\": \"Ann\"}".to_owned())) as fn(&Value) -> _, "status 500"),
        (|_| (200, "[{\"entity_type\": \"Ann\"}]".to_owned()), "something else"),
        (
            |_| (200, "[{\"entity_type\": \"PERSON\", \"start\": 3, \"end\": 99, \"score\": 1}]".to_owned()),
            "outside of a text",
        ),
        (
            |_| (200, "[{\"entity_type\": \"PERSON\", \"start\": 3, \"end\": 3, \"score\": 1}]".to_owned()),
            "outside of a text",
        ),
    ] {
        let (url, _) = answering(answer).await;
        let failure = found(&url, json!({})).await.unwrap_err();
        assert!(failure.contains(expected) && !failure.contains("Ann"), "{failure}");
    }
    let (url, _) = answering(|_| (200, "[]".to_owned())).await;
    let failure = found(&url, json!({ "batch": true })).await.unwrap_err();
    assert!(failure.contains("for 0 texts"), "{failure}");
    let failure = found("http://127.0.0.1:1", json!({})).await.unwrap_err();
    assert!(failure.contains("Connect"), "{failure}");
}

#[tokio::test]
async fn it_is_not_waited_for_longer_than_its_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let failure = found(&url, json!({ "timeout": "50ms" })).await.unwrap_err();
    assert!(failure.starts_with("no answer within"), "{failure}");
}

#[tokio::test]
async fn what_it_is_less_sure_of_is_left_out() {
    let (url, _) = answering(|question| {
        let text = question["text"].as_str().unwrap();
        (200, named(text).to_string().replace("0.85", if text.contains("Ann") { "0.2" } else { "0.9" }))
    })
    .await;
    let found = found(&url, json!({})).await.unwrap();
    assert!(found["Ask Ann."].is_empty() && !found["Grüße, 我是 Zoë 🙂 Müller."].is_empty());
}
