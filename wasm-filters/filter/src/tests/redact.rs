use super::proxy::{Message, Seen, events, lead, reply};
use crate::{Exchange, Filter, Redact};
use serde_json::{Value, json};
use std::rc::Rc;

const KEY: &str = "a made up key of these tests";
const CHAT: &str = "/v1/chat/completions";

fn filter(more: Value) -> Rc<Redact> {
    let mut policy = json!({"name": "default", "key": KEY, "tiers": [],
        "words": [{"name": "project", "label": "PROJECT", "words": ["Bluebird"]}]});
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let configuration = json!({"redact": [policy], "body_bytes_max": 4000});
    Rc::new(Redact::read(configuration.to_string().as_bytes()).unwrap_or_else(|why| panic!("{why}")))
}

fn question(text: &str) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string()
}

/// The placeholder in what a provider got.
fn placeholder(request: &Message) -> String {
    let text = request.text();
    assert!(!text.contains("Bluebird"), "{text}");
    let start = text.find("[PROJECT-").unwrap_or_else(|| panic!("no placeholder in {text}"));
    text.get(start..).and_then(|rest| rest.split_inclusive(']').next()).unwrap_or_default().to_owned()
}

fn once(filter: &Rc<Redact>, request: &Message, provider: impl Fn(&Message) -> Message) -> Seen {
    lead(filter, request, usize::MAX, false, provider)
}

#[test]
fn a_whole_answer_gets_back_what_was_said() {
    let filter = filter(json!({}));
    let request = Message::request(CHAT, &question("tell Bluebird")).with("accept-encoding", "gzip");
    for (cut, trailers) in [(usize::MAX, false), (1, false), (7, false), (7, true)] {
        let seen = lead(&filter, &request, cut, trailers, |request| {
            assert_eq!(request.get("content-length"), request.body.len().to_string());
            assert_eq!(request.get("accept-encoding"), "identity");
            let said = format!("I tell {}", placeholder(request));
            Message::json(200, json!({"choices": [{"index": 0, "message": {"content": said}}]}).to_string())
        });
        assert_eq!(seen.answer.value()["choices"][0]["message"]["content"], "I tell Bluebird", "{cut}");
        assert_eq!(seen.answer.get("content-length"), seen.answer.body.len().to_string());
        let counter = "attache_redactions.policy.default.entity.project.action.mask.direction.request";
        assert_eq!(seen.told.counts, [(counter.to_owned(), 1)]);
    }
}

/// What a provider streams of these pieces of text, in two choices.
fn openai_stream(pieces: &[&str]) -> String {
    let chunk = |choice: u32, delta: Value| {
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": choice, "delta": delta, "finish_reason": null}]})
    };
    let mut all = vec![];
    for piece in pieces {
        all.push(chunk(0, json!({"content": piece})));
        all.push(chunk(1, json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})));
    }
    let end = |choice: u32| {
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": choice, "delta": {}, "finish_reason": "stop"}]})
    };
    all.extend([end(0), end(1)]);
    events(&all) + "data: [DONE]\n\n"
}

/// The text of the first choice and the arguments of the second.
fn openai_said(body: &str) -> (String, String) {
    let (mut text, mut arguments) = (String::new(), String::new());
    for data in body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]") {
        let event: Value = serde_json::from_str(data).unwrap();
        let choice = &event["choices"][0];
        text += choice["delta"]["content"].as_str().unwrap_or_default();
        arguments += choice["delta"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default();
    }
    (text, arguments)
}

#[test]
fn a_stream_does_under_every_cut() {
    let filter = filter(json!({}));
    let request = Message::request(CHAT, &question("tell Bluebird"));
    let run = |cut: usize, trailers: bool| {
        lead(&filter, &request, cut, trailers, |request| {
            let said = format!("{{\"a\":\"{}\"}}", placeholder(request));
            let pieces: Vec<&str> = said.split_inclusive(|_: char| true).collect();
            Message::stream(openai_stream(&pieces)).with("content-length", "1")
        })
    };
    let whole = run(usize::MAX, false);
    let said = openai_said(whole.answer.text());
    assert_eq!(said, ("{\"a\":\"Bluebird\"}".to_owned(), "{\"a\":\"Bluebird\"}".to_owned()));
    assert!(whole.answer.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(whole.answer.get("content-length"), "");
    for cut in [1, 2, 3, 5, 17, 64, 255, 1000] {
        for trailers in [false, true] {
            assert_eq!(run(cut, trailers).answer.text(), whole.answer.text(), "{cut} {trailers}");
        }
    }
}

#[test]
fn anthropic_tool_input_does() {
    let filter = filter(json!({}));
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "tell Bluebird"}]});
    let request = Message::request("/v1/messages", &body.to_string()).with("anthropic-version", "2023-06-01");
    let run = |cut: usize| {
        let seen = lead(&filter, &request, cut, false, |request| {
            let json = format!("{{\"to\":\"{}\"}}", placeholder(request));
            let (first, second) = json.split_at(14);
            let delta = |json: &str| {
                json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": json}})
            };
            Message::stream(events(&[
                json!({"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}}),
                json!({"type": "content_block_start", "index": 0,
                    "content_block": {"type": "tool_use", "id": "t", "name": "send", "input": {}}}),
                delta(first),
                delta(second),
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}}),
                json!({"type": "message_stop"}),
            ]))
        });
        seen.answer.text().to_owned()
    };
    let whole = run(usize::MAX);
    let said: String = whole
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|event| event["delta"]["partial_json"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(said, "{\"to\":\"Bluebird\"}");
    assert!((1..60).all(|cut| run(cut) == whole));
}

#[test]
fn a_growing_array_does() {
    let filter = filter(json!({}));
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "tell Bluebird"}]}]}).to_string();
    let request = Message::request("/v1beta/models/g:streamGenerateContent", &body);
    let run = |cut: usize| {
        let seen = lead(&filter, &request, cut, false, |request| {
            let said = placeholder(request);
            let (first, second) = said.split_at(5);
            let item = |text: &str| json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}}]});
            Message::json(200, format!("[{}\n,\n{}\n]", item(first), item(second)))
        });
        seen.answer
    };
    let whole = run(usize::MAX);
    let said: String = whole
        .value()
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!((said.as_str(), whole.get("content-length")), ("Bluebird", ""));
    assert!([1, 2, 9, 50].iter().all(|cut| run(*cut) == whole));
}

#[test]
fn without_anything_to_find_nobody_looks_at_the_answer() {
    let request =
        Message::request(CHAT, "{ \"model\":\"m\",\n \"messages\":[{\"role\":\"user\",\"content\":\"caf\\u00e9\"}] }")
            .with("accept-encoding", "gzip");
    let answer = Message::json(200, vec![1, 2, 3]).with("content-encoding", "gzip");
    let seen = once(&filter(json!({})), &request, |_| answer.clone());
    assert_eq!((seen.request, seen.answer), (Some(request), answer));
}

#[test]
fn what_blocks_is_refused_in_the_client_s_words() {
    let filter = filter(json!({"entities": {"project": "block"}}));
    let provider = |_: &Message| panic!("nothing goes on");
    let seen = once(&filter, &Message::request(CHAT, &question("tell Bluebird")), provider);
    assert_eq!((seen.answer.get(":status"), &seen.answer.value()["error"]["code"]), ("400", &json!("content_blocked")));
    assert!(!seen.answer.text().contains("project") && !seen.answer.text().contains("Bluebird"));
    assert_eq!(seen.told.lines, ["withheld policy=default entity=project direction=request"]);
    let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "tell Bluebird"}]});
    let request = Message::request("/v1/messages", &body.to_string()).with("anthropic-version", "1");
    assert_eq!(once(&filter, &request, provider).answer.value()["type"], "error");
    let seen = once(&filter, &Message::request(CHAT, "not JSON"), provider);
    assert!(seen.answer.text().contains("cannot read it"), "{}", seen.answer.text());
}

#[test]
fn what_the_model_itself_says_is_withheld() {
    let filter = filter(json!({"response": "block", "entities": {"project": {"response": "block"}}}));
    let request = Message::request(CHAT, &question("hello"));
    let whole = json!({"choices": [{"index": 0, "message": {"content": "hello"}}, {"index": 1, "message": {"content": "Bluebird!"}}]});
    let seen = once(&filter, &request, |_| Message::json(200, whole.to_string()));
    assert_eq!((seen.answer.get(":status"), &seen.answer.value()["error"]["code"]), ("502", &json!("answer_withheld")));
    assert_eq!(seen.told.lines, ["withheld policy=default entity=project direction=response"]);
    for cut in [1, 3, 10, 100, usize::MAX] {
        let stream = openai_stream(&["It is ", "Blu", "ebird", " of course"]);
        let seen = lead(&filter, &request, cut, false, |_| Message::stream(stream.clone()));
        assert!(!seen.answer.text().contains("ebird") && !seen.answer.text().contains("of course"), "{cut}");
        assert_eq!(seen.told.lines.len(), 1, "{:?}", seen.told);
    }
    // A request without a body has an answer, too.
    let stored = Message::request("/v1/responses/resp_1", "");
    let seen = once(&filter, &stored, |_| Message::json(200, json!({"output_text": "Bluebird"}).to_string()));
    assert_eq!(seen.answer.get(":status"), "502");
}

#[test]
fn what_is_too_large_is_refused_where_it_must_be_read() {
    let long = question(&"x".repeat(5000));
    let announced = Message::request(CHAT, &long);
    let growing = announced.clone().without("content-length");
    for request in [&announced, &growing] {
        for trailers in [false, true] {
            let seen = lead(&filter(json!({})), request, 100, trailers, |_| panic!("nothing goes on"));
            assert_eq!(
                (seen.answer.get(":status"), &seen.answer.value()["error"]["code"]),
                ("413", &json!("request_not_readable"))
            );
        }
        for lenient in [json!({"mode": "monitor"}), json!({"unreadable": "pass"})] {
            let seen = lead(&filter(lenient), request, 100, false, |_| Message::json(200, "{}"));
            assert_eq!(seen.request.as_ref(), Some(request));
        }
    }
    let big = Message::json(200, json!({"choices": [{"message": {"content": "x".repeat(5000)}}]}).to_string());
    for answer in [big.clone(), big.without("content-length")] {
        let seen =
            lead(&filter(json!({})), &Message::request(CHAT, &question("Bluebird")), 999, false, |_| answer.clone());
        assert_eq!(seen.answer.get(":status"), "502");
        assert!(seen.answer.text().contains("4000 bytes"), "{}", seen.answer.text());
        let lenient = filter(json!({"unreadable": "pass"}));
        let seen = lead(&lenient, &Message::request(CHAT, &question("Bluebird")), 999, false, |_| answer.clone());
        assert_eq!(seen.answer, answer);
    }
}

#[test]
fn what_is_compressed_is_withheld_where_it_must_be_read() {
    let request = Message::request(CHAT, &question("Bluebird"));
    let answer = Message::json(200, vec![0x1f, 0x8b, 8]).with("content-encoding", "gzip");
    let seen = once(&filter(json!({})), &request, |_| answer.clone());
    assert_eq!((seen.answer.get(":status"), seen.answer.get("content-encoding")), ("502", ""));
    assert_eq!(seen.answer.get("content-length"), seen.answer.body.len().to_string());
    let seen = once(&filter(json!({"unreadable": "pass"})), &request, |_| answer.clone());
    assert_eq!(seen.answer, answer);
}

#[test]
fn the_proxy_s_own_refusal_is_said_in_the_client_s_words() {
    let mut exchange = Exchange::new(filter(json!({})));
    let head = Message::request(CHAT, "").headers;
    assert!(matches!(exchange.request_head(&head, false, 7), crate::Step::Hold));
    let plain =
        Message::default().with(":status", "413").with("content-type", "text/plain").with("content-length", "17");
    let answer = reply(&mut exchange, Message { body: b"Payload Too Large".to_vec(), ..plain }, 5, false);
    assert_eq!((answer.get(":status"), &answer.value()["error"]["code"]), ("413", &json!("request_not_readable")));
    assert_eq!(answer.get("content-length"), answer.body.len().to_string());
}

#[test]
fn errors_are_restored_and_bytes_that_are_no_text_pass() {
    let request = Message::request(CHAT, &question("Bluebird"));
    let seen = once(&filter(json!({})), &request, |request| {
        let message = format!("cannot read {}", placeholder(request));
        Message::json(400, json!({"error": {"message": message}}).to_string())
    });
    assert_eq!(seen.answer.value()["error"]["message"], "cannot read Bluebird");
    let speech = Message::request("/v1/audio/speech", &json!({"model": "m", "input": "Bluebird"}).to_string());
    let sound = Message::json(200, vec![0xff; 9000]).with("content-type", "audio/mpeg");
    assert_eq!(once(&filter(json!({})), &speech, |_| sound.clone()).answer, sound);
}

#[test]
fn only_what_a_policy_is_for_is_looked_at() {
    let only = filter(json!({"when": {"model": "gpt-*", "header:x-team": ["a", "b*"]}}));
    let body = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "Bluebird"}]}).to_string();
    let untouched = |path: &str, model: &str, team: &str| {
        let request = Message::request(path, &body(model)).with("x-team", team);
        let seen = once(&only, &request, |_| Message::json(200, "{}"));
        seen.request == Some(request)
    };
    assert!(!untouched(CHAT, "gpt-4o", "blue"));
    assert!(untouched(CHAT, "claude", "a") && untouched(CHAT, "gpt-4o", "c") && untouched("/users", "gpt-4o", "a"));
    let socket = Message::request("/v1/realtime", "x").with("upgrade", "websocket");
    let seen = once(&only, &socket, |_| panic!("nothing goes on"));
    assert_eq!(seen.answer.get(":status"), "400");
}

#[test]
fn placeholders_are_a_tenant_s_own() {
    let filter = filter(json!({"tenant": "header:X-Tenant"}));
    let of = |tenant: &str| {
        let request = Message::request(CHAT, &question("Bluebird")).with("x-tenant", tenant);
        placeholder(&once(&filter, &request, |_| Message::json(200, "{}")).request.unwrap())
    };
    assert_eq!(of("a"), of("a"));
    assert_ne!(of("a"), of("b"));
}
