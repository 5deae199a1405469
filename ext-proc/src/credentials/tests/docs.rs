use super::gcp::service_account;
use crate::config::compile;

/// What the documentation shows is what the configuration takes.
#[test]
fn every_example_of_the_documentation_compiles() {
    let page = include_str!("../../../../docs/credentials.md");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("account.json"), service_account("https://oauth2.example/token").to_string())
        .unwrap();
    for file in ["groq-3", "aws"] {
        std::fs::write(folder.path().join(file), "secret\n").unwrap();
    }
    let page = page.replace("/run/secrets", folder.path().to_str().unwrap());
    let env = |name: &str| Some(format!("value-of-{name}").replace('_', "-"));
    let check = |providers: &str, example: &str| {
        let first = providers.trim_start().split(':').next().unwrap();
        let models = format!("models: {{ m: {{ targets: [{{ provider: {first}, model: x }}] }} }}\n");
        let compiled = compile(&format!("providers:\n{providers}\n{models}"), &env);
        assert!(compiled.is_ok(), "{example}: {}", compiled.unwrap_err());
    };
    let mut examples = 0;
    for block in page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        if let Some(providers) = block.strip_prefix("providers:\n") {
            check(providers, block);
            examples += providers.lines().count();
        }
        for auth in block.lines().filter(|line| line.starts_with("auth: ")) {
            check(
                &format!("  p: {{ dialect: openai, url: https://a.example, {} }}", auth.split("  #").next().unwrap()),
                auth,
            );
            examples += 1;
        }
    }
    assert!(examples >= 12, "{examples}");
}
