//! `translate` where the service plans.

use super::proxy::{Message, Seen, events, lead, reply};
use crate::{Exchange, Filter, Step, Translate};
use attache_core::hybrid::{self, Aim, Plan, Told};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::rc::Rc;

const CHAT: &str = "/v1/chat/completions";
const FIRST: &str = "fast/openai/gpt-4o-mini";
const SECOND: &str = "fast/claude/claude-haiku-4-5";

fn read(targets: &Value) -> Result<Rc<Translate>, String> {
    let configuration = json!({"translate": targets, "per_attempt": true, "planned": true, "body_bytes_max": 4000});
    Translate::read(configuration.to_string().as_bytes()).map(Rc::new)
}

fn claude() -> Rc<Translate> {
    read(&json!([
        {"name": "claude", "target": SECOND, "preset": "anthropic"},
        {"name": "claude", "target": "claude/*", "preset": "anthropic", "losses": "refuse"},
    ]))
    .unwrap_or_else(|why| panic!("{why}"))
}

fn openai() -> Rc<Translate> {
    read(&json!([{"name": "openai", "target": FIRST, "preset": "openai"}])).unwrap_or_else(|why| panic!("{why}"))
}

fn aim(to: &str, provider: &str, model: &str) -> Aim {
    Aim { to: to.to_owned(), provider: provider.to_owned(), model: model.to_owned() }
}

fn plan(targets: Vec<Aim>, output_cap: Option<u64>) -> String {
    hybrid::write(&Plan { targets, output_cap }).unwrap()
}

/// OpenAI first, then Anthropic.
fn both(output_cap: Option<u64>) -> String {
    plan(vec![aim(FIRST, "openai", "gpt-4o-mini"), aim(SECOND, "claude", "claude-haiku-4-5")], output_cap)
}

fn request(more: &Value) -> Message {
    let mut body = json!({"model": "fast", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Message::request(CHAT, &body.to_string())
}

/// An attempt as the service has planned it, with the credentials of its target.
fn attempt(message: Message, number: &str, plan: &str) -> Message {
    message
        .with("x-envoy-attempt-count", number)
        .with("x-attache-plan", plan)
        .with("x-attache-ask", "{}")
        .with("x-api-key", "of the service")
}

/// What the service reads at the end; and how often it was written.
fn told(seen: &Seen) -> (Told, usize) {
    let written: Vec<_> = seen.told.facts.iter().filter(|(name, _)| name == "attache_usage").collect();
    let told = written.last().map(|(_, text)| hybrid::read(text).unwrap()).unwrap_or_default();
    (told, written.len())
}

fn answered() -> Message {
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5-1", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Hello"}], "usage": {"input_tokens": 3, "output_tokens": 1}});
    Message::json(200, answer.to_string())
}

fn streamed(words: usize) -> String {
    let delta =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Héllo wörld "}});
    let mut all = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ];
    all.extend(std::iter::repeat_n(delta, words));
    all.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 200}}),
        json!({"type": "message_stop"}),
    ]);
    events(&all)
}

#[test]
fn an_attempt_is_made_for_its_element_of_the_plan() {
    let asked = attempt(request(&json!({})), "2", &both(None));
    let seen = lead(&claude(), &asked, 50, false, |_| answered());
    let sent = seen.request.as_ref().unwrap();
    assert_eq!((sent.get(":path"), sent.get(":authority")), ("/v1/messages", "api.anthropic.com"));
    assert_eq!(sent.value()["model"], "claude-haiku-4-5");
    assert_eq!(sent.get("x-api-key"), "of the service", "its key stays");
    assert!(!sent.headers.keys().any(|name| name.starts_with("x-attache-")), "{sent:?}");
    let answer = ["x-attache-provider", "x-attache-model", "x-attache-attempts"].map(|name| seen.answer.get(name));
    assert_eq!(answer, ["claude", "claude-haiku-4-5", "2"]);
    assert_eq!(seen.answer.value()["choices"][0]["message"]["content"], "Hello");
    let (told, times) = told(&seen);
    let usage = told.usage.unwrap();
    assert_eq!((usage.input, usage.output, told.model.as_deref()), (3, 1, Some("claude-haiku-4-5-1")));
    assert_eq!((told.attempt, told.content, told.done, told.fault), (2, true, true, None));
    assert_eq!(times, 2, "at the request, since the first attempt may have told something; and at the end");
}

#[test]
fn the_same_dialect_keeps_every_byte_but_those_that_are_named() {
    let body = "{ \"model\" : \"fast\",\n \"unknown\": 1.50, \"messages\":[] , \"max_tokens\": 900}";
    let asked = |cap| attempt(Message::request(CHAT, body), "1", &both(cap));
    let sent = |cap| lead(&openai(), &asked(cap), 9, false, |_| Message::json(200, "{\"choices\": [ ]}"));
    let seen = sent(None);
    assert_eq!(seen.request.unwrap().text(), body.replace("fast", "gpt-4o-mini"));
    assert_eq!(seen.answer.text(), "{\"choices\": [ ]}");
    assert_eq!(sent(Some(50)).request.unwrap().text(), body.replace("fast", "gpt-4o-mini").replace("900", "50"));
    assert_eq!(sent(Some(5000)).request.unwrap().text(), body.replace("fast", "gpt-4o-mini"));
}

#[test]
fn a_cap_counts_in_another_dialect_too() {
    for (asked, cap, expected) in [(json!({"max_tokens": 900}), Some(50), 50), (json!({"max_tokens": 9}), Some(50), 9)]
    {
        let asked = attempt(request(&asked), "2", &both(cap));
        let seen = lead(&claude(), &asked, 50, false, |_| answered());
        assert_eq!(seen.request.unwrap().value()["max_tokens"], expected);
    }
}

#[test]
fn a_stream_s_usage_is_asked_for_and_hidden() {
    let asked = attempt(request(&json!({"stream": true})), "1", &both(None));
    let chunk = |usage: &Value| {
        let choices = if usage.is_null() { json!([{"index": 0, "delta": {"content": "Hello"}}]) } else { json!([]) };
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini-1", "choices": choices, "usage": usage})
    };
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12});
    let stream = format!("{}data: [DONE]\n\n", events(&[chunk(&Value::Null), chunk(&usage)]));
    for cut in 1..stream.len() {
        let seen = lead(&openai(), &asked, cut, false, |_| Message::stream(stream.clone()));
        assert_eq!(seen.request.as_ref().unwrap().value()["stream_options"], json!({"include_usage": true}));
        let text = seen.answer.text();
        assert!(
            text.contains("Hello") && !text.contains("completion_tokens") && text.ends_with("data: [DONE]\n\n"),
            "{text}"
        );
        let (told, _) = told(&seen);
        assert_eq!(told.usage.map(|usage| (usage.input, usage.output)), Some((5, 7)), "{cut}");
        assert_eq!((told.done, told.output, told.model.as_deref()), (true, 2, Some("gpt-4o-mini-1")));
    }
}

#[test]
fn what_was_known_is_told_before_a_stream_is_cut() {
    let (filter, whole) = (claude(), streamed(400));
    let asked = attempt(request(&json!({"stream": true})), "2", &both(None));
    for cut in (0..whole.len()).step_by(997) {
        let mut exchange = Exchange::new(filter.clone());
        let Step::Hold = exchange.request_head(&asked.headers, false, 7) else { panic!("it waits for its body") };
        drop(exchange.request_body(&asked.headers, asked.body.len(), true, 7, &|| asked.body.clone()));
        let head = Message::stream("");
        drop(exchange.response_head(&head.headers, false));
        let mut last: Told = hybrid::read(&exchange.told().facts[0].1).unwrap();
        let mut times = 0;
        // What is told when all is over comes too late.
        for piece in whole.as_bytes()[..cut].chunks(50) {
            drop(exchange.response_body(0, false, &|| piece.to_vec()));
            for (_, text) in exchange.told().facts {
                (last, times) = (hybrid::read(&text).unwrap(), times + 1);
            }
        }
        let passed = String::from_utf8_lossy(&whole.as_bytes()[..cut]);
        let begun = passed.contains("content_block_start\n");
        assert_eq!((last.attempt, last.done), (2, false), "{cut}");
        assert_eq!(last.usage.is_some(), begun, "{cut}");
        let words = passed.matches("wörld \"}}\n\n").count() as u64;
        // `Héllo wörld ` has 14 bytes.
        let delivered = words * 14 / 4;
        assert!(
            last.output <= delivered + 1 && last.output + 17 + delivered / 7 >= delivered,
            "{cut}: {last:?} of {delivered}"
        );
        assert!(times < 45, "{times} times");
    }
}

#[test]
fn what_goes_wrong_is_told() {
    let asked = |more: &Value| attempt(request(more), "2", &both(None));
    let through = |answer: Message| lead(&claude(), &asked(&json!({})), 50, false, |_| answer.clone());
    let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}).to_string();
    for (answer, fault) in [
        (Message::json(529, overloaded.clone()), "overloaded"),
        (Message::json(503, ""), "overloaded"),
        (Message::json(200, "<html>"), "upstream"),
        (Message::json(200, ""), "upstream"),
        (Message::stream(streamed(1)), "upstream"),
        (answered().with("content-encoding", "gzip"), "upstream"),
        (Message::json(200, "x".repeat(5000)), "upstream"),
        (Message::json(200, "x".repeat(5000)).without("content-length"), "upstream"),
    ] {
        assert_eq!(told(&through(answer.clone())).0.fault.as_deref(), Some(fault), "{answer:?}");
    }
    let packed = Message::json(200, "{}").with("content-encoding", "gzip");
    let seen = lead(&openai(), &attempt(request(&json!({})), "1", &both(None)), 50, false, |_| packed.clone());
    assert_eq!((seen.answer.get(":status"), told(&seen).0.fault.as_deref()), ("502", Some("upstream")));
    let cut = streamed(1).split("event: message_delta").next().unwrap_or_default().to_owned();
    let seen = lead(&claude(), &asked(&json!({"stream": true})), 50, false, |_| Message::stream(cut.clone()));
    let (told_, _) = told(&seen);
    assert_eq!((told_.fault.as_deref(), told_.content, told_.done), (Some("upstream"), true, false));
    let seen = lead(&claude(), &asked(&json!({"logit_bias": {"1": 2}})), 50, false, |_| answered());
    assert_eq!(told(&seen).0.losses, ["logit_bias"]);
    let seen = lead(&claude(), &asked(&json!({"n": 1, "of_the_client": 2})), 50, false, |_| answered());
    assert_eq!((told(&seen).0.losses, told(&seen).0.losses_unknown), (vec![], vec!["of_the_client".to_owned()]));
    let strict =
        attempt(request(&json!({"logit_bias": {"1": 2}})), "1", &plan(vec![aim("claude/*", "claude", "m")], None));
    let seen = lead(&claude(), &strict, 50, false, |_| answered());
    assert!(seen.request.is_none());
    assert_eq!(told(&seen).0.fault.as_deref(), Some("invalid_request"), "it was not sent");
}

#[test]
fn only_the_provider_s_own_status_is_a_reason_to_try_another_target() {
    let tries = |answer: Message| {
        let asked = attempt(request(&json!({})), "1", &plan(vec![aim(SECOND, "claude", "m")], None));
        let seen = lead(&claude(), &asked, 50, false, |_| answer.clone());
        (seen.answer.get(":status").to_owned(), seen.answer.get("x-envoy-ratelimited") != "true")
    };
    for (answer, status) in [
        (Message::json(200, "<html>"), "502"),
        (Message::json(200, "x".repeat(5000)), "502"),
        (Message::json(200, "x".repeat(5000)).without("content-length"), "502"),
        (answered().with("content-encoding", "gzip"), "502"),
        (Message::stream(streamed(1)), "502"),
        (Message::json(401, "{}"), "502"),
        (Message::json(403, "{}"), "502"),
        (Message::json(400, "{}"), "400"),
        (answered(), "200"),
    ] {
        assert_eq!(tries(answer.clone()), (status.to_owned(), false), "{answer:?}");
    }
    for (provider_s, status) in [(500, "500"), (503, "503"), (529, "503"), (429, "429")] {
        assert_eq!(tries(Message::json(provider_s, "{}")), (status.to_owned(), true), "{provider_s}");
    }
}

#[test]
fn an_answer_without_a_body_is_answered_past_the_router_unless_that_may_try_another_target() {
    let first = plan(vec![aim(SECOND, "claude", "m"), aim(FIRST, "openai", "m")], None);
    for (status, plan, answered, body) in [
        (503, &first, "503", false),
        (529, &first, "503", false),
        (429, &first, "429", false),
        (200, &first, "502", true),
        (400, &first, "400", true),
        (503, &plan(vec![aim(SECOND, "claude", "m")], None), "503", true),
    ] {
        let asked = attempt(request(&json!({})), "1", plan);
        let seen = lead(&claude(), &asked, 50, false, |_| Message::json(status, ""));
        let of_route = ["x-attache-attempts", "x-envoy-ratelimited"].map(|name| seen.answer.get(name));
        let passed = seen.answer.text().is_empty();
        assert_eq!((seen.answer.get(":status"), !passed), (answered, body), "{status}");
        assert_eq!(of_route, if passed { ["1", ""] } else { ["", ""] }, "the route says it, {status}");
        assert_eq!(seen.answer.get("x-attache-provider"), "claude");
        assert!(told(&seen).0.fault.is_some(), "{status}");
    }
}

#[test]
fn what_the_plan_does_not_fit_goes_nowhere() {
    let only = |to: &str, provider: &str| plan(vec![aim(to, provider, "m")], None);
    for (number, plan) in [
        ("1", both(None)),
        ("", both(None)),
        ("0", both(None)),
        ("-1", both(None)),
        ("2", String::new()),
        ("2", "{}".to_owned()),
        ("2", r#"{"targets":[]}"#.to_owned()),
        ("2", r#"{"targets":[{"to":SECOND,"provider":"claude","model":"m"}],"more":1}"#.to_owned()),
        ("1", only(SECOND, "openai")),
        ("1", only("fast/2", "claude")),
        // The configuration had another model when this filter's was printed.
        ("1", only("fast/claude/claude-sonnet-4-5", "claude")),
        ("1", only("openai/*", "claude")),
    ] {
        for path in [CHAT, "/v1/messages", "/v1/files", "/v1/models"] {
            let asked = attempt(
                Message { headers: request(&json!({})).with(":path", path).headers, ..request(&json!({})) },
                number,
                &plan,
            );
            let seen = lead(&claude(), &asked, 50, false, |_| answered());
            assert!(seen.request.is_none(), "{number} {plan} {path}");
            assert_eq!(seen.answer.get(":status"), "503", "{number} {plan} {path}");
            assert!(seen.answer.text().contains("the gateway lost track of this request"), "{}", seen.answer.text());
            assert_eq!(seen.told.counts, [("attache_translate_refused.provider.claude".to_owned(), 1)]);
            assert_eq!(seen.told.lines.len(), 1);
        }
    }
    let seen = lead(&claude(), &attempt(Message::request("/healthz", ""), "2", &both(None)), 50, false, |_| answered());
    assert_eq!((seen.request.is_none(), seen.answer.get(":status")), (true, "404"), "nobody has planned that");
    // Envoy stays with the last group when it tries more often than planned.
    let seen = lead(&claude(), &attempt(request(&json!({})), "7", &both(None)), 50, false, |_| answered());
    assert_eq!(seen.answer.get("x-attache-attempts"), "7");
}

#[test]
fn what_nobody_reads_goes_to_its_provider_too() {
    let plan = plan(vec![aim(FIRST, "openai", "")], None);
    let asked = attempt(Message::request("/v1/files?limit=2", "bytes"), "1", &plan).with("authorization", "Bearer s");
    let seen = lead(&openai(), &asked, 50, false, |_| Message::json(200, "{}"));
    let sent = seen.request.as_ref().unwrap();
    assert_eq!((sent.get(":path"), sent.get("authorization"), sent.text()), ("/v1/files?limit=2", "Bearer s", "bytes"));
    let seen = lead(&openai(), &asked, 50, false, |_| Message::json(200, ""));
    assert_eq!((seen.answer.get(":status"), seen.answer.text()), ("200", ""), "HEAD, or nothing to say");
    assert_eq!((told(&seen).0.unread, told(&seen).0.fault), (true, None));
    let plan = plan_of_speech();
    let asked = attempt(Message::request("/v1/audio/speech", r#"{"model":"tts","input":"a"}"#), "1", &plan);
    let seen = lead(&openai(), &asked, 50, false, |_| Message::json(200, "RIFF").with("content-type", "audio/wav"));
    assert_eq!(seen.request.as_ref().unwrap().value()["model"], "tts-1");
    let (told, _) = told(&seen);
    assert_eq!((told.unread, told.content, told.done, told.fault), (true, true, false, None));
}

fn plan_of_speech() -> String {
    plan(vec![aim(FIRST, "openai", "tts-1")], None)
}

#[test]
fn mistakes_are_explained() {
    let target = |more: Value| {
        let mut target = json!({"name": "claude", "target": SECOND, "preset": "anthropic"});
        target.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        target
    };
    for (targets, expected) in [
        (json!([]), "translate: expected an item or more"),
        (json!([{"name": "a", "preset": "anthropic"}]), "translate[0].target: missing: "),
        (
            json!([target(json!({})), target(json!({}))]),
            "translate: there are two with the target `fast/claude/claude-haiku-4-5`",
        ),
        (
            json!([target(json!({})), target(json!({"name": "b", "target": "b"}))]),
            "translate: with `planned` a cluster's filter has",
        ),
        (json!([target(json!({"when": {"model": "m"}}))]), "translate[0].when: with `planned` the plan says who"),
        (json!([target(json!({"model": "m"}))]), "translate[0].model: with `planned` the plan says which"),
        (json!([target(json!({"models": {"a": "m"}}))]), "translate[0].models: with `planned` the plan says which"),
        (
            json!([target(json!({"headers": {"x-house": "a"}}))]),
            "translate[0].headers.x-house: with `planned` the service",
        ),
        (json!([target(json!({"key": "k"}))]), "translate[0]: a target has no `key`"),
    ] {
        let why = read(&targets).err().unwrap_or_default();
        assert!(why.starts_with(expected), "{why}");
    }
    assert!(read(&json!([target(json!({"headers": {"Anthropic-Beta": "a"}}))])).is_ok());
    let read = |configuration: Value| Translate::read(configuration.to_string().as_bytes()).err().unwrap_or_default();
    let why = read(json!({"translate": [target(json!({}))], "planned": true}));
    assert!(why.starts_with("planned: only with `per_attempt`"), "{why}");
    let why = read(json!({"translate": [target(json!({}))], "per_attempt": true}));
    assert_eq!(why, "translate[0].target: only with `planned`");
}

proptest! {
    /// Whatever a plan says, a request is made for a target that is written in this cluster, or not at all.
    #[test]
    fn nothing_goes_where_the_plan_does_not_say(
        to in prop::sample::select(vec![FIRST, SECOND, "claude/*", "", "*"]),
        provider in prop::sample::select(vec!["claude", "openai", ""]),
        model in ".{0,20}",
        number in prop::sample::select(vec!["0", "1", "2", "99999999999", "x"]),
        cap in prop::option::of(any::<u64>()),
    ) {
        let asked = attempt(request(&json!({})), number, &plan(vec![aim(to, provider, &model)], cap));
        let seen = lead(&claude(), &asked, 50, false, |_| answered());
        let fits = provider == "claude" && matches!(to, SECOND | "claude/*") && matches!(number, "1" | "2");
        prop_assert_eq!(seen.request.is_some(), fits);
        if let Some(sent) = seen.request {
            let expected = if model.is_empty() { "fast" } else { &model };
            prop_assert_eq!(&sent.value()["model"], expected);
            prop_assert_eq!(sent.get(":authority"), "api.anthropic.com");
        }
    }
}

#[test]
fn a_later_answer_does_not_stand_under_an_earlier_one() {
    let mut exchange = Exchange::new(claude());
    let asked = attempt(request(&json!({})), "2", &both(None));
    drop(exchange.request_head(&asked.headers, false, 7));
    drop(exchange.request_body(&asked.headers, asked.body.len(), true, 7, &|| asked.body.clone()));
    let first = exchange.told().facts;
    let read: Told = hybrid::read(&first[0].1).unwrap();
    assert_eq!(read, Told { attempt: 2, ..Told::default() });
    drop(reply(&mut exchange, answered(), 50, false));
    assert!(exchange.told().facts[0].1.contains(r#""done":true"#));
}
