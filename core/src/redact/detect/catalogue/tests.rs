//! Every row keeps what it promises, alone and among all the others.

use super::*;
use crate::redact::detect::Detectors;

#[test]
fn rows_are_whole() {
    for row in all() {
        let entity = row.entity;
        assert!(
            !entity.is_empty() && entity.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        );
        assert!(!row.label.is_empty() && row.label.bytes().all(|b| b.is_ascii_uppercase()), "{entity}");
        assert!(!row.about.is_empty() && !row.group.is_empty() && row.bytes_max > 0, "{entity}");
        assert!(row.source.starts_with("https://"), "{entity}");
        assert!(row.found.len() > 2 && row.not_found.len() > 2, "{entity} has three examples of both");
        assert!(row.context.iter().all(|word| *word == word.to_lowercase()), "{entity}");
    }
}

/// Letters without case are known without tables among ASCII only, and tables are not built in everywhere.
#[test]
fn rows_need_no_tables() {
    for row in all().filter(|row| row.shape.contains("(?i")) {
        let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(true).build().parse(row.shape);
        assert!(parsed.is_ok(), "{}", row.entity);
    }
}

#[test]
fn rows_of_one_entity_share_its_label() {
    for row in all() {
        assert!(
            all().filter(|other| other.entity == row.entity).all(|other| other.label == row.label),
            "{}",
            row.entity
        );
    }
}

#[test]
fn found_is_found() {
    let (certain, together) = (set(|row| row.tier == Tier::Certain), set(|_| true));
    let mut wrong = Vec::new();
    for row in all() {
        let alone = only(row);
        for example in row.found {
            let text = example.replace(['⟦', '⟧'], "");
            let start = example.find('⟦').expect("marked");
            let end = example.find('⟧').expect("marked") - '⟦'.len_utf8();
            assert!(end - start <= row.bytes_max, "{} in {text}", row.entity);
            let sets =
                if row.tier == Tier::Certain { vec![&alone, &together, &certain] } else { vec![&alone, &together] };
            for (which, set) in sets.into_iter().enumerate() {
                let found = find(set, &text);
                if found != [(row.entity.to_owned(), start..end)] {
                    wrong.push(format!("{} in set {which}: {example}: {found:?}", row.entity));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn not_found_is_not_found() {
    let certain = set(|row| row.tier == Tier::Certain);
    let mut wrong = Vec::new();
    for row in all() {
        let alone = only(row);
        // What has two rows may be found by the other one.
        let single = all().filter(|other| other.entity == row.entity).count() == 1;
        for text in row.not_found {
            let mut found = find(&alone, text);
            if single {
                found.extend(find(&certain, text).into_iter().filter(|(entity, _)| entity == row.entity));
            }
            if !found.is_empty() {
                wrong.push(format!("{}: {text}: {found:?}", row.entity));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of what looks alike, drawn at random, a rule that needs no word before it lets one in a thousand through at most.
#[test]
fn look_alikes_do_not_pass() {
    const DRAWN: usize = 10_000;
    let look_alikes = [
        ("cn_resident_id", "dddddddddddddddddd"),
        ("cn_credit_code", "dddddddddddddddddd"),
        ("fr_nir", "ddddddddddddddd"),
        ("fi_hetu", "dddddd-dddA"),
        ("ch_ahv", "ddd.dddd.dddd.dd"),
        ("in_gstin", "ddAAAAAddddAdAd"),
        ("mx_curp", "AAAAddddddAAAAAAAd"),
        ("machine_readable_zone", "AddddddddddAAAddddddd<ddddddd<<<<<<<<<<<<<<<d"),
        ("se_personnummer", "dddddddd-dddd"),
        ("it_codice_fiscale", "AAAAAAAAAAAAAAAA"),
        ("bitcoin_address", "1AdAdAdAdAdAdAdAdAdAdAdAdAdAdAdAdA"),
        ("tron_address", "TAdAdAdAdAdAdAdAdAdAdAdAdAdAdAdAdA"),
    ];
    let mut state = 6_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((state >> 33) % below).unwrap_or_default()
    };
    for (entity, pattern) in look_alikes {
        let row = all().find(|row| row.entity == entity && row.context.is_empty()).expect(entity);
        let alone = only(row);
        let passed = (0..DRAWN)
            .filter(|_| {
                let character = |of: char| match of {
                    'd' => char::from_digit(draw(10), 10),
                    'A' => char::from_digit(draw(26) + 10, 36).map(|letter| letter.to_ascii_uppercase()),
                    other => Some(other),
                };
                !find(&alone, &pattern.chars().filter_map(character).collect::<String>()).is_empty()
            })
            .count();
        assert!(passed <= DRAWN / 1000, "{entity}: {passed} of {DRAWN} like {pattern}");
    }
}

/// Prose in several languages, code, logs, identifiers: nothing that is sure may be found there.
#[test]
fn ordinary_text_holds_nothing() {
    let pages = [
        include_str!("../../../../fixtures/redact/ordinary/prose.txt"),
        include_str!("../../../../fixtures/redact/ordinary/code.txt"),
        include_str!("../../../../fixtures/redact/ordinary/logs.txt"),
        include_str!("../../../../fixtures/redact/ordinary/numbers.txt"),
        include_str!("../../../../fixtures/redact/ordinary/orders.txt"),
        include_str!("../../../../fixtures/redact/ordinary/identifiers.txt"),
        include_str!("../../../../fixtures/redact/ordinary/base64.txt"),
        include_str!("../../../../fixtures/redact/ordinary/markdown.txt"),
        include_str!("../../../../fixtures/redact/ordinary/json.txt"),
    ];
    let certain = set(|row| row.tier == Tier::Certain);
    for page in pages {
        let found = find(&certain, page);
        let found: Vec<_> = found.into_iter().map(|(entity, range)| (entity, page.get(range))).collect();
        assert_eq!(found, []);
    }
}

/// Among what looks alike, what is meant, and nothing else.
#[test]
fn what_is_meant_is_found() {
    let page = include_str!("../../../../fixtures/redact/ordinary/meant.txt");
    let meant: Vec<_> = page.split('⟦').skip(1).filter_map(|rest| Some(rest.split_once('⟧')?.0)).collect();
    let text = page.replace(['⟦', '⟧'], "");
    let found = find(&set(|row| row.tier == Tier::Certain), &text);
    let found: Vec<_> = found.into_iter().filter_map(|(_, range)| text.get(range)).collect();
    assert_eq!(found, meant);
}

fn only(row: &'static Detector) -> Detectors {
    Detectors::new(&[row], &[]).expect(row.entity)
}

fn set(with: impl Fn(&Detector) -> bool) -> Detectors {
    Detectors::new(&all().filter(|row| with(row)).collect::<Vec<_>>(), &[]).expect("rows")
}

fn find(detectors: &Detectors, text: &str) -> Vec<(String, Range<usize>)> {
    let name = |kind: u16| detectors.kinds().get(usize::from(kind)).map(|(entity, _)| entity.clone()).expect("a kind");
    detectors.find(text).into_iter().map(|found| (name(found.kind), found.range)).collect()
}
