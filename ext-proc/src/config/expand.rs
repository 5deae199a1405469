//! `${NAME}` and `${NAME:-default}` in the strings of a configuration, from the environment.
//!
//! Expanded after parsing, so that a value can never change the structure of the file. `$$` is a plain `$`.

use super::{Invalid, Problem};
use serde_json::Value;

/// Expands the variables in every string of `value`.
///
/// # Errors
/// Every variable that is not set and has no default, with its path.
pub(super) fn variables(value: &mut Value, env: &dyn Fn(&str) -> Option<String>) -> Result<(), Invalid> {
    let mut problems = Vec::new();
    walk(value, &mut String::new(), env, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(Invalid(problems)) }
}

fn walk(value: &mut Value, path: &mut String, env: &dyn Fn(&str) -> Option<String>, problems: &mut Vec<Problem>) {
    let here = path.len();
    match value {
        Value::String(text) => match expanded(text, env) {
            Ok(new) => *text = new,
            Err(message) => problems.push(Problem::at(path.clone(), message)),
        },
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{i}]"));
                walk(item, path, env, problems);
                path.truncate(here);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields.iter_mut() {
                if here > 0 {
                    path.push('.');
                }
                path.push_str(key);
                walk(item, path, env, problems);
                path.truncate(here);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn expanded(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (variable, after) = after.split_once('}').ok_or("`${` without its `}`; write `$$` for a plain `$`")?;
            out.push_str(&lookup(variable, env)?);
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn lookup(variable: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (name, default) = match variable.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (variable, None),
    };
    match (env(name), default) {
        (Some(value), _) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (Some(_), None) => {
            Err(format!("the environment variable {name} is empty; set it, or write ${{{name}:-default}}"))
        }
        (None, None) => {
            Err(format!("the environment variable {name} is not set; set it, or write ${{{name}:-default}}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_from_the_environment() {
        let env = |name: &str| match name {
            "KEY" => Some("s3cret".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, expected) in [
            ("plain", Ok("plain")),
            ("${KEY}", Ok("s3cret")),
            ("a${KEY}b${KEY}", Ok("as3cretbs3cret")),
            ("${NONE:-fallback}", Ok("fallback")),
            ("${EMPTY:-fallback}", Ok("fallback")),
            ("${NONE:-}", Ok("")),
            ("$5 and $$", Ok("$5 and $")),
            ("${NONE}", Err("the environment variable NONE is not set; set it, or write ${NONE:-default}")),
            ("${EMPTY}", Err("the environment variable EMPTY is empty; set it, or write ${EMPTY:-default}")),
            ("${open", Err("`${` without its `}`; write `$$` for a plain `$`")),
        ] {
            assert_eq!(expanded(text, &env).as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
