//! Where headers go on before bodies are known: `hold_headers: false`.

use super::proxy::{Message, Seen, events, lead};
use crate::{Exchange, Filter, Guard, ModelRouter, Prompt, Redact, Step, Translate, Usage};
use serde_json::{Value, json};
use std::rc::Rc;

const CHAT: &str = "/v1/chat/completions";
const KEY: &str = "0123456789abcdef";

fn read<F: Filter>(mut configuration: Value) -> Result<Rc<F>, String> {
    configuration["hold_headers"] = false.into();
    configuration["body_bytes_max"] = 4000.into();
    F::read(configuration.to_string().as_bytes()).map(Rc::new)
}

fn redact(more: &Value) -> Result<Rc<Redact>, String> {
    let mut policy = json!({"name": "a", "key": KEY, "tiers": [], "words":
        [{"name": "project", "label": "PROJECT", "words": ["Bluebird"]}, {"name": "secret", "label": "SECRET", "words": ["Nightjar"]}],
        "entities": {"secret": {"request": "block", "response": "off"}}});
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    read(json!({"redact": [policy]}))
}

fn guard(guard: &Value) -> Result<Rc<Guard>, String> {
    let mut all = json!({"name": "a", "patterns": {"deny_words": ["crow"]}});
    all.as_object_mut().unwrap().extend(guard.as_object().unwrap().clone());
    read(json!({"guards": [all]}))
}

fn body(text: &str, more: &Value) -> String {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

/// A provider that says what it is told.
fn echo(request: &Message) -> Message {
    assert_eq!(request.get("content-length"), "", "the body may become another one");
    let said = request.value()["messages"].as_array().and_then(|all| all.last().cloned()).unwrap_or_default();
    let message =
        json!({"role": "assistant", "content": format!("You said: {}", said["content"].as_str().unwrap_or(""))});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    Message::json(
        200,
        json!({"id": "1", "object": "chat.completion", "model": "gpt-4o", "choices": [choice]}).to_string(),
    )
}

/// At every cut, with trailers and without, the same.
fn everywhere<F: Filter>(filter: &Rc<F>, body: &str, provider: impl Fn(&Message) -> Message, check: impl Fn(Seen)) {
    for cut in 1..=body.len() {
        for trailers in [false, true] {
            check(lead(filter, &Message::request(CHAT, body), cut, trailers, &provider));
        }
    }
}

#[test]
fn what_leaves_is_masked_and_comes_back() {
    everywhere(&redact(&json!({})).unwrap(), &body("Ask Bluebird.", &json!({})), echo, |seen| {
        let request = seen.request.expect("it goes on");
        assert!(!request.text().contains("Bluebird"), "{}", request.text());
        assert_eq!((request.get("accept-encoding"), request.get("content-type")), ("identity", "application/json"));
        assert!(seen.answer.text().contains("You said: Ask Bluebird."), "{}", seen.answer.text());
        assert_eq!((seen.answer.get(":status"), seen.answer.get("content-length")), ("200", ""));
    });
    // Events pass as where headers wait.
    everywhere(
        &redact(&json!({})).unwrap(),
        &body("Bluebird", &json!({"stream": true})),
        |request| {
            let said = request.value()["messages"][0]["content"].clone();
            let delta = json!({"choices": [{"index": 0, "delta": {"content": said}}]});
            Message::stream(format!("{}data: [DONE]\n\n", events(&[delta])))
        },
        |seen| assert!(seen.answer.text().contains("Bluebird"), "{}", seen.answer.text()),
    );
}

#[test]
fn what_must_not_leave_is_refused_behind_its_head() {
    let request = body("Ask Nightjar.", &json!({}));
    everywhere(&redact(&json!({})).unwrap(), &request, echo, |seen| {
        assert!(seen.request.is_none());
        assert_eq!(
            (seen.answer.get(":status"), &seen.answer.value()["error"]["code"]),
            ("400", &json!("content_blocked"))
        );
    });
    let large = body(&"x".repeat(5000), &json!({}));
    for request in [Message::request(CHAT, &large), Message::request(CHAT, &large).without("content-length")] {
        let seen = lead(&redact(&json!({})).unwrap(), &request, 1000, false, echo);
        assert_eq!((seen.answer.get(":status"), seen.request.is_none()), ("413", true));
    }
}

#[test]
fn an_answer_that_must_not_pass_breaks_off() {
    let strict = redact(&json!({})).unwrap();
    let asked = body("Ask Bluebird.", &json!({}));
    everywhere(
        &strict,
        &asked,
        |_| Message::json(200, "[no JSON"),
        |seen| {
            assert_eq!((seen.answer.get(":broken"), seen.answer.body.len()), ("yes", 0));
        },
    );
    let endless = |_: &Message| Message::json(200, "x".repeat(5000)).without("content-length");
    assert_eq!(lead(&strict, &Message::request(CHAT, &asked), 999, false, endless).answer.get(":broken"), "yes");
    // What its head tells is said in its head.
    for head in [Message::json(200, "x".repeat(5000)), Message::json(200, "x").with("content-encoding", "gzip")] {
        let seen = lead(&strict, &Message::request(CHAT, &asked), 999, false, |_| head.clone());
        assert_eq!(
            (seen.answer.get(":status"), &seen.answer.value()["error"]["code"]),
            ("502", &json!("answer_withheld"))
        );
    }
    let lenient = redact(&json!({"unreadable": "pass"})).unwrap();
    let seen = lead(&lenient, &Message::request(CHAT, &asked), 999, false, endless);
    assert_eq!((seen.answer.get(":broken"), seen.answer.body.len()), ("", 5000));
}

#[test]
fn guards_say_what_they_say_instead() {
    let both = guard(&json!({"on": "both", "then": {"message": "No crows."}})).unwrap();
    let crow = |_: &Message| echo(&Message::request(CHAT, &body("A crow.", &json!({}))).without("content-length"));
    everywhere(&both, &body("A bird?", &json!({})), crow, |seen| {
        assert_eq!(seen.answer.value()["choices"][0]["message"]["content"], "No crows.");
        assert_eq!((seen.answer.get(":status"), seen.answer.get(":broken")), ("200", ""));
    });
    everywhere(&both, &body("A crow?", &json!({})), crow, |seen| {
        assert!(seen.request.is_none());
        assert_eq!(seen.answer.value()["choices"][0]["message"]["content"], "No crows.");
    });
    everywhere(&both, &body("A bird?", &json!({})), echo, |seen| {
        assert!(seen.answer.text().contains("You said: A bird?"));
        assert_eq!(seen.request.map(|request| request.get("accept-encoding").to_owned()).as_deref(), Some("identity"));
    });
    // Its own answer would be a stream behind the head of a whole one.
    let seen = lead(&both, &Message::request(CHAT, &body("A bird?", &json!({"stream": true}))), 9, false, crow);
    assert_eq!((seen.answer.get(":broken"), seen.answer.body.len()), ("yes", 0));
    let requests = guard(&json!({"then": {"use": "small"}})).unwrap();
    everywhere(&requests, &body("A crow?", &json!({})), echo, |seen| {
        let request = seen.request.expect("it goes on");
        assert_eq!((&request.value()["model"], request.get("accept-encoding")), (&json!("small"), ""));
    });
}

#[test]
fn a_growing_array_is_not_asked_for_where_a_guard_reads_answers() {
    let ask = |guard: &Rc<Guard>, path: &str| {
        let request = Message::request(path, r#"{"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}"#);
        lead(guard, &request, 9, false, |_| Message::json(200, "[]")).answer
    };
    let both = guard(&json!({"on": "both", "then": {"message": "No."}})).unwrap();
    let answer = ask(&both, "/v1beta/models/g:streamGenerateContent");
    assert_eq!(answer.get(":status"), "400");
    assert!(answer.text().contains("alt=sse"), "{}", answer.text());
    assert_eq!(ask(&both, "/v1beta/models/g:generateContent").get(":status"), "200");
    assert_eq!(ask(&guard(&json!({})).unwrap(), "/v1beta/models/g:streamGenerateContent").get(":status"), "200");
}

#[test]
fn prompts_are_written_with_headers_that_have_gone_on() {
    let prompt: Rc<Prompt> = read(json!({"prompt": [{"name": "a", "system": {"prepend": "For {{team}}."}}],
        "variables": {"team": {"header": "x-team"}}}))
    .unwrap();
    let asked = body("Hello", &json!({}));
    let seen = lead(&prompt, &Message::request(CHAT, &asked).with("x-team", "birds"), 7, false, echo);
    assert_eq!(
        seen.request.map(|request| request.value()["messages"][0]["content"].clone()),
        Some(json!("For birds."))
    );
    assert!(!seen.answer.get("content-length").is_empty(), "answers are none of its business");
    everywhere(&prompt, &asked, echo, |seen| {
        assert_eq!(
            (seen.answer.get(":status"), &seen.answer.value()["error"]["code"]),
            ("400", &json!("prompt_variable"))
        );
    });
}

#[test]
fn usage_is_asked_for_and_counted() {
    let usage: Rc<Usage> = read(json!({"usage": [{"name": "openai"}]})).unwrap();
    let told = |seen: &Seen| seen.told.facts.iter().any(|(name, value)| name == "attache_input_tokens" && value == "7");
    let spent = json!({"id": "a", "model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}});
    let whole = |_: &Message| Message::json(200, spent.to_string());
    everywhere(&usage, &body("Hello", &json!({})), whole, |seen| {
        assert!(told(&seen) && seen.answer.get("x-attache-input-tokens").is_empty());
        assert_eq!(seen.answer.text(), spent.to_string());
    });
    let stream = |_: &Message| Message::stream(format!("{}data: [DONE]\n\n", events(std::slice::from_ref(&spent))));
    everywhere(&usage, &body("Hello", &json!({"stream": true})), stream, |seen| {
        assert_eq!(
            seen.request.as_ref().map(|request| request.value()["stream_options"]["include_usage"].clone()),
            Some(json!(true))
        );
        assert!(told(&seen));
        assert_eq!(seen.answer.text(), "data: [DONE]\n\n");
    });
}

/// An answer comes while the request is on its way. `details`: why, in the proxy's words.
fn early<F: Filter>(exchange: &mut Exchange<F>, status: &str, details: Option<&str>) -> Step {
    let request = Message::request(CHAT, "{");
    exchange.request_head(&request.headers, false, 7);
    let answer = Message::stream("").with(":status", status);
    let answer = details.iter().fold(answer, |answer, details| answer.with(":details", details));
    exchange.response_head(&answer.headers, false)
}

/// The status that the client reads instead.
fn instead(step: &Step) -> Option<&str> {
    let Step::Go(change) = step else { panic!("{step:?}") };
    change.set.iter().find(|(name, _)| name == ":status").map(|(_, status)| status.as_str())
}

/// The rest of the request: what goes on of it.
fn rest<F: Filter>(exchange: &mut Exchange<F>, body: &str) -> Step {
    exchange.request_body(&Message::default().headers, body.len(), true, 7, &|| body.as_bytes().to_vec())
}

#[test]
fn an_answer_that_does_not_wait_for_the_question_gets_no_more_of_it() {
    fn nothing_follows<F: Filter>(filter: &Rc<F>) {
        for (status, details, said) in [
            ("200", Some("via_upstream"), Some("502")),
            ("200", None, None),
            ("401", Some("via_upstream"), None),
            ("413", Some("via_upstream"), None),
            ("413", Some("request_payload_too_large"), Some("413")),
            ("503", Some("no_healthy_upstream"), None),
        ] {
            let mut exchange = Exchange::new(filter.clone());
            assert_eq!(instead(&early(&mut exchange, status, details)), said, "{status} {details:?}");
            let step = rest(&mut exchange, "Bluebird!");
            assert!(matches!(step, Step::Hold), "{status} {details:?}: {step:?}");
        }
    }
    nothing_follows(&redact(&json!({})).unwrap());
    // What is masked could not be put back.
    nothing_follows(&redact(&json!({"unreadable": "pass"})).unwrap());
    nothing_follows(&guard(&json!({"on": "both", "then": {"message": "No."}})).unwrap());
    nothing_follows(&guard(&json!({"on": "response", "then": {"message": "No."}})).unwrap());
}

#[test]
fn who_does_not_insist_begins_with_an_early_answer() {
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"content": "A crow flies"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2}});
    let said = format!("{}data: [DONE]\n\n", events(std::slice::from_ref(&chunk))).into_bytes();
    fn through<F: Filter>(exchange: &mut Exchange<F>, said: &[u8]) -> String {
        assert_eq!(instead(&early(exchange, "200", Some("via_upstream"))), None);
        assert!(matches!(rest(exchange, "{}"), Step::Go(change) if change.body.is_none()));
        let Step::Go(change) = exchange.response_body(said.len(), true, &|| said.to_vec()) else {
            panic!("it goes on")
        };
        String::from_utf8(change.body.unwrap_or_else(|| said.to_vec())).unwrap()
    }
    for on in ["both", "response"] {
        let open = guard(&json!({"on": on, "fail": "open", "then": {"message": "(stopped)"}})).unwrap();
        let text = through(&mut Exchange::new(open), &said);
        assert!(text.contains("(stopped)") && !text.contains("crow"), "{text}");
    }
    let mut exchange = Exchange::new(read::<Usage>(json!({"usage": [{"name": "openai"}]})).unwrap());
    assert_eq!(through(&mut exchange, &said).as_bytes(), said);
    let told = exchange.told();
    assert!(told.counts.contains(&("attache_tokens.provider.openai.model.m.kind.input".to_owned(), 7)), "{told:?}");
}

#[test]
fn who_has_no_part_in_answers_reads_on() {
    let prompt = json!({"prompt": [{"name": "a", "system": {"prepend": "Hear."}}], "unreadable": "pass"});
    let mut exchange = Exchange::new(read::<Prompt>(prompt).unwrap());
    assert_eq!(instead(&early(&mut exchange, "200", Some("via_upstream"))), None);
    let Step::Go(change) = rest(&mut exchange, &body("Hello", &json!({}))) else { panic!("it goes on") };
    assert!(change.body.is_some_and(|body| String::from_utf8_lossy(&body).contains("Hear.")));
}

#[test]
fn what_cannot_do_without_is_not_loaded() {
    let says = |result: Result<(), String>, expected: &str| {
        let message = result.expect_err(expected);
        assert!(message.contains(expected), "{message}");
    };
    let of = |rules: Value| read::<ModelRouter>(rules).map(drop);
    says(of(json!({"routes": [{"name": "a"}]})), "hold_headers: this filter writes headers that a body decides");
    let translate = read::<Translate>(json!({"translate": [{"name": "a", "preset": "openai"}]})).map(drop);
    says(translate, "hold_headers: this filter writes headers that a body decides");
    says(guard(&json!({"on": "response"})).map(drop), "guards[0].then: the status of an answer does not wait");
    assert!(guard(&json!({"on": "response", "mode": "monitor"})).is_ok());
    let blocks = json!({"entities": {"secret": {"response": "block"}}});
    says(redact(&blocks).map(drop), "redact[0]: it blocks answers");
    let told = read::<Usage>(json!({"usage": [{"name": "a", "response_headers": true}]})).map(drop);
    says(told, "usage[0].response_headers: headers do not wait");
    let wrong = Usage::read(br#"{"usage": [{"name": "a"}], "hold_headers": "no"}"#).map(drop);
    says(wrong, "hold_headers: expected true or false");
}
