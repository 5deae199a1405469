//! Which names mean the same model. Few rules, each one stated; a name that none of them explains is another model.

/// The model without the date (or other mark) of its release; `None` where it has none.
///
/// Known are `-2024-07-18` (OpenAI), `-20250514` (Anthropic), `@20250514` (Vertex), `-latest`, `@latest`, `@default`,
/// `-v1:0` (Bedrock, before which there may be a date) and `-001` (Google). Everything else belongs to the name: `-mini`, `-0613`,
/// `-preview`, `-fast` are other models with other prices.
pub(super) fn undated(model: &str) -> Option<&str> {
    let versioned = bedrock_version(model);
    let name = versioned.unwrap_or(model);
    let plain = ["-latest", "@latest", "@default"].iter().find_map(|mark| name.strip_suffix(mark));
    plain.or_else(|| dated(name)).or_else(|| google_version(name)).or(versioned).filter(|name| !name.is_empty())
}

/// `name-YYYY-MM-DD`, `name-YYYYMMDD`, `name@YYYYMMDD`.
fn dated(name: &str) -> Option<&str> {
    for (length, separators) in [(11, "-"), (9, "-@")] {
        let Some((rest, suffix)) = name.len().checked_sub(length).and_then(|at| name.split_at_checked(at)) else {
            continue;
        };
        let mut chars = suffix.chars();
        if chars.next().is_some_and(|first| separators.contains(first)) && is_date(chars.as_str()) {
            return Some(rest);
        }
    }
    None
}

fn is_date(text: &str) -> bool {
    let dashes = text.len() == 10;
    let parts: Vec<&str> = text.split('-').collect();
    let digits: String = match (parts.as_slice(), dashes) {
        ([year, month, day], true) if year.len() == 4 && month.len() == 2 && day.len() == 2 => parts.concat(),
        ([_], false) => text.to_owned(),
        _ => return false,
    };
    let Ok(number) = digits.parse::<u32>() else { return false };
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    digits.bytes().all(|digit| digit.is_ascii_digit())
        && (2020..2100).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
}

/// `anthropic.claude-…-v1:0` without `-v1:0`.
fn bedrock_version(name: &str) -> Option<&str> {
    let (rest, minor) = name.rsplit_once(':')?;
    let (rest, major) = rest.rsplit_once("-v")?;
    (is_digits(minor) && is_digits(major)).then_some(rest)
}

/// `gemini-2.0-flash-001` without `-001`.
fn google_version(name: &str) -> Option<&str> {
    let (rest, version) = name.rsplit_once('-')?;
    (name.starts_with("gemini-") && version.len() == 3 && version.starts_with("00") && is_digits(version))
        .then_some(rest)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// Under which vendors and names a vendor's model may be listed, the most exact first: the rules that
/// [`Catalogue::find`](super::Catalogue::find) states.
pub(super) fn candidates(vendor: &str, model: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |vendor: &str, model: &str| {
        for name in [Some(model), undated(model)].into_iter().flatten() {
            let candidate = (vendor.to_owned(), name.to_owned());
            if !name.is_empty() && !found.contains(&candidate) {
                found.push(candidate);
            }
        }
    };
    add(vendor, model);
    if let Some((prefix, rest)) = model.split_once('/') {
        let maker = maker(prefix);
        if maker == Some(vendor) || (vendor == "google" && prefix == "models") {
            add(vendor, rest);
        }
        if let (Some(maker @ ("openai" | "anthropic" | "google" | "xai")), "openrouter") = (maker, vendor) {
            add(maker, rest);
        }
    }
    match vendor {
        "bedrock" => {
            if let Some(rest) = model.strip_prefix("us.") {
                add(vendor, rest);
            }
        }
        "vertex" | "vertex-regional" if model.starts_with("gemini-") => add("google", model),
        "vertex" if model.starts_with("claude-") => add("anthropic", model),
        _ => {}
    }
    found
}

/// The vendor that a prefix of a model's name means.
fn maker(prefix: &str) -> Option<&'static str> {
    Some(match prefix {
        "openai" => "openai",
        "anthropic" => "anthropic",
        "google" | "gemini" => "google",
        "x-ai" | "xai" => "xai",
        "mistral" | "mistralai" => "mistral",
        "deepseek" | "deepseek-ai" => "deepseek",
        "cohere" => "cohere",
        "bedrock" => "bedrock",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_no_part_of_the_name() {
        for (model, expected) in [
            ("gpt-4o-mini-2024-07-18", Some("gpt-4o-mini")),
            ("claude-sonnet-4-20250514", Some("claude-sonnet-4")),
            ("claude-sonnet-4@20250514", Some("claude-sonnet-4")),
            ("claude-3-5-sonnet-latest", Some("claude-3-5-sonnet")),
            ("claude-opus-4-1@default", Some("claude-opus-4-1")),
            ("anthropic.claude-sonnet-4-20250514-v1:0", Some("anthropic.claude-sonnet-4")),
            ("amazon.nova-lite-v1:0", Some("amazon.nova-lite")),
            ("gemini-2.0-flash-001", Some("gemini-2.0-flash")),
            ("gpt-4o", None),
            ("gpt-4o-mini", None),
            ("gpt-4-0613", None),
            ("o1-2", None),
            ("text-embedding-004", None),
            ("llama-3.1-8b-instant", None),
            ("x-2024-13-01", None),
            ("x-99999999", None),
            ("x-+0240718", None),
            ("2024-07-18", None),
            ("-20240718", None),
            ("é-2024-07-18", Some("é")),
            ("aé024-07-18", None),
            ("ft:gpt-4o-mini-2024-07-18:org::id", None),
        ] {
            assert_eq!(undated(model), expected, "{model}");
        }
    }
}
