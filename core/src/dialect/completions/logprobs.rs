//! Log probabilities: <https://platform.openai.com/docs/api-reference/completions/object#completions/object-choices>.
//!
//! Here they are lists side by side, one entry for each token; the hub has the chat dialect's list of objects.

use crate::dialect::wire::{Raw, wire};
use crate::text::Str;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;
use std::fmt;

wire! {
    /// The lists. Where the tokens stand in the text follows from the tokens.
    struct Lists<'a> {
        tokens: Vec<Str<'a>>,
        token_logprobs: Vec<Option<Number>>,
        top_logprobs: Vec<Option<Pairs<'a>>>,
        _text_offset "text_offset": IgnoredAny,
    }
}

/// An object of tokens and numbers, in its order.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a>(Vec<(Str<'a>, Number)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(Str<'de>, Number)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Members).map(Pairs)
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (token, logprob) in &self.0 {
            map.serialize_entry(token, logprob)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Chat<'b> {
    content: Vec<Entry<'b>>,
    refusal: Option<()>,
}

#[derive(Serialize)]
struct Entry<'b> {
    #[serde(flatten)]
    token: Token<'b>,
    top_logprobs: Vec<Token<'b>>,
}

#[derive(Serialize)]
struct Token<'b> {
    token: &'b str,
    logprob: &'b Number,
    bytes: Option<()>,
}

/// The lists in the chat dialect's shape; `None` where there is no number. The first token of a prompt that was echoed
/// has none.
pub(super) fn to_hub(lists: &Lists<'_>) -> Option<Box<RawValue>> {
    let tokens = lists.tokens.iter().flatten();
    let numbers = lists.token_logprobs.iter().flatten();
    let tops = lists.top_logprobs.iter().flatten().map(Option::as_ref).chain(std::iter::repeat(None));
    let content = tokens.zip(numbers).zip(tops).filter_map(|((token, number), top)| {
        let top = top.map(|pairs| pairs.0.iter().map(|(token, logprob)| of(token, logprob)).collect());
        Some(Entry { token: of(token, number.as_ref()?), top_logprobs: top.unwrap_or_default() })
    });
    let content: Vec<Entry<'_>> = content.collect();
    if content.is_empty() {
        return None;
    }
    serde_json::value::to_raw_value(&Chat { content, refusal: None }).ok()
}

fn of<'b>(token: &'b str, logprob: &'b Number) -> Token<'b> {
    Token { token, logprob, bytes: None }
}

wire! { struct Hub<'a> { content: Vec<HubEntry<'a>>, refusal: Vec<IgnoredAny> } }
wire! {
    struct HubEntry<'a> { token: Str<'a>, logprob: Number, bytes: IgnoredAny, top_logprobs: Vec<HubEntry<'a>> }
}

/// The lists on their way to a client.
#[derive(Debug, Default, Serialize)]
pub(super) struct Written {
    tokens: Vec<String>,
    token_logprobs: Vec<Number>,
    top_logprobs: Vec<Pairs<'static>>,
    text_offset: Vec<u64>,
}

/// The chat dialect's shape as lists, for tokens that begin at `offset` of the text, in characters: the new end of the
/// text, and the lists if there are any. Tokens of a refusal are no tokens of the text.
pub(super) fn of_hub(raw: Raw<'_>, mut offset: u64) -> (u64, Option<Written>) {
    let entries = serde_json::from_str::<Hub<'_>>(raw.get()).ok().and_then(|hub| hub.content).unwrap_or_default();
    let mut lists = Written::default();
    for entry in entries {
        let Some((token, logprob, top)) = taken(entry) else { continue };
        lists.text_offset.push(offset);
        offset = offset.saturating_add(token.chars().count() as u64);
        lists.tokens.push(token.into_string());
        lists.token_logprobs.push(logprob);
        let pairs = top.into_iter().filter_map(taken).map(|(token, logprob, _)| (token.into_string().into(), logprob));
        lists.top_logprobs.push(Pairs(pairs.collect()));
    }
    (offset, (!lists.tokens.is_empty()).then_some(lists))
}

fn taken(entry: HubEntry<'_>) -> Option<(Str<'_>, Number, Vec<HubEntry<'_>>)> {
    Some((entry.token?, entry.logprob?, entry.top_logprobs.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let json = r#"{"tokens":["Hi"," é"],"token_logprobs":[-0.5,-1],"top_logprobs":[{"Hi":-0.5,"Yo":-2.5},{" é":-1}],"text_offset":[0,2]}"#;
        let hub = to_hub(&serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!(
            hub.get(),
            r#"{"content":[{"token":"Hi","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"Hi","logprob":-0.5,"bytes":null},{"token":"Yo","logprob":-2.5,"bytes":null}]},{"token":" é","logprob":-1,"bytes":null,"top_logprobs":[{"token":" é","logprob":-1,"bytes":null}]}],"refusal":null}"#
        );
        let (end, lists) = of_hub(&hub, 0);
        assert_eq!((end, serde_json::to_string(&lists).unwrap().as_str()), (4, json));
        assert_eq!(of_hub(&hub, 7).1.unwrap().text_offset, [7, 9]);
    }

    #[test]
    fn gaps() {
        let hub = |json: &str| to_hub(&serde_json::from_str(json).unwrap()).map(|raw| raw.get().to_owned());
        let one = r#"{"content":[{"token":"b","logprob":-1,"bytes":null,"top_logprobs":[]}],"refusal":null}"#;
        assert_eq!(hub(r#"{"tokens":["a","b"],"token_logprobs":[null,-1],"top_logprobs":null}"#).as_deref(), Some(one));
        assert_eq!(
            hub(r#"{"tokens":["a","b"],"token_logprobs":[null,-1],"top_logprobs":[null]}"#).as_deref(),
            Some(one)
        );
        assert_eq!(hub("{}"), None);
        let raw = RawValue::from_string(r#"{"content":null,"refusal":[{"token":"a"}]}"#.to_owned()).unwrap();
        assert!(of_hub(&raw, 3).1.is_none());
    }
}
