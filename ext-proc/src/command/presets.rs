//! `attache presets`: the providers that are known already.

use super::table::Table;
use attache_core::preset::{self, Cloud, KeyPlace, Preset};

/// The table for a terminal.
pub(super) fn list() -> String {
    let table = Table::default().words("name").words("dialect").words("url").words("key").words("confirmed");
    let mut table = table.words("parameters");
    for preset in preset::all() {
        let confirmed = if preset.confirmed { "yes" } else { "no" };
        let parameters: Vec<_> = preset.parameters.keys().map(String::as_str).collect();
        table.row(vec![
            preset.name.clone(),
            dialects(preset),
            preset.url.clone(),
            credentials(preset),
            confirmed.to_owned(),
            if parameters.is_empty() { "-".to_owned() } else { parameters.join(", ") },
        ]);
    }
    table.text()
}

/// Everything about one of them.
pub(super) fn one(name: &str) -> Option<String> {
    let preset = preset::named(name)?;
    let mut told = format!("{}: {}\n", preset.name, preset.title);
    let mut line = |what: &str, said: &str| told.push_str(&format!("  {what}: {said}\n"));
    line("speaks", &dialects(preset));
    line("url", &preset.url);
    line("credentials", &credentials(preset));
    for (name, parameter) in &preset.parameters {
        let values = parameter.urls.keys().map(|value| format!(", {value}")).collect::<String>();
        let default = parameter.default.as_ref().map(|default| format!("; default: {default}")).unwrap_or_default();
        line(&format!("parameter {name}"), &format!("{} ({}{values}){default}", parameter.what, parameter.example));
    }
    let quirks = serde_json::to_value(&preset.quirks).unwrap_or_default();
    for (quirk, value) in quirks.as_object().into_iter().flatten() {
        line(&format!("quirk {quirk}"), &value.to_string());
    }
    line("documentation", &preset.documentation);
    line("confirmed", if preset.confirmed { "yes" } else { "no" });
    if let Some(note) = &preset.note {
        line("note", note);
    }
    Some(told)
}

/// What it speaks, the one that others are translated to first.
fn dialects(preset: &Preset) -> String {
    let all = std::iter::once(preset.dialect).chain(preset.also.iter().copied());
    all.map(|dialect| dialect.as_str()).collect::<Vec<_>>().join(", ")
}

/// How its credentials travel.
fn credentials(preset: &Preset) -> String {
    let key = preset.key.as_ref().map(|key| match key {
        KeyPlace::Bearer => "bearer".to_owned(),
        KeyPlace::Header(name) => name.clone(),
        KeyPlace::Query(name) => format!("?{name}="),
    });
    let cloud = preset.auth.map(|cloud| match cloud {
        Cloud::Aws => "auth: aws",
        Cloud::Gcp => "auth: gcp",
        Cloud::Azure => "auth: azure",
    });
    let said: Vec<_> = key.into_iter().chain(cloud.map(str::to_owned)).collect();
    if said.is_empty() { "-".to_owned() } else { said.join(" or ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/providers.md");
    const BEGIN: &str = "<!-- presets: generated -->\n";
    const END: &str = "<!-- /presets -->";

    fn markdown() -> String {
        let mut table =
            "| preset | provider | speaks | key | confirmed | |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
        for preset in preset::all() {
            let (title, page) = (&preset.title, &preset.documentation);
            let confirmed = if preset.confirmed { "yes" } else { "no" };
            let note = preset.note.as_deref().unwrap_or_default();
            let parameters = preset.parameters.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let note = match (parameters.is_empty(), note.is_empty()) {
                (true, _) => note.to_owned(),
                (false, true) => format!("parameters: {parameters}"),
                (false, false) => format!("parameters: {parameters}; {note}"),
            };
            let (name, speaks, key) = (&preset.name, dialects(preset), credentials(preset));
            table.push_str(&format!("| `{name}` | [{title}]({page}) | {speaks} | {key} | {confirmed} | {note} |\n"));
        }
        table
    }

    /// `UPDATE_DOCS=1` writes it.
    #[test]
    fn the_page_holds_the_table() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, format!("{before}{BEGIN}{}{END}{after}", markdown())).unwrap();
        } else {
            assert_eq!(table, markdown(), "UPDATE_DOCS=1 cargo test the_page_holds_the_table");
        }
    }

    #[test]
    fn a_preset_tells_what_it_needs() {
        let told = one("vertex").unwrap();
        for said in
            ["speaks: gemini", "credentials: auth: gcp", "parameter region: the location (us-central1, eu, global, us)"]
        {
            assert!(told.contains(said), "{told}");
        }
        assert!(one("mistral").unwrap().contains("quirk tool_call_ids: \"nine_alphanumerics\""));
        assert!(one("nobody").is_none());
        assert!(list().lines().count() > 40);
    }
}
