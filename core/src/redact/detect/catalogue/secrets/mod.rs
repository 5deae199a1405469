//! Secrets that say by their beginning whose they are. The beginnings make sure; no check digits are asked for, since
//! hardly any issuer documents them and a key that is missed costs more.

mod build;
mod cloud;
mod fields;
mod guessed;
mod hosting;
mod mail;
mod messages;
mod models;
mod named;
mod operations;
mod tools;
mod work;

use super::{Detector, PERSONAL, all_if};
use std::ops::Range;

pub(super) const GROUPS: [&[Detector]; 12] = [
    models::ROWS,
    tools::ROWS,
    cloud::ROWS,
    hosting::ROWS,
    operations::ROWS,
    build::ROWS,
    work::ROWS,
    messages::ROWS,
    mail::ROWS,
    fields::ROWS,
    named::ROWS,
    guessed::ROWS,
];

const SECRET: Detector = Detector { label: "SECRET", group: "secret", check: drawn, ..PERSONAL };

/// Not a stand-in from a manual, such as `ghp_xxxxxxxxxxxx`.
fn drawn(candidate: &str) -> Option<Range<usize>> {
    const SAME_MAX: u32 = 9;
    let mut last = None;
    let mut same = 0;
    let mut longest = 0;
    for byte in candidate.bytes() {
        same = if last == Some(byte) { same + 1 } else { 1 };
        longest = longest.max(same);
        last = Some(byte);
    }
    all_if(candidate, longest <= SAME_MAX)
}

/// Digits and letters of both cases, as a key of such length has, but hardly a name in a program.
fn mixed(candidate: &str) -> Option<Range<usize>> {
    let own = candidate.split_once(['-', '_']).map_or(candidate, |(_, own)| own);
    let has = |kind: fn(&u8) -> bool| own.bytes().any(|byte| kind(&byte));
    let all = has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    drawn(candidate).filter(|_| all)
}
