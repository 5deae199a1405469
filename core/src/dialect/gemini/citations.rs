//! What an answer rests on: <https://ai.google.dev/api/generate-content#GroundingMetadata>.
//!
//! Segments are counted in bytes of one part here, in characters of the answer's whole text in the hub.

use super::names::{Int, Many, note};
use super::offsets::Offsets;
use crate::chat::Citation;
use crate::dialect::wire::wire;
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;

wire! {
    /// Sources, and which pieces of the text they support.
    struct Grounding<'a> {
        chunks "groundingChunks" | "grounding_chunks": Many<Chunk<'a>>,
        supports "groundingSupports" | "grounding_supports": Many<Support<'a>>,
    }
}
wire! {
    /// A source.
    struct Chunk<'a> {
        web: Place<'a>,
        retrieved "retrievedContext" | "retrieved_context": Place<'a>,
        maps: Place<'a>,
    }
}
wire! {
    /// Where a source is, and its words.
    struct Place<'a> { uri: Str<'a>, title: Str<'a>, text: Str<'a> }
}
wire! {
    /// A piece of the text and its sources.
    struct Support<'a> {
        segment: Segment<'a>,
        indices "groundingChunkIndices" | "grounding_chunk_indices": Vec<Int>,
    }
}
wire! {
    /// A piece of a part, in bytes.
    struct Segment<'a> {
        part "partIndex" | "part_index": Int,
        start "startIndex" | "start_index": Int,
        end "endIndex" | "end_index": Int,
        _text "text": IgnoredAny,
    }
}
wire! {
    /// Sources that the model repeats at length.
    struct Recited<'a> { list "citations" | "citationSources" | "citation_sources": Many<Source<'a>> }
}
wire! {
    /// One of them.
    struct Source<'a> {
        start "startIndex" | "start_index": Int,
        end "endIndex" | "end_index": Int,
        uri: Str<'a>,
        title: Str<'a>,
    }
}

/// How many sources of one answer are told.
const CITATIONS_MAX: usize = 1024;

/// Where a part's bytes lie among the answer's text.
pub(super) type PartStart<'p> = &'p dyn Fn(u64) -> u64;

/// The sources of an answer. What belongs to a search but is no source (its queries, the entry point that Google wants
/// to be shown) is lost.
pub(super) fn decode<'a>(
    grounding: Option<Grounding<'a>>,
    recited: Option<Recited<'a>>,
    offsets: &Offsets,
    part_start: PartStart<'_>,
    losses: &mut Losses,
) -> Vec<Citation<'a>> {
    let mut all = Vec::new();
    let span = |part: Option<Int>, start: Option<Int>, end: Option<Int>| {
        let from = part_start(part.unwrap_or_default().count());
        let place = |byte: Int| offsets.char_at(from.saturating_add(byte.count()));
        place(start.unwrap_or_default()).zip(place(end?)).filter(|(start, end)| start < end)
    };
    if let Some(grounding) = grounding {
        note(&grounding.unknown, "candidates.groundingMetadata.", &LOST, losses);
        let sources: Vec<_> = grounding.chunks.unwrap_or_default().0.into_iter().map(Chunk::into_citation).collect();
        let supports = grounding.supports.unwrap_or_default().0;
        if supports.is_empty() {
            all.extend(sources.iter().flatten().take(CITATIONS_MAX).cloned());
        }
        for support in supports {
            let segment = support.segment.unwrap_or_default();
            let span = span(segment.part, segment.start, segment.end);
            for index in support.indices.unwrap_or_default() {
                let source = usize::try_from(index.0).ok().and_then(|index| sources.get(index));
                if let Some(Some(source)) = source
                    && all.len() < CITATIONS_MAX
                {
                    all.push(Citation { span, ..source.clone() });
                }
            }
        }
    }
    for source in recited.and_then(|recited| recited.list).unwrap_or_default().0 {
        if all.len() < CITATIONS_MAX {
            let span = span(None, source.start, source.end);
            all.push(Citation { span, url: source.uri, title: source.title, ..Citation::default() });
        }
    }
    all
}

/// What belongs to a search but is no source.
const LOST: [&str; 5] = [
    "candidates.groundingMetadata.searchEntryPoint",
    "candidates.groundingMetadata.webSearchQueries",
    "candidates.groundingMetadata.imageSearchQueries",
    "candidates.groundingMetadata.retrievalQueries",
    "candidates.groundingMetadata.retrievalMetadata",
];

impl<'a> Chunk<'a> {
    fn into_citation(self) -> Option<Citation<'a>> {
        if let Some(place) = self.web.or(self.maps) {
            return Some(Citation { url: place.uri, title: place.title, quote: place.text, ..Citation::default() });
        }
        let place = self.retrieved?;
        let is_web = place.uri.as_deref().is_some_and(|uri| uri.starts_with("https://") || uri.starts_with("http://"));
        let (url, document) = if is_web { (place.uri, None) } else { (None, place.uri) };
        Some(Citation { url, document, title: place.title, quote: place.text, span: None })
    }
}

/// Sources as they are written.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroundingOut<'a> {
    grounding_chunks: Vec<ChunkOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grounding_supports: Vec<SupportOut>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum ChunkOut<'a> {
    Web(PlaceOut<'a>),
    RetrievedContext(PlaceOut<'a>),
}

#[derive(Debug, PartialEq, Serialize)]
struct PlaceOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SupportOut {
    segment: SegmentOut,
    grounding_chunk_indices: [usize; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SegmentOut {
    #[serde(skip_serializing_if = "is_first")]
    part_index: u64,
    start_index: u64,
    end_index: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_first(part: &u64) -> bool {
    *part == 0
}

/// Writes sources. `part_at` tells in which part a byte of the answer's text lies, and where that part begins.
pub(super) fn encode<'a>(
    citations: impl Iterator<Item = &'a Citation<'a>>,
    offsets: &Offsets,
    part_at: &dyn Fn(u64) -> (u64, u64),
) -> Option<GroundingOut<'a>> {
    let mut out = GroundingOut::default();
    for citation in citations.take(CITATIONS_MAX) {
        let chunk = ChunkOut::of(citation);
        let index = out.grounding_chunks.iter().position(|met| *met == chunk).unwrap_or_else(|| {
            out.grounding_chunks.push(chunk);
            out.grounding_chunks.len() - 1
        });
        let bytes = citation.span.and_then(|(start, end)| offsets.byte_at(start).zip(offsets.byte_at(end)));
        if let Some((start, end)) = bytes {
            let (part_index, part_start) = part_at(start);
            let (start_index, end_index) = (start.saturating_sub(part_start), end.saturating_sub(part_start));
            let segment = SegmentOut { part_index, start_index, end_index };
            out.grounding_supports.push(SupportOut { segment, grounding_chunk_indices: [index] });
        }
    }
    (!out.grounding_chunks.is_empty()).then_some(out)
}

impl<'a> ChunkOut<'a> {
    fn of(citation: &'a Citation<'a>) -> Self {
        let (title, quote) = (citation.title.as_deref(), citation.quote.as_deref());
        match (citation.url.as_deref(), citation.document.as_deref(), quote) {
            (Some(uri), None, None) => Self::Web(PlaceOut { uri: Some(uri), title, text: None }),
            (uri, document, text) => Self::RetrievedContext(PlaceOut { uri: uri.or(document), title, text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_characters_and_come_back() {
        let mut offsets = Offsets::default();
        offsets.push("Größe: 1 m. ");
        offsets.push("Ende.");
        let json = r#"{"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"retrievedContext":{"uri":"gs://x","text":"q"}}],
            "groundingSupports":[{"segment":{"endIndex":13},"groundingChunkIndices":[0,1,9]},
                {"segment":{"partIndex":1,"startIndex":0,"endIndex":5},"groundingChunkIndices":[1]}],
            "webSearchQueries":["q"]}"#;
        let grounding = serde_json::from_str(json).unwrap();
        let mut losses = Losses::default();
        let part_start = |part: u64| if part == 1 { 14 } else { 0 };
        let found = decode(Some(grounding), None, &offsets, &part_start, &mut losses);
        let a = Citation { url: Some("https://a".into()), title: Some("A".into()), ..Citation::default() };
        let x = Citation { document: Some("gs://x".into()), quote: Some("q".into()), ..Citation::default() };
        let at = |span, citation: &Citation<'static>| Citation { span: Some(span), ..citation.clone() };
        assert_eq!(found, [at((0, 11), &a), at((0, 11), &x), at((12, 17), &x)]);
        assert_eq!(losses.header(), "candidates.groundingMetadata.webSearchQueries");

        let part_at = |byte: u64| if byte >= 14 { (1, 14) } else { (0, 0) };
        let out = encode(found.iter(), &offsets, &part_at).unwrap();
        let again = serde_json::to_string(&out).unwrap();
        let again: Grounding<'_> = serde_json::from_str(&again).unwrap();
        assert_eq!(decode(Some(again), None, &offsets, &part_start, &mut losses), found);
    }

    #[test]
    fn sources_without_a_place() {
        let recited =
            r#"{"citationSources":[{"startIndex":1,"endIndex":3,"uri":"u","license":"mit"},{"endIndex":99}]}"#;
        let mut offsets = Offsets::default();
        offsets.push("abcd");
        let found = decode(None, serde_json::from_str(recited).unwrap(), &offsets, &|_| 0, &mut Losses::default());
        assert_eq!(found[0].span, Some((1, 3)));
        assert_eq!(found[1], Citation::default());
        assert!(encode([].iter(), &offsets, &|_| (0, 0)).is_none());
        let written = encode(found.iter(), &offsets, &|_| (0, 0)).unwrap();
        let json = serde_json::to_string(&written).unwrap();
        assert_eq!(
            json,
            r#"{"groundingChunks":[{"web":{"uri":"u"}},{"retrievedContext":{}}],"groundingSupports":[{"segment":{"startIndex":1,"endIndex":3},"groundingChunkIndices":[0]}]}"#
        );
    }
}
