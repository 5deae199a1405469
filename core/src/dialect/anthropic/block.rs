//! Content blocks as they stand in requests, answers and streams:
//! <https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/content_block_param.py>.

use super::citation::CitationFields;
use crate::chat::{CacheMark, Part, ToolCall};
use crate::dialect::wire::{Raw, wire};
use crate::loss::Losses;
use crate::text::Str;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

wire! {
    /// Any content block: the fields of all types in one, since the type may come last. Names that mean different things
    /// in different types are [`Loose`], and so is what a type of tomorrow may spell differently.
    struct Block<'a> {
        kind "type": Str<'a>,
        text: Word<'a>,
        thinking: Word<'a>,
        signature: Word<'a>,
        data: Word<'a>,
        id: Word<'a>,
        name: Word<'a>,
        input: Raw<'a>,
        tool_use_id: Word<'a>,
        is_error: bool,
        content: Loose<'a, Block<'a>>,
        source: Loose<'a, SourceFields<'a>>,
        title: Word<'a>,
        context: Word<'a>,
        citations: Loose<'a, CitationFields<'a>>,
        caller: Loose<'a, Caller<'a>>,
        cache_control: Loose<'a, CacheControl<'a>>,
    }
}

wire! {
    /// Where an image's or a document's bytes are.
    struct SourceFields<'a> {
        kind "type": Str<'a>,
        media_type: Str<'a>,
        data: Word<'a>,
        url: Word<'a>,
        file_id: Word<'a>,
        content: Loose<'a, Block<'a>>,
    }
}

wire! {
    /// Who called a tool: `direct` is the model itself.
    struct Caller<'a> { kind "type": Str<'a> }
}

wire! {
    /// A prompt-cache breakpoint.
    struct CacheControl<'a> { kind "type": Str<'a>, ttl: Str<'a> }
}

/// A value that is an object in one place, and a string, a list or something else in another.
#[derive(Debug)]
pub(super) enum Loose<'a, T> {
    /// An object.
    Object(Box<T>),
    /// A list of such values.
    List(Vec<Loose<'a, T>>),
    /// A string.
    Text(Str<'a>),
    /// A number or boolean.
    Other,
}

/// A string, where some types of blocks have something else under the same name.
pub(super) type Word<'a> = Loose<'a, IgnoredAny>;

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Loose<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyForm(PhantomData))
    }
}

struct AnyForm<'a, T>(PhantomData<(&'a (), T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for AnyForm<'a, T> {
    type Value = Loose<'a, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, a string or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Loose::Object(Box::new(object)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Loose::List(list))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Str::from(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Str::from(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Loose::Text(Str::from(text)))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }
}

impl<'a, T> Loose<'a, T> {
    /// The string, if it is one.
    pub(super) fn text(self) -> Option<Str<'a>> {
        match self {
            Loose::Text(text) => Some(text),
            Loose::Object(_) | Loose::List(_) | Loose::Other => None,
        }
    }

    /// The object, if it is one.
    pub(super) fn object(self) -> Option<T> {
        match self {
            Loose::Object(object) => Some(*object),
            Loose::List(_) | Loose::Text(_) | Loose::Other => None,
        }
    }
}

/// The string of an optional [`Word`].
pub(super) fn word(word: Option<Word<'_>>) -> Option<Str<'_>> {
    word.and_then(Loose::text)
}

impl<'a> Block<'a> {
    /// The block's type; empty when it has none.
    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    /// A `thinking` block.
    pub(super) fn into_thinking(self) -> Part<'a> {
        let signature = word(self.signature).filter(|signature| !signature.is_empty());
        Part::Thinking { text: word(self.thinking).unwrap_or_default(), signature }
    }

    /// A `tool_use` block; `None` without an id or a name.
    pub(super) fn into_tool_call(self, side: Side, losses: &mut Losses) -> Option<ToolCall<'a>> {
        if let Some(caller) = self.caller.and_then(Loose::object)
            && caller.kind.as_deref() != Some("direct")
        {
            losses.add(match side {
                Side::Request => "messages.content.caller",
                Side::Answer => "content.caller",
            });
        }
        Some(ToolCall {
            id: word(self.id)?,
            name: word(self.name)?,
            arguments: Str::from(self.input.map_or("{}", |input| input.get())),
            cache: cache_mark(self.cache_control, losses),
            ..ToolCall::default()
        })
    }

    /// The citations that hang on a text block. Most have none.
    pub(super) fn take_text_citations(&mut self) -> Vec<CitationFields<'a>> {
        match self.citations.take() {
            Some(Loose::List(list)) => list.into_iter().filter_map(Loose::object).collect(),
            Some(Loose::Object(_) | Loose::Text(_) | Loose::Other) | None => Vec::new(),
        }
    }

    /// Notes the fields that nobody here knows.
    pub(super) fn note_unknown(&self, within: &str, losses: &mut Losses) {
        for field in &self.unknown {
            losses.add_unknown(within, field);
        }
    }
}

/// A breakpoint. Members that came later (Claude Code sends `scope`) are accepted and noted.
pub(super) fn cache_mark<'a>(
    control: Option<Loose<'a, CacheControl<'a>>>,
    losses: &mut Losses,
) -> Option<CacheMark<'a>> {
    let control = control?.object()?;
    for field in &control.unknown {
        losses.add_unknown("cache_control", field);
    }
    Some(CacheMark { ttl: control.ttl })
}

/// Whose blocks: it decides how a loss is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A request's messages.
    Request,
    /// An answer.
    Answer,
}

macro_rules! blocks {
    ($($kind:literal),* $(,)?) => {
        [$(($kind, concat!("messages.content.", $kind), concat!("content.", $kind))),*]
    };
}

/// The block types that the hub has no place for (at least not everywhere), and their losses.
const BLOCKS_LOST: [(&str, &str, &str); 20] = blocks![
    "search_result",
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "tool_reference",
    "container_upload",
    "mcp_tool_use",
    "mcp_tool_result",
    "compaction",
    "image",
    "document",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "tool_result",
    "mid_conv_system",
];

/// The loss that a block of this type is; `None` for a type that nobody here knows.
pub(super) fn block_loss(kind: &str, side: Side) -> Option<&'static str> {
    let (_, request, answer) = BLOCKS_LOST.iter().find(|(known, ..)| *known == kind)?;
    Some(match side {
        Side::Request => request,
        Side::Answer => answer,
    })
}

/// Notes a whole block by its type.
pub(super) fn note_block(kind: &str, side: Side, losses: &mut Losses) {
    let within = match side {
        Side::Request => "messages.content",
        Side::Answer => "content",
    };
    match block_loss(kind, side) {
        Some(known) => losses.add(known),
        None => losses.add_unknown(within, kind),
    }
}
