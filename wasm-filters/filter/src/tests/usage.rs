use super::proxy::{Message, events, lead};
use crate::{Filter, Told, Usage};
use serde_json::json;
use std::rc::Rc;

const CHAT: &str = "/v1/chat/completions";

fn usage() -> Rc<Usage> {
    let configuration = json!({"usage": [
        {"name": "openai", "prices": [
            {"provider": "openai", "models": ["gpt-4o"], "currency": "USD", "input": 2.5, "cached_input": 1.25, "output": 10},
            {"provider": "claude", "models": ["claude-haiku-4-5"], "currency": "USD", "input": 1, "output": "5"}]}
    ], "body_bytes_max": 4000});
    Rc::new(Usage::read(configuration.to_string().as_bytes()).unwrap_or_else(|why| panic!("{why}")))
}

fn fact<'t>(told: &'t Told, name: &str) -> &'t str {
    told.facts.iter().rev().find(|(fact, _)| fact == name).map_or("", |(_, value)| value)
}

fn count(told: &Told, name: &str) -> u64 {
    told.counts.iter().filter(|(counter, _)| counter == name).map(|(_, by)| by).sum()
}

fn asked(stream: bool) -> String {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": stream}).to_string()
}

#[test]
fn a_whole_answer_says_what_it_cost_in_its_head() {
    let answer = json!({"id": "a", "model": "gpt-4o-2024-08-06", "choices": [], "usage":
        {"prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 400}}})
    .to_string();
    for cut in 1..answer.len() {
        let seen =
            lead(&usage(), &Message::request(CHAT, &asked(false)), cut, false, |_| Message::json(200, answer.clone()));
        assert_eq!(seen.request.as_ref().map(Message::text), Some(&*asked(false)));
        assert_eq!(seen.answer.text(), answer);
        assert_eq!(
            (seen.answer.get("x-attache-input-tokens"), seen.answer.get("x-attache-output-tokens")),
            ("1000", "10")
        );
        // 600 × 2.5 + 400 × 1.25 + 10 × 10 millionths.
        assert_eq!(seen.answer.get("x-attache-cost"), "0.0021");
        assert_eq!((fact(&seen.told, "attache_cost_nanos"), fact(&seen.told, "attache_currency")), ("2100000", "USD"));
        let of = "provider.openai.model.gpt-4o-2024-08-06";
        assert_eq!(count(&seen.told, &format!("attache_tokens.{of}.kind.input")), 1000);
        assert_eq!(count(&seen.told, &format!("attache_cost_nanos.{of}.currency.USD")), 2_100_000);
    }
}

#[test]
fn a_stream_is_asked_for_its_usage_and_passes_without_it() {
    let chunk = |text: &str| json!({"id": "a", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": text}}], "usage": null});
    let last =
        json!({"id": "a", "model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}});
    let shown = events(&[chunk("Hel"), chunk("lo")]);
    let stream = format!("{shown}{}data: [DONE]\n\n", events(&[last]));
    for cut in 1..stream.len() {
        for trailers in [false, true] {
            let seen = lead(&usage(), &Message::request(CHAT, &asked(true)), cut, trailers, |_| {
                Message::stream(stream.clone())
            });
            let request = seen.request.as_ref().map(Message::value).unwrap_or_default();
            assert_eq!(request["stream_options"], json!({"include_usage": true}));
            assert_eq!(seen.answer.text(), format!("{shown}data: [DONE]\n\n"));
            assert_eq!(
                (fact(&seen.told, "attache_input_tokens"), fact(&seen.told, "attache_output_tokens")),
                ("7", "2")
            );
            assert_eq!(count(&seen.told, "attache_tokens.provider.openai.model.gpt-4o.kind.output"), 2);
        }
    }
}

#[test]
fn other_dialects_need_no_look_at_the_request_and_no_byte_changes() {
    let stream = events(&[
        json!({"type": "message_start", "message": {"model": "claude-haiku-4-5", "usage": {"input_tokens": 5, "output_tokens": 1}}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "\"usage\": {"}}),
        json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]);
    let request = Message::request("/v1/messages", "{this is no JSON at all");
    for cut in 1..stream.len() {
        let seen = lead(&usage(), &request, cut, false, |_| {
            Message::stream(stream.clone()).with("x-attache-provider", "claude")
        });
        assert_eq!(seen.request.as_ref().map(Message::text), Some("{this is no JSON at all"));
        assert_eq!(seen.answer.text(), stream);
        assert_eq!((fact(&seen.told, "attache_input_tokens"), fact(&seen.told, "attache_output_tokens")), ("5", "9"));
        assert_eq!((fact(&seen.told, "attache_provider"), fact(&seen.told, "attache_cost_nanos")), ("claude", "50000"));
        assert_eq!(count(&seen.told, "attache_tokens.provider.claude.model.claude-haiku-4-5.kind.output"), 9);
    }
}

#[test]
fn a_client_of_gemini_s_array_gets_its_array() {
    let chunk = json!({"candidates": [], "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}, "modelVersion": "g"});
    let request = Message::request("/v1beta/models/g:streamGenerateContent", "{}");
    let seen = lead(&usage(), &request, 9, false, |_| Message::stream(events(std::slice::from_ref(&chunk))));
    assert!(seen.request.as_ref().is_some_and(|request| request.get(":path").ends_with("?alt=sse")));
    assert_eq!(seen.answer.get("content-type"), "application/json");
    assert_eq!(seen.answer.value(), json!([chunk]));
    assert_eq!(fact(&seen.told, "attache_output_tokens"), "4");
    assert_eq!(count(&seen.told, "attache_unpriced.provider.openai.model.g"), 1);
}

#[test]
fn what_it_cannot_read_passes() {
    let large = json!({"model": "gpt-4o", "stream": true, "messages": "x".repeat(5000)}).to_string();
    let answer = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).to_string();
    let seen = lead(&usage(), &Message::request(CHAT, &large), 1000, false, |_| Message::json(200, answer.clone()));
    assert_eq!(seen.request.as_ref().map(Message::text), Some(&*large));
    assert_eq!(fact(&seen.told, "attache_input_tokens"), "1", "the answer is read all the same");
    for (body, headers) in [("{not json", ("x-a", "b")), ("", ("x-a", "b")), (&*answer, ("content-encoding", "gzip"))] {
        let seen = lead(&usage(), &Message::request(CHAT, "{not json either"), 3, false, |_| {
            Message::json(200, body).with(headers.0, headers.1)
        });
        assert_eq!((seen.answer.text(), seen.told.facts.len()), (body, 0));
    }
    let failed =
        lead(&usage(), &Message::request(CHAT, &asked(true)), 3, false, |_| Message::json(500, answer.clone()));
    assert_eq!((failed.answer.text(), failed.told), (&*answer, Told::default()));
}
