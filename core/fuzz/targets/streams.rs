//! Any stream of a provider, cut anywhere, towards every front: the same as uncut, and always an end.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [choice, cut, stream @ ..] = data else { return };
    let answer = common::answer(*choice, true);
    let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut state, mut out) = (answer.stream(true), Vec::new());
        for piece in pieces {
            state.push(piece, &mut out, &mut |_| {});
        }
        state.end(&mut out, &mut |_| {});
        let seen = state.seen().clone();
        assert!(seen.done || seen.fault.is_some(), "a stream ends well or badly");
        (out, seen)
    };
    let whole = run(&mut std::iter::once(stream));
    let pieces = run(&mut stream.chunks(usize::from(*cut).max(1)));
    assert_eq!(whole, pieces, "the network's cuts show");
});
