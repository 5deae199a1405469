//! Streams: `response.created` … `response.completed`.
//!
//! <https://platform.openai.com/docs/api-reference/responses-streaming>. An answer is a list of items (`output_index`), an
//! item a list of parts (`content_index`); each is added, grows by deltas and is done, and what is done repeats the whole.

mod decode;
mod done;
mod encode;
mod held;
mod overheard;
mod told;

pub use decode::Decoder;
pub use encode::Encoder;

/// How many items one answer may hold.
const ITEMS_MAX: usize = 1024;
