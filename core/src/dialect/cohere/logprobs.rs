//! Log probabilities: <https://docs.cohere.com/reference/chat#response.body.logprobs>.
//!
//! Cohere tells them for pieces of text, with the probability of each token of the piece; the hub has OpenAI's shape, which
//! has one entry for each token's text. A piece of several tokens becomes one entry with the sum, which is the piece's own
//! log probability.

use crate::dialect::wire::{Raw, wire};
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Number;
use serde_json::value::RawValue;

wire! {
    /// One piece.
    struct Item<'a> { text: Str<'a>, _token_ids "token_ids": IgnoredAny, logprobs: Vec<Number> }
}

#[derive(Serialize)]
struct OpenAi<'b> {
    content: Vec<Entry<'b>>,
    refusal: Option<()>,
}

#[derive(Serialize)]
struct Entry<'b> {
    token: &'b str,
    logprob: Number,
    bytes: Option<()>,
    top_logprobs: [(); 0],
}

/// The pieces in OpenAI's shape; `None` where none of them has a probability.
pub(super) fn to_hub(items: &[Item<'_>]) -> Option<Box<RawValue>> {
    let entry = |item: &Item<'_>| {
        let logprob = match item.logprobs.as_deref()? {
            [] => return None,
            [one] => one.clone(),
            several => Number::from_f64(several.iter().filter_map(Number::as_f64).sum())?,
        };
        Some((item.text.as_deref().unwrap_or_default().to_owned(), logprob))
    };
    let entries: Vec<(String, Number)> = items.iter().filter_map(entry).collect();
    if entries.is_empty() {
        return None;
    }
    let content =
        entries.iter().map(|(token, logprob)| Entry { token, logprob: logprob.clone(), bytes: None, top_logprobs: [] });
    serde_json::value::to_raw_value(&OpenAi { content: content.collect(), refusal: None }).ok()
}

wire! { struct Hub<'a> { content: Vec<HubEntry<'a>>, refusal: Vec<IgnoredAny> } }
wire! {
    struct HubEntry<'a> { token: Str<'a>, logprob: Number, bytes: IgnoredAny, top_logprobs: Vec<IgnoredAny> }
}

/// A piece on its way to a client. Nobody else tells the tokens' numbers.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    text: String,
    token_ids: [u32; 0],
    logprobs: [Number; 1],
}

/// OpenAI's shape as pieces, and whether something of it cannot be said.
pub(super) fn of_hub(raw: Raw<'_>) -> (Vec<Written>, bool) {
    let Ok(hub) = serde_json::from_str::<Hub<'_>>(raw.get()) else { return (Vec::new(), true) };
    let mut lost = hub.refusal.is_some_and(|refusal| !refusal.is_empty());
    let mut items = Vec::new();
    for entry in hub.content.unwrap_or_default() {
        lost |= entry.top_logprobs.is_some_and(|top| !top.is_empty());
        match (entry.token, entry.logprob) {
            (Some(token), Some(logprob)) => {
                items.push(Written { text: token.into_string(), token_ids: [], logprobs: [logprob] });
            }
            _ => lost = true,
        }
    }
    (items, lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let json = r#"[{"text":"Hi","token_ids":[7],"logprobs":[-0.5]},{"text":" you","token_ids":[8,9],"logprobs":[-1,-2.25]},{"text":"x","token_ids":[1]}]"#;
        let items: Vec<Item<'_>> = serde_json::from_str(json).unwrap();
        let hub = to_hub(&items).unwrap();
        assert_eq!(
            hub.get(),
            r#"{"content":[{"token":"Hi","logprob":-0.5,"bytes":null,"top_logprobs":[]},{"token":" you","logprob":-3.25,"bytes":null,"top_logprobs":[]}],"refusal":null}"#
        );
        let (items, lost) = of_hub(&hub);
        assert!(!lost);
        let written = serde_json::to_string(&items).unwrap();
        assert_eq!(
            written,
            r#"[{"text":"Hi","token_ids":[],"logprobs":[-0.5]},{"text":" you","token_ids":[],"logprobs":[-3.25]}]"#
        );
        assert!(to_hub(&[]).is_none());
    }

    #[test]
    fn alternatives_cannot_be_said() {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let (items, lost) =
            of_hub(&raw(r#"{"content":[{"token":"a","logprob":-1,"top_logprobs":[{"token":"b","logprob":-2}]}]}"#));
        assert_eq!((items.len(), lost), (1, true));
        assert!(of_hub(&raw("7")).1);
        assert!(of_hub(&raw(r#"{"content":[{"token":"a"}]}"#)).1);
    }
}
