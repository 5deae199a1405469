//! Payloads in other codings: decoded within bounds, so that rules can read them again. A payload that says nothing the
//! rules know weighs nothing.

use super::super::piece::{Piece, floor};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What the codings weigh when a rule is found in what they hid.
pub(super) const MARKS: &[(&str, f64)] = &[
    ("encoded-base64", 0.5),
    ("encoded-hex", 0.5),
    ("encoded-binary", 0.5),
    ("encoded-url", 0.5),
    ("encoded-escapes", 0.5),
    ("encoded-rot13", 0.5),
    ("encoded-reversed", 0.5),
    ("encoded-spaced", 0.5),
    ("encoded-morse", 0.5),
];

/// What is decoded of one text, in bytes for each coding. Work on a text is so bounded, whatever stands in it.
const DECODED_BYTES_MAX: usize = 64 * 1024;
/// Shorter runs hide no sentence.
const BASE64_MIN: usize = 20;
const HEX_MIN: usize = 24;
const BINARY_MIN: usize = 64;
const SPACED_MIN: usize = 10;
const MORSE_MIN: usize = 16;
/// Escapes (`%41`, `\x41`, `A`, `&#65;`) in a text worth decoding.
const ESCAPES_MIN: usize = 6;
/// How much around a word of rot13 or a reversed one is turned, in bytes on either side, and around how many.
const AROUND_BYTES: usize = 256;
const TRIGGERS_MAX: usize = 64;

/// Codings that change letters, but not where words end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turned {
    rot13: bool,
    reversed: bool,
}

impl Turned {
    pub(super) fn add(&mut self, class: &str) {
        self.rot13 |= class == "rot13";
        self.reversed |= class == "reversed";
    }
}

/// Where words of such codings were met in a normal form.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    rot13: Vec<usize>,
    reversed: Vec<usize>,
}

impl Triggers {
    pub(super) fn met(&mut self, turned: Turned, at: usize) {
        for (is, places) in [(turned.rot13, &mut self.rot13), (turned.reversed, &mut self.reversed)] {
            let known = places.last().is_some_and(|last| last + AROUND_BYTES > at);
            if is && !known && places.len() < TRIGGERS_MAX {
                places.push(at);
            }
        }
    }
}

/// What one coding hid: pieces that are sentences of their own.
struct Decoded {
    name: &'static str,
    text: String,
}

impl Decoded {
    fn new(name: &'static str) -> Self {
        Self { name, text: String::new() }
    }

    fn add(&mut self, piece: &str) {
        let room = DECODED_BYTES_MAX.saturating_sub(self.text.len());
        self.text.push_str(beginning(piece, room));
        self.text.push_str(".\n");
    }

    fn full(&self) -> bool {
        self.text.len() >= DECODED_BYTES_MAX
    }
}

/// What a text hides, by coding. Of one that is still open, what may still grow is left out.
pub(super) fn decoded(piece: &Piece<'_>, triggers: &Triggers) -> Vec<((&'static str, f64), String)> {
    // What stands behind the last blank may go on.
    let last = |text: &str| if piece.open { text.rfind(char::is_whitespace).unwrap_or(0) } else { text.len() };
    let raw = piece.raw.get(..last(piece.raw)).unwrap_or_default();
    let normal = piece.normal().get(..last(piece.normal())).unwrap_or_default();
    // Nor is a run over while nothing else stands behind it.
    let runs = |min, is: fn(u8) -> bool| {
        let open = |c: char| u8::try_from(c).is_ok_and(|byte| byte.is_ascii() && is(byte));
        runs(if piece.open { raw.trim_end_matches(open) } else { raw }, min, is)
    };
    let all = [
        around(normal, &triggers.rot13, Decoded::new("encoded-rot13"), |text| text.chars().map(rot13).collect()),
        around(normal, &triggers.reversed, Decoded::new("encoded-reversed"), |text| text.chars().rev().collect()),
        each(runs(BASE64_MIN, is_base64), Decoded::new("encoded-base64"), base64),
        each(runs(HEX_MIN, |byte| byte.is_ascii_hexdigit() || byte == b' '), Decoded::new("encoded-hex"), hex),
        each(runs(BINARY_MIN, |byte| matches!(byte, b'0' | b'1' | b' ')), Decoded::new("encoded-binary"), binary),
        each(raw.lines(), Decoded::new("encoded-url"), percent),
        each(raw.lines(), Decoded::new("encoded-escapes"), escapes),
        each(runs(MORSE_MIN, |byte| matches!(byte, b'.' | b'-' | b' ' | b'/')), Decoded::new("encoded-morse"), morse),
        spaced(raw, piece.open, Decoded::new("encoded-spaced")),
    ];
    let full = all.into_iter().filter(|decoded| !decoded.text.is_empty());
    full.filter_map(|decoded| {
        let mark = MARKS.iter().find(|(known, _)| *known == decoded.name)?;
        Some((*mark, decoded.text))
    })
    .collect()
}

/// Runs of such bytes that are long enough.
fn runs(text: &str, min: usize, is: fn(u8) -> bool) -> impl Iterator<Item = &str> {
    let runs = text.as_bytes().split(move |byte| !is(*byte)).filter(move |run| run.len() >= min);
    runs.filter_map(|run| std::str::from_utf8(run).ok())
}

fn each<'t>(runs: impl Iterator<Item = &'t str>, mut out: Decoded, decode: impl Fn(&str) -> Option<String>) -> Decoded {
    for run in runs {
        if out.full() {
            break;
        }
        decode(run).into_iter().for_each(|text| out.add(&text));
    }
    out
}

/// Turns the whole words around each place.
fn around(text: &str, places: &[usize], mut out: Decoded, turn: impl Fn(&str) -> String) -> Decoded {
    let mut done = 0;
    for &place in places {
        let from = done.max(floor(text, place.saturating_sub(AROUND_BYTES)));
        let to = floor(text, place.saturating_add(AROUND_BYTES));
        let from =
            if from == 0 { Some(0) } else { text.get(from..).and_then(|rest| rest.find(' ')).map(|at| from + at) };
        let Some(stretch) = from.and_then(|from| text.get(from..to)) else { continue };
        let whole = if to == text.len() { Some(stretch) } else { stretch.rfind(' ').and_then(|at| stretch.get(..at)) };
        whole.into_iter().for_each(|whole| out.add(&turn(whole)));
        done = to;
    }
    out
}

fn beginning(text: &str, bytes: usize) -> &str {
    text.get(..floor(text, bytes)).unwrap_or(text)
}

/// Text, if it reads like text.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // The cut to a bounded length may fall into a character.
        Err(error) if error.utf8_error().error_len().is_none() => {
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(valid);
            String::from_utf8(bytes).ok()?
        }
        Err(_) => return None,
    };
    let odd = text.chars().filter(|c| c.is_control() && !c.is_whitespace()).count();
    (text.len() >= 8 && odd == 0).then_some(text)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'\n' | b'\r')
}

/// Base64 as a whole, over several lines too; or between the slashes of a path; or line by line.
fn base64(run: &str) -> Option<String> {
    let joined: String = run.split_ascii_whitespace().collect();
    let parts = run.split(['/', '\n', '\r']).filter(|part| part.len() >= BASE64_MIN && part.len() < joined.len());
    let decoded: Vec<String> = std::iter::once(joined.as_str()).chain(parts).filter_map(base64_of).collect();
    (!decoded.is_empty()).then(|| decoded.join(".\n"))
}

fn base64_of(run: &str) -> Option<String> {
    let lax = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if run.contains(['-', '_']) { &base64::alphabet::URL_SAFE } else { &base64::alphabet::STANDARD };
    // Whole groups of four characters; a last one of one character says nothing.
    let kept = if run.len() > DECODED_BYTES_MAX { beginning(run, DECODED_BYTES_MAX) } else { run };
    let kept = if kept.len() % 4 == 1 { beginning(kept, kept.len() - 1) } else { kept };
    GeneralPurpose::new(alphabet, lax).decode(kept).ok().and_then(readable)
}

fn hex(run: &str) -> Option<String> {
    let digits: Vec<u32> = beginning(run, DECODED_BYTES_MAX).chars().filter_map(|c| c.to_digit(16)).collect();
    let bytes = digits.chunks_exact(2).filter_map(|pair| match pair {
        [high, low] => u8::try_from(high << 4 | low).ok(),
        _ => None,
    });
    readable(bytes.collect())
}

/// Eight digits to a byte.
fn binary(run: &str) -> Option<String> {
    let bits: Vec<u8> = beginning(run, DECODED_BYTES_MAX)
        .bytes()
        .filter(|byte| *byte != b' ')
        .map(|byte| byte.wrapping_sub(b'0'))
        .collect();
    let binary = bits.len() >= BINARY_MIN && bits.iter().all(|bit| *bit < 2);
    binary
        .then(|| bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit)).collect())
        .and_then(readable)
}

fn percent(text: &str) -> Option<String> {
    if memchr::memchr_iter(b'%', text.as_bytes()).take(ESCAPES_MIN).count() < ESCAPES_MIN {
        return None;
    }
    let (mut out, mut rest, mut decoded) = (Vec::new(), beginning(text, DECODED_BYTES_MAX).as_bytes(), 0);
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.split_at_checked(2).filter(|_| *byte == b'%');
        let code = escaped.and_then(|(digits, _)| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        out.push(code.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        rest = escaped.filter(|_| code.is_some()).map_or(after, |(_, after)| after);
        decoded += usize::from(code.is_some());
    }
    (decoded >= ESCAPES_MIN).then(|| String::from_utf8_lossy(&out).into_owned())
}

/// `\x41`, `A`, `\u{41}`, `&#65;`, `&#x41;`.
fn escapes(text: &str) -> Option<String> {
    let marks = memchr::memchr2_iter(b'\\', b'&', text.as_bytes()).take(ESCAPES_MIN).count();
    if marks < ESCAPES_MIN {
        return None;
    }
    let (mut out, mut rest, mut decoded) = (String::new(), beginning(text, DECODED_BYTES_MAX), 0);
    while let Some(c) = rest.chars().next() {
        if let Some((code, after)) = escape(rest) {
            out.push(code);
            rest = after;
            decoded += 1;
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    (decoded >= ESCAPES_MIN).then_some(out)
}

fn escape(text: &str) -> Option<(char, &str)> {
    let (after, radix, digits_max) = [("\\x", 16, 2), ("\\u{", 16, 6), ("\\u", 16, 4), ("&#x", 16, 6), ("&#", 10, 7)]
        .into_iter()
        .find_map(|(mark, radix, max)| text.strip_prefix(mark).map(|after| (after, radix, max)))?;
    let digits = after.bytes().take(digits_max).take_while(|byte| char::from(*byte).is_digit(radix)).count();
    let (digits, after) = after.split_at_checked(digits)?;
    let code = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    Some((code, after.strip_prefix([';', '}']).unwrap_or(after)))
}

fn rot13(c: char) -> char {
    let turned = |first: u8, c: u8| char::from(first + (c - first + 13) % 26);
    match u8::try_from(c) {
        Ok(byte @ b'a'..=b'z') => turned(b'a', byte),
        Ok(byte @ b'A'..=b'Z') => turned(b'A', byte),
        _ => c,
    }
}

/// Letters that stand one by one: `i g n o r e`, `i.g.n.o.r.e`. Where words end is lost, unless blanks are doubled.
fn spaced(text: &str, open: bool, mut out: Decoded) -> Decoded {
    let (mut run, mut letters) = (String::new(), 0);
    // A word ends the last run, unless it may go on.
    for token in text.split(|c: char| !c.is_alphanumeric()).chain((!open).then_some("end")) {
        let mut chars = token.chars();
        match (chars.next(), chars.next()) {
            (Some(letter), None) => {
                run.push(letter);
                letters += 1;
            }
            (None, _) if run.is_empty() || run.ends_with(' ') => {}
            (None, _) => run.push(' '),
            (Some(_), Some(_)) => {
                if letters >= SPACED_MIN && !out.full() {
                    out.add(&run);
                }
                run.clear();
                letters = 0;
            }
        }
    }
    out
}

/// Letters of morse code, by their dots and dashes.
const MORSE: &[(&str, char)] = &[
    (".-", 'a'),
    ("-...", 'b'),
    ("-.-.", 'c'),
    ("-..", 'd'),
    (".", 'e'),
    ("..-.", 'f'),
    ("--.", 'g'),
    ("....", 'h'),
    ("..", 'i'),
    (".---", 'j'),
    ("-.-", 'k'),
    (".-..", 'l'),
    ("--", 'm'),
    ("-.", 'n'),
    ("---", 'o'),
    (".--.", 'p'),
    ("--.-", 'q'),
    (".-.", 'r'),
    ("...", 's'),
    ("-", 't'),
    ("..-", 'u'),
    ("...-", 'v'),
    (".--", 'w'),
    ("-..-", 'x'),
    ("-.--", 'y'),
    ("--..", 'z'),
];

fn morse(run: &str) -> Option<String> {
    let mut out = String::new();
    for sign in beginning(run, DECODED_BYTES_MAX).split(' ') {
        match MORSE.iter().find(|(code, _)| *code == sign) {
            Some((_, letter)) => out.push(*letter),
            None if sign.is_empty() || sign == "/" => out.push(' '),
            None => return None,
        }
    }
    (out.len() >= 8).then_some(out)
}
