//! Citations: <https://docs.cohere.com/docs/tool-use-citations>.
//!
//! A citation here is a piece of a content block with all of its sources; the hub has one citation for each source.

use crate::chat::{self, TextPart};
use crate::dialect::wire::{Count, Raw, wire};
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;

wire! {
    /// A citation. `start` and `end` count characters of the content block.
    struct Citation<'a> {
        start: Count,
        end: Count,
        _text "text": IgnoredAny,
        sources: Vec<Source<'a>>,
        content_index: Count,
        kind "type": Str<'a>,
    }
}
wire! {
    /// One source. `document` and `tool_output` are what the client itself sent.
    struct Source<'a> {
        _kind "type": IgnoredAny,
        id: Str<'a>,
        document: Raw<'a>,
        _tool_output "tool_output": IgnoredAny,
    }
}
wire! { struct Document<'a> { title: Raw<'a>, url: Raw<'a> } }

impl<'a> Citation<'a> {
    /// The content block that it belongs to, where it says so.
    pub(super) fn block(&self) -> Option<u64> {
        self.content_index.map(|index| index.0)
    }

    /// The loss that it is where it cites something else than text.
    pub(super) fn lost(&self) -> Option<&'static str> {
        match self.kind.as_deref() {
            None | Some("TEXT_CONTENT") => None,
            Some("PLAN") => Some("message.citations.plan"),
            Some("THINKING_CONTENT") => Some("message.citations.thinking"),
            Some(_) => Some("message.citations"),
        }
    }

    /// Something in it is not known here.
    pub(super) fn has_unknown(&self) -> bool {
        !self.unknown.is_empty() || self.sources.iter().flatten().any(|source| !source.unknown.is_empty())
    }

    /// The hub's citations, one for each source; `offset` is where its block begins in the answer's text, in characters.
    pub(super) fn each(self, offset: u64) -> impl Iterator<Item = chat::Citation<'a>> {
        let place = |count: Option<Count>| offset.saturating_add(count.unwrap_or_default().0);
        let span = self.end.map(|end| (place(self.start), place(Some(end))));
        let sources = self.sources.unwrap_or_default();
        let bare = sources.is_empty().then(|| chat::Citation { span, ..chat::Citation::default() });
        bare.into_iter().chain(sources.into_iter().map(move |source| of_source(source, span)))
    }
}

fn of_source<'a>(source: Source<'a>, span: Option<(u64, u64)>) -> chat::Citation<'a> {
    let document: Document<'a> =
        source.document.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let text = |raw: Option<Raw<'a>>| serde_json::from_str::<Str<'a>>(raw?.get()).ok().filter(|text| !text.is_empty());
    let id = source.id.filter(|id| !id.is_empty());
    chat::Citation { span, url: text(document.url), title: text(document.title), quote: None, document: id }
}

/// A citation on its way to a client.
#[derive(Debug, Serialize)]
pub(super) struct Written<'b> {
    start: u64,
    end: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'b str>,
    sources: Vec<SourceOut<'b>>,
    content_index: u32,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct SourceOut<'b> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'b str,
    document: DocumentOut<'b>,
}

#[derive(Debug, Serialize)]
struct DocumentOut<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<&'b str>,
}

impl<'b> Written<'b> {
    /// A citation of the piece `start..end` of a content block. `text` repeats the piece; streams leave it out, since
    /// nobody remembers what has gone by.
    pub(super) fn new(
        (start, end): (u64, u64),
        text: Option<&'b str>,
        content_index: u32,
        citation: &'b chat::Citation<'_>,
    ) -> Self {
        let sources = source_out(citation).into_iter().collect();
        Self { start, end, text, sources, content_index, kind: "TEXT_CONTENT" }
    }

    /// Adds one more source, if that cites the same piece.
    pub(super) fn joins(&mut self, span: (u64, u64), citation: &'b chat::Citation<'_>) -> bool {
        let same = (self.start, self.end) == span;
        if same {
            self.sources.extend(source_out(citation));
        }
        same
    }
}

/// Clients tell sources apart by their id: a source that has none goes by its URL or its title. `None` for a citation
/// that names no source.
fn source_out<'b>(citation: &'b chat::Citation<'_>) -> Option<SourceOut<'b>> {
    let (title, url, snippet) = (citation.title.as_deref(), citation.url.as_deref(), citation.quote.as_deref());
    let id = citation.document.as_deref().or(url).or(title).or_else(|| snippet.map(|_| ""))?;
    Some(SourceOut { kind: "document", id, document: DocumentOut { title, url, snippet } })
}

/// Where a part stands in an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Where the part begins in the answer's text, in characters.
    pub(super) part: u64,
    /// The number of its content block.
    pub(super) block: u32,
    /// Where the block begins in the answer's text, in characters.
    pub(super) block_at: u64,
}

/// All citations of one part.
pub(super) fn written<'b>(part: &'b TextPart<'_>, place: Place) -> Vec<Written<'b>> {
    let mut all: Vec<Written<'b>> = Vec::with_capacity(part.citations.len());
    for citation in &part.citations {
        let whole = || (place.part, place.part.saturating_add(part.text.chars().count() as u64));
        let (start, end) = citation.span.unwrap_or_else(whole);
        let within = |from: u64| (start.saturating_sub(from), end.saturating_sub(from));
        let span = within(place.block_at);
        if !all.last_mut().is_some_and(|last| last.joins(span, citation)) {
            let text = if start < place.part { None } else { piece(&part.text, within(place.part)) };
            all.push(Written::new(span, text, place.block, citation));
        }
    }
    all
}

/// The characters `start..end` of a text; `None` where it has no such.
fn piece(text: &str, (start, end): (u64, u64)) -> Option<&str> {
    let byte = |count: u64| {
        let count = usize::try_from(count).ok()?;
        text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(count)
    };
    text.get(byte(start)?..byte(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_counted_in_characters() {
        for (span, expected) in
            [((16, 20), Some("24°C")), ((0, 5), Some("It is")), ((20, 21), Some(".")), ((20, 22), None), ((5, 2), None)]
        {
            assert_eq!(piece("It is currently 24°C.", span), expected, "{span:?}");
        }
    }

    #[test]
    fn one_citation_for_each_source() {
        let json = r#"{"start":5,"end":10,"text":"Nsync","type":"TEXT_CONTENT","sources":[
            {"type":"document","id":"doc:0","document":{"title":"A","url":"https://a","snippet":"long"}},
            {"type":"tool","id":"search_1:0","tool_output":{"x":1}}]}"#;
        let citation: Citation<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(citation.lost(), None);
        let all: Vec<_> = citation.each(100).collect();
        let span = Some((105, 110));
        let first = chat::Citation {
            span,
            url: Some("https://a".into()),
            title: Some("A".into()),
            quote: None,
            document: Some("doc:0".into()),
        };
        let second = chat::Citation { span, document: Some("search_1:0".into()), ..chat::Citation::default() };
        assert_eq!(all, [first, second]);
        let part = TextPart { text: "x".repeat(200).into(), citations: all, cache: None };
        let written = serde_json::to_string(&written(&part, Place::default())).unwrap();
        assert!(written.starts_with(r#"[{"start":105,"end":110,"text":"xxxxx","sources":[{"type":"document","id":"doc:0","document":{"title":"A","url":"https://a"}},{"type":"document","id":"search_1:0","document":{}}]"#), "{written}");
    }

    #[test]
    fn what_cites_no_text_is_lost() {
        for (kind, lost) in [("PLAN", "message.citations.plan"), ("X", "message.citations")] {
            let json = format!(r#"{{"type":"{kind}"}}"#);
            assert_eq!(serde_json::from_str::<Citation<'_>>(&json).unwrap().lost(), Some(lost));
        }
        let citation: Citation<'_> = serde_json::from_str("{}").unwrap();
        assert_eq!(citation.each(0).collect::<Vec<_>>(), [chat::Citation::default()]);
    }
}
