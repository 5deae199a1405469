//! A text that grows has the findings of the whole, however it is cut.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

/// All rows, with what an operator may add.
static ALL: LazyLock<Detectors> = LazyLock::new(|| {
    let rows: Vec<_> = catalogue::all().collect();
    Detectors::new(&rows, &own()).expect("rows")
});
static CERTAIN: LazyLock<Detectors> = LazyLock::new(|| {
    let rows: Vec<_> = catalogue::all().filter(|row| row.tier == Tier::Certain).collect();
    Detectors::new(&rows, &[]).expect("rows")
});

fn own() -> Vec<(String, String, Custom)> {
    let pattern = |regex: &str, context: &[&str]| Custom::Pattern {
        regex: regex.to_owned(),
        checksum: None,
        context: context.iter().map(|word| (*word).to_owned()).collect(),
    };
    let words = Custom::Words(vec!["Bluebird".to_owned(), "blue".to_owned(), "蓝鸟".to_owned()]);
    [pattern(r"E-?\d+", &[]), pattern(r"[a-c]{2,}x?", &["号"]), pattern(r"\bq[^ ]*z", &[]), words]
        .into_iter()
        .enumerate()
        .map(|(place, custom)| (format!("own_{place}"), "OWN".to_owned(), custom))
        .collect()
}

/// What stands between: nothing, ordinary text, and what hangs on to what stands beside it.
const GLUE: [&str; 24] = [
    "", "", "", " ", " ", "\n", ", ", "。", "号", "手机", "card ", "-", ".", "@", ":", "//", "://", "sk-", "eyJ", "1",
    "a", "Zürich ", "E-12 ", "blue",
];

/// Examples of rows, glued.
fn glued() -> impl Strategy<Value = String> {
    let examples: Vec<String> = catalogue::all()
        .flat_map(|row| row.found.iter().chain(row.not_found))
        .map(|example| example.replace(['⟦', '⟧'], ""))
        .collect();
    let piece = (prop::sample::select(examples), prop::sample::select(GLUE.to_vec()), any::<bool>(), any::<bool>());
    let cut = |(example, glue, whole, twice): (String, &str, bool, bool)| {
        let most = if whole { usize::MAX } else { example.chars().count() / 2 };
        let example: String = example.chars().take(most).collect();
        if twice { format!("{example}{glue}{example}") } else { format!("{example}{glue}") }
    };
    prop::collection::vec(piece.prop_map(cut), 1..5).prop_map(|pieces| pieces.concat())
}

/// Findings of a text that comes in pieces, of which no more is kept than has to be.
fn grown(detectors: &Detectors, text: &str, cuts: &[usize]) -> Vec<Finding> {
    let mut found = Vec::new();
    let (mut gone, mut settled) = (0, 0);
    let ends = cuts.iter().copied().filter(|cut| *cut < text.len() && text.is_char_boundary(*cut));
    for end in ends.chain([text.len()]) {
        let seen = text.get(gone..end).expect("cut between characters");
        let (new, at) = detectors.find_from(seen, settled - gone, end == text.len());
        assert!(at >= settled - gone && at <= seen.len() && seen.is_char_boundary(at), "settled at {at}");
        for finding in new {
            assert!(finding.range.start >= settled - gone && finding.range.end <= at);
            found.push(Finding { range: finding.range.start + gone..finding.range.end + gone, kind: finding.kind });
        }
        settled = gone + at;
        let kept = (gone..=settled.saturating_sub(CONTEXT_BYTES)).rev().find(|place| text.is_char_boundary(*place));
        gone = kept.unwrap_or(gone);
    }
    found
}

fn check(detectors: &Detectors, text: &str, cuts: &[usize]) {
    let whole = detectors.find(text);
    for pair in whole.windows(2) {
        let [one, next] = pair else { continue };
        assert!(one.range.end <= next.range.start, "{whole:?} in {text}");
    }
    assert!(whole.iter().all(|found| !found.range.is_empty() && text.get(found.range.clone()).is_some()));
    assert_eq!(grown(detectors, text, cuts), whole, "{text:?} cut at {cuts:?}");
}

proptest! {
    #[test]
    fn a_text_that_grows_has_the_findings_of_the_whole(
        text in glued(),
        mut cuts in prop::collection::vec(0_usize..900, 0..6),
        each in prop::bool::weighted(0.1),
    ) {
        cuts.sort_unstable();
        if each {
            cuts = (0..text.len()).collect();
        }
        check(&ALL, &text, &cuts);
        check(&CERTAIN, &text, &cuts);
    }

    #[test]
    fn so_does_one_of_repetitions(
        piece in prop::sample::select(vec![
            "-", "1", "1 ", "a@", "a@b.", "eyJ", "eyJ.", "sk-", "://", "a://", "1.1.1.1.", ":", "4111 ", "E-1", "ab", "blue",
            "+4 ", "DE12 ", "-----BEGIN PRIVATE KEY-----",
        ]),
        count in 1_usize..400,
        end in prop::sample::select(vec!["", " ", "x", "号12"]),
        cuts in prop::collection::btree_set(0_usize..2000, 0..9),
    ) {
        check(&ALL, &format!("{}{end}", piece.repeat(count)), &cuts.into_iter().collect::<Vec<_>>());
    }
}

/// What an address ends in may begin a longer one.
#[test]
fn an_address_that_ends_in_another_one() {
    let text = "s3cr:t-EXAMPLE@db.exampl%o.cmXAMPLE@db.exam:5432/x";
    check(&CERTAIN, text, &(0..text.len()).collect::<Vec<_>>());
}

#[test]
fn every_example_has_its_finding_at_every_cut() {
    for row in catalogue::all() {
        for text in row.found {
            let text = format!("and {} then", text.replace(['⟦', '⟧'], ""));
            check(&ALL, &text, &(0..text.len()).collect::<Vec<_>>());
        }
    }
}
