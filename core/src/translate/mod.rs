//! Two dialects meet: the client's body becomes the provider's, the provider's answer becomes the client's.
//!
//! Where both speak the same dialect nothing is translated: a few named fields are edited and every other byte stays.
//! Otherwise decode → hub → encode. The request step ([`Ask`]) returns the [`Answer`], which carries what the way back
//! needs; a streamed answer is a [`Stream`].

mod answer;
mod ask;
mod beside;
mod brings;
mod framing;
pub mod keep;
mod scan;
mod seen;
mod sought;
mod stream;

pub use answer::{Answer, ErrorAnswer, Preset, Whole, unreadable_encoding};
pub use ask::{Ask, Translated};
pub use scan::{Scan, Scanned};
pub use seen::Seen;
pub use stream::{Stop, Stream};

use crate::edit::Object;
use crate::stream::Event;
use crate::usage::units;
use std::ops::ControlFlow;

/// Most bytes of one event of a provider's stream: a whole image or a whole tool call may come in one.
pub const EVENT_BYTES_MAX: usize = 16 << 20;

/// Who looks on while an answer passes: every event, before it is written. What it changes in an [`Event::Usage`] is what
/// the client reads.
pub type Watch<'w> = dyn FnMut(&mut Event<'_>) + 'w;

/// The same for who may hold a stream up: `Break` means that this event and all after it are not for the client.
pub type Until<'w> = dyn FnMut(&mut Event<'_>) -> ControlFlow<()> + 'w;

/// A `usage` object with its cost.
fn with_cost(usage: &str, cost_nanos: u64) -> Option<String> {
    let usage = Object::read(usage.as_bytes()).ok()?;
    let mut edit = usage.edit();
    edit.set("cost", units(cost_nanos)?.get());
    String::from_utf8(edit.write()).ok()
}
