//! Who listens to what the client is told, so that it can say a proper end at any time.

use crate::chat::StopReason;
use crate::dialect::{Asked, Dialect, StreamDecoder, StreamEncoder};
use crate::frame::sse::Frame;
use crate::stream::Event;

/// Most answers that are followed.
const CHOICES_MAX: usize = 128;

/// Follows a stream.
#[derive(Debug)]
pub(super) struct Shadow {
    decoder: StreamDecoder,
    encoder: StreamEncoder,
    open: Vec<u32>,
    /// Something came that the dialect does not know.
    lost: bool,
    unread: Vec<u8>,
}

impl Shadow {
    pub(super) fn new(dialect: Dialect) -> Self {
        let (decoder, encoder) = (dialect.stream_decoder(), dialect.stream_encoder(Asked::default()));
        Self { decoder, encoder, open: Vec::new(), lost: false, unread: Vec::new() }
    }

    /// Takes an event that the client gets.
    pub(super) fn follow(&mut self, frame: &Frame<'_>) {
        let Self { decoder, encoder, open, lost, unread } = self;
        let decoded = decoder.frame(frame, &mut |event| {
            if let Event::Text { choice, .. } | Event::Thinking { choice, .. } | Event::ToolStart { choice, .. } =
                &event
                && !open.contains(choice)
                && open.len() < CHOICES_MAX
            {
                open.push(*choice);
            }
            if let Event::Finish { choice, .. } = &event {
                open.retain(|met| met != choice);
            }
            *lost |= encoder.event(&event, unread).is_err();
            unread.clear();
        });
        *lost |= decoded.is_err();
        encoder.overhear(frame);
    }

    /// The end of the stream, as server-sent events: every open answer is refused. `None` where none can be said.
    pub(super) fn refuse(mut self) -> Option<Vec<u8>> {
        if self.lost {
            return None;
        }
        if self.open.is_empty() {
            self.open.push(0);
        }
        let mut out = Vec::new();
        let finishes = self.open.iter().map(|choice| Event::Finish { choice: *choice, reason: StopReason::Refused });
        for event in finishes.chain([Event::Done]) {
            self.encoder.event(&event, &mut out).ok()?;
        }
        Some(out)
    }
}
