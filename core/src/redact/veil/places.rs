//! What each text of an event is: a piece of one that grows, or whole.

use super::tree::{Kind, Tree};
use crate::dialect::Dialect;
use crate::dialect::openai::fingerprint;
use crate::texts::{Form, Place, Scope};

/// A text that grows from event to event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) choice: u32,
    /// The block, item or call.
    pub(super) item: u64,
    /// The part of an item.
    pub(super) part: u64,
    /// The fingerprint of what it is called.
    pub(super) kind: u128,
}

/// A piece of a text that grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delta {
    pub(super) node: usize,
    pub(super) channel: Channel,
    pub(super) place: Place,
    /// The pieces are JSON.
    pub(super) json: bool,
}

/// Which texts end with an event: those that are alike in what is named.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    pub(super) choice: Option<u32>,
    pub(super) item: Option<u64>,
    pub(super) part: Option<u64>,
    pub(super) kind: Option<u128>,
}

impl Ends {
    pub(super) fn has(&self, channel: &Channel) -> bool {
        self.choice.is_none_or(|choice| choice == channel.choice)
            && self.item.is_none_or(|item| item == channel.item)
            && self.part.is_none_or(|part| part == channel.part)
            && self.kind.is_none_or(|kind| kind == channel.kind)
    }
}

/// What an event is.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) deltas: Vec<Delta>,
    /// Everything in these passes as it is.
    pub(super) skipped: Vec<usize>,
    /// Everything in these is for, or of, a tool that the provider runs.
    pub(super) server_calls: Vec<usize>,
    pub(super) ends: Vec<Ends>,
    /// It repeats what was said before.
    pub(super) repeats: bool,
    /// It says that the provider has failed.
    pub(super) failed: bool,
}

/// What must be remembered to tell one text from another.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// OpenAI's tool calls: choice, index, fingerprint of the id, whether arguments have come.
    calls: Vec<Call>,
    /// Blocks whose arguments are for a tool of the provider.
    server_tools: Vec<u64>,
    /// Items of reasoning that come sealed: the client gives both back, and the provider wants them as they were.
    sealed: Vec<u64>,
}

#[derive(Debug)]
struct Call {
    choice: u32,
    index: Option<u64>,
    id: Option<u128>,
    begun: bool,
}

/// How many calls and blocks are told apart; what comes behind them counts as one.
const REMEMBERED_MAX: usize = 1024;

pub(super) fn kind(name: &str) -> u128 {
    fingerprint::fingerprint(name)
}

/// Whether an event says that the provider has failed: by an error, an exception's name (AWS), or a reason.
fn failed(name: &str, tree: &Tree<'_>) -> bool {
    let root = if tree.node(0).is_some_and(|node| node.kind == Kind::Array) { 1 } else { 0 };
    let is_failure = |word: &str| matches!(word, "error" | "ERROR" | "response.failed" | "failed");
    let reasons: [&[&str]; 2] = [&["type"], &["delta", "finish_reason"]];
    let choices = tree.get(root, "choices").into_iter().flat_map(|choices| tree.children(choices));
    name.ends_with("Exception")
        || name == "error"
        || tree.get(root, "error").is_some_and(|error| tree.raw(error) != "null")
        || reasons.iter().any(|path| tree.word(root, path).is_some_and(|word| is_failure(&word)))
        || choices.into_iter().any(|one| tree.word(one, &["finish_reason"]).is_some_and(|word| is_failure(&word)))
}

/// Whether an item, or an event by its name, is of a tool that the provider runs.
fn is_server_call(kind: &str) -> bool {
    let kinds = ["web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call"];
    kinds.iter().any(|known| kind.starts_with(known)) || matches!(kind, "mcp_approval_request" | "program")
}

fn place(scope: Scope, choice: u32) -> Place {
    Place { scope, form: Form::Text, signed: false, server_tool: false, choice }
}

impl Places {
    /// Reads an event.
    pub(super) fn read(dialect: Dialect, name: &str, tree: &Tree<'_>, memory: &mut Memory) -> Self {
        let mut places = Self::default();
        match dialect {
            Dialect::OpenAi | Dialect::Completions => places.openai(tree, memory),
            Dialect::Responses => places.responses(name, tree, memory),
            Dialect::Anthropic => places.anthropic(name, tree, memory),
            Dialect::Gemini => places.gemini(tree),
            Dialect::Converse => places.converse(name, tree, memory),
            Dialect::Cohere => places.cohere(name, tree),
        }
        places.failed = failed(name, tree);
        places
    }

    fn delta(&mut self, tree: &Tree<'_>, node: Option<usize>, channel: Channel, scope: Scope) {
        let Some(node) = node.filter(|node| tree.literal(*node).is_some()) else { return };
        let json = scope == Scope::ToolCalls;
        self.deltas.push(Delta { node, channel, place: place(scope, channel.choice), json });
    }

    fn openai(&mut self, tree: &Tree<'_>, memory: &mut Memory) {
        let Some(choices) = tree.get(0, "choices") else { return };
        for (position, choice) in tree.children(choices).enumerate() {
            let index = tree.number(choice, "index").unwrap_or(position as u64);
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            self.skipped.extend(tree.get(choice, "logprobs"));
            let of = |item: u64, name: &str| Channel { choice: index, item, part: 0, kind: kind(name) };
            self.delta(tree, tree.get(choice, "text"), of(0, "text"), Scope::Assistant);
            for said in tree.get(choice, "delta").into_iter().flat_map(|delta| tree.children(delta)) {
                let key = tree.key(said);
                match (&*key, tree.node(said).map(|node| node.kind)) {
                    ("thinking_blocks", _) => self.skipped.push(said),
                    ("content" | "refusal" | "reasoning_content" | "reasoning", Some(Kind::String)) => {
                        self.delta(tree, Some(said), of(0, &key), Scope::Assistant);
                    }
                    ("content" | "reasoning_details" | "reasoning", Some(Kind::Array | Kind::Object)) => {
                        self.parts(tree, said, &|name| of(0, &format!("{key}.{name}")));
                    }
                    ("audio", _) => {
                        self.delta(tree, tree.get(said, "transcript"), of(0, "transcript"), Scope::Assistant);
                        self.skipped.extend(tree.get(said, "data"));
                    }
                    ("function_call", _) => {
                        self.delta(tree, tree.get(said, "arguments"), of(u64::MAX, "arguments"), Scope::ToolCalls);
                    }
                    ("tool_calls", _) => {
                        for call in tree.children(said) {
                            let number = self.call(tree, call, index, memory);
                            let arguments = tree.at(call, &["function", "arguments"]);
                            self.delta(tree, arguments, of(number, "arguments"), Scope::ToolCalls);
                            let input = tree.at(call, &["custom", "input"]);
                            let before = self.deltas.len();
                            self.delta(tree, input, of(number, "input"), Scope::ToolCalls);
                            self.deltas.iter_mut().skip(before).for_each(|delta| delta.json = false);
                        }
                    }
                    _ => {}
                }
            }
            if tree.word(choice, &["finish_reason"]).is_some_and(|reason| !reason.is_empty()) {
                self.ends.push(Ends { choice: Some(index), ..Ends::default() });
            }
        }
    }

    /// The pieces of texts in a list of parts: told apart by what they are called.
    fn parts(&mut self, tree: &Tree<'_>, list: usize, of: &dyn Fn(&str) -> Channel) {
        for node in tree.subtree(list) {
            let key = tree.key(node);
            if matches!(&*key, "text" | "thinking" | "summary" | "refusal" | "content") {
                let owner = tree.node(node).and_then(|own| tree.node(own.parent)).map_or(0, |own| own.parent);
                self.delta(tree, Some(node), of(&format!("{}.{key}", tree.key(owner))), Scope::Assistant);
            }
        }
    }

    /// The number of the call that a piece belongs to: providers number them in many ways.
    fn call(&mut self, tree: &Tree<'_>, call: usize, choice: u32, memory: &mut Memory) -> u64 {
        let index = tree.number(call, "index");
        let id = tree.word(call, &["id"]).filter(|id| !id.is_empty()).map(|id| kind(&id));
        let named = tree.word(call, &["function", "name"]).is_some_and(|name| !name.is_empty());
        let arguments = tree.word(call, &["function", "arguments"]).is_some_and(|json| !json.is_empty());
        let same = |known: &Call| known.choice == choice && (index.is_none() || known.index == index);
        let at = memory.calls.iter().rposition(same);
        let goes_on = at.filter(|at| {
            memory.calls.get(*at).is_some_and(|known| match (known.id, id) {
                (Some(known), Some(id)) => known == id,
                (None, Some(_)) => !known.begun,
                (_, None) => !(named && known.begun),
            })
        });
        let number = match goes_on {
            Some(at) => at,
            None if memory.calls.len() < REMEMBERED_MAX => {
                if let Some(at) = at {
                    self.ends.push(Ends { choice: Some(choice), item: Some(at as u64), ..Ends::default() });
                }
                memory.calls.push(Call { choice, index, id, begun: false });
                memory.calls.len() - 1
            }
            None => return REMEMBERED_MAX as u64,
        };
        if let Some(known) = memory.calls.get_mut(number) {
            known.begun |= arguments;
            known.id = known.id.or(id);
        }
        number as u64
    }

    fn responses(&mut self, name: &str, tree: &Tree<'_>, memory: &mut Memory) {
        let kind_of = tree.word(0, &["type"]).unwrap_or(name.into());
        self.skipped.extend(tree.get(0, "logprobs"));
        let item = tree.number(0, "output_index");
        self.items(tree, item, memory);
        if item.is_some_and(|item| memory.sealed.contains(&item)) && kind_of.starts_with("response.reasoning_") {
            self.skipped.push(0);
        }
        let server = is_server_call(kind_of.strip_prefix("response.").unwrap_or_default());
        self.server_calls.extend(server.then_some(0));
        let part = tree.number(0, "content_index").or(tree.number(0, "summary_index"));
        if let Some(named) = kind_of.strip_suffix(".delta") {
            let scope = if named.contains("_call") { Scope::ToolCalls } else { Scope::Assistant };
            let channel = Channel { choice: 0, item: item.unwrap_or(0), part: part.unwrap_or(0), kind: kind(named) };
            self.delta(tree, tree.get(0, "delta"), channel, scope);
            for delta in &mut self.deltas {
                (delta.place.server_tool, delta.json) = (server, named.ends_with("_arguments"));
            }
        } else if kind_of.ends_with(".done") {
            let named = kind_of.strip_suffix(".done").filter(|named| !named.ends_with("part"));
            let whole_item = kind_of.contains("output_item");
            let kind = named.filter(|_| !whole_item).map(kind);
            let ends = Ends { choice: None, item, part: part.filter(|_| !whole_item), kind };
            self.ends.push(ends);
            self.repeats = true;
        } else if matches!(&*kind_of, "response.completed" | "response.incomplete") {
            self.ends.push(Ends::default());
            self.repeats = true;
        } else if kind_of == "response.failed" {
            self.repeats = true;
        }
    }

    /// Items that an event tells whole.
    fn items(&mut self, tree: &Tree<'_>, place: Option<u64>, memory: &mut Memory) {
        let output = tree.at(0, &["response", "output"]).into_iter().flat_map(|output| tree.children(output));
        for item in tree.get(0, "item").into_iter().chain(output) {
            let kind = tree.word(item, &["type"]).unwrap_or_default();
            if kind == "reasoning" && tree.word(item, &["encrypted_content"]).is_some() {
                self.skipped.push(item);
                let place = place.filter(|place| !memory.sealed.contains(place));
                memory.sealed.extend(place.filter(|_| memory.sealed.len() < REMEMBERED_MAX));
            } else if is_server_call(&kind) {
                self.server_calls.push(item);
            }
        }
    }

    fn anthropic(&mut self, name: &str, tree: &Tree<'_>, memory: &mut Memory) {
        let kind_of = tree.word(0, &["type"]).unwrap_or(name.into());
        let item = tree.number(0, "index").unwrap_or(0);
        let of = |name: &str| Channel { choice: 0, item, part: 0, kind: kind(name) };
        match &*kind_of {
            "content_block_start" => {
                memory.server_tools.retain(|known| *known != item);
                let Some(block) = tree.get(0, "content_block") else { return };
                let block_kind = tree.word(block, &["type"]).unwrap_or_default();
                match &*block_kind {
                    "thinking" | "redacted_thinking" => self.skipped.push(block),
                    "text" => self.delta(tree, tree.get(block, "text"), of("text"), Scope::Assistant),
                    "server_tool_use" | "mcp_tool_use" => {
                        self.server_calls.push(block);
                        memory.server_tools.extend((memory.server_tools.len() < REMEMBERED_MAX).then_some(item));
                    }
                    _ => {}
                }
            }
            "content_block_delta" => {
                let Some(delta) = tree.get(0, "delta") else { return };
                self.delta(tree, tree.get(delta, "text"), of("text"), Scope::Assistant);
                self.delta(tree, tree.get(delta, "partial_json"), of("partial_json"), Scope::ToolCalls);
                let server_tool = memory.server_tools.contains(&item);
                self.deltas.iter_mut().for_each(|delta| delta.place.server_tool = server_tool && delta.json);
                self.skipped.extend(tree.get(delta, "thinking"));
            }
            "content_block_stop" => self.ends.push(Ends { item: Some(item), ..Ends::default() }),
            "message_delta" | "message_stop" => self.ends.push(Ends::default()),
            _ => {}
        }
    }

    fn gemini(&mut self, tree: &Tree<'_>) {
        // An answer may stand in a list of one.
        let root = if tree.node(0).is_some_and(|node| node.kind == Kind::Array) { 1 } else { 0 };
        let Some(candidates) = tree.get(root, "candidates") else { return };
        for (position, candidate) in tree.children(candidates).enumerate() {
            let choice = tree.number(candidate, "index").unwrap_or(position as u64);
            let choice = u32::try_from(choice).unwrap_or(u32::MAX);
            self.skipped.extend(tree.get(candidate, "logprobsResult"));
            let parts = tree.at(candidate, &["content", "parts"]);
            for part in parts.into_iter().flat_map(|parts| tree.children(parts)) {
                let thought = tree.get(part, "thought").is_some_and(|node| tree.raw(node) == "true");
                let signed = tree.get(part, "thoughtSignature").or(tree.get(part, "thought_signature"));
                let code = tree.get(part, "executableCode").or(tree.get(part, "executable_code"));
                self.server_calls.extend(code);
                let Some(text) = tree.get(part, "text") else { continue };
                if thought && signed.is_some() {
                    self.skipped.push(text);
                    continue;
                }
                let name = if thought { "thought" } else { "text" };
                let channel = Channel { choice, item: 0, part: 0, kind: kind(name) };
                self.delta(tree, Some(text), channel, Scope::Assistant);
            }
            if tree.word(candidate, &["finishReason"]).is_some_and(|reason| !reason.is_empty()) {
                self.ends.push(Ends { choice: Some(choice), ..Ends::default() });
            }
        }
    }

    fn converse(&mut self, name: &str, tree: &Tree<'_>, memory: &mut Memory) {
        let item = tree.number(0, "contentBlockIndex").unwrap_or(0);
        let of = |name: &str| Channel { choice: 0, item, part: 0, kind: kind(name) };
        match name {
            "contentBlockStart" => {
                memory.server_tools.retain(|known| *known != item);
                let server = tree.word(0, &["start", "toolUse", "type"]).is_some_and(|kind| kind == "server_tool_use");
                if server && memory.server_tools.len() < REMEMBERED_MAX {
                    memory.server_tools.push(item);
                }
            }
            "contentBlockDelta" => {
                self.delta(tree, tree.at(0, &["delta", "text"]), of("text"), Scope::Assistant);
                let input = tree.at(0, &["delta", "toolUse", "input"]);
                self.delta(tree, input, of("input"), Scope::ToolCalls);
                let server_tool = memory.server_tools.contains(&item);
                self.deltas.iter_mut().for_each(|delta| delta.place.server_tool = server_tool && delta.json);
                self.skipped.extend(tree.at(0, &["delta", "reasoningContent"]));
            }
            "contentBlockStop" => self.ends.push(Ends { item: Some(item), ..Ends::default() }),
            "messageStop" | "metadata" => self.ends.push(Ends::default()),
            _ => {}
        }
    }

    fn cohere(&mut self, name: &str, tree: &Tree<'_>) {
        let kind_of = tree.word(0, &["type"]).unwrap_or(name.into());
        self.skipped.extend(tree.get(0, "logprobs"));
        let item = tree.number(0, "index").unwrap_or(0);
        let of = |name: &str| Channel { choice: 0, item, part: 0, kind: kind(name) };
        let message = tree.at(0, &["delta", "message"]);
        let one = |list: &str| {
            let node = tree.get(message?, list)?;
            let is_list = tree.node(node).is_some_and(|node| node.kind == Kind::Array);
            if is_list { tree.children(node).next() } else { Some(node) }
        };
        match &*kind_of {
            "content-start" | "content-delta" => {
                let Some(content) = one("content") else { return };
                self.delta(tree, tree.get(content, "text"), of("text"), Scope::Assistant);
                self.delta(tree, tree.get(content, "thinking"), of("thinking"), Scope::Assistant);
            }
            "tool-plan-delta" => {
                let plan = message.and_then(|message| tree.get(message, "tool_plan"));
                self.delta(tree, plan, Channel { item: 0, ..of("tool_plan") }, Scope::Assistant);
            }
            "tool-call-start" | "tool-call-delta" => {
                if kind_of == "tool-call-start" {
                    self.ends.push(Ends { kind: Some(kind("tool_plan")), ..Ends::default() });
                }
                let arguments = one("tool_calls").and_then(|call| tree.at(call, &["function", "arguments"]));
                self.delta(tree, arguments, of("arguments"), Scope::ToolCalls);
            }
            "content-end" => {
                for name in ["text", "thinking"] {
                    self.ends.push(Ends { item: Some(item), kind: Some(kind(name)), ..Ends::default() });
                }
            }
            "tool-call-end" => {
                self.ends.push(Ends { item: Some(item), kind: Some(kind("arguments")), ..Ends::default() });
            }
            "message-end" => self.ends.push(Ends::default()),
            _ => {}
        }
    }
}
