use super::*;
use crate::frame::sse::Frame;
use proptest::prelude::*;

type Seen = Vec<(String, String)>;

/// Event and data of every frame, with the stream pushed in pieces that end at `cuts`; and how the stream ended.
fn frames(stream: &[u8], cuts: &[usize]) -> (Seen, Result<(), Garbled>) {
    let mut reader = EventStream::new(1 << 20);
    let (mut seen, mut raw) = (Seen::new(), Vec::new());
    let mut each = |frame: Frame<'_>| {
        raw.extend_from_slice(frame.raw);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        seen.push((text(frame.event.unwrap_or_default()), text(&frame.data)));
        Ok::<(), Garbled>(())
    };
    let mut from = 0;
    let mut ended = Ok(());
    for &cut in cuts.iter().chain([&stream.len()]) {
        ended = reader.push(&stream[from..cut], &mut each);
        if ended.is_err() {
            break;
        }
        from = cut;
    }
    assert!(stream.starts_with(&raw), "every byte belongs to its frame");
    (seen, ended.and_then(|()| reader.finish()))
}

fn check(stream: &[u8], expected: &[(&str, &str)], end: Result<(), Garbled>) {
    let expected: Seen = expected.iter().map(|(e, d)| ((*e).to_owned(), (*d).to_owned())).collect();
    let expected = (expected, end);
    assert_eq!(frames(stream, &[]), expected);
    for cut in 0..=stream.len() {
        assert_eq!(frames(stream, &[cut]), expected, "cut at {cut}");
    }
    let every: Vec<usize> = (0..=stream.len()).collect();
    assert_eq!(frames(stream, &every), expected, "byte by byte");
}

/// A message with these raw headers.
fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut out = prelude(total, u32::try_from(headers.len()).unwrap());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}

fn prelude(total: u32, headers: u32) -> Vec<u8> {
    let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}

#[test]
fn the_forms_that_aws_sends() {
    // The example of an empty message, with the checksums of AWS' own test suite.
    let empty = [0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    check(&empty, &[("", "")], Ok(()));

    let mut stream = Vec::new();
    write(&mut stream, "messageStart", br#"{"role":"assistant"}"#);
    write(&mut stream, "messageStop", br#"{"stopReason":"end_turn"}"#);
    write_exception(&mut stream, "throttlingException", br#"{"message":"slow down"}"#);
    check(
        &stream,
        &[
            ("messageStart", r#"{"role":"assistant"}"#),
            ("messageStop", r#"{"stopReason":"end_turn"}"#),
            ("throttlingException", r#"{"message":"slow down"}"#),
        ],
        Ok(()),
    );

    let mut error = Vec::new();
    for (name, value) in [(":message-type", "error"), (":error-code", "Oops"), (":error-message", "a \"b\"")] {
        headers::write(&mut error, name, value);
    }
    check(&message(&error, b""), &[("Oops", r#"{"message":"a \"b\""}"#)], Ok(()));
    check(b"", &[], Ok(()));
}

#[test]
fn headers_of_every_type_are_read_over() {
    let mut all = Vec::new();
    for (kind, size) in [(0u8, 0usize), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)] {
        all.extend_from_slice(&[1, b'x', kind]);
        all.extend(std::iter::repeat_n(7, size));
    }
    all.extend_from_slice(&[1, b'x', 6, 0, 2, 1, 2]);
    headers::write(&mut all, ":event-type", "é");
    check(&message(&all, b"{}"), &[("é", "{}")], Ok(()));
    for bad in [&[1, b'x', 10][..], &[1, b'x'], &[9, b'x', 0], &[1, b'x', 7, 0, 9, 1], &[1, b'x', 4, 0, 0]] {
        check(&message(bad, b""), &[], Err(Garbled::BadHeader));
    }
}

#[test]
fn what_is_broken_is_found_at_once() {
    let mut good = Vec::new();
    write(&mut good, "a", b"{}");
    let broken = |tail: &[u8]| [&good, tail].concat();

    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        let expected = if at < PRELUDE_BYTES { Garbled::BadPrelude } else { Garbled::BadChecksum };
        check(&broken(&flipped), &[("a", "{}")], Err(expected));
    }
    let limit = 1 << 20;
    check(&broken(&prelude(u32::MAX, 0)), &[("a", "{}")], Err(Garbled::TooLong { limit }));
    check(&broken(&prelude(15, 0)), &[("a", "{}")], Err(Garbled::BadLength));
    check(&broken(&prelude(20, 5)), &[("a", "{}")], Err(Garbled::BadLength));
    check(&broken(&prelude(0, u32::MAX)), &[("a", "{}")], Err(Garbled::BadLength));
    check(&broken(&good[..good.len() - 1]), &[("a", "{}")], Err(Garbled::CutOff));
    check(b"event: x\ndata: {}\n\n", &[], Err(Garbled::BadPrelude));
}

#[test]
fn a_message_that_never_ends_is_held_within_the_limit() {
    let mut reader = EventStream::new(100);
    let mut each = |_: Frame<'_>| Ok::<(), Garbled>(());
    assert_eq!(reader.push(&prelude(101, 0), &mut each), Err(Garbled::TooLong { limit: 100 }));
    let mut reader = EventStream::new(100);
    assert_eq!(reader.push(&prelude(100, 0), &mut each), Ok(()));
    assert_eq!(reader.push(&[b'x'; 87], &mut each), Ok(()));
    assert_eq!(reader.held().len(), 99);
    assert_eq!(reader.push(b"x", &mut each), Err(Garbled::BadChecksum));
}

#[test]
fn what_the_caller_refuses_ends_the_stream() {
    let mut stream = Vec::new();
    write(&mut stream, "a", b"{}");
    write(&mut stream, "b", b"{}");
    let mut count = 0;
    let ended = EventStream::new(1000).push(&stream, &mut |_| {
        count += 1;
        Err(Garbled::BadLength)
    });
    assert_eq!((ended, count), (Err(Garbled::BadLength), 1));
}

#[test]
fn chunks_are_wrapped_and_unwrapped() {
    let mut stream = Vec::new();
    write_chunk(&mut stream, br#"{"type":"ping"}"#);
    check(&stream, &[("chunk", r#"{"bytes":"eyJ0eXBlIjoicGluZyJ9"}"#)], Ok(()));
    let frame = |event, data: &'static [u8]| Frame { event, data: data.into(), raw: b"" };
    assert_eq!(
        unwrap_chunk(&frame(Some(b"chunk"), br#"{"p":"abc","bytes":"eyJ0eXBlIjoicGluZyJ9"}"#)).as_deref(),
        Some(&br#"{"type":"ping"}"#[..])
    );
    for none in [
        frame(Some(b"chunk"), b"{}"),
        frame(Some(b"chunk"), br#"{"bytes":"!"}"#),
        frame(Some(b"throttlingException"), br#"{"bytes":"eyJ0eXBlIjoicGluZyJ9"}"#),
        frame(None, b""),
    ] {
        assert_eq!(unwrap_chunk(&none), None);
    }
}

/// What the events become, cut at every byte.
fn reframed(mode: Mode, events: &str) -> Seen {
    let whole = |cut: usize| {
        let (mut reframe, mut out) = (Reframe::new(mode, 1000), Vec::new());
        let (head, tail) = events.as_bytes().split_at(cut);
        reframe.push(head, &mut out).unwrap();
        reframe.push(tail, &mut out).unwrap();
        reframe.finish(&mut out);
        out
    };
    let expected = whole(0);
    for cut in 1..=events.len() {
        assert_eq!(whole(cut), expected, "cut at {cut}");
    }
    let (seen, ended) = frames(&expected, &[]);
    assert_eq!(ended, Ok(()));
    seen
}

#[test]
fn server_sent_events_become_messages() {
    let owned = |list: &[(&str, &str)]| list.iter().map(|(e, d)| ((*e).into(), (*d).into())).collect::<Seen>();
    assert_eq!(
        reframed(
            Mode::Converse,
            ": hi\n\nevent: messageStart\ndata: {\"a\":1}\n\nevent: validationException\ndata: {\"message\":\"x\"}"
        ),
        owned(&[("messageStart", "{\"a\":1}"), ("validationException", "{\"message\":\"x\"}")])
    );
    assert_eq!(
        reframed(
            Mode::Chunk,
            "event: ping\ndata: {}\n\n\
             event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"full\"}}\n\n"
        ),
        owned(&[("chunk", r#"{"bytes":"e30="}"#), ("serviceUnavailableException", r#"{"message":"full"}"#)])
    );
    assert_eq!(
        reframed(Mode::Chunk, "event: error\ndata: what\n\n"),
        owned(&[("modelStreamErrorException", r#"{"message":"what"}"#)])
    );
    let mut reframe = Reframe::new(Mode::Chunk, 10);
    assert!(reframe.push(b"data: more than ten bytes", &mut Vec::new()).is_err());
}

proptest! {
    #[test]
    fn any_messages_any_cuts(
        messages in prop::collection::vec(("[a-zA-Z]{1,20}", prop::collection::vec(any::<u8>(), 0..60)), 0..5),
        cuts in prop::collection::vec(0usize..400, 0..6),
        flip in prop::option::of((0usize..400, 1u8..)),
    ) {
        let mut stream = Vec::new();
        for (name, payload) in &messages {
            write(&mut stream, name, payload);
        }
        let whole = stream.len();
        let mut broken = false;
        if let Some((at, bits)) = flip && let Some(byte) = stream.get_mut(at) {
            *byte ^= bits;
            broken = true;
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole)).collect();
        cuts.sort_unstable();
        let (seen, ended) = frames(&stream, &cuts);
        prop_assert_eq!(ended.is_err(), broken);
        prop_assert_eq!((seen.clone(), ended), frames(&stream, &[]));
        let sent: Seen = messages.iter().map(|(n, p)| (n.clone(), String::from_utf8_lossy(p).into_owned())).collect();
        prop_assert!(sent.starts_with(&seen) && (broken || sent.len() == seen.len()));
    }

    #[test]
    fn noise_is_an_error_and_never_a_panic(noise in prop::collection::vec(any::<u8>(), 1..200)) {
        prop_assert!(frames(&noise, &[]).1.is_err());
    }
}
