//! What a verified token says about its caller: claims by their path, as the configuration names them.

use serde_json::Value;
use std::collections::BTreeMap;

/// The longest name, team or tag that is taken from a request, in bytes. They are repeated in records and limits.
pub const TEXT_BYTES_MAX: usize = 256;

/// Which claims say what, by their paths.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The caller's name.
    pub caller: String,
    /// Its team.
    pub team: Option<String>,
    /// Its organisation.
    pub org: Option<String>,
    /// Tags by name.
    pub tags: BTreeMap<String, String>,
    /// Further claims.
    pub keep: Vec<String>,
}

/// What is said about a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its name.
    pub name: String,
    /// Who says so, of a token.
    pub issuer: Option<String>,
    /// Its team.
    pub team: Option<String>,
    /// Its organisation.
    pub org: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Claims that are kept.
    pub claims: BTreeMap<String, String>,
}

impl Paths {
    /// Reads what these claims say. `prefix` is put in front of the name, `tags` are there whatever they say.
    ///
    /// # Errors
    /// Why they name no caller, for the log.
    pub fn read(&self, claims: &Value, prefix: &str, tags: &BTreeMap<String, String>) -> Result<Said, &'static str> {
        let optional = |path: &Option<String>| match path {
            Some(path) => text_at(claims, path),
            None => Ok(None),
        };
        let name = text_at(claims, &self.caller)?.ok_or("the claim that names the caller is missing")?;
        let mut said = Said {
            name: format!("{prefix}{name}"),
            issuer: claims.get("iss").and_then(Value::as_str).map(str::to_owned),
            team: optional(&self.team)?,
            org: optional(&self.org)?,
            tags: tags.clone(),
            claims: BTreeMap::new(),
        };
        for (tag, path) in &self.tags {
            said.tags.extend(text_at(claims, path)?.map(|text| (tag.clone(), text)));
        }
        for path in &self.keep {
            said.claims.extend(text_at(claims, path)?.map(|text| (path.clone(), text)));
        }
        Ok(said)
    }
}

/// The text at a path; of a number or a truth value what is written. A list or an object is nothing that could be named.
fn text_at(claims: &Value, path: &str) -> Result<Option<String>, &'static str> {
    // Names of claims may hold dots themselves: `https://example.com/team`.
    let met = claims.get(path).or_else(|| path.split('.').try_fold(claims, step));
    let text = match met {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(truth)) => truth.to_string(),
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => return Ok(None),
    };
    if is_fit(&text) {
        Ok(Some(text))
    } else {
        Err("a claim is empty, longer than 256 bytes or holds control characters")
    }
}

fn step<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    if value.is_array() { value.get(part.parse::<usize>().ok()?) } else { value.get(part) }
}

/// Whether a text from a request can be a name, a team or a tag.
pub fn is_fit(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths() -> Paths {
        let some = |path: &str| Some(path.to_owned());
        let tags =
            [("env".to_owned(), "realm.env".to_owned()), ("dot".to_owned(), "https://acme.example/x".to_owned())];
        Paths {
            caller: "sub".to_owned(),
            team: some("groups.0"),
            org: some("realm.org"),
            tags: tags.into(),
            keep: vec!["level".to_owned()],
        }
    }

    #[test]
    fn claims_are_found_by_their_path() {
        let claims = json!({ "sub": "u1", "groups": ["search", "ads"], "realm": { "org": "acme", "env": "prod" },
            "https://acme.example/x": true, "level": 7, "other": "not kept" });
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let said = paths().read(&claims, "idp:", &map(&[("env", "default"), ("src", "idp")])).unwrap();
        assert_eq!(said.name, "idp:u1");
        assert_eq!((said.team.as_deref(), said.org.as_deref()), (Some("search"), Some("acme")));
        assert_eq!(said.tags, map(&[("dot", "true"), ("env", "prod"), ("src", "idp")]));
        assert_eq!(said.claims, map(&[("level", "7")]));
    }

    #[test]
    fn only_the_caller_must_be_there() {
        let read = |claims: Value| paths().read(&claims, "", &BTreeMap::new());
        assert_eq!(read(json!({ "sub": "u1" })).unwrap(), Said { name: "u1".to_owned(), ..Said::default() });
        assert_eq!(read(json!({ "sub": "u1", "groups": [] })).unwrap().team, None);
        for claims in [json!({}), json!({ "sub": ["u1"] }), json!({ "sub": "" }), json!({ "sub": "a\nb" }), json!([1])]
        {
            assert!(read(claims.clone()).is_err(), "{claims}");
        }
        assert!(read(json!({ "sub": "u1", "groups": ["x".repeat(300)] })).is_err(), "nothing is cut silently");
    }
}
