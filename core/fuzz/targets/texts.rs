//! Any body of any dialect: nothing changes by itself; with every text replaced it is still JSON, and nothing else is
//! found in it.
#![no_main]

mod common;

use attache_core::endpoint::Endpoint;
use attache_core::texts::{self, Splice, Unreadable, Visit};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

const MARK: &str = "\u{24cd}";

fuzz_target!(|data: &[u8]| {
    let [choice, body @ ..] = data else { return };
    let endpoint = Endpoint::from(common::DIALECTS[usize::from(*choice) % 7]);
    let is_answer = choice / 7 % 2 == 1;
    let walk = |body: &[u8], visit: &mut Visit<'_>| -> Result<Option<Vec<u8>>, Unreadable> {
        if is_answer { texts::answer(&endpoint, body, visit) } else { texts::request(&endpoint, body, visit) }
    };
    // Of answers that are no object or array, nobody can tell whether they are JSON.
    let is_json = body.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(body).is_ok();
    let Ok(edited) = walk(body, &mut |_, _, _| {}) else { return };
    assert_eq!(edited, None);
    let all = |_: &_, text: &str, splices: &mut Vec<Splice>| {
        splices.push(Splice { range: 0..text.len(), text: MARK.to_owned() });
    };
    let Ok(marked) = walk(body, &mut { all }) else { return };
    let marked = marked.unwrap_or_else(|| body.to_vec());
    assert!(!is_json || serde_json::from_slice::<IgnoredAny>(&marked).is_ok());
    // Text that was read as JSON may be read as text now, since nothing is hidden in it any more.
    let of_json = |letter: char| !letter.is_alphanumeric() || letter.is_ascii_digit() || "truefalsnE".contains(letter);
    let again = walk(&marked, &mut |_, text, _| assert!(text.replace(MARK, "").chars().all(of_json), "{text}"));
    assert_eq!(again, Ok(None));
    // Pieces of texts, whatever they are.
    let _edited = walk(body, &mut |_, text, splices| {
        let (start, end) = (text.len() / 3, text.len() / 2);
        splices.push(Splice { range: start..end, text: "\"\\".to_owned() });
    });
});
