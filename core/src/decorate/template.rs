//! A text with `{{variables}}`.

/// A text, cut at its variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Variable(String),
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// For a `{{` without its `}}`, or without a name between them.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((words, behind)) = rest.split_once("{{") {
            let (name, after) = behind.split_once("}}").ok_or("a `{{` has no `}}`")?;
            let name = name.trim();
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if name.is_empty() || !name.bytes().all(fits) {
                return Err(format!("`{{{{{name}}}}}` names no variable: a name takes a-z, A-Z, 0-9, `_` and `-`"));
            }
            pieces.extend([Piece::Words(words.to_owned()), Piece::Variable(name.to_owned())]);
            rest = after;
        }
        pieces.push(Piece::Words(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The variables in it.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name.as_str()),
            Piece::Words(_) => None,
        })
    }

    /// The text with these values. A value is never read as a template.
    ///
    /// # Errors
    /// What `value` says.
    pub(super) fn fill<E>(&self, value: &dyn Fn(&str) -> Result<String, E>) -> Result<String, E> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => out.push_str(words),
                Piece::Variable(name) => out.push_str(&value(name)?),
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_in_double_braces() {
        let fill = |text: &str| {
            let template = Template::read(text).map_err(|why| why.clone())?;
            template.fill(&|name| if name == "bad" { Err("no".to_owned()) } else { Ok(format!("<{name}{{{{x}}}}>")) })
        };
        for (text, expected) in [
            ("", Ok("")),
            ("no { variable } }}", Ok("no { variable } }}")),
            ("{{a}}, {{ b-2 }}.", Ok("<a{{x}}>, <b-2{{x}}>.")),
            ("{{bad}}", Err("no")),
            ("a {{b", Err("a `{{` has no `}}`")),
            ("{{}}", Err("`{{}}` names no variable: a name takes a-z, A-Z, 0-9, `_` and `-`")),
            ("{{a b}}", Err("`{{a b}}` names no variable: a name takes a-z, A-Z, 0-9, `_` and `-`")),
        ] {
            assert_eq!(fill(text).as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
