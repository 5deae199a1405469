//! Events → chunks for the client.
//!
//! A thought goes out twice in each chunk, as LiteLLM does it: as `reasoning_content` for people, and in
//! `thinking_blocks` for the next turn. Each entry of that list carries the `index` of its block, without which the
//! OpenAI SDK's own gathering of deltas fails; the signature comes in an entry of its own with an empty text. A client
//! that joins the entries of one index has the block that it must send back.

use super::{CHOICES_MAX, TOOLS_MAX};
use crate::chat::{Citation, StopReason};
use crate::dialect::Asked;
use crate::dialect::cited::Cited;
use crate::dialect::openai::citation::AnnotationOut;
use crate::dialect::openai::error::ErrorBody;
use crate::dialect::openai::extra::ExtraOut;
use crate::dialect::openai::finish;
use crate::dialect::openai::response::{note_lost_stop, service_tier};
use crate::dialect::openai::thinking::BlockOut;
use crate::dialect::openai::usage::CountsOut;
use crate::dialect::wire;
use crate::fault::Fault;
use crate::frame::sse;
use crate::loss::Losses;
use crate::stream::Event;
use crate::usage::Usage;
use serde::Serialize;
use serde_json::value::RawValue;

/// Writes one stream to a client. Holds a few bytes for every answer and tool call, never what they say.
#[derive(Debug)]
pub struct Encoder {
    chunks: Chunks,
    started: bool,
    over: bool,
    choices: Vec<Choice>,
    /// The latest usage; written at the end, if the client asked for it.
    usage: Option<Usage>,
    losses: Losses,
}

/// One answer of the stream.
#[derive(Debug)]
struct Choice {
    index: u32,
    finished: bool,
    /// How many thinking blocks have ended.
    blocks: u32,
    /// A thinking block has begun and not ended.
    in_block: bool,
    /// The tool calls that have begun.
    tools: Vec<Tool>,
    /// Where the text's citations belong.
    cited: Cited,
}

#[derive(Debug)]
struct Tool {
    number: u32,
    has_arguments: bool,
}

#[derive(Default, Serialize)]
struct Delta<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_blocks: Option<[BlockOut<'b>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'b>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionDelta<'b>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<AnnotationOut<'b>>,
}

#[derive(Serialize)]
struct CallDelta<'b> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'b str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta<'b>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraOut<'b>>,
}

#[derive(Serialize)]
struct FunctionDelta<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'b str>,
    arguments: &'b str,
}

impl Encoder {
    /// An encoder for a client that asked this.
    pub fn new(asked: Asked) -> Self {
        let chunks = Chunks { asked, head: Vec::new(), tier: Vec::new() };
        Self { chunks, started: false, over: false, choices: Vec::new(), usage: None, losses: Losses::default() }
    }

    /// What has been told since the last time and cannot be said here.
    pub fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    /// Appends what the event is in this dialect to `out`.
    ///
    /// # Errors
    /// A [`Fault`] for one answer or tool call too many, and for arguments of a call that did not begin.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.over {
            return Ok(());
        }
        match event {
            Event::Start { id, model } => self.start(id, model, out)?,
            Event::Text { choice, text } => {
                self.say(*choice, &Delta { content: Some(text), ..Delta::default() }, out)?;
                self.open(*choice, out)?.cited.text(text);
            }
            Event::Citation { choice, citation } => self.citation(*choice, citation, out)?,
            Event::Refusal { choice, text } => {
                self.say(*choice, &Delta { refusal: Some(text), ..Delta::default() }, out)?;
            }
            Event::Thinking { choice, text } => self.thinking(*choice, text, out)?,
            Event::Signature { choice, signature } => self.signature(*choice, signature, out)?,
            Event::RedactedThinking { choice, data } => self.redacted(*choice, data, out)?,
            Event::ToolStart { choice, tool, id, name } => self.tool_start(*choice, *tool, id, name, out)?,
            Event::ToolArguments { choice, tool, json } => self.tool_arguments(*choice, *tool, json, out)?,
            Event::ToolSignature { choice, tool, signature } => self.tool_signature(*choice, *tool, signature, out),
            Event::PartEnd { choice } => {
                self.open(*choice, out)?.end_block();
                self.cite(*choice, out)?;
            }
            Event::Logprobs { choice, raw } => {
                self.open(*choice, out)?;
                self.chunks.choice(*choice, &Delta::default(), Some(raw), None, out);
            }
            Event::Finish { choice, reason } => self.finish(*choice, reason, out)?,
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::ServiceTier(tier) => {
                self.chunks.set_tier(tier);
                if self.chunks.tier.is_empty() {
                    self.losses.add("service_tier");
                }
            }
            // A comment line without a blank line behind it: some SDKs take any blank line for an event.
            Event::Ping => out.extend_from_slice(b": ping\n"),
            Event::Loss(_) => {}
            Event::Done => self.done(out)?,
            Event::Error(fault) => {
                self.over = true;
                sse::write(out, None, |out| json(&ErrorBody::from(fault), out));
            }
        }
        Ok(())
    }

    fn start(&mut self, id: &str, model: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.started {
            return Ok(());
        }
        self.begin(id, model);
        self.open(0, out).map(|_| ())
    }

    fn begin(&mut self, id: &str, model: &str) {
        self.started = true;
        self.chunks.set_head(id, model);
    }

    /// The answer of this number. Its first chunk says who speaks.
    fn open(&mut self, index: u32, out: &mut Vec<u8>) -> Result<&mut Choice, Fault> {
        if !self.started {
            self.begin("", "");
        }
        let Self { choices, chunks, .. } = self;
        let at = match choices.iter().position(|choice| choice.index == index) {
            Some(at) => at,
            None if choices.len() == CHOICES_MAX => {
                return Err(Fault::upstream(format!("the provider's stream has more than {CHOICES_MAX} answers")));
            }
            None => {
                choices.push(Choice::new(index));
                let delta = Delta { role: Some("assistant"), content: Some(""), ..Delta::default() };
                chunks.choice(index, &delta, None, None, out);
                choices.len() - 1
            }
        };
        choices.get_mut(at).ok_or_else(|| Fault::upstream("the provider's stream has no such answer"))
    }

    /// Words or a refusal: what ends a thought.
    fn say(&mut self, index: u32, delta: &Delta<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.open(index, out)?.end_block();
        self.chunks.choice(index, delta, None, None, out);
        Ok(())
    }

    /// A citation that says where it belongs goes at once, that of a whole part when the part has ended.
    fn citation(&mut self, index: u32, citation: &Citation<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let choice = self.open(index, out)?;
        let said = match citation.span {
            _ if citation.url.is_none() => false,
            None => choice.cited.hold(citation),
            Some(span) => {
                self.annotate(index, AnnotationOut::of(citation, span).into_iter().collect(), out);
                true
            }
        };
        if !said {
            self.losses.add("citations");
        }
        Ok(())
    }

    /// Writes the citations of the part that has ended.
    fn cite(&mut self, index: u32, out: &mut Vec<u8>) -> Result<(), Fault> {
        let citations = self.open(index, out)?.cited.part_end();
        let annotations = citations.iter().filter_map(|citation| AnnotationOut::of(citation, (0, 0))).collect();
        self.annotate(index, annotations, out);
        Ok(())
    }

    fn annotate(&self, index: u32, annotations: Vec<AnnotationOut<'_>>, out: &mut Vec<u8>) {
        if !annotations.is_empty() {
            self.chunks.choice(index, &Delta { annotations, ..Delta::default() }, None, None, out);
        }
    }

    fn thinking(&mut self, index: u32, text: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let choice = self.open(index, out)?;
        choice.in_block = true;
        let block = BlockOut::Thinking { index: Some(choice.blocks), thinking: text, signature: None };
        self.block(index, Some(text), block, out);
        Ok(())
    }

    fn signature(&mut self, index: u32, signature: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let choice = self.open(index, out)?;
        choice.in_block = true;
        let block = BlockOut::Thinking { index: Some(choice.blocks), thinking: "", signature: Some(signature) };
        choice.end_block();
        self.block(index, None, block, out);
        Ok(())
    }

    fn redacted(&mut self, index: u32, data: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let choice = self.open(index, out)?;
        choice.end_block();
        choice.in_block = true;
        let block = BlockOut::RedactedThinking { index: Some(choice.blocks), data };
        choice.end_block();
        self.block(index, None, block, out);
        Ok(())
    }

    fn block(&self, index: u32, reasoning_content: Option<&str>, block: BlockOut<'_>, out: &mut Vec<u8>) {
        let delta = Delta { reasoning_content, thinking_blocks: Some([block]), ..Delta::default() };
        self.chunks.choice(index, &delta, None, None, out);
    }

    fn tool_start(&mut self, index: u32, tool: u32, id: &str, name: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let choice = self.open(index, out)?;
        choice.end_block();
        if choice.tools.len() == TOOLS_MAX {
            return Err(Fault::upstream(format!("the provider's stream has more than {TOOLS_MAX} tool calls")));
        }
        choice.tools.push(Tool { number: tool, has_arguments: false });
        let function = FunctionDelta { name: Some(name), arguments: "" };
        let id = Some(id);
        self.call(index, CallDelta { index: tool, id, kind: Some("function"), function, extra_content: None }, out);
        Ok(())
    }

    fn tool_signature(&mut self, index: u32, tool: u32, signature: &str, out: &mut Vec<u8>) {
        let function = FunctionDelta { name: None, arguments: "" };
        let extra_content = Some(ExtraOut::new(signature));
        self.call(index, CallDelta { index: tool, id: None, kind: None, function, extra_content }, out);
    }

    fn tool_arguments(&mut self, index: u32, tool: u32, json: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
        let choice = self.open(index, out)?;
        let Some(begun) = choice.tools.iter_mut().rev().find(|begun| begun.number == tool) else {
            return Err(Fault::upstream("the provider's stream has arguments of a tool call that did not begin"));
        };
        if json.is_empty() {
            return Ok(());
        }
        begun.has_arguments |= !json.trim_ascii().is_empty();
        let function = FunctionDelta { name: None, arguments: json };
        self.call(index, CallDelta { index: tool, id: None, kind: None, function, extra_content: None }, out);
        Ok(())
    }

    fn call(&mut self, index: u32, call: CallDelta<'_>, out: &mut Vec<u8>) {
        let choice = self.choices.iter().find(|choice| choice.index == index);
        let first = choice.and_then(|choice| choice.tools.first()).map(|tool| tool.number);
        self.chunks.call(index, first, call, &mut self.losses, out);
    }

    fn finish(&mut self, index: u32, reason: &StopReason<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let choice = self.open(index, out)?;
        if std::mem::replace(&mut choice.finished, true) {
            return Ok(());
        }
        note_lost_stop(reason, &mut self.losses);
        self.cite(index, out)?;
        self.complete_arguments(|choice| choice.index == index, out);
        let reason = finish::encode_for(reason, self.chunks.asked.legacy_functions);
        self.chunks.choice(index, &Delta::default(), None, Some(reason), out);
        Ok(())
    }

    /// A call that got no arguments gets an empty object: no arguments at all are broken JSON to clients.
    fn complete_arguments(&mut self, of: impl Fn(&Choice) -> bool, out: &mut Vec<u8>) {
        let Self { choices, chunks, losses, .. } = self;
        for choice in choices.iter_mut().filter(|choice| of(choice)) {
            let first = choice.tools.first().map(|tool| tool.number);
            for tool in choice.tools.iter_mut().filter(|tool| !tool.has_arguments) {
                tool.has_arguments = true;
                let function = FunctionDelta { name: None, arguments: "{}" };
                let call = CallDelta { index: tool.number, id: None, kind: None, function, extra_content: None };
                chunks.call(choice.index, first, call, losses, out);
            }
        }
    }

    fn done(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.over = true;
        for index in self.choices.iter().map(|choice| choice.index).collect::<Vec<_>>() {
            self.cite(index, out)?;
        }
        self.complete_arguments(|_| true, out);
        if let Some(usage) = self.usage.as_ref().filter(|_| self.chunks.asked.stream_usage) {
            self.chunks.usage(&CountsOut::from(usage), out);
        }
        sse::write(out, None, |out| out.extend_from_slice(b"[DONE]"));
        Ok(())
    }
}

impl Choice {
    fn new(index: u32) -> Self {
        let cited = Cited::default();
        Self { index, finished: false, blocks: 0, in_block: false, tools: Vec::new(), cited }
    }

    fn end_block(&mut self) {
        if std::mem::take(&mut self.in_block) {
            self.blocks = self.blocks.saturating_add(1);
        }
    }
}

/// What all chunks of a stream have in common.
#[derive(Debug)]
struct Chunks {
    asked: Asked,
    /// `{"id":…,"object":…,"created":…,"model":…`
    head: Vec<u8>,
    /// `,"service_tier":…` once it is known.
    tier: Vec<u8>,
}

impl Chunks {
    fn set_head(&mut self, id: &str, model: &str) {
        let Self { head, asked, .. } = self;
        head.extend_from_slice(b"{\"id\":");
        json(id, head);
        head.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        json(&asked.now, head);
        head.extend_from_slice(b",\"model\":");
        json(model, head);
    }

    fn set_tier(&mut self, tier: &str) {
        self.tier.clear();
        if let Some(tier) = service_tier(tier) {
            self.tier.extend_from_slice(b",\"service_tier\":");
            json(tier, &mut self.tier);
        }
    }

    /// Writes a piece of a tool call. A client that knows functions and no tools reads the `first` call of a choice only.
    fn call(&self, index: u32, first: Option<u32>, call: CallDelta<'_>, losses: &mut Losses, out: &mut Vec<u8>) {
        let delta = match self.asked.legacy_functions {
            false => Delta { tool_calls: Some([call]), ..Delta::default() },
            true if call.extra_content.is_some() => return losses.add("content.tool_call.signature"),
            true if first != Some(call.index) => return losses.add("content.tool_call"),
            true => Delta { function_call: Some(call.function), ..Delta::default() },
        };
        self.choice(index, &delta, None, None, out);
    }

    /// Writes a chunk with one choice.
    fn choice(
        &self,
        index: u32,
        delta: &Delta<'_>,
        logprobs: Option<&RawValue>,
        finish_reason: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        self.write(out, |out| {
            out.extend_from_slice(b"[{\"index\":");
            json(&index, out);
            out.extend_from_slice(b",\"delta\":");
            json(delta, out);
            out.extend_from_slice(b",\"logprobs\":");
            match logprobs {
                // A line end between two values would end the line of the event; in a string it cannot stand.
                Some(raw) => out.extend(raw.get().bytes().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b })),
                None => out.extend_from_slice(b"null"),
            }
            out.extend_from_slice(b",\"finish_reason\":");
            json(&finish_reason, out);
            // "All other chunks will also include a `usage` field, but with a null value."
            out.extend_from_slice(if self.asked.stream_usage { b"}],\"usage\":null" } else { b"}]" });
        });
    }

    /// Writes the chunk that holds nothing but the usage.
    fn usage(&self, usage: &CountsOut, out: &mut Vec<u8>) {
        self.write(out, |out| {
            out.extend_from_slice(b"[],\"usage\":");
            json(usage, out);
        });
    }

    fn write(&self, out: &mut Vec<u8>, choices: impl FnOnce(&mut Vec<u8>)) {
        sse::write(out, None, |out| {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(&self.tier);
            out.extend_from_slice(b",\"choices\":");
            choices(out);
            out.push(b'}');
        });
    }
}

fn json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    wire::append(value, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Str;

    /// The deltas and finish reasons (or other data) of the chunks that these events make.
    fn check(stream_usage: bool, events: &[Event<'_>], expected: &[&str]) {
        let mut encoder = Encoder::new(Asked { stream_usage, now: 7, ..Asked::default() });
        let mut out = Vec::new();
        for event in events {
            encoder.event(event, &mut out).unwrap();
        }
        let out = String::from_utf8(out).unwrap();
        let head = r#"{"id":"i","object":"chat.completion.chunk","created":7,"model":"m","choices":"#;
        let told: Vec<String> = out
            .split_inclusive('\n')
            .filter(|line| *line != "\n")
            .map(|line| line.trim_end().trim_start_matches("data: ").trim_start_matches(head))
            .map(|line| line.replace(r#","logprobs":null"#, "").replace(r#","finish_reason":null"#, ""))
            .collect();
        assert_eq!(told, expected);
    }

    fn start() -> Event<'static> {
        Event::Start { id: "i".into(), model: "m".into() }
    }

    fn tool_start(tool: u32) -> Event<'static> {
        Event::ToolStart { choice: 0, tool, id: "c".into(), name: "f".into() }
    }

    fn arguments(tool: u32, json: &'static str) -> Event<'static> {
        Event::ToolArguments { choice: 0, tool, json: json.into() }
    }

    fn finish(reason: StopReason<'static>) -> Event<'static> {
        Event::Finish { choice: 0, reason }
    }

    const ROLE: &str = r#"[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;

    #[test]
    fn calls_without_arguments_get_an_empty_object() {
        let begun = |tool| {
            format!(
                r#"[{{"index":0,"delta":{{"tool_calls":[{{"index":{tool},"id":"c","type":"function","function":{{"name":"f","arguments":""}}}}]}}}}]}}"#
            )
        };
        let given = |tool, json: &str| {
            format!(
                r#"[{{"index":0,"delta":{{"tool_calls":[{{"index":{tool},"function":{{"arguments":{json}}}}}]}}}}]}}"#
            )
        };
        let finished = r#"[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#;
        check(
            false,
            &[
                start(),
                tool_start(0),
                arguments(0, ""),
                tool_start(1),
                arguments(1, "[]"),
                finish(StopReason::ToolCalls),
                Event::Done,
            ],
            &[ROLE, &begun(0), &begun(1), &given(1, "\"[]\""), &given(0, "\"{}\""), finished, "[DONE]"],
        );
        check(false, &[start(), tool_start(0), Event::Done], &[ROLE, &begun(0), &given(0, "\"{}\""), "[DONE]"]);
    }

    #[test]
    fn who_offers_functions_reads_a_function_call() {
        let mut encoder = Encoder::new(Asked { legacy_functions: true, ..Asked::default() });
        let mut out = Vec::new();
        let calls = [tool_start(0), arguments(0, "{}"), tool_start(1), arguments(1, "[]")];
        for event in calls.iter().chain([&finish(StopReason::ToolCalls)]) {
            encoder.event(event, &mut out).unwrap();
        }
        let out = String::from_utf8(out).unwrap();
        for said in [
            r#""delta":{"function_call":{"name":"f","arguments":""}}"#,
            r#""delta":{"function_call":{"arguments":"{}"}}"#,
            r#""finish_reason":"function_call""#,
        ] {
            assert_eq!(out.matches(said).count(), 1, "{said} in {out}");
        }
        assert!(!out.contains("[]\"") && !out.contains("tool_calls"), "{out}");
        assert_eq!(encoder.take_losses().header(), "content.tool_call");
    }

    #[test]
    fn only_one_finish_and_the_last_usage() {
        let usage = |output| Event::Usage(Usage { output, ..Usage::default() });
        let events = [
            start(),
            usage(1),
            finish(StopReason::Length),
            finish(StopReason::End),
            usage(2),
            Event::Done,
            Event::Done,
        ];
        let finished = r#"[{"index":0,"delta":{},"finish_reason":"length"}]}"#;
        check(false, &events, &[ROLE, finished, "[DONE]"]);
        let counts = CountsOut::from(&Usage { output: 2, ..Usage::default() });
        let counts = format!(r#"[],"usage":{}}}"#, serde_json::to_string(&counts).unwrap());
        let no_usage = |chunk: &str| chunk.replace("]}", r#"],"usage":null}"#);
        check(true, &events, &[&no_usage(ROLE), &no_usage(finished), &counts, "[DONE]"]);
    }

    #[test]
    fn every_reason_is_a_word_that_sdks_know() {
        for (reason, word) in [
            (StopReason::End, "stop"),
            (StopReason::Sequence(Some("x".into())), "stop"),
            (StopReason::Paused, "stop"),
            (StopReason::Unknown("eos".into()), "stop"),
            (StopReason::Length, "length"),
            (StopReason::ToolCalls, "tool_calls"),
            (StopReason::Refused, "content_filter"),
        ] {
            let finished = format!(r#"[{{"index":0,"delta":{{}},"finish_reason":"{word}"}}]}}"#);
            check(false, &[start(), finish(reason)], &[ROLE, &finished]);
        }
    }

    #[test]
    fn thoughts_keep_their_blocks_apart() {
        let thinking = |text: &'static str| Event::Thinking { choice: 0, text: Str::from(text) };
        let signature = || Event::Signature { choice: 0, signature: "s".into() };
        let thought = |block: u32, text: &str| {
            format!(
                r#"[{{"index":0,"delta":{{"reasoning_content":"{text}","thinking_blocks":[{{"type":"thinking","index":{block},"thinking":"{text}"}}]}}}}]}}"#
            )
        };
        let signed = |block: u32| {
            format!(
                r#"[{{"index":0,"delta":{{"thinking_blocks":[{{"type":"thinking","index":{block},"thinking":"","signature":"s"}}]}}}}]}}"#
            )
        };
        let redacted =
            r#"[{"index":0,"delta":{"thinking_blocks":[{"type":"redacted_thinking","index":1,"data":"d"}]}}]}"#;
        check(
            false,
            &[
                start(),
                thinking("a"),
                signature(),
                Event::PartEnd { choice: 0 },
                Event::RedactedThinking { choice: 0, data: "d".into() },
                Event::PartEnd { choice: 0 },
                thinking("b"),
                Event::PartEnd { choice: 0 },
                thinking("c"),
                signature(),
                // A thought whose text is withheld is only a signature.
                signature(),
            ],
            &[ROLE, &thought(0, "a"), &signed(0), redacted, &thought(2, "b"), &thought(3, "c"), &signed(3), &signed(4)],
        );
    }

    fn citation(span: Option<(u64, u64)>, url: Option<&'static str>) -> Event<'static> {
        let citation = Citation { span, url: url.map(Str::from), ..Citation::default() };
        Event::Citation { choice: 0, citation }
    }

    #[test]
    fn citations_name_their_place() {
        let text = |text: &'static str| Event::Text { choice: 0, text: text.into() };
        let said = |text: &str| format!(r#"[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
        let cited = |start: u64, end: u64, url: &str| {
            let page = format!(r#"{{"start_index":{start},"end_index":{end},"title":"{url}","url":"{url}"}}"#);
            let annotation = format!(r#"{{"type":"url_citation","url_citation":{page}}}"#);
            format!(r#"[{{"index":0,"delta":{{"annotations":[{annotation}]}}}}]}}"#)
        };
        check(
            false,
            &[
                start(),
                text("é."),
                Event::PartEnd { choice: 0 },
                // Before its text, as Anthropic may say it.
                citation(None, Some("https://a")),
                text("Sun"),
                text("ny."),
                citation(Some((1, 2)), Some("https://b")),
                Event::PartEnd { choice: 0 },
                text("End"),
                citation(None, Some("https://c")),
                Event::Done,
            ],
            &[
                ROLE,
                &said("é."),
                &said("Sun"),
                &said("ny."),
                &cited(1, 2, "https://b"),
                &cited(2, 8, "https://a"),
                &said("End"),
                &cited(8, 11, "https://c"),
                "[DONE]",
            ],
        );
    }

    #[test]
    fn what_cannot_be_said_is_a_loss() {
        let tier = Event::ServiceTier("batch".into());
        let paused = finish(StopReason::Paused);
        for (event, loss) in
            [(citation(None, None), "citations"), (tier, "service_tier"), (paused, "stop_reason.pause_turn")]
        {
            let mut encoder = Encoder::new(Asked::default());
            encoder.event(&start(), &mut Vec::new()).unwrap();
            encoder.event(&event, &mut Vec::new()).unwrap();
            assert_eq!(encoder.take_losses().header(), loss);
            assert!(encoder.take_losses().is_empty());
        }
    }

    #[test]
    fn a_signature_follows_its_call() {
        let signature = Event::ToolSignature { choice: 0, tool: 0, signature: "s".into() };
        let extra = r#"{"google":{"thought_signature":"s"}}"#;
        let begun = r#"[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}}]}"#;
        let signed = format!(
            r#"[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":""}},"extra_content":{extra}}}]}}}}]}}"#
        );
        check(false, &[start(), tool_start(0), signature], &[ROLE, begun, &signed]);
    }

    #[test]
    fn errors_end_the_stream_and_pings_are_comments() {
        let error = r#"{"error":{"message":"gone","type":"server_error","param":null,"code":"upstream_error"}}"#;
        check(
            false,
            &[start(), Event::Ping, Event::Error(Fault::upstream("gone")), Event::Done],
            &[ROLE, ": ping", error],
        );
        check(false, &[Event::Error(Fault::upstream("gone")), start()], &[error]);
    }

    #[test]
    fn what_makes_no_sense_is_a_fault() {
        let mut encoder = Encoder::new(Asked::default());
        let mut out = Vec::new();
        assert!(encoder.event(&arguments(0, "{}"), &mut out).is_err());
        for choice in 1..128 {
            encoder.event(&Event::PartEnd { choice }, &mut out).unwrap();
        }
        assert!(encoder.event(&Event::PartEnd { choice: 128 }, &mut out).is_err());
        for tool in 0..1024 {
            encoder.event(&tool_start(tool), &mut out).unwrap();
        }
        assert!(encoder.event(&tool_start(1024), &mut out).is_err());
    }
}
