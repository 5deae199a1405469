use crate::{Filter, Guard, ModelRouter, Prompt, Redact};
use serde_json::{Value, json};

fn of<F: Filter>(configuration: &Value) -> String {
    F::read(configuration.to_string().as_bytes()).err().unwrap_or_else(|| panic!("{configuration} is refused"))
}

#[test]
fn of_redaction_are_explained() {
    let policy = |more: Value| {
        let mut policy = json!({"name": "a", "key": "0123456789abcdef"});
        policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"redact": [policy]})
    };
    assert!(Redact::read(policy(json!({})).to_string().as_bytes()).is_ok());
    for (written, expected) in [
        (json!([]), "expected an object with a list `redact`"),
        (json!({}), "redact: it is missing; expected a list"),
        (json!({"redact": []}), "redact: expected 1 to 64 items, there are 0"),
        (json!({"redact": [{"key": "0123456789abcdef"}]}), "missing field `name`"),
        (json!({"redact": [{"name": "a"}]}), "redact[0].key: a filter cannot make up a secret"),
        (policy(json!({"key": "${REDACT_KEY_IN_ENV}"})), "redact[0].key: nobody fills in variables here"),
        (policy(json!({"key": "short"})), "redact[0].key: 5 bytes are too few"),
        (policy(json!({"name": "All of it"})), "redact[0].name: a name takes"),
        (policy(json!({"modes": 1})), "redact[0].modes: unknown field `modes`"),
        (policy(json!({"mode": "on"})), "redact[0].mode: unknown variant `on`"),
        (policy(json!({"entities": {"email": "hide"}})), "redact[0].entities.email: unknown variant `hide`"),
        (policy(json!({"entities": {"e_mail": "mask"}})), "redact[0].entities"),
        (policy(json!({"custom": [{"name": "c", "regex": "("}]})), "redact[0].custom[0]: regex parse error"),
        (policy(json!({"when": {"caller": "ann"}})), "redact[0].when.caller: a filter tells exchanges apart by"),
        (policy(json!({"when": {"model": []}})), "redact[0].when.model: there is no pattern"),
        (policy(json!({"tenant": "team"})), "redact[0].tenant: a filter knows tenants only by a header"),
        (policy(json!({"presidio": {"url": "x"}})), "redact[0].presidio: a filter asks nobody"),
    ] {
        let message = of::<Redact>(&written);
        assert!(message.contains(expected), "{written}: {message}");
        assert!(!message.contains("0123456789abcdef"), "{message}");
    }
    let twice = json!({"redact": [{"name": "a", "key": "0123456789abcdef"}, {"name": "a", "key": "0123456789abcdef"}]});
    assert!(of::<Redact>(&twice).contains("redact[1].name: there are two of the name `a`"));
    for bytes in [json!(0), json!(-1), json!("1MB"), json!(1.5)] {
        let written = json!({"redact": [{"name": "a", "key": "0123456789abcdef"}], "body_bytes_max": bytes});
        assert!(of::<Redact>(&written).contains("body_bytes_max: expected a number"));
    }
    // As Istio writes it, from a protobuf Struct.
    let float = json!({"redact": [{"name": "a", "key": "0123456789abcdef"}], "body_bytes_max": 1_048_576.0});
    assert_eq!(Redact::read(float.to_string().as_bytes()).map(|redact| redact.body_bytes_max()), Ok(1 << 20));
    assert!(Redact::read(b"redact: []").err().is_some_and(|why| why.contains("is not JSON")));
    assert!(Redact::read(b"").is_err());
}

#[test]
fn of_guards_are_explained() {
    let guard = |more: Value| {
        let mut guard = json!({"name": "a"});
        guard.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"guards": [guard]})
    };
    assert!(Guard::read(guard(json!({"unicode": {}})).to_string().as_bytes()).is_ok());
    for (written, expected) in [
        (guard(json!({})), "guards[0] (a): exactly one kind"),
        (guard(json!({"webhook": {"url": "x"}})), "guards[0].webhook: a filter asks nobody"),
        (guard(json!({"unicode": {}, "key": "k"})), "guards[0]: a guard has no `key`"),
        (guard(json!({"unicode": {"bidy": 1}})), "guards[0].unicode.bidy: unknown field `bidy`"),
        (guard(json!({"unicode": {}, "then": {"status": 200}})), "guards[0] (a): then.status"),
        (json!({"guards": [], "rules": 1}), "rules: unknown field"),
    ] {
        let message = of::<Guard>(&written);
        assert!(message.contains(expected), "{written}: {message}");
    }
}

#[test]
fn of_routes_are_explained() {
    let route = |more: Value| {
        let mut route = json!({"name": "a"});
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"routes": [route]})
    };
    assert!(ModelRouter::read(route(json!({})).to_string().as_bytes()).is_ok());
    for (written, expected) in [
        (route(json!({"rout": "x"})), "routes[0].rout: unknown field `rout`, expected `route` or `cluster`"),
        (route(json!({"route": "a\nb"})), "routes[0].route: expected 1 to 256 visible ASCII characters"),
        (route(json!({"cluster": ""})), "routes[0].cluster: expected 1 to 256"),
        (route(json!({"when": {"tools": "yes"}})), "routes[0].when.tools: expected true or false"),
        (route(json!({"when": {"bytes_min": -1}})), "routes[0].when.bytes_min: expected a number of bytes above 0"),
        (route(json!({"when": {"model": 7}})), "routes[0].when.model: expected a text or a list of texts"),
        (route(json!({"when": {"models": "x"}})), "routes[0].when.models: a filter tells exchanges apart by"),
        (route(json!({"key": "k"})), "routes[0]: a route has no `key`"),
        (
            json!({"routes": [{"name": "a"}], "else": 1}),
            "else: unknown field; there is `routes`, `otherwise`, `unreadable`",
        ),
        (json!({"routes": [{"name": "a"}], "otherwise": "deny"}), "otherwise: unknown variant `deny`, expected one of"),
        (json!({"routes": [{"name": "a"}], "otherwise": {"to": {"route": ""}}}), "otherwise.to.route: expected 1 to"),
    ] {
        let message = of::<ModelRouter>(&written);
        assert!(message.contains(expected), "{written}: {message}");
    }
}

#[test]
fn of_prompts_are_explained() {
    let prompt = |more: Value| {
        let mut prompt = json!({"name": "a"});
        prompt.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"prompt": [prompt]})
    };
    assert!(Prompt::read(prompt(json!({"system": {"append": "x"}})).to_string().as_bytes()).is_ok());
    for (written, expected) in [
        (prompt(json!({})), "prompt[0].system: nothing is added; expected `system` or `messages`"),
        (prompt(json!({"system": {"prefix": "x"}})), "prompt[0].system.prefix: unknown field `prefix`"),
        (prompt(json!({"system": {"append": 1}})), "prompt[0].system.append: expected a text, or the name of one"),
        (prompt(json!({"system": {"append": "{{x}}"}})), "prompt[0].system.append: there is no variable `x`"),
        (
            prompt(json!({"messages": {"append": [{"role": "system", "content": "x"}]}})),
            "prompt[0].messages.append[0].role: unknown variant `system`, expected `user` or `assistant`",
        ),
        (json!({"prompt": [], "variables": {"v": {"headers": "x"}}}), "prompt: expected 1 to 64 items"),
        (
            json!({"prompt": [{"name": "a", "system": {"append": "x"}}], "variables": {"v": {"headers": "x"}}}),
            "variables.v.headers: unknown field `headers`",
        ),
        (
            json!({"prompt": [{"name": "a", "system": {"append": "x"}}], "templates": {"t": "{{"}}),
            "templates.t: a `{{` has no `}}`",
        ),
    ] {
        let message = of::<Prompt>(&written);
        assert!(message.contains(expected), "{written}: {message}");
    }
}
