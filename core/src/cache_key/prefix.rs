//! Chained hashes of a prompt's beginning: two prompts that share the first n hashes share the first n blocks.
//!
//! What a provider or an inference server reads first stands first: tools, then instructions, then the conversation. That
//! is written as one stream of bytes in which whatever is added later stands behind what was there before, and cut into
//! blocks of [`BLOCK_BYTES`]. A block's hash is the first eight bytes of the HMAC-SHA256 of the stream up to its end; a
//! last block that is not full has none. So a conversation that goes on keeps all its hashes, and any change of a byte
//! changes those of its block and of all blocks behind it. Marks of caching stay out.
//!
//! A hint for routing, never a proof that two prompts are the same.

use super::canonical::CACHE_MARK;
use super::tree::{Node, decoded};
use super::{Keys, Request, VERSION};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of a block: of English text about 128 tokens, the least that providers keep.
pub const BLOCK_BYTES: usize = 512;
/// Most blocks that are told of: a megabyte of prompt.
pub const BLOCKS_MAX: usize = 2048;

/// Where prompts stand in the bodies of all dialects, in the order in which they are read.
const PARTS: [&str; 13] = [
    "tools",
    "functions",
    "toolConfig",
    "system",
    "instructions",
    "systemInstruction",
    "system_instruction",
    "preamble",
    "documents",
    "messages",
    "input",
    "contents",
    "prompt",
];

/// Signs that no text in UTF-8 holds.
const END_OF_TEXT: u8 = 0xff;
const END_OF_LIST: u8 = 0xfe;
const END_OF_OBJECT: u8 = 0xfd;

impl Keys {
    /// The hashes of a prompt's blocks, for the model that is to read it.
    pub fn blocks(&self, model: &str, request: &Request<'_>) -> Vec<u64> {
        let mut mac = self.mac.clone();
        for text in [VERSION, "blocks", model] {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        let mut stream = Stream { mac, room: BLOCK_BYTES, hashes: Vec::new() };
        for part in PARTS {
            for value in request.root.all(part) {
                stream.put(part.as_bytes());
                stream.put(&[END_OF_TEXT]);
                stream.value(value);
            }
        }
        stream.hashes
    }
}

struct Stream {
    mac: Hmac<Sha256>,
    /// Bytes until the block is full.
    room: usize,
    hashes: Vec<u64>,
}

impl Stream {
    fn value(&mut self, node: &Node<'_>) {
        if self.hashes.len() >= BLOCKS_MAX {
            return;
        }
        match node {
            Node::Word(written) | Node::Number(written) => self.text(written.as_bytes()),
            Node::Text(raw) => self.text(&decoded(raw)),
            Node::List(items) => {
                items.iter().for_each(|item| self.value(item));
                self.put(&[END_OF_LIST]);
            }
            Node::Object(fields) => {
                // As written: clients write their messages in the same way every time, and models read tools as they are.
                for (key, value) in fields.iter().filter(|(key, _)| *key != CACHE_MARK) {
                    self.text(&decoded(key));
                    self.value(value);
                }
                self.put(&[END_OF_OBJECT]);
            }
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.put(text);
        self.put(&[END_OF_TEXT]);
    }

    fn put(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((block, behind)) = rest.split_at_checked(self.room) {
            self.mac.update(block);
            self.room = BLOCK_BYTES;
            rest = behind;
            self.end_block();
        }
        self.mac.update(rest);
        self.room -= rest.len();
    }

    fn end_block(&mut self) {
        if self.hashes.len() < BLOCKS_MAX {
            let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = self.mac.clone().finalize().into_bytes().into();
            self.hashes.push(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::endpoint;
    use super::*;
    use serde_json::{Value, json};

    fn blocks(path: &str, body: &Value) -> Vec<u64> {
        let (endpoint, body) = (endpoint(path), body.to_string());
        Keys::new(b"secret").blocks("m", &Request::read(&endpoint, body.as_bytes()).unwrap())
    }

    fn shared(one: &[u64], other: &[u64]) -> usize {
        one.iter().zip(other).take_while(|(one, other)| one == other).count()
    }

    fn turn(role: &str, text: &str) -> Value {
        json!({ "role": role, "content": text })
    }

    #[test]
    fn a_conversation_that_goes_on_keeps_its_blocks() {
        let mut turns = vec![turn("system", &"be brief. ".repeat(300))];
        let mut before = Vec::new();
        for number in 0..20 {
            turns.push(turn("user", &format!("question {number} {}", "and more ".repeat(60))));
            turns.push(turn("assistant", &format!("answer {number} {}", "and more ".repeat(40))));
            let now =
                blocks("/v1/chat/completions", &json!({ "model": "m", "temperature": number, "messages": turns }));
            // The last block may hold the end of the list, which goes on.
            assert!(shared(&before, &now) + 1 >= before.len() && now.len() > before.len(), "{number}");
            before = now;
        }
        let streamed = blocks("/v1/chat/completions", &json!({ "stream": true, "messages": turns }));
        assert_eq!(streamed, before);
        let words = |words: usize| json!({ "prompt": "word ".repeat(words) });
        let (one, other) = (blocks("/v1/completions", &words(500)), blocks("/v1/completions", &words(1000)));
        assert_eq!((shared(&one, &other), one.len()), (one.len(), 4));
    }

    #[test]
    fn what_changes_changes_all_behind_it() {
        let chat = |system: &str, early: &str, late: &str| json!({ "messages": [turn("user", late)], "system": system, "tools": [{ "name": "f", "description": early }] });
        let long = "a long text ".repeat(200);
        let known = blocks("/v1/messages", &chat(&long, &long, &long));
        assert_eq!(known.len(), 14);
        let late = format!("{long}!");
        assert_eq!(shared(&known, &blocks("/v1/messages", &chat(&long, &late, &long))), 4);
        assert_eq!(shared(&known, &blocks("/v1/messages", &chat(&late, &long, &long))), 9);
        assert_eq!(shared(&known, &blocks("/v1/messages", &chat(&long, &long, &late))), 14);
        let (endpoint, body) = (endpoint("/v1/messages"), chat(&long, &long, &long).to_string());
        let request = Request::read(&endpoint, body.as_bytes()).unwrap();
        assert_eq!(shared(&known, &Keys::new(b"secret").blocks("other", &request)), 0);
        assert_eq!(shared(&known, &Keys::new(b"other").blocks("m", &request)), 0);
    }

    #[test]
    fn only_full_blocks_count_and_not_without_end() {
        assert!(blocks("/v1/chat/completions", &json!({ "messages": [turn("user", "hi")] })).is_empty());
        assert!(blocks("/v1/chat/completions", &json!({ "model": "m" })).is_empty());
        let huge = json!({ "prompt": "word ".repeat(400_000) });
        assert_eq!(blocks("/v1/completions", &huge).len(), BLOCKS_MAX);
        let marked = |mark: Value| json!({ "system": [{ "type": "text", "text": "x".repeat(2000), "cache_control": mark }], "messages": [] });
        let mut unmarked = marked(Value::Null);
        unmarked["system"][0].as_object_mut().unwrap().remove("cache_control");
        assert_eq!(blocks("/v1/messages", &marked(json!({ "type": "ephemeral" }))), blocks("/v1/messages", &unmarked));
    }
}
