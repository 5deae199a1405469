mod docs;
pub(super) mod section;

use super::*;
use crate::credentials::{Credentials, ToSign};

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

/// What a request carries.
fn shown(credentials: &Credentials) -> String {
    use futures_util::FutureExt;
    use secrecy::ExposeSecret;
    let request = ToSign {
        method: "POST",
        authority: "a",
        path_and_query: "/",
        headers: &[],
        body: None,
        now: std::time::SystemTime::UNIX_EPOCH,
    };
    let signed = credentials.sign(&request).now_or_never().expect("nothing to wait for").unwrap();
    let headers = signed.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose_secret()));
    headers.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_design_s_example_means_what_it_says() {
    let config = compile(GOOD, &env).unwrap();
    let openai = &config.providers["openai"];
    assert_eq!((openai.authority.as_str(), openai.port, openai.base_path.as_str()), ("api.openai.com", 443, "/v1"));
    assert_eq!(shown(&openai.credentials), "authorization: Bearer sk-very-secret");
    assert_eq!(shown(&config.providers["claude"].credentials), "x-api-key: sk-very-secret");
    let fast = config.model("fast").unwrap();
    assert_eq!(fast.retry.attempts, 3);
    assert_eq!(fast.retry.on, "5xx,connect-failure,reset,retriable-status-codes");
    assert_eq!(fast.retry.per_try_timeout, Some(std::time::Duration::from_secs(30)));
    assert!(config.model("openai/gpt-4o").is_none(), "not exposed");
}

/// A configuration of one provider.
fn of_one(provider: &str) -> Result<Config, Invalid> {
    compile(&format!("providers: {{ it: {{ {provider}, expose: true }} }}"), &env)
}

#[test]
fn a_preset_and_a_key_are_enough() {
    use attache_core::dialect::Dialect;
    use attache_core::dialect::quirks::MaxTokensField;
    let config = of_one("preset: mistral, key: \"${OPENAI_API_KEY}\"").unwrap();
    let mistral = &config.providers["it"];
    assert_eq!((mistral.authority.as_str(), mistral.base_path.as_str()), ("api.mistral.ai", "/v1"));
    assert_eq!(shown(&mistral.credentials), "authorization: Bearer sk-very-secret");
    assert_eq!(mistral.quirks.max_tokens_field, Some(MaxTokensField::MaxTokens));
    assert!(!format!("{config:?}").contains("sk-very-secret"));
    assert!(!serde_json::to_string(&config.written).unwrap().contains("sk-very-secret"));

    let config = of_one("preset: gemini, key: k, headers: { X-Goog-User-Project: mine }").unwrap();
    let gemini = &config.providers["it"];
    assert_eq!(shown(&gemini.credentials), "x-goog-api-key: k");
    assert_eq!(gemini.dialect_for(Dialect::Anthropic), Dialect::Gemini);

    let azure = "preset: azure_deployments, key: k, parameters: { resource: ours }";
    let config = of_one(azure).unwrap();
    for (model, is_there) in [("it/gpt-4o", true), ("it/..", false), ("it/.", false)] {
        assert_eq!(config.model(model).is_some(), is_there, "{model}: it becomes a segment of a URL");
    }
    assert_eq!(config.providers["it"].query.as_deref(), Some("api-version=2024-10-21"));
    let config = of_one(&format!("{azure}, query: {{ api-version: 'a b' }}")).unwrap();
    assert_eq!(config.providers["it"].query.as_deref(), Some("api-version=a+b"));
}

#[test]
fn what_is_written_stands_instead_of_the_preset_s() {
    use attache_core::dialect::Dialect;
    let written = "preset: openai, url: \"http://10.0.0.1:8000/v1\", also: [], quirks: { stream_options: false }";
    let config = of_one(written).unwrap();
    let provider = &config.providers["it"];
    assert_eq!((provider.authority.as_str(), provider.tls), ("10.0.0.1:8000", false));
    assert_eq!(provider.speaks, [Dialect::OpenAi]);
    assert_eq!(provider.quirks.stream_options, Some(false));
    let config = of_one("preset: github, headers: { X-GitHub-Api-Version: '2030-01-01' }").unwrap();
    assert_eq!(config.providers["it"].headers.len(), 1);
    let config = of_one("preset: openai, dialect: responses").unwrap();
    assert_eq!(config.providers["it"].speaks, [Dialect::Responses, Dialect::Completions]);
}

#[test]
fn every_preset_compiles() {
    for preset in attache_core::preset::all() {
        let parameters: Vec<_> =
            preset.parameters.iter().map(|(name, parameter)| format!("{name}: \"{}\"", parameter.example)).collect();
        let key = if preset.key.is_some() { ", key: k" } else { "" };
        let parameters = format!("parameters: {{ {} }}", parameters.join(", "));
        of_one(&format!("preset: {}{key}, {parameters}", preset.name))
            .unwrap_or_else(|wrong| panic!("{}: {wrong}", preset.name));
    }
}

#[test]
fn mistakes_with_presets_are_explained() {
    let mut read = String::new();
    for written in [
        "preset: gorq",
        "preset: nobodys-name",
        "preset: bedrock",
        "preset: bedrock, parameters: { regoin: us-east-1 }",
        "preset: bedrock, parameters: { region: 'us-east-1.evil.example/' }",
        "preset: vertex, key: k, parameters: { region: global, project: p }",
        "preset: openai, key: k, auth: { bearer: k }",
        "preset: openai, key: []",
        "preset: openai, key: { fiel: sk-very-secret }",
        "preset: openai, quirks: { strem_options: true }",
        "preset: openai, quirks: { efforts: [lots] }",
        "preset: openai, quirks: { refuses: [messages.content.text] }",
        "preset: openai, parameters: { region: eu }",
        "dialect: openai",
        "url: \"http://a\"",
        "dialect: openai, url: \"http://a\", parameters: { region: eu }",
        "dialect: openai, url: \"http://a\", also: [openia]",
        "dialect: openai, url: \"http://a\", hosting: azure",
    ] {
        let complaint = of_one(written).map_or_else(|wrong| wrong.to_string(), |_| "good".to_owned());
        assert!(!complaint.contains("sk-very-secret"), "{complaint}");
        read.push_str(&format!("{written}\n    {}\n", complaint.replace('\n', "\n    ")));
    }
    let two = "{ preset: openai, other_endpoints: true, expose: true }";
    let two = compile(&format!("providers: {{ a: {two}, b: {two} }}"), &env).unwrap_err().to_string();
    read.push_str(&format!("two with other_endpoints\n    {}\n", two.replace('\n', "\n    ")));
    insta::assert_snapshot!(read);
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
fn a_target_s_name_says_whom_it_means_wherever_it_stands() {
    let names = |targets: &str| {
        let first = "{ provider: openai, model: gpt-4o-mini }\n      - { provider: claude, model: claude-haiku-4-5 }";
        let config = compile(&GOOD.replace(first, targets), &env).unwrap();
        config.model("fast").unwrap().targets.iter().map(|target| target.name.to_string()).collect::<Vec<_>>()
    };
    let (small, large) = ("{ provider: openai, model: gpt-4o-mini }", "{ provider: openai, model: gpt-4o }");
    let after = |first: &str, second: &str| names(&format!("{first}\n      - {second}"));
    assert_eq!(after(small, large), ["fast/openai/gpt-4o-mini", "fast/openai/gpt-4o"]);
    assert_eq!(after(large, small), ["fast/openai/gpt-4o", "fast/openai/gpt-4o-mini"]);
    let unsure = "{ provider: openai, model: gpt-4o-mini, sampling: false }";
    assert_eq!(after(small, unsure), ["fast/openai/gpt-4o-mini", "fast/openai/gpt-4o-mini#2"]);
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
        ("auth: { bearer: \"${OPENAI_API_KEY}\" }", "auth: { bearer: [[\"sk-very-secret\"]] }"),
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "sk-from-file\n").unwrap();
    let from_file = format!("auth: {{ bearer: {{ file: {} }} }}", path.display());
    let config = compile(&GOOD.replace("auth: { bearer: \"${OPENAI_API_KEY}\" }", &from_file), &env).unwrap();
    assert_eq!(shown(&config.providers["openai"].credentials), "authorization: Bearer sk-from-file");
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
        ("bearer: \"${OPENAI_API_KEY}\"", "bearer: []"),
        ("bearer: \"${OPENAI_API_KEY}\"", "bearer: [a, b, a]"),
        ("bearer: \"${OPENAI_API_KEY}\"", "bearer: [a, { file: /nonexistent/key }]"),
        ("bearer: \"${OPENAI_API_KEY}\"", "bearer: a, query: key"),
        ("bearer: \"${OPENAI_API_KEY}\"", "bearer: 7"),
        ("bearer: \"${OPENAI_API_KEY}\"", "query: k/y, value: a"),
        ("bearer: \"${OPENAI_API_KEY}\"", "query: key"),
        ("bearer: \"${OPENAI_API_KEY}\"", "aws: us-east-1"),
        ("bearer: \"${OPENAI_API_KEY}\"", "aws: { regoin: us-east-1 }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "aws: { region: us east }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "aws: { region: r, access_key_id: a }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "aws: { region: r, session_token: a }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "aws: { region: r, access_key_id: a, secret_access_key: b, profile: p }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "gcp: { service_account: { file: /nonexistent/key } }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "gcp: { service_account: \"{}\" }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "gcp: { token_url: http://tokens.example }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "gcp: { scopes: [a b] }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "gcp: { scopes: a }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "azure: {}"),
        ("bearer: \"${OPENAI_API_KEY}\"", "azure: { tenant_id: t, client_id: c }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "azure: { tenant_id: t/u, client_id: c, client_secret: s }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "azure: { managed_identity: true, tenant_id: t }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "azure: { managed_identity: true, authority: http://tokens.example }"),
        ("bearer: \"${OPENAI_API_KEY}\"", "azure: { managed_identity: yes }"),
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
