//! The words in JSON that comes in pieces: escapes are decoded, wherever they are cut; quotes and braces stay.

/// Where in an escape the last piece ended.
#[derive(Debug, Default)]
pub(super) struct Unescape {
    state: State,
    /// The first half of a surrogate pair.
    high: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Plain,
    Backslash,
    /// Digits so far, and what they say.
    Hex(u8, u32),
}

impl Unescape {
    /// The next piece, decoded as far as it goes.
    pub(super) fn push(&mut self, json: &str) -> String {
        let mut out = String::with_capacity(json.len());
        for c in json.chars() {
            self.state = self.next(c, &mut out);
        }
        out
    }

    fn next(&mut self, c: char, out: &mut String) -> State {
        match (self.state, c) {
            (State::Plain, '\\') => return State::Backslash,
            (State::Backslash, 'u') => return State::Hex(0, 0),
            (State::Backslash, 'n' | 't' | 'r' | 'f' | 'b') => out.push(if c == 'n' { '\n' } else { ' ' }),
            (State::Plain | State::Backslash, _) => out.push(c),
            (State::Hex(digits, code), _) => match c.to_digit(16) {
                Some(digit) if digits == 3 => self.unit(code << 4 | digit, out),
                Some(digit) => return State::Hex(digits + 1, code << 4 | digit),
                None => out.push(c),
            },
        }
        State::Plain
    }

    fn unit(&mut self, unit: u32, out: &mut String) {
        match (self.high.take(), unit) {
            (_, 0xD800..=0xDBFF) => self.high = Some(unit),
            (Some(high), 0xDC00..=0xDFFF) => {
                out.extend(char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (unit - 0xDC00)))
            }
            (_, _) => out.extend(char::from_u32(unit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_do_not_show() {
        let json = r#"{"a":"ign\u006fre \ud83d\ude00 \"x\"\\\n\u00e9 \ud83d z\uZ"}"#;
        let whole = Unescape::default().push(json);
        assert_eq!(whole, "{\"a\":\"ignore 😀 \"x\"\\\né  zZ\"}");
        for cut in (0..json.len()).filter(|&cut| json.is_char_boundary(cut)) {
            let (mut state, (left, right)) = (Unescape::default(), json.split_at(cut));
            assert_eq!(state.push(left) + &state.push(right), whole, "{cut}");
        }
    }
}
