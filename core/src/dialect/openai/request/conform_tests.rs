use super::*;
use crate::dialect::{Dialect, Upstream};

/// What a request becomes for a provider with these quirks, and the losses.
fn conformed(quirks: &str, body: &str) -> (String, String) {
    let quirks: Quirks = serde_json::from_str(quirks).unwrap();
    let upstream = Upstream { quirks: quirks.into(), ..Upstream::new("m") };
    let mut losses = Losses::default();
    let made = Dialect::OpenAi.conform(body.as_bytes(), &upstream, &mut losses);
    (made.map_or_else(|| body.to_owned(), |made| String::from_utf8(made).unwrap()), losses.header())
}

fn check(quirks: &str, cases: &[(&str, &str, &str)]) {
    for (body, expected, lost) in cases {
        assert_eq!(conformed(quirks, body), ((*expected).to_owned(), (*lost).to_owned()), "{quirks} {body}");
    }
}

#[test]
fn the_token_limit_has_one_name() {
    let old = r#"{"max_tokens_field":"max_tokens"}"#;
    check(
        old,
        &[
            (r#"{"max_completion_tokens":5,"a":1.0}"#, r#"{"a":1.0,"max_tokens":5}"#, ""),
            (r#"{"max_completion_tokens":5,"max_tokens":6}"#, r#"{"max_tokens":6}"#, ""),
            (r#"{"max_completion_tokens":5,"max_tokens":null}"#, r#"{"max_tokens":5}"#, ""),
            (r#"{"max_tokens":6}"#, r#"{"max_tokens":6}"#, ""),
        ],
    );
    let new = r#"{"max_tokens_field":"max_completion_tokens"}"#;
    check(new, &[(r#"{"max_tokens":6}"#, r#"{"max_completion_tokens":6}"#, "")]);
}

#[test]
fn stream_options_go_where_nobody_knows_them() {
    let body = r#"{"stream":true,"stream_options":{"include_usage":true}}"#;
    check(r#"{"stream_options":false}"#, &[(body, r#"{"stream":true}"#, "")]);
    check(r#"{"stream_options":true}"#, &[(body, body, "")]);
}

#[test]
fn a_demand_for_tools_has_other_words() {
    let required = r#"{"tool_choice" : "required"}"#;
    check(r#"{"required_tool":"any"}"#, &[(required, r#"{"tool_choice" : "any"}"#, "")]);
    check(r#"{"required_tool":"unknown"}"#, &[(required, "{}", "tool_choice")]);
    let named = r#"{"tool_choice":{"type":"function","function":{"name":"f"}}}"#;
    check(
        r#"{"required_tool":"unknown"}"#,
        &[(named, named, ""), (r#"{"tool_choice":"auto"}"#, r#"{"tool_choice":"auto"}"#, "")],
    );
}

#[test]
fn structured_output_in_degrees() {
    let schema = r#"{"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}}}"#;
    let object = r#"{"response_format":{"type":"json_object"}}"#;
    let lost = "response_format.json_schema";
    check(r#"{"structured_output":"json_object"}"#, &[(schema, object, lost), (object, object, "")]);
    let text = r#"{"response_format":{"type":"text"}}"#;
    check(
        r#"{"structured_output":"none"}"#,
        &[(schema, "{}", "response_format"), (object, "{}", "response_format"), (text, "{}", "")],
    );
}

#[test]
fn a_clients_effort_is_said_in_the_providers_way() {
    let low = r#"{"reasoning_effort":"low"}"#;
    check("{}", &[(low, low, "")]);
    check(r#"{"reasoning":"thinking"}"#, &[(low, r#"{"thinking":{"type":"enabled"}}"#, "reasoning_effort")]);
    check(
        r#"{"reasoning":"enable_thinking"}"#,
        &[
            (low, r#"{"enable_thinking":true,"thinking_budget":2048}"#, ""),
            (r#"{"reasoning_effort":"none"}"#, r#"{"enable_thinking":false}"#, ""),
            // What it says in the provider's own words counts.
            (
                r#"{"reasoning_effort":"low","thinking_budget":9}"#,
                r#"{"thinking_budget":9,"enable_thinking":true}"#,
                "",
            ),
            (r#"{"reasoning_effort":"new"}"#, r#"{"reasoning_effort":"new"}"#, ""),
            (r#"{"enable_thinking":true}"#, r#"{"enable_thinking":true}"#, ""),
        ],
    );
    check(
        r#"{"reasoning":"template_enable_thinking"}"#,
        &[(
            r#"{"reasoning_effort":"high","chat_template_kwargs":{"x":1}}"#,
            r#"{"chat_template_kwargs":{"x":1,"enable_thinking":true}}"#,
            "reasoning_effort",
        )],
    );
    check(r#"{"efforts":["none","low","high"]}"#, &[(low, low, ""), (r#"{"reasoning_effort":"minimal"}"#, low, "")]);
}

#[test]
fn messages_change_where_they_must_and_nowhere_else() {
    let said = r#"{"messages":[ {"role":"developer","content":"d", "x":1.50},{"role":"user","content":[{"type":"text","text":"é"}],"name":"ann"} ]}"#;
    check(
        r#"{"developer_role":false}"#,
        &[
            (said, &said.replace(r#""developer""#, r#""system""#), ""),
            (r#"{"messages":"odd"}"#, r#"{"messages":"odd"}"#, ""),
        ],
    );
    check(
        r#"{"refuses":["messages.name"]}"#,
        &[
            (said, &said.replace(r#","name":"ann""#, ""), "messages.name"),
            (r#"{"messages":[1,{"name":null}]}"#, r#"{"messages":[1,{}]}"#, ""),
        ],
    );
}

#[test]
fn thoughts_go_back_where_the_provider_wants_them() {
    let said = r#"{"messages":[{"role":"assistant","reasoning_content":"hm","content":"a"}]}"#;
    let bare = r#"{"messages":[{"role":"assistant","content":"a"}]}"#;
    check("{}", &[(said, said, "")]);
    let never = r#"{"thoughts_back":"never"}"#;
    check(never, &[(said, bare, "messages.reasoning_content"), (bare, bare, "")]);
    let blocks =
        r#"{"messages":[{"role":"assistant","content":"a","thinking_blocks":[{"type":"thinking"}],"reasoning":null}]}"#;
    check(never, &[(blocks, bare, "messages.reasoning_content")]);
    let elsewhere = r#"{"messages":[{"role":"assistant","content":"a","reasoning":"hm"}]}"#;
    check(r#"{"thoughts_back":"reasoning"}"#, &[(said, elsewhere, ""), (elsewhere, elsewhere, "")]);
}

#[test]
fn ids_of_calls_have_nine_letters_and_still_meet() {
    let quirks = r#"{"tool_call_ids":"nine_alphanumerics"}"#;
    let body = |id: &str| {
        format!(
            r#"{{"messages":[{{"role":"assistant","content":null,"tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"{id}","content":"1"}}]}}"#
        )
    };
    // The provider's own id comes back as it was.
    check(quirks, &[(&body("a1B2c3D4e"), &body("a1B2c3D4e"), "")]);
    for id in ["toolu_01A09q90qw90lq917835lq9", "call_1", "", "a1B2c3D4é"] {
        let mapped = nine_alphanumerics(id);
        assert!(mapped.len() == 9 && mapped.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{mapped}");
        assert_eq!(nine_alphanumerics(&mapped), mapped);
        check(quirks, &[(&body(id), &body(&mapped), "")]);
    }
    assert_ne!(nine_alphanumerics("call_1"), nine_alphanumerics("call_2"));
}

#[test]
fn tools_lose_what_is_refused() {
    let tools = r#"{"tools":[{"type":"function","function":{"name":"f","strict":true}},{"type":"function","function":{"name":"g","strict":false}}]}"#;
    let bare = r#"{"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]}"#;
    check(r#"{"refuses":["tools.function.strict"]}"#, &[(tools, bare, "tools.function.strict")]);
}
