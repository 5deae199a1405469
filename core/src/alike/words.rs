//! A text as words.
//!
//! What a search engine would split further stays whole where that matters to an answer: `3.11`, `c++`, `main.py`,
//! `isn't`. Scripts without blanks are split into characters; full-width letters count as the plain ones.

use super::stop::is_stop;

/// A word, or a sign that stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// In lower case.
    pub text: String,
    /// What it is made of.
    pub kind: Kind,
    /// It is written with a capital first.
    pub capital: bool,
    /// It has a capital that is not its first letter: `iPhone`, `NASA`.
    pub inner_capital: bool,
    /// It begins a sentence or a quotation.
    pub begins: bool,
}

/// What a word is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Letters.
    Letters,
    /// It has a digit.
    Digits,
    /// One character of a script that is written without blanks, which carries meaning.
    Han,
    /// One that mostly carries grammar, or a sound of a longer word: hiragana, Thai.
    Sound,
    /// A sign that means something: `$`, `%`, an operator between numbers.
    Sign,
}

/// How many words of a text carry meaning: neither grammar nor courtesy. Two Han characters count as one word, four of
/// a script whose characters are sounds.
pub fn content_words(words: &[Word]) -> usize {
    let (mut whole, mut han, mut sounds) = (0, 0, 0);
    for word in words.iter().filter(|word| !is_stop(&word.text)) {
        match word.kind {
            Kind::Letters | Kind::Digits => whole += 1,
            Kind::Han => han += 1,
            Kind::Sound => sounds += 1,
            Kind::Sign => {}
        }
    }
    whole + usize::div_ceil(han, 2) + sounds / 4
}

/// The words of a text.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::with_capacity(text.len() / 5 + 1);
    let mut begins = true;
    let mut chars = text.chars().map(plain).peekable();
    let mut before = ' ';
    // The last one that is no blank.
    let mut seen = ' ';
    while let Some(first) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        if let Some(kind) = single(first) {
            found.push(Word::of_char(first, kind, begins));
            begins = false;
        } else if first.is_alphanumeric() || (first == '-' && next.is_ascii_digit() && before.is_whitespace()) {
            let mut word = String::from(first);
            let mut last = first;
            while let Some(next) = chars.peek().copied() {
                let mut ahead = chars.clone();
                ahead.next();
                let after = ahead.next().unwrap_or(' ');
                if single(next).is_some() || !(next.is_alphanumeric() || joins(last, next, after)) {
                    break;
                }
                word.push(next);
                last = next;
                chars.next();
            }
            found.push(Word::new(&word, begins));
            begins = false;
            (before, seen) = (last, last);
            continue;
        } else if is_sign(first, seen, next) {
            found.push(Word::of_char(first, Kind::Sign, false));
        } else if matches!(first, '.' | '!' | '?' | ':' | '\n' | '"' | '“' | '„' | '«' | '。' | '？' | '！' | '¿' | '¡')
        {
            begins = true;
        }
        before = first;
        seen = if first.is_whitespace() { seen } else { first };
    }
    found
}

impl Word {
    fn new(written: &str, begins: bool) -> Self {
        let kind = if written.chars().any(char::is_numeric) { Kind::Digits } else { Kind::Letters };
        let mut chars = written.chars();
        let capital = chars.next().is_some_and(char::is_uppercase);
        let inner_capital = chars.any(char::is_uppercase);
        Self { text: written.to_lowercase().replace('’', "'"), kind, capital, inner_capital, begins }
    }

    fn of_char(character: char, kind: Kind, begins: bool) -> Self {
        Self { text: character.to_string(), kind, capital: false, inner_capital: false, begins }
    }
}

/// Full-width forms as the plain ones.
fn plain(character: char) -> char {
    match u32::from(character) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(character),
        0x3000 => ' ',
        _ => character,
    }
}

/// Characters that are words by themselves.
fn single(character: char) -> Option<Kind> {
    match u32::from(character) {
        0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff => Some(Kind::Han),
        // Hiragana, Thai, Lao, Burmese, Khmer. Katakana spell words of several letters; Korean has blanks.
        0x3041..=0x309f | 0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff => Some(Kind::Sound),
        _ => None,
    }
}

/// Whether a sign belongs to the word around it.
fn joins(last: char, sign: char, after: char) -> bool {
    match sign {
        '_' => true,
        '.' | '@' => last.is_alphanumeric() && after.is_alphanumeric(),
        ',' => last.is_ascii_digit() && after.is_ascii_digit(),
        '\'' | '’' => last.is_alphabetic() && after.is_alphabetic(),
        '+' => last.is_alphabetic() && after == '+' || last == '+',
        '#' => last.is_alphabetic() && !after.is_alphanumeric(),
        // Katakana's long vowel, and combining marks.
        'ー' | '\u{300}'..='\u{36f}' => true,
        _ => false,
    }
}

fn is_sign(sign: char, before: char, next: char) -> bool {
    match sign {
        '$' | '€' | '£' | '¥' | '₹' | '₩' | '%' | '°' | '‰' => true,
        '+' | '-' | '*' | '/' | '^' | '=' | '<' | '>' | '×' | '÷' | '−' | '≤' | '≥' | '≠' => {
            before.is_numeric() || next.is_ascii_digit()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_where_meaning_is() {
        for (text, expected) in [
            ("Why is the sky blue?", "why is the sky blue"),
            ("Python 3.11, C++ & C# in main.py", "python 3.11 c++ c# in main.py"),
            ("It isn’t 1,000.50 $!", "it isn't 1,000.50 $"),
            ("at -5 °C or 20%", "at -5 ° c or 20 %"),
            ("2+2 = 4; GPT-4", "2 + 2 = 4 gpt - 4"),
            ("法国的首都", "法 国 的 首 都"),
            ("データベースを消す", "データベース を 消 す"),
            ("서울의 날씨", "서울의 날씨"),
            ("ＡＢＣ　１２", "abc 12"),
            ("my_var a@b.com", "my_var a@b.com"),
            ("", ""),
        ] {
            let found: Vec<String> = words(text).into_iter().map(|word| word.text).collect();
            assert_eq!(found.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn capitals_and_beginnings_are_seen() {
        let found = words("Is Paris nice? Yes: iPhone");
        let seen: Vec<(bool, bool, bool)> =
            found.iter().map(|word| (word.capital, word.inner_capital, word.begins)).collect();
        let expected = [
            (true, false, true),
            (true, false, false),
            (false, false, false),
            (true, false, true),
            (false, true, true),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_carries_meaning_is_counted() {
        for (text, expected) in [
            ("why is the sky blue?", 2),
            ("Could you please tell me?", 0),
            ("and then?", 0),
            ("yes", 0),
            ("warum ist der Himmel blau", 2),
            ("¿por qué el cielo es azul?", 2),
            ("法国的首都是什么？", 2),
            ("为什么", 0),
            ("你好", 0),
            ("フランスの首都はどこですか", 2),
            ("하늘은 왜 파란색인가요", 2),
            ("ทำไมท้องฟ้าถึงเป็นสีฟ้า", 5),
            ("👍", 0),
            ("", 0),
        ] {
            assert_eq!(content_words(&words(text)), expected, "{text}");
        }
    }
}
