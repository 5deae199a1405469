//! The page of the docs that tells what can be found.

use super::*;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/redaction-entities.md");
const BEGIN: &str = "<!-- entities: generated -->\n";
const END: &str = "<!-- /entities -->";

/// Of a secret's long runs of characters so many are shown at both ends, and not the rest: nobody shall take an example for
/// somebody's key.
const SHOWN_CHARS: usize = 8;

/// Words before it that are shown.
const WORDS_MAX: usize = 8;

const TITLES: [(&str, &str); 16] = [
    ("personal", "People"),
    ("financial", "How people pay"),
    ("network", "Addresses of machines"),
    ("us", "United States"),
    ("ca", "Canada"),
    ("uk", "United Kingdom"),
    ("eu", "European Union, Norway, Switzerland"),
    ("cn", "China"),
    ("asia", "Asia and Oceania"),
    ("br", "Brazil"),
    ("latin", "Mexico, Chile, Argentina"),
    ("africa", "South Africa, Israel, Turkey"),
    ("travel", "Passports and driving licences"),
    ("things", "Vehicles and devices"),
    ("crypto", "Blockchains"),
    ("secret", "Secrets"),
];

/// `UPDATE_DOCS=1` writes it.
#[test]
fn the_page_holds_the_tables() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (tables, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, format!("{before}{BEGIN}{}{END}{after}", markdown())).unwrap();
    } else {
        assert!(tables == markdown(), "UPDATE_DOCS=1 cargo test the_page_holds_the_tables");
    }
}

#[test]
fn what_is_left_out_is_counted() {
    assert_eq!(shortened("key=abcdefghijklmnopqrstuvwxyz.", 8), "key=abcdefgh…10…stuvwxyz.");
    assert_eq!(shortened("no key", 8), "no key");
}

fn markdown() -> String {
    let place = |group: &str| TITLES.iter().position(|(name, _)| *name == group).unwrap_or(TITLES.len());
    let mut groups: Vec<&str> = all().map(|row| row.group).collect();
    groups.sort_by_key(|group| (place(group), *group));
    groups.dedup();
    groups.into_iter().map(table).collect()
}

fn table(group: &str) -> String {
    let title = TITLES.iter().find(|(name, _)| *name == group).map_or(group, |(_, title)| title);
    let rows: String = all().filter(|row| row.group == group).map(line).collect();
    format!("\n## {title}\n\n| entity | | tier | found | not found |\n| --- | --- | --- | --- | --- |\n{rows}")
}

fn line(row: &Detector) -> String {
    let tier = match row.tier {
        Tier::Certain => "certain",
        Tier::Likely => "likely",
        Tier::Listed => "listed",
    };
    let (entity, label, about, source) = (row.entity, row.label, row.about, row.source);
    let words = words(row.context);
    let (found, not_found) = (examples(row, row.found), examples(row, row.not_found));
    format!("| `{entity}`<br>`[{label}-…]` | [{about}]({source}).{words} | {tier} | {found} | {not_found} |\n")
}

/// The words one of which must stand before, or the first of them.
fn words(context: &[&str]) -> String {
    let shown: Vec<_> = context.iter().take(WORDS_MAX).map(|word| format!("_{word}_")).collect();
    match (context.len(), context.len().saturating_sub(WORDS_MAX)) {
        (0, _) => String::new(),
        (_, 0) => format!(" Behind one of {}", shown.join(", ")),
        (_, more) => format!(" Behind one of {} and {more} others", shown.join(", ")),
    }
}

fn examples(row: &Detector, texts: &[&str]) -> String {
    let secret = row.group == "secret" || row.entity.ends_with("_key");
    let shown = |text: &&str| {
        let text = if secret { shortened(text, SHOWN_CHARS) } else { (*text).to_owned() };
        format!("`{}`", text.replace('|', r"\|").replace('`', "'").replace('\n', "⏎"))
    };
    texts.iter().map(shown).collect::<Vec<_>>().join("<br>")
}

/// A text whose long runs of a key's characters are cut, with how many are left out.
fn shortened(text: &str, ends: usize) -> String {
    let mut short = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let of_key = |character: char| character.is_ascii_alphanumeric() || "+/_-~".contains(character);
        let (run, others) = rest.split_at(rest.find(|character| !of_key(character)).unwrap_or(rest.len()));
        match run.len().checked_sub(2 * ends).filter(|more| *more >= ends) {
            Some(more) => {
                let (first, last) = (run.split_at(ends).0, run.split_at(ends + more).1);
                short.push_str(&format!("{first}…{more}…{last}"));
            }
            None => short.push_str(run),
        }
        let next = others.chars().next();
        short.extend(next);
        rest = others.split_at(next.map_or(0, char::len_utf8)).1;
    }
    short
}
