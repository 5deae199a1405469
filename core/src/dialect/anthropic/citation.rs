//! Citations of an answer's text:
//! <https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/text_citation.py>.
//!
//! They hang on a whole text block and name the place in the *source*; other dialects name the place in the answer. So the
//! source travels, and the places are losses.

use super::block::{Word, word};
use crate::chat::Citation;
use crate::dialect::wire::{Raw, wire};
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;

wire! {
    /// A citation of any type. In a document block, the wish to have it cited (`enabled`).
    struct CitationFields<'a> {
        enabled: bool,
        kind "type": Word<'a>,
        cited_text: Word<'a>,
        url: Word<'a>,
        title: Word<'a>,
        encrypted_index: IgnoredAny,
        source: Word<'a>,
        document_index: Raw<'a>,
        document_title: Word<'a>,
        _file_id "file_id": IgnoredAny,
        _start_char_index "start_char_index": IgnoredAny,
        _end_char_index "end_char_index": IgnoredAny,
        _start_page_number "start_page_number": IgnoredAny,
        _end_page_number "end_page_number": IgnoredAny,
        _start_block_index "start_block_index": IgnoredAny,
        _end_block_index "end_block_index": IgnoredAny,
        _search_result_index "search_result_index": IgnoredAny,
    }
}

impl<'a> CitationFields<'a> {
    /// The citation in the hub; `None` for a type that nobody here knows.
    pub(super) fn into_citation(self, lose: &mut dyn FnMut(&'static str)) -> Option<Citation<'a>> {
        if !self.unknown.is_empty() {
            lose("content.citations.unknown");
        }
        let kind = word(self.kind).unwrap_or_default();
        let quote = word(self.cited_text).filter(|quote| !quote.is_empty());
        let source = match kind.as_str() {
            "web_search_result_location" => {
                if self.encrypted_index.is_some() {
                    lose("content.citations.encrypted_index");
                }
                Citation { url: word(self.url), title: word(self.title), ..Citation::default() }
            }
            "search_result_location" => {
                lose("content.citations.location");
                let (url, document) = match word(self.source) {
                    Some(source) if is_web_url(&source) => (Some(source), None),
                    source => (None, source),
                };
                Citation { url, document, title: word(self.title), ..Citation::default() }
            }
            "char_location" | "page_location" | "content_block_location" => {
                lose("content.citations.location");
                let document = self.document_index.map(|index| Str::from(index.get()));
                Citation { document, title: word(self.document_title), ..Citation::default() }
            }
            _ => {
                lose("content.citations");
                return None;
            }
        };
        Some(Citation { quote, ..source })
    }
}

fn is_web_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// A citation on its way to a client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(clippy::enum_variant_names, reason = "the API's names")]
pub(super) enum CitationOut<'b> {
    /// A page on the web. The index is the provider's own proof, which only it can make; SDKs want a text there.
    WebSearchResultLocation { cited_text: &'b str, encrypted_index: &'static str, title: Option<&'b str>, url: &'b str },
    /// One of the client's documents, by its number. Where in it is not known: an empty range, since there must be one.
    CharLocation {
        cited_text: &'b str,
        document_index: u64,
        document_title: Option<&'b str>,
        end_char_index: u64,
        file_id: Option<&'b str>,
        start_char_index: u64,
    },
}

impl<'b> CitationOut<'b> {
    /// The citation as this dialect says it; `None`, and a loss, where it cannot. `chars` is the length of the text block.
    pub(super) fn of(citation: &'b Citation<'_>, chars: Option<u64>, losses: &mut Losses) -> Option<Self> {
        if citation.span.is_some_and(|span| chars.is_none_or(|chars| span != (0, chars))) {
            losses.add("citations.span");
        }
        let cited_text = citation.quote.as_deref().unwrap_or_default();
        let title = citation.title.as_deref();
        if let Some(url) = citation.url.as_deref() {
            return Some(Self::WebSearchResultLocation { cited_text, encrypted_index: "", title, url });
        }
        let Some(document_index) = citation.document.as_deref().and_then(|document| document.parse().ok()) else {
            losses.add("citations");
            return None;
        };
        losses.add("citations.location");
        Some(Self::CharLocation {
            cited_text,
            document_index,
            document_title: title,
            end_char_index: 0,
            file_id: None,
            start_char_index: 0,
        })
    }
}
