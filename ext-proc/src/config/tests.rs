use super::*;

const GOOD: &str = r#"
listen: 127.0.0.1:10000
service: { grpc: "unix:.run/attache.sock", admin: "127.0.0.1:9090" }
providers:
  openai: { dialect: openai,    url: https://api.openai.com/v1,  auth: { bearer: "${OPENAI_API_KEY}" } }
  claude: { dialect: anthropic, url: https://api.anthropic.com,  auth: { header: x-api-key, value: "${ANTHROPIC_API_KEY}" } }
models:
  fast:
    targets:
      - { provider: openai, model: gpt-4o-mini }
      - { provider: claude, model: claude-haiku-4-5 }
    select: in_order
    retry: { attempts: 3, on: [5xx, 429, connect_failure, reset, timeout], per_try_timeout: 30s }
"#;

fn env(name: &str) -> Option<String> {
    matches!(name, "OPENAI_API_KEY" | "ANTHROPIC_API_KEY").then(|| "sk-very-secret".to_owned())
}

/// What a person reads for a configuration with one thing changed.
fn complaint(replace: &str, with: &str) -> String {
    assert!(GOOD.contains(replace), "{replace}");
    match compile(&GOOD.replacen(replace, with, 1), &env) {
        Ok(_) => "good".to_owned(),
        Err(invalid) => invalid.to_string(),
    }
}

#[test]
fn the_design_s_example_means_what_it_says() {
    use secrecy::ExposeSecret;
    let config = compile(GOOD, &env).unwrap();
    let openai = &config.providers["openai"];
    assert_eq!((openai.authority.as_str(), openai.port, openai.base_path.as_str()), ("api.openai.com", 443, "/v1"));
    let (header, secret) = openai.credentials.as_ref().unwrap();
    assert_eq!((header.as_str(), secret.expose_secret()), ("authorization", "Bearer sk-very-secret"));
    let claude = &config.providers["claude"];
    assert_eq!(claude.credentials.as_ref().unwrap().0, "x-api-key");
    let fast = config.model("fast").unwrap();
    assert_eq!(fast.retry.attempts, 3);
    assert_eq!(fast.retry.on, "5xx,connect-failure,reset,retriable-status-codes");
    assert_eq!(fast.retry.per_try_timeout, Some(std::time::Duration::from_secs(30)));
    assert!(config.model("openai/gpt-4o").is_none(), "not exposed");
}

#[test]
fn an_exposed_provider_serves_any_of_its_models() {
    let config = compile(&GOOD.replace("dialect: openai, ", "dialect: openai, expose: true, "), &env).unwrap();
    let model = config.model("openai/org/model").unwrap();
    assert_eq!(model.targets[0].upstream.model, "org/model");
    assert!(config.model("openai/").is_none());
    assert!(config.model("claude/claude-haiku-4-5").is_none());
    // What a client makes up goes into response headers.
    for name in ["", "gpt\r\nx-evil: 1", &"x".repeat(1000)] {
        assert!(config.model(&format!("openai/{name}")).is_none(), "{name:?}");
    }
}

#[test]
fn a_model_has_habits() {
    let target = "{ provider: openai, model: gpt-4o-mini";
    let config = compile(&GOOD.replace(target, &format!("{target}, reasoning: false, sampling: false")), &env).unwrap();
    let fast = config.model("fast").unwrap();
    let [first, second] = fast.targets.as_slice() else { panic!("two targets") };
    assert_eq!((first.upstream.reasoning, first.upstream.sampling), (false, false));
    assert_eq!((second.upstream.reasoning, second.upstream.sampling), (true, true));
}

#[test]
fn off_is_a_word() {
    let config = compile(&GOOD.replace("listen: 127.0.0.1:10000", "usage: { to: off }"), &env).unwrap();
    assert_eq!(config.written.usage.to.0, "off");
}

#[test]
fn a_store_is_a_word_or_more() {
    let store = |written: &str| {
        let config = compile(&GOOD.replace("listen: 127.0.0.1:10000", &format!("store: {written}")), &env).unwrap();
        config.written.store
    };
    let file = |path: &str| Some(written::store::Memory { file: Some(path.to_owned()) });
    assert_eq!(store("memory").memory, None);
    assert_eq!(store("{ memory: {} }").memory, Some(written::store::Memory::default()));
    let kept = store("{ memory: { file: state/attache.redb }, hold_seconds: 60 }");
    assert_eq!((kept.memory, kept.hold_seconds), (file("state/attache.redb"), 60));
    let redis = store("{ redis: { url: 'redis://127.0.0.1:6379', password: '${OPENAI_API_KEY}' } }");
    assert_eq!(redis.redis.as_ref().unwrap().url.as_deref(), Some("redis://127.0.0.1:6379"));
    let shown = format!("{redis:?} {}", serde_json::to_string(&redis).unwrap());
    assert!(!shown.contains("sk-very-secret"), "{shown}");
}

#[test]
fn an_attempt_elsewhere_finds_the_target_of_its_own_model() {
    let (fast, slow) = ("model: claude-haiku-4-5", "model: claude-haiku-4-5, max_tokens_default: 7");
    let models = GOOD.split_once("models:").unwrap().1.replace("fast:", "slow:").replace(fast, slow);
    let config = compile(&format!("{GOOD}{models}"), &env).unwrap();
    let limit = |asked| config.target(asked, "claude", "claude-haiku-4-5").unwrap().upstream.max_tokens_default;
    assert_eq!(limit("slow"), 7);
    assert_ne!(limit("fast"), 7);
    assert!(config.target("fast", "claude", "another").is_none(), "not exposed");
}

#[test]
fn secrets_show_nowhere() {
    let config = compile(GOOD, &env).unwrap();
    let view = serde_json::to_string(&config.written).unwrap();
    assert!(view.contains(written::REDACTED) && !view.contains("sk-very-secret"), "{view}");
    assert!(!format!("{config:?}").contains("sk-very-secret"));
    for (replace, with) in [
        ("auth: { bearer: \"${OPENAI_API_KEY}\" }", "auth: { bearer: \"${OPENAI_API_KEY}\", bearrer: x }"),
        ("auth: { bearer: \"${OPENAI_API_KEY}\" }", "auth: { bearer: [\"sk-very-secret\"] }"),
        ("auth: { bearer: \"${OPENAI_API_KEY}\" }", "auth: { bearer: \"sk-very-secret\\n\" }"),
        ("auth: { bearer: \"${OPENAI_API_KEY}\" }", "auth: sk-very-secret"),
        ("models:", "  broken: [sk-very-secret\nmodels:"),
    ] {
        let complaint = complaint(replace, with);
        assert!(complaint != "good" && !complaint.contains("sk-very-secret"), "{complaint}");
    }
}

#[test]
fn a_secret_can_stand_in_a_file() {
    use secrecy::ExposeSecret;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "sk-from-file\n").unwrap();
    let from_file = format!("auth: {{ bearer: {{ file: {} }} }}", path.display());
    let config = compile(&GOOD.replace("auth: { bearer: \"${OPENAI_API_KEY}\" }", &from_file), &env).unwrap();
    assert_eq!(config.providers["openai"].credentials.as_ref().unwrap().1.expose_secret(), "Bearer sk-from-file");
}

/// Every way to get it wrong that people find, and what they read. The snapshot is the documentation.
#[test]
fn mistakes_are_explained() {
    let mut read = String::new();
    for (replace, with) in [
        ("models:", "modles:"),
        ("dialect: openai, ", "dialect: opnai, "),
        ("dialect: openai, ", ""),
        ("url: https://api.openai.com/v1", "url: api.openai.com/v1"),
        ("url: https://api.openai.com/v1", "url: https://user:pw@api.openai.com/v1"),
        ("url: https://api.openai.com/v1", "url: https://api.openai.com/v1?key=1"),
        ("\"${OPENAI_API_KEY}\"", "\"${OPENAI_KEY}\""),
        ("bearer: \"${OPENAI_API_KEY}\"", "header: x-key"),
        ("bearer: \"${OPENAI_API_KEY}\"", "bearer: { file: /nonexistent/key }"),
        ("header: x-api-key", "header: x attache"),
        ("header: x-api-key", "header: host"),
        ("dialect: openai, ", "dialect: openai, headers: { Authorization: other }, "),
        ("  openai: {", "  Open AI: {"),
        ("  openai: {", "  attache: {"),
        ("provider: openai, model", "provider: opena, model"),
        ("model: gpt-4o-mini", "model: \"gpt\\r\\nx-evil: 1\""),
        ("  fast:", "  \"\":"),
        ("- { provider: openai, model: gpt-4o-mini }", "- { provider: openai, modle: gpt-4o-mini }"),
        ("attempts: 3", "attempts: 0"),
        ("attempts: 3", "attempts: many"),
        ("on: [5xx,", "on: [500,"),
        ("per_try_timeout: 30s", "per_try_timeout: 30"),
        ("per_try_timeout: 30s", "per_try_timeout: 99999y"),
        ("select: in_order", "select: random"),
        ("listen: 127.0.0.1:10000", "listen: localhost"),
        ("unix:.run/attache.sock", "unix:"),
        ("listen: 127.0.0.1:10000", "listen: [127.0.0.1"),
        ("admin: \"127.0.0.1:9090\"", "drain_seconds: 18446744073709551615"),
        ("listen: 127.0.0.1:10000", "limits: { body_bytes_max: 12 }"),
        ("listen: 127.0.0.1:10000", "store: memry"),
        ("listen: 127.0.0.1:10000", "store: [memory]"),
        ("listen: 127.0.0.1:10000", "store: { memmory: {} }"),
        ("listen: 127.0.0.1:10000", "store: { memory: { fiel: a.redb } }"),
        ("listen: 127.0.0.1:10000", "store: { memory: { file: '' } }"),
        ("listen: 127.0.0.1:10000", "store: redis"),
        ("listen: 127.0.0.1:10000", "store: { redis: {} }"),
        ("listen: 127.0.0.1:10000", "store: { redis: { url: 'redis://me:pw@127.0.0.1' } }"),
        ("listen: 127.0.0.1:10000", "store: { redis: { url: 'redis://127.0.0.1' }, memory: {} }"),
        ("listen: 127.0.0.1:10000", "store: { hold_seconds: 0 }"),
        ("listen: 127.0.0.1:10000", "envoy: { on_service_failure: { pass_to: nobody } }"),
        (GOOD, "providers: {}"),
        (GOOD, ""),
    ] {
        let changed = if replace == GOOD { "(everything)" } else { replace };
        read.push_str(&format!("{changed}  →  {with}\n    {}\n", complaint(replace, with).replace('\n', "\n    ")));
    }
    insta::assert_snapshot!(read);
}
