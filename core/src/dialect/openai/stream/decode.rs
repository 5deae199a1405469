//! A provider's chunks → events.
//!
//! Providers differ most in how they number tool calls: the index is missing, or the same for parallel calls; the id
//! comes once, with every piece, late, or never. A call is told from the next one by a new id, and where there are no
//! ids by a new name after arguments.

use super::{CHOICES_MAX, TOOLS_MAX};
use crate::chat::Part;
use crate::dialect::openai::answer::{Answer, AnswerCall, Lost, made_up_id, thinking_texts};
use crate::dialect::openai::fingerprint::fingerprint;
use crate::dialect::openai::json;
use crate::dialect::openai::think_tags::ThinkTags;
use crate::dialect::openai::usage::Counts;
use crate::dialect::openai::{citation, error, extra, finish};
use crate::dialect::quirks::{Quirks, Thoughts};
use crate::dialect::wire::{Count, OneOrMany, Raw, wire};
use crate::fault::Fault;
use crate::frame::sse::Frame;
use crate::stream::Event;
use crate::text::Str;
use serde::de::IgnoredAny;

/// Most bytes of a call's id that waits for its name; a longer one does not wait.
const HELD_ID_BYTES_MAX: usize = 1024;

wire! {
    /// A `chat.completion.chunk`.
    struct Chunk<'a> {
        id: Str<'a>,
        model: Str<'a>,
        choices: Vec<ChunkChoice<'a>>,
        usage: Counts<'a>,
        service_tier: Str<'a>,
        error: Raw<'a>,
        moderation: Raw<'a>,
        x_groq: Groq<'a>,
        _created "created": IgnoredAny,
        _object "object": IgnoredAny,
        _system_fingerprint "system_fingerprint": IgnoredAny,
        _obfuscation "obfuscation": IgnoredAny,
    }
}
wire! {
    struct ChunkChoice<'a> {
        index: Count,
        delta: Answer<'a>,
        finish_reason: Str<'a>,
        logprobs: Raw<'a>,
        error: Raw<'a>,
    }
}
wire! {
    /// Groq's own place for the usage, from before it knew `stream_options`.
    struct Groq<'a> { usage: Counts<'a> }
}

/// What a decoder tells its events to.
type Emit<'e> = &'e mut dyn FnMut(Event<'_>);

/// Reads one stream of a provider. Holds a few bytes for every answer and tool call, never what they say.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    over: bool,
    /// The fingerprint of the answer's id, for calls that come without one.
    answer_id: u128,
    choices: Vec<Choice>,
    /// Losses that have been told: once each is enough.
    told: Vec<&'static str>,
    /// Takes thoughts out of the text, where the provider leaves them there.
    tags: Option<ThinkTags>,
    /// No `[DONE]` comes.
    ends_quietly: bool,
}

/// One answer of the stream.
#[derive(Debug)]
struct Choice {
    index: u32,
    finished: bool,
    /// The model has declined in words.
    refused: bool,
    /// In the order in which the provider first named them.
    tools: Vec<Tool>,
    /// How many of them have begun.
    begun: u32,
}

/// One tool call of an answer.
#[derive(Debug)]
struct Tool {
    /// The provider's number for it.
    index: Option<u64>,
    /// The fingerprint of the id that the provider gave it: ids can be long (some hold signatures).
    id: Option<u128>,
    /// An id whose name has not come yet.
    held_id: String,
    /// Its number among those that have begun.
    number: Option<u32>,
    has_arguments: bool,
}

impl Decoder {
    /// A decoder for a provider that deviates from the dialect.
    pub fn new(quirks: &Quirks) -> Self {
        let tags = (quirks.thoughts == Some(Thoughts::ThinkTags)).then(ThinkTags::default);
        Self { tags, ends_quietly: quirks.done_event == Some(false), ..Self::default() }
    }

    /// Every answer that has begun has ended, and the provider sends no `[DONE]` after that.
    pub fn is_complete(&self) -> bool {
        self.ends_quietly && !self.over && !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finished)
    }

    /// Takes one frame and tells `emit` what it means.
    ///
    /// # Errors
    /// A [`Fault`] of kind `Upstream` for a frame that is no chunk, or one answer or call too many.
    pub fn frame(&mut self, frame: &Frame<'_>, emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Fault> {
        let Some(mut tags) = self.tags.take() else { return self.read(frame, emit) };
        let read = self.read(frame, &mut |event| tags.event(event, emit));
        self.tags = Some(tags);
        read
    }

    fn read(&mut self, frame: &Frame<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let data = frame.data.trim_ascii();
        if self.over {
            return Ok(());
        }
        if frame.event == Some(b"error") {
            self.fail(data, emit);
            return Ok(());
        }
        if data.is_empty() {
            return Ok(());
        }
        if data.starts_with(b"[DONE]") {
            self.over = true;
            self.start_held_tools(emit);
            emit(Event::Done);
            return Ok(());
        }
        let chunk: Chunk<'_> = json::read_answer(data, "a chunk of the provider's stream")?;
        if chunk.error.is_some() {
            self.fail(data, emit);
            return Ok(());
        }
        self.chunk(chunk, emit)
    }

    fn fail(&mut self, data: &[u8], emit: Emit<'_>) {
        self.over = true;
        emit(Event::Error(error::decode_in_stream(data)));
    }

    fn chunk(&mut self, mut chunk: Chunk<'_>, emit: Emit<'_>) -> Result<(), Fault> {
        let choices = chunk.choices.take().unwrap_or_default();
        if let Some(tier) = chunk.service_tier.take() {
            emit(Event::ServiceTier(tier));
        }
        self.start(chunk.id.take(), chunk.model.take(), !choices.is_empty(), emit);
        for (choice, position) in choices.into_iter().zip(0u32..) {
            if let Some(error) = choice.error {
                self.fail(error.get().as_bytes(), emit);
                return Ok(());
            }
            self.choice(choice, position, emit)?;
        }
        if chunk.moderation.is_some() {
            self.lose("moderation", emit);
        }
        if !chunk.unknown.is_empty() {
            self.lose("chunk.unknown", emit);
        }
        let usage = chunk.usage.take().or_else(|| chunk.x_groq.take()?.usage);
        if let Some(usage) = usage.and_then(Counts::into_usage) {
            emit(Event::Usage(usage));
        }
        Ok(())
    }

    /// The answer begins with the first chunk that names it. Azure's first chunk names nothing and has no choices.
    fn start(&mut self, id: Option<Str<'_>>, model: Option<Str<'_>>, has_choices: bool, emit: Emit<'_>) {
        let (id, model) = (id.unwrap_or_default(), model.unwrap_or_default());
        if self.started || (id.is_empty() && model.is_empty() && !has_choices) {
            return;
        }
        self.started = true;
        self.answer_id = fingerprint(&id);
        emit(Event::Start { id, model });
    }

    fn choice(&mut self, mut wire: ChunkChoice<'_>, position: u32, emit: Emit<'_>) -> Result<(), Fault> {
        let index = wire.index.map_or(position, |index| u32::try_from(index.0).unwrap_or(position));
        if !wire.unknown.is_empty() {
            self.lose("choices.unknown", emit);
        }
        let at = self.choice_at(index)?;
        let mut delta = wire.delta.take().unwrap_or_default();
        self.note_what_is_lost(&delta, emit);
        let Self { choices, answer_id, .. } = self;
        let Some(choice) = choices.get_mut(at) else { return Ok(()) };
        if choice.finished {
            if says_something(&delta) {
                self.lose("choices.after_finish", emit);
            }
            return Ok(());
        }
        thoughts(&mut delta, index, emit);
        let unread = content(&mut delta, index, emit);
        let mut unsaid = None;
        for citation in citation::decode(delta.annotations, |loss| unsaid = Some(loss)) {
            emit(Event::Citation { choice: index, citation });
        }
        if let Some(text) = delta.refusal.take().filter(|text| !text.is_empty()) {
            choice.refused = true;
            emit(Event::Refusal { choice: index, text });
        }
        for call in calls(&mut delta) {
            choice.call(call, *answer_id, emit)?;
        }
        if let Some(raw) = wire.logprobs {
            emit(Event::Logprobs { choice: index, raw });
        }
        // Some send an empty reason with every chunk.
        if let Some(reason) = wire.finish_reason.filter(|reason| !reason.is_empty()) {
            choice.start_held_tools(*answer_id, emit);
            choice.finished = true;
            emit(Event::Finish {
                choice: index,
                reason: finish::decode(reason, !choice.tools.is_empty(), choice.refused),
            });
        }
        if unread {
            self.lose("choices.content", emit);
        }
        if let Some(loss) = unsaid {
            self.lose(loss, emit);
        }
        Ok(())
    }

    /// Where the answer of this number stands in `choices`.
    fn choice_at(&mut self, index: u32) -> Result<usize, Fault> {
        if let Some(at) = self.choices.iter().position(|choice| choice.index == index) {
            return Ok(at);
        }
        if self.choices.len() == CHOICES_MAX {
            return Err(Fault::upstream(format!("the provider's stream has more than {CHOICES_MAX} choices")));
        }
        self.choices.push(Choice { index, finished: false, refused: false, tools: Vec::new(), begun: 0 });
        Ok(self.choices.len() - 1)
    }

    fn note_what_is_lost(&mut self, delta: &Answer<'_>, emit: Emit<'_>) {
        for lost in delta.lost() {
            match lost {
                Lost::Known(field) => self.lose(field, emit),
                Lost::Unknown(_) => self.lose("choices.delta.unknown", emit),
            }
        }
        let is_unknown = |kind: &str| !matches!(kind, "thinking" | "redacted_thinking");
        if delta.thinking_blocks.iter().flatten().any(|block| block.kind.as_deref().is_some_and(is_unknown)) {
            self.lose("choices.thinking_blocks", emit);
        }
    }

    fn lose(&mut self, field: &'static str, emit: Emit<'_>) {
        if !self.told.contains(&field) {
            self.told.push(field);
            emit(Event::Loss(field));
        }
    }

    fn start_held_tools(&mut self, emit: Emit<'_>) {
        for choice in &mut self.choices {
            choice.start_held_tools(self.answer_id, emit);
        }
    }
}

impl Choice {
    /// Takes a tool call or a piece of one.
    fn call(&mut self, call: AnswerCall<'_>, answer_id: u128, emit: Emit<'_>) -> Result<(), Fault> {
        let function = call.function.unwrap_or_default();
        let name = function.name.filter(|name| !name.is_empty());
        let id = call.id.filter(|id| !id.is_empty());
        let (signature, _) = extra::signature(call.extra_content);
        let arguments = function.arguments.map(json::text_of).filter(|json| !json.is_empty());
        let at = match self.continued(call.index, id.as_deref(), name.is_some()) {
            Some(at) => at,
            None => self.add(call.index)?,
        };
        let choice = self.index;
        let Some(tool) = self.tools.get_mut(at) else { return Ok(()) };
        if let Some(id) = &id {
            tool.id.get_or_insert_with(|| fingerprint(id));
        }
        let number = match tool.number {
            Some(number) => number,
            None => {
                let must_begin = arguments.is_some() || id.as_ref().is_some_and(|id| id.len() > HELD_ID_BYTES_MAX);
                if name.is_none() && !must_begin {
                    if signature.is_some() {
                        emit(Event::Loss("choices.tool_calls.extra_content"));
                    }
                    tool.held_id.push_str(id.as_deref().filter(|_| tool.held_id.is_empty()).unwrap_or_default());
                    return Ok(());
                }
                let id = id.unwrap_or_else(|| tool.take_id(answer_id, choice, at));
                let number = tool.begin(&mut self.begun);
                emit(Event::ToolStart { choice, tool: number, id, name: name.unwrap_or_default() });
                number
            }
        };
        if let Some(signature) = signature {
            emit(Event::ToolSignature { choice, tool: number, signature });
        }
        if let Some(json) = arguments {
            tool.has_arguments = true;
            emit(Event::ToolArguments { choice, tool: number, json });
        }
        Ok(())
    }

    /// The call that a piece goes on with; `None` when it begins another one.
    fn continued(&self, index: Option<u64>, id: Option<&str>, has_name: bool) -> Option<usize> {
        let at = match (index, id) {
            (Some(_), _) => self.tools.iter().rposition(|tool| tool.index == index),
            (None, Some(id)) => self.tools.iter().rposition(|tool| tool.id == Some(fingerprint(id))),
            (None, None) => self.tools.len().checked_sub(1),
        }?;
        let tool = self.tools.get(at)?;
        let is_another = match (id, tool.id) {
            (Some(id), Some(known)) => fingerprint(id) != known,
            (Some(_), None) => tool.number.is_some() && has_name,
            (None, Some(_)) => false,
            (None, None) => has_name && tool.has_arguments,
        };
        (!is_another).then_some(at)
    }

    fn add(&mut self, index: Option<u64>) -> Result<usize, Fault> {
        if self.tools.len() == TOOLS_MAX {
            return Err(Fault::upstream(format!("the provider's stream has more than {TOOLS_MAX} tool calls")));
        }
        self.tools.push(Tool { index, id: None, held_id: String::new(), number: None, has_arguments: false });
        Ok(self.tools.len() - 1)
    }

    /// Begins the calls whose name never came, so that they are not lost.
    fn start_held_tools(&mut self, answer_id: u128, emit: Emit<'_>) {
        let choice = self.index;
        for (at, tool) in self.tools.iter_mut().enumerate().filter(|(_, tool)| tool.number.is_none()) {
            let id = tool.take_id(answer_id, choice, at);
            let number = tool.begin(&mut self.begun);
            emit(Event::ToolStart { choice, tool: number, id, name: Str::default() });
        }
    }
}

impl Tool {
    /// Numbers the call, now that it begins.
    fn begin(&mut self, begun: &mut u32) -> u32 {
        let number = *begun;
        self.number = Some(number);
        *begun = begun.saturating_add(1);
        number
    }

    /// The id that came before the name, or one that is made up.
    fn take_id(&mut self, answer_id: u128, choice: u32, at: usize) -> Str<'static> {
        match std::mem::take(&mut self.held_id) {
            held if held.is_empty() => made_up_id(answer_id, choice, at).into(),
            held => held.into(),
        }
    }
}

fn thoughts(delta: &mut Answer<'_>, choice: u32, emit: Emit<'_>) {
    if let Some(text) = delta.thoughts() {
        emit(Event::Thinking { choice, text });
    }
    for block in delta.thinking_blocks.take().unwrap_or_default() {
        match block.into_part() {
            Some(Part::Thinking { text, signature }) => {
                if !text.is_empty() {
                    emit(Event::Thinking { choice, text });
                }
                if let Some(signature) = signature {
                    emit(Event::Signature { choice, signature });
                }
            }
            Some(Part::RedactedThinking { data }) => emit(Event::RedactedThinking { choice, data }),
            Some(Part::Text(_) | Part::Media(_) | Part::ToolCall(_) | Part::ToolResult(_) | Part::Refusal(_))
            | None => {}
        }
    }
}

/// Tells the text of a delta, and whether it has a part that is no text.
fn content(delta: &mut Answer<'_>, choice: u32, emit: Emit<'_>) -> bool {
    let mut unread = false;
    match delta.content.take() {
        None => {}
        Some(OneOrMany::One(text)) if text.is_empty() => {}
        Some(OneOrMany::One(text)) => emit(Event::Text { choice, text }),
        Some(OneOrMany::Many(parts)) => {
            for part in parts {
                match (part.kind.as_deref(), part.text, part.thinking) {
                    (Some("text"), Some(text), _) => emit(Event::Text { choice, text }),
                    (Some("thinking"), _, Some(thinking)) => {
                        for text in thinking_texts(thinking) {
                            emit(Event::Thinking { choice, text });
                        }
                        if let Some(signature) = part.signature.filter(|signature| !signature.is_empty()) {
                            emit(Event::Signature { choice, signature });
                        }
                    }
                    (Some(_) | None, _, _) => unread = true,
                }
            }
        }
    }
    unread
}

/// The calls of a delta, the legacy form among them.
fn calls<'a>(delta: &mut Answer<'a>) -> impl Iterator<Item = AnswerCall<'a>> + use<'a> {
    let calls = delta.tool_calls.take().unwrap_or_default();
    let legacy = delta.function_call.take();
    let legacy = legacy.map(|function| AnswerCall { function: Some(function), ..AnswerCall::default() });
    calls.into_iter().filter(|call| call.custom.is_none()).chain(legacy)
}

fn says_something(delta: &Answer<'_>) -> bool {
    let is_text = |text: &Option<Str<'_>>| text.as_ref().is_some_and(|text| !text.is_empty());
    let has_content = match &delta.content {
        Some(OneOrMany::One(text)) => !text.is_empty(),
        Some(OneOrMany::Many(parts)) => !parts.is_empty(),
        None => false,
    };
    has_content || is_text(&delta.refusal) || is_text(&delta.reasoning_content) || delta.tool_calls.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(decoder: &mut Decoder, data: &str) -> Result<(), Fault> {
        let frame = Frame { event: None, data: data.as_bytes().into(), raw: b"" };
        decoder.frame(&frame, &mut |_| {})
    }

    #[test]
    fn what_a_stream_can_grow_is_limited() {
        let mut decoder = Decoder::default();
        for index in 0..CHOICES_MAX {
            frame(&mut decoder, &format!(r#"{{"choices":[{{"index":{index},"delta":{{}}}}]}}"#)).unwrap();
        }
        let fault = frame(&mut decoder, r#"{"choices":[{"index":999,"delta":{}}]}"#).unwrap_err();
        assert_eq!(fault.message, "the provider's stream has more than 128 choices");

        let mut decoder = Decoder::default();
        let call = |index| format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":{index}}}]}}}}]}}"#);
        for index in 0..TOOLS_MAX {
            frame(&mut decoder, &call(index)).unwrap();
        }
        let fault = frame(&mut decoder, &call(TOOLS_MAX)).unwrap_err();
        assert_eq!(fault.message, "the provider's stream has more than 1024 tool calls");
    }
}
