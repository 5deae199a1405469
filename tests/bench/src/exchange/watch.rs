//! Looks at a response body as it arrives: when was there generated text, and did it end as it should?

use std::time::Instant;

use memchr::memmem;

use super::Expect;

/// Enough of a body to look for the first text in, and to show when the status is an error.
const BEGINNING_BYTES_MAX: usize = 64 * 1024;
/// The closing events are shorter than this.
const TAIL_BYTES: usize = 64;

#[derive(Debug)]
pub(super) struct Watch {
    expect: Expect,
    beginning: Vec<u8>,
    tail: Vec<u8>,
    first_token: Option<Instant>,
    ended: bool,
}

impl Watch {
    pub(super) fn new(expect: Expect) -> Self {
        Self { expect, beginning: Vec::new(), tail: Vec::new(), first_token: None, ended: false }
    }

    pub(super) fn see(&mut self, body: &[u8]) {
        if body.is_empty() {
            return;
        }
        if self.first_token.is_none() {
            let room = BEGINNING_BYTES_MAX.saturating_sub(self.beginning.len());
            self.beginning.extend(body.iter().take(room));
            if self.expect == Expect::Json || has_text(&self.beginning) {
                self.first_token = Some(Instant::now());
            }
        }
        if let Some(mark) = closing_event(self.expect) {
            self.tail.extend_from_slice(body);
            self.ended = self.ended || memmem::find(&self.tail, mark).is_some();
            let old = self.tail.len().saturating_sub(TAIL_BYTES);
            self.tail.drain(..old);
        }
    }

    /// When the first text came, if the body is what was expected.
    pub(super) fn finish(self) -> Option<Instant> {
        let whole = self.ended || closing_event(self.expect).is_none();
        self.first_token.filter(|_| whole)
    }

    pub(super) fn beginning(&self) -> String {
        String::from_utf8_lossy(&self.beginning).chars().take(200).collect()
    }
}

fn closing_event(expect: Expect) -> Option<&'static [u8]> {
    match expect {
        Expect::Json => None,
        Expect::OpenAiEvents => Some(b"[DONE]"),
        Expect::AnthropicEvents => Some(b"\"message_stop\""),
    }
}

/// Is there a delta whose text is not empty? OpenAI's first event carries `"content":""` beside the role, Anthropic's
/// first block `"text":""`: neither is a token.
fn has_text(events: &[u8]) -> bool {
    [&b"\"content\":"[..], b"\"text\":"].iter().any(|key| {
        memmem::find_iter(events, key).any(|at| {
            let value = events.get(at + key.len()..).unwrap_or_default().trim_ascii_start();
            matches!(value, [b'"', next, ..] if *next != b'"')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_counts_as_the_first_token() {
        let cases: [(&str, bool); 6] = [
            (r#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#, false),
            (r#"data: {"choices":[{"delta":{"content":"Hi"}}]}"#, true),
            (r#"data: {"choices":[{"delta":{"content": "Hi"}}]}"#, true),
            (r#"data: {"choices":[{"delta":{"content":"#, false),
            (r#"data: {"type":"content_block_start","content_block":{"type":"text","text":""}}"#, false),
            (r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}"#, true),
        ];
        for (events, expected) in cases {
            assert_eq!(has_text(events.as_bytes()), expected, "{events}");
        }
    }

    #[test]
    fn a_stream_without_its_closing_event_is_not_whole() {
        let text = br#"data: {"choices":[{"delta":{"content":"Hi"}}]}"#;
        let mut watch = Watch::new(Expect::OpenAiEvents);
        watch.see(text);
        assert!(watch.finish().is_none());

        let mut watch = Watch::new(Expect::OpenAiEvents);
        watch.see(text);
        watch.see(b"\n\ndata: [DO");
        watch.see(b"NE]\n\n");
        assert!(watch.finish().is_some());
    }
}
