//! What happens to what was found.

/// What happens to what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A placeholder stands for it, and the answer gets it back.
    Mask,
    /// Its kind stands there, for good: `[CARD]`.
    Redact,
    /// A keyed hash of it: the same for the same value, and nobody can go back.
    Hash,
    /// Only its last four characters stay.
    Partial,
    /// Another one of the same shape that passes the same check.
    Synthetic,
    /// The request is refused, the answer withheld.
    Block,
    /// It is counted and stays.
    Detect,
    /// It is not looked for.
    Off,
}

impl Action {
    /// Its name, in configurations, metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Redact => "redact",
            Self::Hash => "hash",
            Self::Partial => "partial",
            Self::Synthetic => "synthetic",
            Self::Block => "block",
            Self::Detect => "detect",
            Self::Off => "off",
        }
    }
}

/// Characters that stay of a value of which only a part stays.
const KEPT: usize = 4;
/// Letters and digits of the shortest value of which a part stays: of a shorter one, the rest could be guessed.
const LONG: usize = 8;

/// A value with stars for its letters and digits but the last four; of a short one, for all. What is no letter and no
/// digit stays, so that its shape can be read.
pub(super) fn partial(value: &str) -> String {
    let counted = |letter: char| letter.is_alphanumeric() || letter == '*';
    let count = value.chars().filter(|letter| counted(*letter)).count();
    let starred = if count < LONG { count } else { count - KEPT };
    let mut place = 0;
    let star = |letter: char| {
        place += usize::from(counted(letter));
        if counted(letter) && place <= starred { '*' } else { letter }
    };
    value.chars().map(star).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_four_stay_and_separators() {
        for (value, expected) in [
            ("4111 1111 1111 1234", "**** **** **** 1234"),
            ("ann@example.com", "***@******e.com"),
            ("1234567", "*******"),
            ("12345678", "****5678"),
            ("卡1-2", "**-*"),
            ("", ""),
        ] {
            assert_eq!(partial(value), expected);
            assert_eq!(partial(expected), expected, "twice");
        }
    }
}
