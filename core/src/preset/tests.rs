use super::*;
use std::collections::BTreeSet;

/// The `{names}` in a template.
fn placeholders(template: &str) -> Vec<String> {
    let after_brace = template.split('{').skip(1);
    after_brace.map(|rest| rest.split_once('}').expect("a brace is closed").0.to_owned()).collect()
}

/// Every parameter with its example.
fn examples(preset: &Preset) -> BTreeMap<String, String> {
    preset.parameters.iter().map(|(name, parameter)| (name.clone(), parameter.example.clone())).collect()
}

#[test]
fn every_entry_holds_together() {
    let presets = read(include_str!("../../data/presets.json")).unwrap();
    let mut names = BTreeSet::new();
    for preset in &presets {
        let name = &preset.name;
        assert!(names.insert(name.clone()), "{name} comes twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        assert!(preset.documentation.starts_with("https://"), "{name}: {}", preset.documentation);
        assert_eq!(preset.quirks.complaint(), None, "{name}");
        assert!(!preset.also.contains(&preset.dialect), "{name}");
        assert!(preset.confirmed || preset.note.is_some(), "{name}: an unconfirmed entry says what is not known");
        let urls = preset.parameters.values().flat_map(|parameter| parameter.urls.values());
        let templates = urls.chain([&preset.url]).chain(preset.query.values()).chain(preset.headers.values());
        let met: BTreeSet<String> = templates.flat_map(|template| placeholders(template)).collect();
        let with_urls = preset.parameters.iter().filter(|(_, parameter)| !parameter.urls.is_empty());
        let met: BTreeSet<String> = met.into_iter().chain(with_urls.map(|(name, _)| name.clone())).collect();
        let declared: BTreeSet<String> = preset.parameters.keys().cloned().collect();
        assert_eq!(met, declared, "{name}: what its templates hold, and what it declares");
        let filled = preset.fill(&examples(preset)).unwrap();
        let scheme = filled.url.split_once("://").map(|(scheme, _)| scheme);
        assert!(matches!(scheme, Some("http" | "https")), "{name}: {}", filled.url);
        assert!(
            !filled.url.contains(['{', '}', '?', ' ', '#', '@']) && !filled.url.ends_with('/'),
            "{name}: {}",
            filled.url
        );
    }
}

#[test]
fn what_is_missing_is_said() {
    let preset = Preset {
        parameters: serde_json::from_str(
            r#"{ "region": { "what": "the region", "example": "us-east-1", "urls": { "global": "https://a.example" } } }"#,
        )
        .unwrap(),
        url: "https://{region}.a.example/v1".into(),
        ..all()[0].clone()
    };
    let fill = |given: &[(&str, &str)]| {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match preset.fill(&given) {
            Ok(filled) => filled.url,
            Err(wrong) => wrong.iter().map(|wrong| format!("{}: {}", wrong.parameter, wrong.message)).collect(),
        }
    };
    assert_eq!(fill(&[("region", "eu-1")]), "https://eu-1.a.example/v1");
    assert_eq!(fill(&[("region", "global")]), "https://a.example");
    assert_eq!(fill(&[]), "region: the region is missing; write for example `region: us-east-1`");
    assert_eq!(
        fill(&[("region", "evil.example/")]),
        "region: \"evil.example/\" cannot be part of a URL; expected something like us-east-1"
    );
    let unknown = format!("regoin: the preset `{}` has no such parameter; it has: region", preset.name);
    assert_eq!(fill(&[("region", "a"), ("regoin", "b")]), unknown);
}
