//! Content blocks as they stand in requests and answers:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html>.

use super::citation::CitationFields;
use super::media::MediaFields;
use crate::chat::{CacheMark, Part, TextPart, ToolCall};
use crate::dialect::wire::{Raw, wire};
use crate::loss::Losses;
use crate::text::Str;
use serde::de::IgnoredAny;

wire! {
    /// Any content block: the members of the union. An API that keeps its word sets one.
    struct Block<'a> {
        text: Str<'a>,
        json: Raw<'a>,
        image: Box<MediaFields<'a>>,
        document: Box<MediaFields<'a>>,
        video: Box<MediaFields<'a>>,
        audio: Box<MediaFields<'a>>,
        tool_use "toolUse": ToolUse<'a>,
        tool_result "toolResult": Box<ToolResult<'a>>,
        guarded "guardContent": Box<Guarded<'a>>,
        cache_point "cachePoint": CachePoint<'a>,
        reasoning "reasoningContent": Box<Reasoning<'a>>,
        cited "citationsContent": Box<Cited<'a>>,
        search_result "searchResult": IgnoredAny,
        tool_addition "toolAddition": IgnoredAny,
        tool_removal "toolRemoval": IgnoredAny,
    }
}

wire! {
    struct ToolUse<'a> { kind "type": Str<'a>, id "toolUseId": Str<'a>, name: Str<'a>, input: Raw<'a> }
}

wire! {
    struct ToolResult<'a> {
        kind "type": Str<'a>,
        id "toolUseId": Str<'a>,
        content: Vec<Block<'a>>,
        status: Str<'a>,
    }
}

wire! {
    /// What a guardrail shall look at.
    struct Guarded<'a> { text: GuardedText<'a>, image: MediaFields<'a> }
}

wire! {
    struct GuardedText<'a> { text: Str<'a>, qualifiers: IgnoredAny }
}

wire! {
    struct CachePoint<'a> { kind "type": Str<'a>, ttl: Str<'a> }
}

wire! {
    struct Reasoning<'a> { said "reasoningText": ReasoningText<'a>, redacted "redactedContent": Str<'a> }
}

wire! {
    struct ReasoningText<'a> { text: Str<'a>, signature: Str<'a> }
}

wire! {
    struct Cited<'a> { content: Vec<DocumentText<'a>>, citations: Vec<CitationFields<'a>> }
}

wire! {
    struct DocumentText<'a> { text: Str<'a> }
}

/// Whose blocks: it decides how a loss is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A request's messages.
    Request,
    /// An answer.
    Answer,
}

impl Side {
    pub(super) fn pick(self, request: &'static str, answer: &'static str) -> &'static str {
        match self {
            Self::Request => request,
            Self::Answer => answer,
        }
    }

    pub(super) fn within(self) -> &'static str {
        self.pick("messages.content", "output.message.content")
    }
}

impl<'a> Reasoning<'a> {
    /// A thought; `None` for an empty union.
    pub(super) fn into_part(self) -> Option<Part<'a>> {
        if let Some(data) = self.redacted {
            return Some(Part::RedactedThinking { data });
        }
        let said = self.said?;
        let signature = said.signature.filter(|signature| !signature.is_empty());
        Some(Part::Thinking { text: said.text.unwrap_or_default(), signature })
    }
}

impl<'a> Cited<'a> {
    /// A text with what it rests on.
    pub(super) fn into_text(self, side: Side, losses: &mut Losses) -> TextPart<'a> {
        let texts: Vec<Str<'a>> = self.content.into_iter().flatten().filter_map(|text| text.text).collect();
        let text = match <[Str<'a>; 1]>::try_from(texts) {
            Ok([only]) => only,
            Err(texts) => Str::from(texts.iter().map(Str::as_str).collect::<String>()),
        };
        let mut lose = || {
            losses.add(side.pick(
                "messages.content.citationsContent.citations.location",
                "output.message.content.citationsContent.citations.location",
            ));
        };
        let citations =
            self.citations.into_iter().flatten().map(|citation| citation.into_citation(&mut lose)).collect();
        TextPart { text, citations, cache: None }
    }
}

impl<'a> ToolUse<'a> {
    /// A tool call; `None` without an id or a name.
    pub(super) fn into_tool_call(self) -> Option<ToolCall<'a>> {
        let arguments = Str::from(self.input.map_or("{}", |input| input.get()));
        Some(ToolCall { id: self.id?, name: self.name?, arguments, ..ToolCall::default() })
    }
}

impl<'a> CachePoint<'a> {
    pub(super) fn into_mark(self) -> CacheMark<'a> {
        CacheMark { ttl: self.ttl }
    }
}

impl Block<'_> {
    /// Notes the members that nobody here has a place for.
    pub(super) fn note_lost(&self, side: Side, losses: &mut Losses) {
        for (member, request, answer) in [
            (&self.search_result, "messages.content.searchResult", "output.message.content.searchResult"),
            (&self.tool_addition, "messages.content.toolAddition", "output.message.content.toolAddition"),
            (&self.tool_removal, "messages.content.toolRemoval", "output.message.content.toolRemoval"),
        ] {
            if member.is_some() {
                losses.add(side.pick(request, answer));
            }
        }
        for member in &self.unknown {
            losses.add_unknown(side.within(), member);
        }
    }
}

/// Hangs a cache point on the part before it; `false` where there is none that can carry one.
pub(super) fn mark<'a>(parts: &mut [Part<'a>], mark: CacheMark<'a>) -> bool {
    let cache = match parts.last_mut() {
        Some(Part::Text(part)) => &mut part.cache,
        Some(Part::Media(medium)) => &mut medium.cache,
        Some(Part::ToolCall(call)) => &mut call.cache,
        Some(Part::ToolResult(result)) => &mut result.cache,
        Some(Part::Thinking { .. } | Part::RedactedThinking { .. } | Part::Refusal(_)) | None => return false,
    };
    *cache = Some(mark);
    true
}
