//! What remains of a word when its English endings are off: enough to know `sorting`, `sorted` and `sorts` for the same.

/// Shortest stem.
const CHARS_MIN: usize = 3;

/// The stem of a word in lower case. Of a word in another language or script nothing that matters goes.
pub(super) fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    if !word.is_ascii() || word.len() <= CHARS_MIN {
        return word.to_owned();
    }
    let cut = |ending: &str| word.strip_suffix(ending).filter(|stem| stem.len() >= CHARS_MIN);
    if let Some(stem) = cut("ies").or_else(|| cut("ied")) {
        return format!("{stem}y");
    }
    if let Some(stem) = cut("ing").or_else(|| cut("ed")) {
        return single(stem).trim_end_matches('e').to_owned();
    }
    let hissing = ["sses", "shes", "ches", "xes", "zes"];
    if let Some(stem) = hissing.iter().find(|end| word.ends_with(**end)).and_then(|_| cut("es")) {
        return stem.to_owned();
    }
    let is_plural = !["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    let stem = cut("s").filter(|_| is_plural).unwrap_or(word);
    let stem = stem.strip_suffix('e').filter(|stem| stem.len() >= CHARS_MIN).unwrap_or(stem);
    stem.to_owned()
}

/// `stopp` is `stop`; `call` and `pass` stay.
fn single(stem: &str) -> &str {
    let mut ends = stem.bytes().rev();
    let (last, before) = (ends.next(), ends.next());
    let is_doubled = last == before && !matches!(last, Some(b'l' | b's' | b'z'));
    if is_doubled { stem.get(..stem.len() - 1).unwrap_or(stem) } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_go() {
        for group in [
            &["sort", "sorts", "sorted", "sorting"][..],
            &["make", "makes", "making"],
            &["stop", "stopped", "stopping", "stops"],
            &["city", "cities", "city's"],
            &["call", "calls", "called"],
            &["box", "boxes"],
            &["file", "files", "filed"],
        ] {
            assert!(group.iter().all(|word| stem(word) == stem(group[0])), "{group:?}");
        }
        for (word, expected) in
            [("bus", "bus"), ("glass", "glass"), ("été", "été"), ("is", "is"), ("ring", "ring"), ("", "")]
        {
            assert_eq!(stem(word), expected);
        }
    }
}
