//! Citations: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html>.

use crate::chat::Citation;
use crate::dialect::wire::{Count, wire};
use crate::text::Str;
use serde::Serialize;

wire! {
    struct CitationFields<'a> {
        title: Str<'a>,
        source: Str<'a>,
        source_content "sourceContent": Vec<Quote<'a>>,
        location: Location<'a>,
    }
}

wire! {
    struct Quote<'a> { text: Str<'a> }
}

wire! {
    struct Location<'a> {
        web: Web<'a>,
        char "documentChar": Within<'a>,
        page "documentPage": Within<'a>,
        chunk "documentChunk": Within<'a>,
        search "searchResultLocation": WithinSearch<'a>,
    }
}

wire! {
    struct Web<'a> { url: Str<'a>, domain: Str<'a> }
}

wire! {
    struct Within<'a> { document "documentIndex": Count, start: Count, end: Count }
}

wire! {
    struct WithinSearch<'a> { result "searchResultIndex": Count, start: Count, end: Count }
}

impl<'a> CitationFields<'a> {
    /// The same for the hub; `lose` is told when there is more about the place than which document it is in.
    pub(super) fn into_citation(self, lose: &mut dyn FnMut()) -> Citation<'a> {
        let quotes: Vec<Str<'a>> = self.source_content.into_iter().flatten().filter_map(|quote| quote.text).collect();
        let quote = match <[Str<'a>; 1]>::try_from(quotes) {
            Ok([only]) => Some(only),
            Err(quotes) if quotes.is_empty() => None,
            Err(quotes) => Some(Str::from(quotes.iter().map(Str::as_str).collect::<String>())),
        };
        let location = self.location.unwrap_or_default();
        let within = location.char.or(location.page).or(location.chunk);
        let is_inside = within.as_ref().is_some_and(|within| within.start.is_some() || within.end.is_some());
        if is_inside || location.search.is_some() || !location.unknown.is_empty() {
            lose();
        }
        let index = within.and_then(|within| within.document).map(|index| Str::from(index.0.to_string()));
        let (link, source) = match self.source {
            Some(source) if source.starts_with("http://") || source.starts_with("https://") => (Some(source), None),
            source => (None, source),
        };
        Citation {
            span: None,
            url: location.web.and_then(|web| web.url).or(link),
            title: self.title,
            quote,
            document: index.or(source),
        }
    }
}

/// A citation as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_content: Vec<WrittenQuote<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Place<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct WrittenQuote<'a> {
    pub(super) text: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum Place<'a> {
    Web {
        url: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    DocumentChar {
        document_index: u64,
    },
}

impl<'a> Written<'a> {
    pub(super) fn new(citation: &'a Citation<'_>) -> Self {
        let document = citation.document.as_deref();
        let index = document.and_then(|document| document.parse().ok());
        let location = match (citation.url.as_deref(), index) {
            (Some(url), _) => Some(Place::Web { url }),
            (None, Some(document_index)) => Some(Place::DocumentChar { document_index }),
            (None, None) => None,
        };
        Self {
            title: citation.title.as_deref(),
            source: document.filter(|_| index.is_none()),
            source_content: citation.quote.as_deref().map(|text| WrittenQuote { text }).into_iter().collect(),
            location,
        }
    }
}
