//! What is refused, in whose words; what is answered, whole and as a stream; what is kept.

use http::Method;
use serde_json::{Value, json};

use super::store::Store;
use super::{Content, Stamp, create, kept};
use crate::fault::Fault;
use crate::script::Script;

fn ask(store: &Store, body: &Value, script: &str, n: u64) -> Result<Content, Fault> {
    let script = Script::parse(script.as_bytes()).expect("a valid script");
    create(body.to_string().as_bytes(), true, &script, Stamp { n, created: 1_700_000_000 }, store)
}

fn answer(body: &Value, script: &str) -> Value {
    match ask(&Store::default(), body, script, 1) {
        Ok(Content::Whole(bytes)) => serde_json::from_slice(&bytes).expect("JSON"),
        Ok(Content::Events(_)) => panic!("a stream"),
        Err(fault) => panic!("{fault:?}"),
    }
}

fn refused(fields: Value, message: &str, param: Option<&str>, code: Option<&str>) {
    let mut body = json!({"model": "gpt-5", "input": "hi"});
    if let (Some(body), Value::Object(fields)) = (body.as_object_mut(), fields) {
        body.extend(fields);
    }
    match ask(&Store::default(), &body, "{}", 1) {
        Ok(_) => panic!("{body} was taken"),
        Err(fault) => {
            assert!(fault.message.contains(message), "{body}: {fault:?}");
            assert_eq!((fault.param.as_deref(), fault.code.as_deref()), (param, code), "{body}: {fault:?}");
        }
    }
}

#[test]
fn parameters_that_are_wrong() {
    let unknown = Some("unknown_parameter");
    refused(json!({"stop": "x"}), "Unknown parameter: 'stop'.", Some("stop"), unknown);
    refused(json!({"n": 2}), "Unknown parameter: 'n'.", Some("n"), unknown);
    let moved = "this parameter has moved to 'max_output_tokens'";
    refused(json!({"max_tokens": 20}), moved, Some("max_tokens"), Some("unsupported_parameter"));
    let low = "Expected a value >= 16, but got 1 instead.";
    refused(json!({"max_output_tokens": 1}), low, Some("max_output_tokens"), Some("integer_below_min_value"));
    refused(
        json!({"input": null}),
        "Missing required parameter: 'input'.",
        Some("input"),
        Some("missing_required_parameter"),
    );
    refused(json!({"input": 7}), "Invalid type for 'input'", Some("input"), Some("invalid_type"));
    refused(
        json!({"temperature": 0.5}),
        "not supported with this model",
        Some("temperature"),
        Some("unsupported_parameter"),
    );
    let no_thoughts = "'reasoning.effort' is not supported with this model";
    let asked = json!({"model": "gpt-4o", "reasoning": {"effort": "low"}});
    refused(asked, no_thoughts, Some("reasoning.effort"), Some("unsupported_parameter"));
    let sealed = json!({"model": "gpt-4o", "include": ["reasoning.encrypted_content"]});
    refused(sealed, "Encrypted content is not supported", Some("include"), None);
    refused(json!({"include": ["x"]}), "Invalid value: 'x'", Some("include[0]"), Some("invalid_value"));
    refused(json!({"stream_options": {}}), "only allowed when 'stream'", Some("stream_options"), None);
    refused(json!({"text": {"format": {"type": "json_object"}}}), "the word 'json'", Some("input"), None);
    let before = Some("previous_response_not_found");
    refused(json!({"previous_response_id": "resp_0"}), "'resp_0' not found", Some("previous_response_id"), before);
}

#[test]
fn items_that_are_wrong() {
    let input = |items: Value| json!({"input": items});
    let user = |part: Value| input(json!([{"role": "user", "content": [part]}]));
    let value = Some("invalid_value");
    let part = json!({"type": "text", "text": "hi"});
    refused(user(part), "Invalid value: 'text'.", Some("input[0].content[0]"), value);
    let said = input(json!([{"role": "assistant", "content": [{"type": "input_text", "text": "hi"}]}]));
    refused(said, "'output_text' and 'refusal'", Some("input[0].content[0]"), value);
    refused(input(json!([{"role": "tool", "content": "x"}])), "Invalid value: 'tool'", Some("input[0].role"), value);
    let image = json!({"type": "input_image", "image_url": "ftp://x"});
    refused(user(image), "Expected a valid URL", Some("input[0].content[0].image_url"), value);
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    refused(input(json!([call])), "No tool output found for function call c.", Some("input"), None);
    let output = json!({"type": "function_call_output", "call_id": "c", "output": "x"});
    refused(input(json!([output])), "No tool call found for function call output with call_id c.", Some("input"), None);
    let long = json!({"type": "function_call_output", "call_id": "c".repeat(65), "output": "x"});
    refused(input(json!([long])), "maximum length 64", Some("input[0].call_id"), Some("string_above_max_length"));
    let message = json!({"type": "message", "id": "x", "role": "user", "content": "hi"});
    refused(input(json!([message])), "begins with 'msg'", Some("input[0].id"), value);
    let thought = |id: Option<&str>, sealed: Option<&str>| {
        let mut item = json!({"type": "reasoning", "summary": []});
        if let Some(id) = id {
            item["id"] = id.into();
        }
        if let Some(sealed) = sealed {
            item["encrypted_content"] = sealed.into();
        }
        input(json!([item]))
    };
    let sealed = Some("invalid_encrypted_content");
    refused(thought(None, Some("EqoB")), "could not be verified", None, sealed);
    refused(thought(Some("rs_2"), Some("gAAAAABsim_rs_1=")), "did not match the target item id", None, sealed);
    refused(thought(Some("rs_2"), None), "Items are not persisted", Some("input"), None);
    refused(input(json!([{"type": "item_reference", "id": "msg_1"}])), "'msg_1' not found", Some("input"), None);
}

#[test]
fn tools_that_are_wrong() {
    let missing = Some("missing_required_parameter");
    let chats = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
    refused(chats, "Missing required parameter: 'tools[0].name'.", Some("tools[0].name"), missing);
    let strict =
        json!({"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}]});
    let schema = Some("invalid_function_parameters");
    refused(strict, "'additionalProperties' is required", Some("tools[0].parameters"), schema);
    refused(json!({"tools": [{"type": "x"}]}), "Invalid value: 'x'", Some("tools[0].type"), Some("invalid_value"));
    let named = json!({"tool_choice": {"type": "function", "name": "f"}});
    refused(named, "not found in 'tools'", Some("tool_choice"), None);
    refused(json!({"tool_choice": "required"}), "must be specified with 'tools'", Some("tool_choice"), None);
}

#[test]
fn what_is_answered() {
    let told = answer(&json!({"model": "gpt-4o", "input": "hi", "instructions": "Be brief."}), "{}");
    assert_eq!(told["output"][0]["content"][0]["text"], "You said: hi");
    assert_eq!((&told["status"], &told["instructions"]), (&json!("completed"), &json!("Be brief.")));
    let cut = answer(&json!({"model": "gpt-4o", "input": "x".repeat(99), "max_output_tokens": 16}), "{}");
    assert_eq!(cut["incomplete_details"], json!({"reason": "max_output_tokens"}));
    let thinking = json!({
        "model": "gpt-5", "input": "hi", "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    });
    let told = answer(&thinking, "{}");
    assert_eq!(told["output"][0]["summary"][0]["text"], "Let me think about this.");
    let mut again = thinking.clone();
    again["input"] = json!([{"role": "user", "content": "hi"}, told["output"][0], told["output"][1], {"role": "user", "content": "on"}]);
    assert_eq!(answer(&again, "{}")["output"][1]["content"][0]["text"], "You said: on");
    let tools = json!([{"type": "custom", "name": "c"}, {"type": "function", "name": "f"}]);
    let calls = answer(
        &json!({"model": "gpt-5", "input": "hi", "tools": tools}),
        r#"{"tool_calls":[{"name":"c","arguments":"free"},{"name":"f","arguments":{"a":1}}]}"#,
    );
    assert_eq!((&calls["output"][0]["input"], &calls["output"][1]["arguments"]), (&json!("free"), &json!("{\"a\":1}")));
}

#[test]
fn a_stream_tells_the_same_as_a_whole_answer() {
    for script in [
        r#"{"text":"Hello there","chunks":3,"thinking":"hm"}"#,
        r#"{"tool_calls":[{"name":"f","arguments":"{broken"}],"argument_chunks":4}"#,
        r#"{"refusal":"no"}"#,
        r#"{"finish_reason":"length","text":"x"}"#,
    ] {
        let whole = answer(&json!({"model": "gpt-5", "input": "hi"}), script);
        let stream = json!({"model": "gpt-5", "input": "hi", "stream": true});
        let Ok(Content::Events(events)) = ask(&Store::default(), &stream, script, 1) else { panic!("no stream") };
        let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(&event.data).expect("JSON")).collect();
        for (n, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], n);
        }
        assert_eq!(events.last().map(|event| &event["response"]["output"]), Some(&whole["output"]), "{script}");
        let done: Vec<&Value> = events
            .iter()
            .filter(|event| event["type"] == "response.output_item.done")
            .map(|event| &event["item"])
            .collect();
        assert_eq!(json!(done), whole["output"], "{script}");
    }
}

#[test]
fn what_is_kept_can_be_referred_to() {
    let store = Store::default();
    let first = json!({"model": "gpt-4o", "input": "one"});
    assert!(ask(&store, &first, "{}", 1).is_ok());
    let id = format!("resp_sim{:045}", 1);
    let path = format!("/v1/responses/{id}");
    let next = json!({"model": "gpt-4o", "input": [{"role": "user", "content": "two"}], "previous_response_id": id});
    assert!(ask(&store, &next, "{}", 2).is_ok());
    assert!(kept(&Method::GET, &path, &store).is_ok());
    assert!(kept(&Method::DELETE, &path, &store).is_ok());
    for (method, path, status) in [
        (Method::GET, path.as_str(), 404),
        (Method::DELETE, path.as_str(), 404),
        (Method::PUT, path.as_str(), 405),
        (Method::GET, "/v1/responses", 405),
        (Method::GET, "/v1/responses/a/b", 404),
    ] {
        assert_eq!(kept(&method, path, &store).err().map(|fault| fault.status), Some(status), "{method} {path}");
    }
    let unkept = json!({"model": "gpt-4o", "input": "one", "store": false});
    assert!(ask(&store, &unkept, "{}", 3).is_ok());
    assert!(kept(&Method::GET, &format!("/v1/responses/resp_sim{:045}", 3), &store).is_err());
}
