//! Any bytes as server-sent events: every byte belongs to one frame, whatever the cuts.
#![no_main]

use attache_core::frame::sse::{Frame, Sse, TooLong};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((cut, stream)) = data.split_first() else { return };
    let run = |size: usize| {
        let (mut sse, mut raw, mut frames) = (Sse::new(1 << 20), Vec::new(), Vec::new());
        let mut each = |frame: Frame<'_>| {
            raw.extend_from_slice(frame.raw);
            if !frame.is_empty() {
                frames.push((frame.event.map(<[u8]>::to_vec), frame.data.to_vec()));
            }
            Ok::<(), TooLong>(())
        };
        for piece in stream.chunks(size) {
            sse.push(piece, &mut each).expect("no event is that long");
        }
        sse.finish(&mut each).expect("each never fails");
        assert_eq!(raw, stream, "no byte is lost");
        frames
    };
    assert_eq!(run(usize::from(*cut).max(1)), run(stream.len().max(1)));
});
