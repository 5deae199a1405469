//! `annotations`: the pages on the web that an answer's text rests on.
//!
//! <https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat#output-and-citations>. Servers that imitate the
//! dialect add the page's own words as `content` (<https://openrouter.ai/docs/guides/features/plugins/web-search>).

use crate::chat::Citation;
use crate::dialect::wire::{Count, Raw, wire};
use crate::text::Str;
use serde::Serialize;

wire! { struct Annotation<'a> { kind "type": Str<'a>, url_citation: UrlCitation<'a> } }
wire! {
    struct UrlCitation<'a> { start_index: Count, end_index: Count, title: Str<'a>, url: Str<'a>, content: Str<'a> }
}

/// Reads `annotations`; what is no citation of a page is a loss.
pub(super) fn decode<'a>(annotations: Option<Raw<'a>>, mut lose: impl FnMut(&'static str)) -> Vec<Citation<'a>> {
    const LOST: &str = "choices.annotations";
    let Some(raw) = annotations else { return Vec::new() };
    let Ok(list) = serde_json::from_str::<Vec<Annotation<'a>>>(raw.get()) else {
        lose(LOST);
        return Vec::new();
    };
    let mut citations = Vec::with_capacity(list.len());
    for annotation in list {
        let has_unknown = !annotation.unknown.is_empty();
        match annotation.url_citation {
            Some(page) if annotation.kind.as_deref() == Some("url_citation") && page.url.is_some() => {
                if has_unknown || !page.unknown.is_empty() {
                    lose("choices.annotations.unknown");
                }
                citations.push(page.into_citation());
            }
            Some(_) | None => lose(LOST),
        }
    }
    citations
}

impl<'a> UrlCitation<'a> {
    fn into_citation(self) -> Citation<'a> {
        let span = self.start_index.zip(self.end_index).map(|(start, end)| (start.0, end.0));
        Citation {
            // Some that know no place write two zeros.
            span: span.filter(|(start, end)| start < end),
            url: self.url,
            title: self.title.filter(|title| !title.is_empty()),
            quote: self.content.filter(|content| !content.is_empty()),
            document: None,
        }
    }
}

/// An entry of `annotations` on its way to a client.
#[derive(Serialize)]
pub(super) struct AnnotationOut<'b> {
    #[serde(rename = "type")]
    kind: &'static str,
    url_citation: UrlCitationOut<'b>,
}

#[derive(Serialize)]
struct UrlCitationOut<'b> {
    start_index: u64,
    end_index: u64,
    title: &'b str,
    url: &'b str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'b str>,
}

impl<'b> AnnotationOut<'b> {
    /// The citation as this dialect says it; `None` for one of something that is not on the web. `whole` is where the text
    /// part stands, for a citation that does not say more.
    pub(super) fn of(citation: &'b Citation<'_>, whole: (u64, u64)) -> Option<Self> {
        let url = citation.url.as_deref()?;
        let (start_index, end_index) = citation.span.unwrap_or(whole);
        let (title, content) = (citation.title.as_deref().unwrap_or(url), citation.quote.as_deref());
        let url_citation = UrlCitationOut { start_index, end_index, title, url, content };
        Some(Self { kind: "url_citation", url_citation })
    }
}
