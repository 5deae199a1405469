use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(super) const SCOPE: Scope<'static> =
    Scope { tenant: Tenant::Caller("ann"), policy: "7", models: &["openai/gpt-4o"], also: &[], left_out: &[] };

/// A request of every front: dialect, path, body.
pub(super) fn fronts() -> [(&'static str, Value); 7] {
    let schema = json!({ "type": "object", "properties": { "b": { "type": "number" }, "a": { "type": "string" } } });
    [
        (
            "/v1/chat/completions",
            json!({ "model": "fast", "temperature": 0.7, "max_tokens": 100, "tools": [{ "type": "function",
                "function": { "name": "f", "description": "does f", "parameters": schema } }],
                "messages": [{ "role": "system", "content": "be brief" }, { "role": "user", "content": "why is the sky blue?" }] }),
        ),
        (
            "/v1/completions",
            json!({ "model": "fast", "prompt": "why is the sky blue?", "temperature": 0.7, "suffix": "be brief" }),
        ),
        (
            "/v1/responses",
            json!({ "model": "fast", "instructions": "be brief", "temperature": 0.7, "tools": [{ "type": "function", "name": "f",
                "description": "does f", "parameters": schema }],
                "input": [{ "role": "user", "content": [{ "type": "input_text", "text": "why is the sky blue?" }] }] }),
        ),
        (
            "/v1/messages",
            json!({ "model": "fast", "system": "be brief", "temperature": 0.7, "max_tokens": 100, "tools": [{ "name": "f",
                "description": "does f", "input_schema": schema }],
                "messages": [{ "role": "user", "content": [{ "type": "text", "text": "why is the sky blue?" }] }] }),
        ),
        (
            "/v1beta/models/fast:generateContent",
            json!({ "systemInstruction": { "parts": [{ "text": "be brief" }] }, "generationConfig": { "temperature": 0.7 },
                "tools": [{ "functionDeclarations": [{ "name": "f", "description": "does f", "parameters": schema }] }],
                "contents": [{ "role": "user", "parts": [{ "text": "why is the sky blue?" }] }] }),
        ),
        (
            "/model/fast/converse",
            json!({ "system": [{ "text": "be brief" }], "inferenceConfig": { "temperature": 0.7 }, "toolConfig": { "tools": [
                { "toolSpec": { "name": "f", "description": "does f", "inputSchema": { "json": schema } } }] },
                "messages": [{ "role": "user", "content": [{ "text": "why is the sky blue?" }] }] }),
        ),
        (
            "/v2/chat",
            json!({ "model": "fast", "temperature": 0.7, "tools": [{ "type": "function", "function": { "name": "f",
                "description": "does f", "parameters": schema } }],
                "messages": [{ "role": "system", "content": "be brief" }, { "role": "user", "content": "why is the sky blue?" }] }),
        ),
    ]
}

#[test]
fn what_means_the_same_has_one_key() {
    for (one, other) in [
        (r#"{"model":"m","a":[1,2]}"#, " {\n\"a\" : [ 1 ,2 ] ,\t\"model\":\"m\" } "),
        (r#"{"model":"m","a":"é/"}"#, r#"{"mod\u0065l":"\u006d","a":"\u00e9\/"}"#),
        (r#"{"model":"m","t":1}"#, r#"{"model":"m","t":1.0}"#),
        (r#"{"model":"m","x":{"y":{"b":1,"a":2}}}"#, r#"{"model":"m","x":{"y":{"a":2,"b":1}}}"#),
        (r#"{"model":"m"}"#, r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#),
        (r#"{"model":"m","stream":false}"#, r#"{"model":"m","prompt_cache_key":"k"}"#),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}"#,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}"#,
        ),
    ] {
        assert_eq!(key(one), key(other), "{one} and {other}");
    }
}

#[test]
fn what_may_differ_has_two() {
    for (one, other) in [
        (r#"{"a":1}"#, r#"{"a":"1"}"#),
        (r#"{"a":null}"#, r#"{}"#),
        (r#"{"a":null}"#, r#"{"a":"null"}"#),
        (r#"{"a":[]}"#, r#"{"a":{}}"#),
        (r#"{"a":["b","c"]}"#, r#"{"a":["bc"]}"#),
        (r#"{"a":["b","c"]}"#, r#"{"a":["c","b"]}"#),
        (r#"{"a":[["b"],"c"]}"#, r#"{"a":[["b","c"]]}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
        (r#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#),
        (r#"{"a":"x"}"#, r#"{"a":"x "}"#),
        (r#"{"a":"é"}"#, r#"{"a":"e\u0301"}"#),
        (r#"{"user":"ann"}"#, r#"{"user":"ben"}"#),
        (r#"{"x":{"stream":true}}"#, r#"{"x":{"stream":false}}"#),
        // A schema's order is the answer's, and a model reads a call as it is written.
        (r#"{"parameters":{"a":1,"b":2}}"#, r#"{"parameters":{"b":2,"a":1}}"#),
        (r#"{"x":[{"input":{"a":1}}]}"#, r#"{"x":[{"input":{"a":1.0}}]}"#),
        (r#"{"schema":{"cache_control":1}}"#, r#"{"schema":{}}"#),
    ] {
        assert_ne!(key(one), key(other), "{one} and {other}");
    }
}

#[test]
fn every_leaf_of_every_front_counts() {
    for (path, body) in fronts() {
        let known = key_at(path, &body, &SCOPE);
        let mut leaves = Vec::new();
        pointers(&body, String::new(), &mut leaves);
        assert!(leaves.len() > 3, "{path}");
        for pointer in leaves {
            let mut changed = body.clone();
            let leaf = changed.pointer_mut(&pointer).unwrap();
            *leaf = match &*leaf {
                Value::String(text) => json!(format!("{text}!")),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    json!(leaf.as_f64().unwrap() + 1.0)
                }
            };
            assert_ne!(key_at(path, &changed, &SCOPE), known, "{path} {pointer}");
        }
        let mut more = body.clone();
        more["unheard_of"] = json!({ "deep": [1] });
        assert_ne!(key_at(path, &more, &SCOPE), known, "{path}");
    }
}

#[test]
fn everything_around_the_body_counts() {
    let body = json!({ "model": "m", "user": "ann" });
    let at = |scope: Scope<'_>| key_at("/v1/chat/completions", &body, &scope);
    let keys = [
        at(SCOPE),
        at(Scope { tenant: Tenant::Caller("ben"), ..SCOPE }),
        at(Scope { tenant: Tenant::Team("ann"), ..SCOPE }),
        at(Scope { tenant: Tenant::Route("ann"), ..SCOPE }),
        at(Scope { tenant: Tenant::Shared, ..SCOPE }),
        at(Scope { policy: "8", ..SCOPE }),
        at(Scope { models: &["openai/gpt-4o", "claude/haiku"], ..SCOPE }),
        at(Scope { models: &[], ..SCOPE }),
        at(Scope { also: &[("salt", "x")], ..SCOPE }),
        at(Scope { also: &[("sal", "tx")], ..SCOPE }),
        at(Scope { left_out: &["user"], ..SCOPE }),
        key_at("/v1/responses", &body, &SCOPE),
        key_at("/v1/messages", &body, &SCOPE),
        key_at("/openai/deployments/m/chat/completions", &body, &SCOPE),
        key_at("/openai/deployments/n/chat/completions", &body, &SCOPE),
        Keys::new(b"another secret")
            .exact(&SCOPE, &Request::read(&endpoint("/v1/chat/completions"), body.to_string().as_bytes()).unwrap()),
    ];
    for (place, key) in keys.iter().enumerate() {
        assert!(!keys[..place].contains(key), "{place}");
    }
    assert_eq!(at(Scope { models: &["b", "a", "b"], ..SCOPE }), at(Scope { models: &["a", "b"], ..SCOPE }));
    assert_eq!(
        at(Scope { also: &[("b", "1"), ("a", "2")], ..SCOPE }),
        at(Scope { also: &[("a", "2"), ("b", "1")], ..SCOPE })
    );
    let ben = json!({ "model": "m", "user": "ben" });
    let without = Scope { left_out: &["user"], ..SCOPE };
    assert_eq!(at(without), key_at("/v1/chat/completions", &ben, &without));
}

#[test]
fn urls_that_stream_share_with_those_that_do_not() {
    let body = json!({ "contents": [] });
    for (one, other) in [
        ("/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent?alt=sse"),
        ("/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent"),
        ("/model/m/converse", "/model/m/converse-stream"),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict",
            "/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict",
        ),
    ] {
        assert_eq!(key_at(one, &body, &SCOPE), key_at(other, &body, &SCOPE), "{one}");
    }
    let other = key_at("/v1beta/models/n:generateContent", &body, &SCOPE);
    assert_ne!(key_at("/v1beta/models/m:generateContent", &body, &SCOPE), other);
}

#[test]
fn what_a_provider_remembers_is_never_kept() {
    let endpoint = endpoint("/v1/responses");
    for (body, expected) in [
        (json!({ "conversation": "conv_1" }), Some(Unrepeatable::Conversation)),
        (json!({ "conversation": { "id": "conv_1" } }), Some(Unrepeatable::Conversation)),
        (json!({ "background": true }), Some(Unrepeatable::Background)),
        (json!({ "container": "c" }), Some(Unrepeatable::Container)),
        (json!({ "tools": [{ "type": "function" }, { "type": "mcp", "server_url": "u" }] }), Some(Unrepeatable::Acts)),
        (json!({ "tools": [{ "type": "code_execution_20250825" }] }), Some(Unrepeatable::Acts)),
        (json!({ "mcp_servers": [{ "url": "u" }] }), Some(Unrepeatable::Acts)),
        (json!({ "tools": [{ "type": "function", "name": "mcp" }, { "type": "web_search" }, "mcp"] }), None),
        (json!({ "background": false, "conversation": null, "previous_response_id": "r" }), None),
    ] {
        let body = body.to_string();
        assert_eq!(Request::read(&endpoint, body.as_bytes()).unwrap().unrepeatable(), expected, "{body}");
    }
}

#[test]
fn only_objects_have_keys() {
    let endpoint = endpoint("/v1/chat/completions");
    for body in [b"[]".as_slice(), b"1", b"\"a\"", b"", b"--b\r\n", b"{\"a\":\"\xff\"}"] {
        assert_eq!(Request::read(&endpoint, body).err(), Some(Unkeyable::NotJson), "{body:?}");
    }
    let request = Request::read(&endpoint, br#"{"secret":"words"}"#).unwrap();
    assert!(!format!("{request:?}").contains("words") && !format!("{:?}", Keys::new(b"hush")).contains("hush"));
    let key = Keys::new(b"s").exact(&SCOPE, &request);
    assert_eq!(key.to_string().len(), 64);
}

proptest! {
    /// However an object is written down, its key is the same.
    #[test]
    fn writing_does_not_matter(value in object(), seed in any::<u64>()) {
        let mut body = String::new();
        scrawl(&value, seed, &mut body);
        prop_assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), value.clone());
        prop_assert_eq!(key(&body), key(&value.to_string()));
    }

    /// Two different objects never meet.
    #[test]
    fn meaning_does(one in object(), other in object()) {
        prop_assert_eq!(key(&one.to_string()) == key(&other.to_string()), one == other);
    }

    /// Nothing that a tenant may be called or say leads to another's entry.
    #[test]
    fn tenants_never_meet(
        one in tenants(), other in tenants(), policy in ".{0,4}", other_policy in ".{0,4}", body in object(), other_body in object(),
    ) {
        let at = |(kind, name): &(u8, String), policy: &str, body: &Value| {
            let tenant = match kind {
                0 => Tenant::Caller(name),
                1 => Tenant::Team(name),
                2 => Tenant::Route(name),
                _ => Tenant::Shared,
            };
            key_at("/v1/chat/completions", body, &Scope { tenant, policy, ..SCOPE })
        };
        let same = (one.0 == other.0 && (one.0 == 3 || one.1 == other.1)) && policy == other_policy;
        prop_assert_eq!(at(&one, &policy, &body) == at(&other, &other_policy, &body), same);
        if !same {
            prop_assert_ne!(at(&one, &policy, &body), at(&other, &other_policy, &other_body));
        }
    }
}

fn tenants() -> impl Strategy<Value = (u8, String)> {
    (0..4u8, prop_oneof![Just("ann".to_owned()), "[a-b]{0,2}", ".{0,6}"])
}

/// JSON objects without repeated keys, and without the few that stay out or keep their order.
fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-cé\"\\\\\n😀]{0,3}".prop_map(Value::from),
    ];
    let key = "[a-cé\"]{1,2}";
    let value = leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(key, value, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// The same in another hand: keys turned round, blanks, escapes, numbers with zeros.
fn scrawl(value: &Value, seed: u64, out: &mut String) {
    let blank = |at: u32| ["", " ", "\n", "\t "][(seed.rotate_left(at) & 3) as usize];
    out.push_str(blank(1));
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            if seed & 4 == 0 {
                fields.reverse();
            }
            out.push('{');
            for (place, (key, value)) in fields.into_iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                scrawl(&json!(key), seed.rotate_left(3), out);
                out.push_str(blank(5));
                out.push(':');
                scrawl(value, seed.rotate_left(7), out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                scrawl(item, seed.rotate_left(9), out);
            }
            out.push(']');
        }
        Value::String(text) if seed & 8 == 0 => {
            out.push('"');
            text.encode_utf16().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            out.push('"');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
    out.push_str(blank(11));
}

fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| pointers(value, format!("{at}/{key}"), out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| pointers(item, format!("{at}/{i}"), out)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push(at),
    }
}

fn key(body: &str) -> Key {
    let endpoint = endpoint("/v1/chat/completions");
    Keys::new(b"a secret of the deployment").exact(&SCOPE, &Request::read(&endpoint, body.as_bytes()).unwrap())
}

fn key_at(path: &str, body: &Value, scope: &Scope<'_>) -> Key {
    let (endpoint, body) = (endpoint(path), body.to_string());
    Keys::new(b"a secret of the deployment").exact(scope, &Request::read(&endpoint, body.as_bytes()).unwrap())
}

pub(super) fn endpoint(path: &str) -> Endpoint {
    Endpoint::of(path, path.contains("messages")).unwrap()
}
