//! How well the guard tells questions apart: `cargo test -p attache-core --test alike -- --nocapture` prints it.
//!
//! The pairs are made up: small edits after which another answer is right (`edits.csv`), and the same question in other
//! words (`paraphrases.csv`). The guard's words were written with some of these in mind. Those in `held_out.csv` came
//! afterwards and taught two things: that `on` is the opposite of `off`, and that no word may be in two groups of
//! synonyms. All are judged without any threshold before, as if the encoder saw no difference, which is the worst case.

#![allow(clippy::print_stdout, reason = "it prints a table for a person")]

use attache_core::alike::difference;
use std::collections::BTreeMap;
use std::time::Instant;

const EDITS: &str = include_str!("alike/edits.csv");
const HELD_OUT: &str = include_str!("alike/held_out.csv");
const PARAPHRASES: &str = include_str!("alike/paraphrases.csv");
/// Most edits that may be answered wrongly, in thousandths.
const WRONG_PERMILLE_MAX: usize = 50;
/// Fewest paraphrases that are still answered, in thousandths.
const KEPT_PERMILLE_MIN: usize = 800;

#[test]
fn edits_are_told_apart() {
    let pairs = pairs(EDITS);
    assert!(pairs.len() >= 200);
    let wrong = passed(&pairs, "served wrongly");
    assert!(wrong * 1000 <= pairs.len() * WRONG_PERMILLE_MAX, "{wrong} of {}", pairs.len());
}

#[test]
fn paraphrases_are_kept() {
    let pairs = pairs(PARAPHRASES);
    assert!(pairs.len() >= 100);
    let kept = passed(&pairs, "kept");
    assert!(kept * 1000 >= pairs.len() * KEPT_PERMILLE_MIN, "{kept} of {}", pairs.len());
}

#[test]
fn what_nothing_was_made_for_is_told_apart_as_well() {
    let (edits, paraphrases) = HELD_OUT.lines().skip(1).partition::<Vec<&str>, _>(|line| line.contains(",0,"));
    let pairs = |lines: Vec<&str>| pairs(&format!("a,b,same,kind\n{}", lines.join("\n")));
    let (edits, paraphrases) = (pairs(edits), pairs(paraphrases));
    let (wrong, kept) = (passed(&edits, "served wrongly"), passed(&paraphrases, "kept"));
    assert!(wrong * 1000 <= edits.len() * WRONG_PERMILLE_MAX, "{wrong} of {}", edits.len());
    assert!(kept * 2 >= paraphrases.len(), "{kept} of {}", paraphrases.len());
}

#[test]
fn the_order_of_a_pair_does_not_matter() {
    for [a, b, _] in pairs(EDITS).into_iter().chain(pairs(PARAPHRASES)) {
        assert_eq!(difference(&a, &b).is_some(), difference(&b, &a).is_some(), "{a} / {b}");
        assert_eq!(difference(&a, &a), None);
        assert_eq!(difference(&a, &format!("  {a} ")), None, "{a}");
    }
}

/// How many pairs the guard lets through, told by kind.
fn passed(pairs: &[[String; 3]], what: &str) -> usize {
    let begun = Instant::now();
    let judged: Vec<_> = pairs.iter().map(|[a, b, kind]| (a, b, kind, difference(a, b))).collect();
    let took = begun.elapsed() / u32::try_from(pairs.len()).expect("there are few");
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (a, b, kind, found) in &judged {
        let (all, through) = kinds.entry(kind).or_default();
        *all += 1;
        *through += usize::from(found.is_none());
        if found.is_none() == (what == "served wrongly") {
            println!("{:8} {a} / {b}", found.map_or("-", |found| found.as_str()));
        }
    }
    for (kind, (all, through)) in &kinds {
        println!("{kind:12} {through:3} of {all:3} {what}");
    }
    let through = judged.iter().filter(|(.., found)| found.is_none()).count();
    println!("{through} of {} {what}, {took:?} each\n", pairs.len());
    through
}

/// The lines of a table of four columns, of which a text with a comma is quoted: a, b, kind.
fn pairs(csv: &str) -> Vec<[String; 3]> {
    let read = |line: &str| {
        let mut fields = vec![String::new()];
        let mut quoted = false;
        for character in line.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                _ => fields.last_mut().expect("there is one from the start").push(character),
            }
        }
        let [a, b, same, kind] = fields.try_into().expect("every line has four columns");
        assert!(same == "0" || same == "1", "{line}");
        [a, b, kind]
    };
    csv.lines().skip(1).map(read).collect()
}
