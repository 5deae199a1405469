use crate::config::compile;

/// What the documentation of guards shows is what the configuration takes.
#[test]
fn every_example_of_guards_compiles() {
    let page = include_str!("../../../../docs/guards.md");
    let rest = "providers: { p: { dialect: openai, url: https://a.example } }\n\
                models: { fast: { targets: [{ provider: p, model: x }] } }\n";
    let examples = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut kinds = 0;
    for example in examples {
        let compiled = compile(&format!("{rest}{example}"), &|_| None);
        assert!(compiled.is_ok(), "{example}: {}", compiled.unwrap_err());
        kinds += 1;
    }
    assert!(kinds >= 8, "{kinds}");
}
