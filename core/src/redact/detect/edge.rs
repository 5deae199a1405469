//! What may not stand beside a candidate. All of it is ASCII: `卡号4111111111111111扣款` is a number between two edges.

use super::Edge;

/// Whether a candidate may begin at this place.
pub(super) fn before(edge: Edge, text: &[u8], at: usize) -> bool {
    let mut back = text.get(..at).unwrap_or_default().iter().rev().copied();
    let (near, far) = (back.next(), back.next());
    match edge {
        Edge::Word => !near.is_some_and(word),
        Edge::Digit => !part_of_number(near, far),
        Edge::Number => !near.is_some_and(word) && !part_of_number(near, far),
        Edge::Token => !near.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-+/.".contains(&byte)),
        Edge::None => true,
    }
}

/// Whether this byte before a place leaves it open whether a candidate may begin there: what [`before`] finds out.
pub(super) fn may_stand_before(edge: Edge, byte: u8) -> bool {
    before(edge, &[byte], 1)
}

/// Whether a candidate may end at this place; `None` while that depends on what follows. `end`: nothing more does.
pub(super) fn behind(edge: Edge, text: &[u8], at: usize, end: bool) -> Option<bool> {
    let mut rest = text.get(at..).unwrap_or_default().iter().copied();
    let (near, far) = (rest.next(), rest.next());
    let (unseen, further_unseen) = (near.is_none() && !end, far.is_none() && !end);
    match edge {
        Edge::None => Some(true),
        Edge::Word | Edge::Digit | Edge::Number | Edge::Token if unseen => None,
        Edge::Word => Some(!near.is_some_and(word)),
        Edge::Digit | Edge::Number if further_unseen && near.is_some_and(|byte| b".-".contains(&byte)) => None,
        Edge::Digit => Some(!part_of_number(near, far)),
        Edge::Number => Some(!near.is_some_and(word) && !part_of_number(near, far)),
        Edge::Token if further_unseen && near == Some(b'.') => None,
        Edge::Token => Some(!match near {
            Some(b'.') => far.is_some_and(|byte| byte.is_ascii_alphanumeric()),
            Some(byte) => byte.is_ascii_alphanumeric() || b"_-+/=".contains(&byte),
            None => false,
        }),
    }
}

/// Whether this byte behind a place leaves it open whether a candidate may end there: what [`behind`] finds out.
pub(super) fn may_stand_behind(edge: Edge, byte: u8) -> bool {
    behind(edge, &[byte], 0, false) != Some(false)
}

pub(super) fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn part_of_number(near: Option<u8>, far: Option<u8>) -> bool {
    let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    digit(near) || near.is_some_and(|byte| b".-".contains(&byte)) && digit(far)
}
