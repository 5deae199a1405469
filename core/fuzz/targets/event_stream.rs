//! Any bytes as an AWS event stream: the same frames and the same end whatever the cuts, within bounds. And the same
//! bytes as payloads: what is written is read back.
#![no_main]

use attache_core::frame::event_stream::{EventStream, Garbled, unwrap_chunk, write, write_chunk};
use attache_core::frame::sse::Frame;
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 16;

type Seen = (Vec<(Option<Vec<u8>>, Vec<u8>)>, Result<(), Garbled>);

fn read(stream: &[u8], size: usize) -> Seen {
    let (mut reader, mut frames, mut ended) = (EventStream::new(LIMIT), Vec::new(), Ok(()));
    for piece in stream.chunks(size.max(1)) {
        ended = reader.push(piece, &mut |frame: Frame<'_>| {
            let _ = unwrap_chunk(&frame);
            frames.push((frame.event.map(<[u8]>::to_vec), frame.data.to_vec()));
            Ok(())
        });
        if ended.is_err() {
            break;
        }
        assert!(reader.held().len() < LIMIT, "what is held is bounded");
    }
    (frames, ended.and_then(|()| reader.finish()))
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, stream)) = data.split_first() else { return };
    assert_eq!(read(stream, usize::from(*cut)), read(stream, stream.len()));

    let mut written = Vec::new();
    for payload in stream.chunks(usize::from(*cut).max(1)).take(8) {
        write(&mut written, "name", payload);
        write_chunk(&mut written, payload);
    }
    let (frames, ended) = read(&written, usize::from(*cut) + 1);
    assert_eq!(ended, Ok(()));
    for (pair, payload) in frames.chunks(2).zip(stream.chunks(usize::from(*cut).max(1))) {
        assert_eq!(pair[0].1, payload);
        let chunk = Frame { event: pair[1].0.as_deref(), data: pair[1].1.as_slice().into(), raw: b"" };
        assert_eq!(unwrap_chunk(&chunk).as_deref(), Some(payload));
    }
});
