//! An answer as a provider writes it, whole or within a stream's events.

use crate::chat::Citation;
use crate::dialect::openai::error;
use crate::dialect::responses::usage::Counts;
use crate::dialect::wire::{Count, Raw, wire};
use crate::fault::Fault;
use crate::text::Str;
use serde::de::IgnoredAny;

wire! {
    /// A whole answer.
    struct Answer<'a> {
        id: Str<'a>,
        model: Str<'a>,
        created_at: Count,
        status: Str<'a>,
        error: Raw<'a>,
        incomplete_details: Incomplete<'a>,
        output: Vec<Item<'a>>,
        usage: Counts<'a>,
        service_tier: Str<'a>,
        moderation: Raw<'a>,
        // What was asked, and what only the provider's own books need.
        _access_programs "access_programs": IgnoredAny,
        _background "background": IgnoredAny,
        _billing "billing": IgnoredAny,
        _completed_at "completed_at": IgnoredAny,
        _content_filters "content_filters": IgnoredAny,
        _conversation "conversation": IgnoredAny,
        _frequency_penalty "frequency_penalty": IgnoredAny,
        _image "image": IgnoredAny,
        _input_transformations "input_transformations": IgnoredAny,
        _instructions "instructions": IgnoredAny,
        _max_output_tokens "max_output_tokens": IgnoredAny,
        _max_tool_calls "max_tool_calls": IgnoredAny,
        _metadata "metadata": IgnoredAny,
        _object "object": IgnoredAny,
        _output_text "output_text": IgnoredAny,
        _parallel_tool_calls "parallel_tool_calls": IgnoredAny,
        _presence_penalty "presence_penalty": IgnoredAny,
        _previous_response_id "previous_response_id": IgnoredAny,
        _prompt "prompt": IgnoredAny,
        _prompt_cache_diagnostics "prompt_cache_diagnostics": IgnoredAny,
        _prompt_cache_key "prompt_cache_key": IgnoredAny,
        _prompt_cache_options "prompt_cache_options": IgnoredAny,
        _prompt_cache_retention "prompt_cache_retention": IgnoredAny,
        _reasoning "reasoning": IgnoredAny,
        _safety_identifier "safety_identifier": IgnoredAny,
        _store "store": IgnoredAny,
        _temperature "temperature": IgnoredAny,
        _text "text": IgnoredAny,
        _tool_choice "tool_choice": IgnoredAny,
        _tool_usage "tool_usage": IgnoredAny,
        _tools "tools": IgnoredAny,
        _top_logprobs "top_logprobs": IgnoredAny,
        _top_p "top_p": IgnoredAny,
        _truncation "truncation": IgnoredAny,
        _user "user": IgnoredAny,
    }
}
wire! { struct Incomplete<'a> { reason: Str<'a> } }
wire! {
    /// The same where a stream tells it: the output has been told before, and is skipped.
    struct Head<'a> {
        id: Str<'a>,
        model: Str<'a>,
        error: Raw<'a>,
        incomplete_details: Incomplete<'a>,
        usage: Counts<'a>,
        service_tier: Str<'a>,
    }
}
wire! {
    /// Any item of the output: the fields of all kinds in one.
    struct Item<'a> {
        kind "type": Str<'a>,
        content: Vec<Part<'a>>,
        phase: Raw<'a>,
        call_id: Str<'a>,
        name: Str<'a>,
        namespace: Str<'a>,
        arguments: Raw<'a>,
        input: Raw<'a>,
        summary: Vec<Thought<'a>>,
        encrypted_content: Str<'a>,
        // Its id is the provider's own word for it, its state follows from the answer's.
        id: Str<'a>,
        _status "status": IgnoredAny,
        _role "role": IgnoredAny,
        _caller "caller": IgnoredAny,
    }
}
wire! { struct Thought<'a> { text: Str<'a> } }
wire! {
    /// A part of a message, or of a thought.
    struct Part<'a> {
        kind "type": Str<'a>,
        text: Str<'a>,
        refusal: Str<'a>,
        annotations: Vec<Annotation<'a>>,
        logprobs: Raw<'a>,
    }
}
wire! {
    /// A source of a text: <https://platform.openai.com/docs/api-reference/responses/object#responses/object-output>.
    struct Annotation<'a> {
        kind "type": Str<'a>,
        url: Str<'a>,
        title: Str<'a>,
        start_index: Count,
        end_index: Count,
        file_id: Str<'a>,
        filename: Str<'a>,
        index: Count,
        _container_id "container_id": IgnoredAny,
    }
}

impl<'a> Item<'a> {
    /// The kind of the item.
    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    /// The thought as one text, from its summary and what else there is to read; `None` for one that says nothing.
    pub(super) fn thought(&mut self) -> Option<Str<'a>> {
        let summary = self.summary.take().into_iter().flatten().filter_map(|thought| thought.text);
        let content = self.content.take().into_iter().flatten().filter_map(|part| part.text);
        let mut texts: Vec<Str<'a>> = summary.chain(content).filter(|text| !text.is_empty()).collect();
        if texts.len() > 1 {
            return Some(Str::from(texts.iter().map(Str::as_str).collect::<Vec<_>>().join("\n\n")));
        }
        texts.pop()
    }

    /// What proves the thought.
    pub(super) fn sealed(&mut self) -> Option<Str<'a>> {
        self.encrypted_content.take().filter(|sealed| !sealed.is_empty())
    }
}

impl<'a> Annotation<'a> {
    /// The source in the hub, for a part before which the answer's text has so many characters; `None` for what is no
    /// source (the path of a file that was made).
    pub(super) fn into_citation(self, chars_before: u64) -> Option<Citation<'a>> {
        let place = |count: Count| count.0.saturating_add(chars_before);
        // A file is cited at a place, not for a piece.
        let from = self.start_index.or(self.index);
        let span = from.zip(self.end_index.or(self.index)).map(|(from, to)| (place(from), place(to)));
        match self.kind.as_deref() {
            Some("url_citation") => Some(Citation { span, url: self.url, title: self.title, ..Citation::default() }),
            Some("file_citation" | "container_file_citation") => {
                Some(Citation { span, document: self.file_id, title: self.filename, ..Citation::default() })
            }
            Some(_) | None => None,
        }
    }
}

/// The `error` of an answer that failed. There is no HTTP status that tells the kind.
pub(super) fn failure(error: Option<Raw<'_>>) -> Fault {
    match error {
        Some(error) => error::decode_in_stream(error.get().as_bytes()),
        None => Fault::upstream("the provider's answer failed, without a reason"),
    }
}
