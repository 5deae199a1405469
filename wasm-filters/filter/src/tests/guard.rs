use super::proxy::{Message, Seen, events, lead};
use crate::{Filter, Guard};
use serde_json::{Value, json};
use std::rc::Rc;

const CHAT: &str = "/v1/chat/completions";

fn filter(guards: Value) -> Rc<Guard> {
    let configuration = json!({"guards": guards, "body_bytes_max": 4000});
    Rc::new(Guard::read(configuration.to_string().as_bytes()).unwrap_or_else(|why| panic!("{why}")))
}

/// Nobody may say `bluebird`.
fn birds(more: Value) -> Value {
    let mut guard = json!({"name": "birds", "patterns": {"deny_words": ["bluebird"]}});
    guard.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([guard])
}

fn question(text: &str, more: Value) -> Message {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Message::request(CHAT, &body.to_string())
}

fn once(filter: &Rc<Guard>, request: &Message, provider: impl Fn(&Message) -> Message) -> Seen {
    lead(filter, request, usize::MAX, false, provider)
}

fn counted(guard: &str, direction: &str, verdict: &str) -> (String, u64) {
    (format!("attache_guard_decisions.guard.{guard}.direction.{direction}.verdict.{verdict}"), 1)
}

#[test]
fn a_request_is_stopped_by_the_guard_s_name() {
    let stopping = filter(birds(json!({"then": {"status": 403}})));
    let seen = once(&stopping, &question("a bluebird", json!({})), |_| panic!("nothing goes on"));
    assert_eq!((seen.answer.get(":status"), seen.answer.get("x-attache-guard")), ("403", "birds"));
    assert_eq!(seen.answer.value()["error"]["code"], "guard_blocked");
    assert!(seen.answer.text().contains("guard `birds`") && !seen.answer.text().contains("bluebird"));
    assert_eq!(seen.told.counts, [counted("birds", "request", "stop")]);
    assert!(seen.told.lines[0].starts_with("stopped guard=birds rule="), "{:?}", seen.told.lines);
    let passing = question("a blackbird", json!({}));
    let seen = once(&stopping, &passing, |_| Message::json(200, "{\"a\":\"bluebird\"}"));
    assert_eq!((seen.request.as_ref(), seen.answer.text()), (Some(&passing), "{\"a\":\"bluebird\"}"));
    assert_eq!(seen.told.counts, [counted("birds", "request", "pass")]);
}

#[test]
fn it_answers_itself_where_it_has_words() {
    let kind = filter(birds(json!({"then": {"message": "Let us not."}})));
    let seen = once(&kind, &question("a bluebird", json!({})), |_| panic!("nothing goes on"));
    assert_eq!(seen.answer.value()["choices"][0]["message"]["content"], "Let us not.");
    let seen = once(&kind, &question("a bluebird", json!({"stream": true})), |_| panic!("nothing goes on"));
    assert_eq!((seen.answer.get(":status"), seen.answer.get("content-type")), ("200", "text/event-stream"));
    assert!(seen.answer.text().contains("Let us not.") && seen.answer.text().ends_with("data: [DONE]\n\n"));
}

#[test]
fn another_model_serves_where_the_body_names_it() {
    let other = filter(birds(json!({"then": {"use": "safer"}})));
    let seen = once(&other, &question("a bluebird", json!({})), |_| Message::json(200, "{}"));
    assert_eq!(seen.request.unwrap().value()["model"], "safer");
    let gemini = json!({"contents": [{"parts": [{"text": "a bluebird"}]}]}).to_string();
    let gemini = Message::request("/v1beta/models/g:generateContent", &gemini);
    assert_eq!(once(&other, &gemini, |_| panic!("nothing goes on")).answer.get(":status"), "400");
}

#[test]
fn a_whole_answer_is_stopped() {
    let guard = filter(birds(json!({"on": "response"})));
    let answer = json!({"choices": [{"index": 0, "message": {"content": "hm"}}, {"index": 1, "message": {"content": "bluebird"}}]});
    for (cut, trailers) in [(usize::MAX, false), (3, false), (3, true)] {
        let seen = lead(&guard, &question("hi", json!({})), cut, trailers, |_| Message::json(200, answer.to_string()));
        assert_eq!((seen.answer.get(":status"), seen.answer.get("x-attache-guard")), ("400", "birds"));
        assert_eq!(seen.told.counts, [counted("birds", "response", "stop")]);
    }
    let error = Message::json(500, "{\"error\":{\"message\":\"bluebird\"}}");
    assert_eq!(once(&guard, &question("hi", json!({})), |_| error.clone()).answer, error);
    // Servers with a model of their own answer requests that name none.
    let nameless = Message::request(CHAT, &json!({"messages": [{"role": "user", "content": "hi"}]}).to_string());
    assert_eq!(once(&guard, &nameless, |_| Message::json(200, answer.to_string())).answer.get(":status"), "400");
}

fn stream(pieces: &[&str]) -> String {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    };
    let mut all: Vec<Value> = pieces.iter().map(|piece| chunk(json!({"content": piece}), Value::Null)).collect();
    all.push(chunk(json!({}), json!("stop")));
    events(&all) + "data: [DONE]\n\n"
}

#[test]
fn a_stream_is_stopped_before_the_word_is_out_under_every_cut() {
    let guard = filter(birds(json!({"on": "response", "then": {"message": "(stopped)"}})));
    let said = stream(&["The ", "blue", "bi", "rd", " flies", " away"]);
    let run = |cut: usize, trailers: bool| {
        let request = question("hi", json!({"stream": true}));
        lead(&guard, &request, cut, trailers, |_| Message::stream(said.clone()))
    };
    let whole = run(usize::MAX, false);
    let text = whole.answer.text();
    assert!(text.contains("The ") && text.contains("(stopped)") && !text.contains("flies"), "{text}");
    assert!(text.contains("\"finish_reason\":\"content_filter\"") && text.ends_with("data: [DONE]\n\n"), "{text}");
    for cut in [1, 2, 7, 30, 100, 300] {
        for trailers in [false, true] {
            let seen = run(cut, trailers);
            assert_eq!(seen.answer.text(), text, "{cut} {trailers}");
            assert_eq!(seen.told.counts, [counted("birds", "response", "stop")]);
        }
    }
}

#[test]
fn a_stream_that_passes_keeps_its_bytes() {
    let guard = filter(birds(json!({"on": "both"})));
    let said = stream(&["The ", "black", "bird"]);
    for cut in [1, 2, 7, 30, 100, usize::MAX] {
        let request = question("hi", json!({"stream": true}));
        let seen = lead(&guard, &request, cut, false, |_| Message::stream(said.clone()));
        assert_eq!(seen.answer.text(), said, "{cut}");
        assert_eq!(seen.told.counts, [counted("birds", "request", "pass"), counted("birds", "response", "pass")]);
    }
}

#[test]
fn a_growing_array_is_asked_for_as_events() {
    let guard = filter(birds(json!({"on": "response"})));
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}).to_string();
    let request = Message::request("/v1beta/models/g:streamGenerateContent", &body);
    let item = |text: &str| json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]});
    let last =
        json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "!"}]}, "finishReason": "STOP"}]});
    for (word, passes) in [("bluebird", false), ("blackbird", true)] {
        let seen = once(&guard, &request, |request| {
            assert_eq!(request.get(":path"), "/v1beta/models/g:streamGenerateContent?alt=sse");
            Message::stream(events(&[item("a "), item(word), item(" flies"), last.clone()]))
        });
        assert_eq!(seen.answer.get("content-type"), "application/json");
        assert!(seen.answer.value().is_array());
        assert_eq!(seen.answer.text().contains("flies"), passes, "{}", seen.answer.text());
    }
}

#[test]
fn what_cannot_be_read_follows_fail() {
    let body = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"";
    let garbled = Message::request(CHAT, body);
    let long = question(&"x".repeat(5000), json!({}));
    for (fail, passes) in [("open", true), ("closed", false)] {
        let guard = filter(birds(json!({"on": "both", "fail": fail})));
        for request in [&garbled, &long] {
            let seen = once(&guard, request, |_| Message::json(200, "{}"));
            assert_eq!(seen.request.is_some(), passes, "{fail}: {}", seen.answer.text());
        }
        let packed = Message::json(200, vec![0x1f, 0x8b]).with("content-encoding", "br");
        let seen = once(&guard, &question("hi", json!({})), |_| packed.clone());
        assert_eq!(seen.answer.get(":status") == "200", passes);
    }
}

#[test]
fn a_request_that_nobody_reads_switches_no_guard_off() {
    let long = question(&"x".repeat(5000), json!({"stream": true}));
    let upgrade = question("hi", json!({})).with("upgrade", "websocket");
    for (fail, statuses) in [("closed", ["413", "413", "400"]), ("open", ["200"; 3])] {
        let guard = filter(birds(json!({"on": "response", "fail": fail, "then": {"message": "(stopped)"}})));
        for (request, status) in [&long, &long.clone().without("content-length"), &upgrade].into_iter().zip(statuses) {
            let seen = lead(&guard, request, 1000, false, |request| {
                assert_eq!(request.get("accept-encoding"), "identity");
                Message::stream(stream(&["The ", "blue", "bird", " flies"]))
            });
            assert_eq!((seen.answer.get(":status"), seen.request.is_some()), (status, fail == "open"));
            assert!(!seen.answer.text().contains("flies"), "{}", seen.answer.text());
            assert_eq!(seen.answer.text().contains("(stopped)"), fail == "open", "{}", seen.answer.text());
        }
    }
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "x".repeat(5000)}]}]}).to_string();
    let gemini = Message::request("/v1beta/models/g:streamGenerateContent", &body);
    let item = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "bluebird flies"}]}, "finishReason": "STOP"}]});
    let seen = once(&filter(birds(json!({"on": "response", "fail": "open"}))), &gemini, |request| {
        assert_eq!(request.get(":path"), "/v1beta/models/g:streamGenerateContent?alt=sse");
        Message::stream(events(std::slice::from_ref(&item)))
    });
    assert!(seen.answer.value().is_array() && !seen.answer.text().contains("bluebird"), "{}", seen.answer.text());
}

#[test]
fn guards_that_watch_only_count_and_conditions_choose() {
    let guard = filter(json!([
        {"name": "watch", "mode": "monitor", "patterns": {"deny_words": ["bluebird"]}},
        {"name": "other", "when": {"model": "x*"}, "patterns": {"deny_words": ["bluebird"]}},
    ]));
    let seen = once(&guard, &question("a bluebird", json!({})), |_| Message::json(200, "{}"));
    assert!(seen.request.is_some());
    assert_eq!(seen.told.counts, [counted("watch", "request", "monitor")]);
    assert!(seen.told.lines.is_empty());
}
