use super::*;
use crate::chat::{Part, Role};
use crate::edit::quoted;
use proptest::prelude::*;
use serde_json::json;

fn endpoint(path: &str) -> Endpoint {
    Endpoint::of(path, false).unwrap_or_else(|| panic!("{path}"))
}

const PATHS: [(Dialect, &str); 7] = [
    (Dialect::OpenAi, "/v1/chat/completions"),
    (Dialect::Cohere, "/v2/chat"),
    (Dialect::Anthropic, "/v1/messages"),
    (Dialect::Gemini, "/v1beta/models/m:generateContent"),
    (Dialect::Converse, "/model/m/converse"),
    (Dialect::Responses, "/v1/responses"),
    (Dialect::Completions, "/v1/completions"),
];

fn written(path: &str, body: &str, with: &Decoration) -> Result<String, String> {
    let new = with.write(&endpoint(path), body.as_bytes()).map_err(|fault| fault.message)?;
    Ok(new.map_or_else(|| body.to_owned(), |new| String::from_utf8(new).unwrap()))
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn said(speaker: Speaker, text: &str) -> Line {
    Line { speaker, text: text.to_owned() }
}

fn system(before: &[&str], after: &[&str]) -> Decoration {
    Decoration { system_before: texts(before), system_after: texts(after), ..Decoration::default() }
}

fn replaced(by: &[&str]) -> Decoration {
    Decoration { replaces_system: true, ..system(by, &[]) }
}

fn messages() -> Decoration {
    let (before, after) =
        (vec![said(Speaker::User, "q"), said(Speaker::Assistant, "a")], vec![said(Speaker::User, "z")]);
    Decoration { before, after, ..Decoration::default() }
}

#[test]
fn every_dialect_has_its_place() {
    for (path, body, with, expected) in [
        (
            "/v1/chat/completions",
            r#"{ "messages" : [ {"role":"user","content":"\u0041"} ] , "n":1.50}"#,
            system(&["B\"\n"], &[]),
            r#"{ "messages" : [ {"role":"system","content":"B\"\n"},{"role":"user","content":"\u0041"} ] , "n":1.50}"#,
        ),
        (
            "/v1/chat/completions",
            r#"{"messages":[{"role":"developer","content":"D"}, {"role":"user","content":"u"}]}"#,
            system(&["B"], &["A"]),
            r#"{"messages":[{"role":"developer","content":"B"},{"role":"developer","content":"D"},{"role":"developer","content":"A"}, {"role":"user","content":"u"}]}"#,
        ),
        (
            "/v1/chat/completions",
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"developer","content":"D"}]}"#,
            replaced(&["R"]),
            r#"{"messages":[{"role":"system","content":"R"},{"role":"user","content":"u"}]}"#,
        ),
        (
            "/v2/chat",
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}]}"#,
            messages(),
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"u"},{"role":"user","content":"z"}]}"#,
        ),
        ("/v1/messages", r#"{"messages":[]}"#, system(&["B"], &[]), r#"{"messages":[],"system":"B"}"#),
        (
            "/v1/messages",
            r#"{"system":"\u0041","messages":[]}"#,
            system(&["B"], &["A"]),
            r#"{"system":[{"type":"text","text":"B"},{"type":"text","text":"\u0041"},{"type":"text","text":"A"}],"messages":[]}"#,
        ),
        (
            "/v1/messages",
            r#"{"system":[ {"type":"text","text":"s","cache_control":{"type":"ephemeral"}} ],"messages":[]}"#,
            system(&[], &["A"]),
            r#"{"system":[ {"type":"text","text":"s","cache_control":{"type":"ephemeral"}},{"type":"text","text":"A"} ],"messages":[]}"#,
        ),
        (
            "/v1/messages",
            r#"{"system":"s","messages":[{"role":"system","content":"t"},{"role":"user","content":"u"}]}"#,
            replaced(&["R"]),
            r#"{"system":"R","messages":[{"role":"user","content":"u"}]}"#,
        ),
        ("/v1/messages", r#"{"system":"s","messages":[]}"#, replaced(&[]), r#"{"messages":[]}"#),
        (
            "/v1beta/models/m:generateContent",
            r#"{"system_instruction":{"role":"x","parts":{"text":"s"}},"contents":[{"parts":[{"text":"u"}]}]}"#,
            system(&["B"], &["A"]),
            r#"{"system_instruction":{"role":"x","parts":[{"text":"B"},{"text":"s"},{"text":"A"}]},"contents":[{"parts":[{"text":"u"}]}]}"#,
        ),
        (
            "/v1beta/models/m:generateContent",
            r#"{"system_instruction":{"parts":[]},"systemInstruction":{"parts":[]},"contents":[]}"#,
            replaced(&["R"]),
            r#"{"systemInstruction":{"parts":[{"text":"R"}]},"contents":[]}"#,
        ),
        (
            "/v1beta/models/m:generateContent",
            r#"{"contents":{"parts":{"text":"u"}}}"#,
            messages(),
            r#"{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"a"}]},{"parts":{"text":"u"}},{"role":"user","parts":[{"text":"z"}]}]}"#,
        ),
        (
            "/v1beta/models/m:countTokens",
            r#"{"generateContentRequest":{"contents":[]}}"#,
            system(&["B"], &[]),
            r#"{"generateContentRequest":{"contents":[],"systemInstruction":{"parts":[{"text":"B"}]}}}"#,
        ),
        ("/v1beta/models/m:countTokens", r#"{"contents":[]}"#, system(&["B"], &[]), r#"{"contents":[]}"#),
        (
            "/model/m/converse",
            r#"{"system":[{"text":"s"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[]}]}"#,
            Decoration { system_before: texts(&["B"]), ..messages() },
            r#"{"system":[{"text":"B"},{"text":"s"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"q"}]},{"role":"assistant","content":[{"text":"a"}]},{"role":"user","content":[]},{"role":"user","content":[{"text":"z"}]}]}"#,
        ),
        (
            "/model/m/count-tokens",
            r#"{"input":{"converse":{"messages":[]}}}"#,
            replaced(&["R"]),
            r#"{"input":{"converse":{"messages":[],"system":[{"text":"R"}]}}}"#,
        ),
        (
            "/v1/responses",
            r#"{"instructions":"\u0041","input":"u"}"#,
            Decoration { system_before: texts(&["B"]), system_after: texts(&["A"]), ..messages() },
            r#"{"instructions":"B\n\n\u0041\n\nA","input":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"u"},{"role":"user","content":"z"}]}"#,
        ),
        (
            "/v1/responses",
            r#"{"input":[{"role":"developer","content":"d"},{"type":"reasoning"}],"instructions":"s"}"#,
            replaced(&["R"]),
            r#"{"input":[{"type":"reasoning"}],"instructions":"R"}"#,
        ),
        ("/v1/responses", r#"{"input":"u"}"#, system(&["B"], &[]), r#"{"input":"u","instructions":"B"}"#),
        ("/v1/completions", r#"{"prompt":"u"}"#, system(&["B"], &["A"]), r#"{"prompt":"B\n\nA\n\nu"}"#),
        ("/v1/completions", r#"{"prompt":["u", "v"]}"#, replaced(&["R"]), r#"{"prompt":["R\n\nu","R\n\nv"]}"#),
        ("/v1/embeddings", r#"{"input":"u"}"#, system(&["B"], &[]), r#"{"input":"u"}"#),
        ("/v1/files", "not json", system(&["B"], &[]), "not json"),
    ] {
        assert_eq!(written(path, body, &with).as_deref(), Ok(expected), "{path} {body}");
    }
}

#[test]
fn what_has_no_place_is_refused() {
    for (path, body, with, expected) in [
        ("/v1/chat/completions", "[]", messages(), "the body must be a JSON object"),
        ("/v1/chat/completions", r#"{"messages":"u"}"#, messages(), "messages: expected a list"),
        ("/v1/messages", r#"{"system":{},"messages":[]}"#, system(&["B"], &[]), "system: expected a list"),
        ("/v1/messages", r#"{"messages":{}}"#, messages(), "messages: expected a list"),
        (
            "/v1beta/models/m:generateContent",
            r#"{"systemInstruction":"s"}"#,
            system(&["B"], &[]),
            "systemInstruction: expected an object",
        ),
        ("/v1/responses", r#"{"instructions":["s"]}"#, system(&["B"], &[]), "instructions: expected a text"),
        (
            "/v1/completions",
            r#"{"prompt":[1]}"#,
            system(&["B"], &[]),
            "prompt: instructions are added to it, which takes texts, no tokens",
        ),
        (
            "/v1/completions",
            r#"{"prompt":"u"}"#,
            messages(),
            "messages are added to this request, and a text to complete has none: ask by chat",
        ),
    ] {
        assert_eq!(written(path, body, &with).unwrap_err(), expected, "{path} {body}");
    }
}

fn compiled(written: serde_json::Value) -> Result<Decorators, String> {
    let field = |name: &str| written.get(name).cloned().unwrap_or_else(|| json!({}));
    let all: Vec<Decorator> = serde_json::from_value(field("all")).map_err(|why| why.to_string())?;
    let templates = serde_json::from_value(field("templates")).map_err(|why| why.to_string())?;
    let variables = serde_json::from_value(field("variables")).map_err(|why| why.to_string())?;
    Decorators::new(&all, &templates, &variables)
}

#[test]
fn decorators_lie_around_each_other() {
    let all = compiled(json!({
        "all": [
            { "system": { "prepend": "outer {{team}}", "append": { "template": "end" } } },
            { "system": { "replace": "only" }, "messages": { "append": [{ "role": "user", "content": "{{empty}}" }] } },
            { "system": { "prepend": "again" }, "messages": { "prepend": [{ "role": "user", "content": "hi {{team}}" }] } },
        ],
        "templates": { "end": "the end" },
        "variables": {
            "team": { "header": "X-Team", "one_of": ["a*", "{{team}}"], "bytes_max": 8 },
            "empty": { "header": "x-none", "default": "" },
        },
    }))
    .unwrap();
    let fill = |places: &[usize], team: &'static str| {
        let header = move |name: &str| (name == "x-team" && !team.is_empty()).then(|| team.to_owned());
        all.fill(places.iter().copied(), &header).map_err(|fault| fault.message)
    };
    assert_eq!(fill(&[0], "ads"), Ok(system(&["outer ads"], &["the end"])));
    assert_eq!(fill(&[0], "{{team}}"), Ok(system(&["outer {{team}}"], &["the end"])));
    let both = Decoration { before: vec![said(Speaker::User, "hi a")], ..replaced(&["again", "only"]) };
    assert_eq!(fill(&[0, 1, 2], "a"), Ok(both));
    assert_eq!(fill(&[], ""), Ok(Decoration::default()));
    for (team, why) in [
        ("", "is missing"),
        ("b", "says what it may not"),
        ("a12345678", "is longer than 8 bytes"),
        ("a\u{7}", "holds a control character"),
    ] {
        let expected = format!("the header `x-team` {why}: it becomes a part of the prompt here");
        assert_eq!(fill(&[2], team), Err(expected));
    }
}

#[test]
fn what_is_wrong_is_said_with_its_path() {
    let system = |text: serde_json::Value| json!({ "all": [{ "system": text }] });
    for (written, expected) in [
        (json!({ "all": [{}] }), "[0].system: nothing is added; expected `system` or `messages`"),
        (
            system(json!({ "prepend": "{{x}}" })),
            "[0].system.prepend: there is no variable `x`: write it in `variables`, with its header",
        ),
        (system(json!({ "append": { "template": "t" } })), "[0].system.append: there is no template `t`"),
        (
            system(json!({ "replace": "a", "append": "b" })),
            "[0].system: `replace` leaves nothing to prepend or append to",
        ),
        (system(json!({ "prepend": 1 })), "expected a text, or the name of one: {\"template\": \"NAME\"}"),
        (system(json!({ "prepend": "" })), "[0].system.prepend: the text has 0 bytes; expected 1 to 65536"),
        (
            json!({ "all": [{ "messages": { "append": [{ "role": "user", "content": "{{" }] } }] }),
            "[0].messages.append[0].content: a `{{` has no `}}`",
        ),
        (json!({ "all": [], "templates": { "t": "{{x" } }), "templates.t: a `{{` has no `}}`"),
        (
            json!({ "all": [], "variables": { "v": { "header": "a b" } } }),
            "variables.v.header: `a b` is no header's name",
        ),
        (
            json!({ "all": [], "variables": { "v": { "header": "a", "bytes_max": 0 } } }),
            "variables.v.bytes_max: 0 is not between 1 and 8192",
        ),
    ] {
        assert_eq!(compiled(written).unwrap_err(), expected);
    }
}

/// Who says what in a request, instructions that stand together as one.
fn heard(path: &str, body: &[u8]) -> Vec<(String, String)> {
    let request = endpoint(path).dialect.decode_request(body).unwrap_or_else(|fault| panic!("{}", fault.message));
    let mut heard: Vec<(String, String)> = Vec::new();
    for message in &request.messages {
        let role = if message.role == Role::Developer { Role::System } else { message.role.clone() };
        for part in &message.parts {
            let Part::Text(part) = part else { panic!("{part:?}") };
            match heard.last_mut().filter(|(last, _)| role == Role::System && *last == "System") {
                Some((_, text)) => *text = format!("{text}\n\n{}", part.text),
                None => heard.push((format!("{role:?}"), part.text.to_string())),
            }
        }
    }
    heard
}

/// A request of a client: its body, cut before and behind each of the values that may change.
fn body(dialect: Dialect, system: Option<&str>, spoken: &[String], blank: &str, extra: &str) -> String {
    let text = |text: &str| quoted(text);
    let all = |one: &dyn Fn(usize, &String) -> String| {
        spoken.iter().enumerate().map(|(n, said)| one(n, said)).collect::<Vec<_>>().join(&format!("{blank},"))
    };
    let role = |n: usize, model: &'static str| if n.is_multiple_of(2) { "user" } else { model };
    let bare =
        |n: usize, said: &String| format!(r#"{{"role":"{}",{blank}"content":{}}}"#, role(n, "assistant"), text(said));
    match dialect {
        Dialect::OpenAi | Dialect::Cohere => {
            let own =
                system.map(|own| format!(r#"{{"role":"system","content":{}}},{blank}"#, text(own))).unwrap_or_default();
            format!(r#"{{{blank}"model":"m",{extra}"messages":[{own}{}]{blank}}}"#, all(&bare))
        }
        Dialect::Anthropic => {
            let own = system.map(|own| format!(r#""system":{blank}{},"#, text(own))).unwrap_or_default();
            format!(r#"{{"model":"m","max_tokens":9,{own}{extra}"messages":[{}{blank}]}}"#, all(&bare))
        }
        Dialect::Gemini => {
            let own =
                system.map(|own| format!(r#""systemInstruction":{{"parts":[{{"text":{}}}{blank}]}},"#, text(own)));
            let turn = |n: usize, said: &String| {
                format!(r#"{{"role":"{}","parts":[{{"text":{}}}]}}"#, role(n, "model"), text(said))
            };
            format!(r#"{{{}{extra}"contents":[{blank}{}]}}"#, own.unwrap_or_default(), all(&turn))
        }
        Dialect::Converse => {
            let own = system.map(|own| format!(r#""system":[{blank}{{"text":{}}}],"#, text(own))).unwrap_or_default();
            let turn = |n: usize, said: &String| {
                format!(r#"{{"role":"{}","content":[{{"text":{}}}]}}"#, role(n, "assistant"), text(said))
            };
            format!(r#"{{{own}{extra}"messages":[{}]{blank}}}"#, all(&turn))
        }
        Dialect::Responses => {
            let own = system.map(|own| format!(r#""instructions":{},{blank}"#, text(own))).unwrap_or_default();
            format!(r#"{{"model":"m",{own}{extra}"input":[{}]}}"#, all(&bare))
        }
        Dialect::Completions => unreachable!("it has no messages"),
    }
}

/// Whether the second text is the first with pieces added: what is left of it when those are taken out, in their order.
fn only_adds(old: &str, new: &str) -> bool {
    let mut rest = old.bytes().peekable();
    for byte in new.bytes() {
        rest.next_if_eq(&byte);
    }
    rest.next().is_none()
}

proptest! {
    /// A decorated request says exactly what was added, where it was added, and everything else as before.
    #[test]
    fn nothing_else_changes(
        which in 0..6usize,
        system in prop::option::of("[a-zA-Z\"\\\\é\n]{1,6}"),
        spoken in prop::collection::vec("[a-z\"\\\\é{}\\[\\],:]{1,6}", 1..4),
        blank in "[ \n]{0,2}",
        extra in prop::sample::select(vec!["", "\"temperature\": 1.50,", "\"x_unknown\":{\"messages\":[1e400 , null]},"]),
        before in prop::collection::vec("[A-Z\"\\\\ü]{1,6}", 0..3),
        after in prop::collection::vec("[A-Z\"\\\\ü]{1,6}", 0..3),
        first in prop::collection::vec("[A-Z{}\"]{1,4}", 0..3),
        last in prop::collection::vec("[A-Z{}\"]{1,4}", 0..3),
        replaces in any::<bool>(),
    ) {
        let (dialect, path) = PATHS[which];
        let old = body(dialect, system.as_deref(), &spoken, &blank, extra);
        let lines = |texts: &[String], from: usize| {
            texts.iter().enumerate().map(|(n, text)| said(if (n + from).is_multiple_of(2) { Speaker::User } else { Speaker::Assistant }, text)).collect::<Vec<_>>()
        };
        let with = Decoration {
            replaces_system: replaces,
            system_before: before.clone(),
            system_after: after.clone(),
            before: lines(&first, 0),
            after: lines(&last, 1),
        };
        let new = written(path, &old, &with).unwrap();
        if !replaces {
            prop_assert!(only_adds(&old, &new), "{old}\n{new}");
        }
        // Fields that are not decorated keep their bytes.
        let (was, is) = (Object::read(old.as_bytes()).unwrap(), Object::read(new.as_bytes()).unwrap());
        let decorated = ["messages", "contents", "input", "system", "instructions", "systemInstruction"];
        let rest = |object: &Object<'_>| object.fields().filter(|(key, _)| !decorated.contains(key)).map(|(key, raw)| format!("{key}:{raw}")).collect::<Vec<_>>();
        prop_assert_eq!(rest(&was), rest(&is));
        // What it means.
        let own = system.clone().filter(|_| !replaces);
        let instructions: Vec<String> = before.into_iter().chain(own).chain(after).collect();
        let mut expected: Vec<(String, String)> = Vec::new();
        if !instructions.is_empty() {
            expected.push(("System".to_owned(), instructions.join("\n\n")));
        }
        let line = |line: &Line| (format!("{:?}", line.speaker), line.text.clone());
        expected.extend(with.before.iter().map(line));
        let without = body(dialect, None, &spoken, "", "");
        expected.extend(heard(path, without.as_bytes()));
        expected.extend(with.after.iter().map(line));
        prop_assert_eq!(heard(path, new.as_bytes()), expected, "{}", new);
    }

    /// No body is too odd.
    #[test]
    fn any_body_is_written_or_refused(which in 0..7usize, body in "(\\{\"(messages|system|contents|input|instructions|prompt|systemInstruction)\":(\\{|\\[|\\]|\\}|\"|null|1|,|:|\"role\"|\"system\"|\"parts\"){0,8}\\}?|.{0,20})", replaces in any::<bool>()) {
        let (_, path) = PATHS[which];
        let with = Decoration { replaces_system: replaces, ..Decoration { before: vec![], ..messages() }.then(system(&["B"], &[])) };
        if let Ok(new) = written(path, &body, &with) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&new).is_ok(), "{body}\n{new}");
        }
    }
}
