//! Freeform tools: the model writes a text instead of JSON. For everybody else they are functions with one argument.

use crate::dialect::wire::wire;
use crate::edit::quoted;
use crate::text::Str;
use serde_json::value::RawValue;

wire! {
    /// The rule that the text follows: <https://platform.openai.com/docs/guides/function-calling#custom-tools>.
    struct Format<'a> { kind "type": Str<'a>, syntax: Str<'a>, definition: Str<'a> }
}
wire! { struct Arguments<'a> { input: Str<'a> } }

/// The schema of the function, with the grammar as words for the model; no other API can force it.
pub(super) fn schema(format: Option<&Format<'_>>) -> Option<Box<RawValue>> {
    let mut description = "The whole input of the tool, as plain text.".to_owned();
    if let Some(definition) = format.and_then(|format| format.definition.as_deref()) {
        let syntax = format.and_then(|format| format.syntax.as_deref()).unwrap_or("formal");
        description.push_str(&format!(" It must follow this {syntax} grammar:\n{definition}"));
    }
    let schema = format!(
        r#"{{"type":"object","properties":{{"input":{{"type":"string","description":{}}}}},"required":["input"],"additionalProperties":false}}"#,
        quoted(&description)
    );
    RawValue::from_string(schema).ok()
}

/// A tool's free text as the arguments of the function.
pub(in crate::dialect::responses) fn arguments(input: &str) -> String {
    format!(r#"{{"input":{}}}"#, quoted(input))
}

/// The free text in the arguments of the function; arguments of another shape are the text themselves.
pub(in crate::dialect::responses) fn input(arguments: &str) -> Str<'_> {
    serde_json::from_str::<Arguments<'_>>(arguments)
        .ok()
        .and_then(|arguments| arguments.input)
        .unwrap_or_else(|| Str::from(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was() {
        for text in ["", "*** Begin Patch\n+\"é\"\n", "{\"input\":1}"] {
            assert_eq!(input(&arguments(text)), *text);
        }
        assert_eq!(input("*** Begin"), "*** Begin");
        assert_eq!(input("{\"input\":7}"), "{\"input\":7}");
    }

    #[test]
    fn the_grammar_is_told_in_words() {
        let format: Format<'_> =
            serde_json::from_str(r#"{"type":"grammar","syntax":"lark","definition":"start: \"a\""}"#).unwrap();
        let schema = schema(Some(&format)).unwrap();
        assert!(schema.get().contains(r#"this lark grammar:\nstart: \"a\""#), "{schema}");
    }
}
