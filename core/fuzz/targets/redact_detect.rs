//! Any text, cut anywhere: its findings are in order, on characters, and those of the whole.
#![no_main]

use attache_core::redact::detect::{CONTEXT_BYTES, Custom, Detectors, Finding, catalogue};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// All rows of the catalogue and an operator's own.
static ALL: LazyLock<Detectors> = LazyLock::new(|| {
    let rows: Vec<_> = catalogue::all().collect();
    let own = [
        Custom::Pattern { regex: r"[a-c]+\d".to_owned(), checksum: None, context: Vec::new() },
        Custom::Pattern {
            regex: r"\bE-?\d+".to_owned(),
            checksum: Some("luhn".to_owned()),
            context: vec!["号".to_owned()],
        },
        Custom::Words(vec!["blue".to_owned(), "bluebird".to_owned(), "蓝鸟".to_owned()]),
    ];
    let own = own.into_iter().map(|custom| ("own".to_owned(), "OWN".to_owned(), custom));
    Detectors::new(&rows, &own.collect::<Vec<_>>()).expect("rows")
});

fuzz_target!(|data: &[u8]| {
    let [step, data @ ..] = data else { return };
    let text = String::from_utf8_lossy(data);
    let whole = ALL.find(&text);
    let mut last = 0;
    for finding in &whole {
        assert!(last <= finding.range.start && finding.range.start < finding.range.end);
        assert!(text.get(finding.range.clone()).is_some());
        assert!(usize::from(finding.kind) < ALL.kinds().len());
        last = finding.range.end;
    }
    assert_eq!(grown(&text, 1 + usize::from(*step)), whole);
});

/// The findings of a text that grows by so many bytes, of which no more is kept than has to be.
fn grown(text: &str, step: usize) -> Vec<Finding> {
    let on_character =
        |at: usize| (0..=at.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0);
    let (mut found, mut gone, mut settled, mut end) = (Vec::new(), 0, 0, 0);
    loop {
        end = (end + step).min(text.len());
        let (new, at) = ALL.find_from(&text[gone..on_character(end)], settled - gone, end == text.len());
        assert!(settled <= gone + at);
        settled = gone + at;
        found.extend(
            new.into_iter().map(|one| Finding { range: one.range.start + gone..one.range.end + gone, kind: one.kind }),
        );
        if end == text.len() {
            return found;
        }
        gone = gone.max(on_character(settled.saturating_sub(CONTEXT_BYTES)));
    }
}
