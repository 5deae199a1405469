//! `attache cache calibrate`: a person's own pairs of questions, judged by a model and by the guard.

use super::super::embed::{Of, Source};
use super::super::{Anything, print, tell};
use attache_core::alike::difference;
use attache_semantic::calibration::{Pair, Plot, Row, lowest_safe, rows};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Print, for every threshold, how many of your own pairs of questions would be answered, and how many wrongly: without the
/// guard and with it.
#[derive(Debug, clap::Args)]
pub struct Calibrate {
    /// Pairs as CSV with a head that names the columns `a`, `b` and `same` (1: one answer is right for both; 0: it is not).
    #[arg(required = true, value_name = "PAIRS.CSV")]
    pairs: Vec<PathBuf>,
    #[command(flatten)]
    of: Of,
    /// Which share of hits must be right, for the threshold that is named at the end.
    #[arg(long, default_value_t = 0.99, value_parser = share)]
    precision: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("expected a number from 0 to 1".to_owned()) }
}

/// A pair as a person wrote it down.
#[derive(Debug, PartialEq)]
struct Written {
    a: String,
    b: String,
    same: bool,
}

impl Calibrate {
    pub(super) fn run(self) -> Result<(), Anything> {
        let source = Source::open(&self.of)?;
        let mut written = Vec::new();
        for path in &self.pairs {
            written.extend(read(path)?);
        }
        let (pairs, without) = judged(&written, &|text| source.vector(text));
        if without > 0 {
            tell(&format!(
                "{without} of {} pairs have a text without a vector (too long?); they are left out",
                written.len()
            ));
        }
        if pairs.is_empty() {
            return Err("there are no pairs to judge".into());
        }
        print(&report(&pairs, self.precision))
    }
}

/// From .70 to 1, in steps of .02.
fn thresholds() -> impl Iterator<Item = f32> {
    (35..=50_u8).map(|step| f32::from(step) * 0.02)
}

fn report(pairs: &[Pair], precision: f64) -> String {
    let same = pairs.iter().filter(|pair| pair.same).count();
    let mut out = format!("{} pairs: {same} may share an answer, {} may not\n", pairs.len(), pairs.len() - same);
    let mut part = |title: &str, guarded: bool| -> Option<Row> {
        let rows = rows(pairs, thresholds(), guarded);
        let _written = write!(out, "\n{title}\n{}", Plot(&rows));
        lowest_safe(&rows, precision)
    };
    part("without the guard", false);
    let safe = part("with the guard", true);
    let wanted = precision * 100.0;
    let advice = match safe {
        Some(Row { threshold, hits, .. }) => format!(
            "from a threshold of {threshold:.2} on, at least {wanted} % of hits are right ({hits} of these pairs hit)"
        ),
        None => format!("at no threshold are {wanted} % of hits right: leave `semantic` off, or try another model"),
    };
    let _written = write!(out, "\n{advice}\n");
    out
}

/// What the model and the guard say of pairs, and how many have a text without a vector.
fn judged(written: &[Written], vector: &dyn Fn(&str) -> Result<Vec<f32>, String>) -> (Vec<Pair>, usize) {
    let mut vectors: HashMap<&str, Option<Vec<f32>>> = HashMap::new();
    for text in written.iter().flat_map(|pair| [pair.a.as_str(), &pair.b]) {
        vectors.entry(text).or_insert_with(|| vector(text).ok());
    }
    let of = |text: &str| vectors.get(text).and_then(Option::as_deref);
    let judge = |pair: &Written| {
        let passed = difference(&pair.a, &pair.b).is_none();
        Some(Pair { similarity: cosine(of(&pair.a)?, of(&pair.b)?), same: pair.same, passed })
    };
    let pairs: Vec<Pair> = written.iter().filter_map(judge).collect();
    let without = written.len() - pairs.len();
    (pairs, without)
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let product = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>();
    product(one, other) / (product(one, one) * product(other, other)).sqrt().max(f32::MIN_POSITIVE)
}

fn read(path: &Path) -> Result<Vec<Written>, String> {
    let shown = path.display();
    let wrong = |error: csv::Error| format!("cannot read {shown}: {error}");
    let mut reader = csv::Reader::from_path(path).map_err(wrong)?;
    let head = reader.headers().map_err(wrong)?.clone();
    let column = |name: &str| {
        let found = head.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("{shown}: there is no column `{name}`; expected a head with a, b, same"))
    };
    let columns = [column("a")?, column("b")?, column("same")?];
    let mut pairs = Vec::new();
    for (i, record) in reader.records().enumerate() {
        let record = record.map_err(wrong)?;
        let [a, b, same] = columns.map(|column| record.get(column).unwrap_or_default().trim());
        let same = match same.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "same" => true,
            "0" | "false" | "no" | "different" => false,
            other => return Err(format!("{shown}, pair {}: same is `{other}`; expected 1 or 0", i + 1)),
        };
        pairs.push(Written { a: a.to_owned(), b: b.to_owned(), same });
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use attache_semantic::encoder::{Encoder, Files, Pooling, Vocabulary};
    use attache_semantic::synthetic::{Model, Shape};

    const ADVERSARIAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/alike/edits.csv");
    const HELD_OUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/alike/held_out.csv");

    /// The bar for minimal edits at the default threshold. The made-up model knows which words two texts share and nothing
    /// else; to it a long question with one word changed is nearly the same. Of the encoder that proves nothing. It proves
    /// that lookups ask both the threshold and the guard, and the last line, without any threshold, that the guard alone
    /// keeps the bar, whatever the model takes for alike.
    #[test]
    fn few_minimal_edits_are_served_wrongly() {
        let mut written = read(Path::new(ADVERSARIAL)).unwrap();
        written.extend(read(Path::new(HELD_OUT)).unwrap().into_iter().filter(|pair| !pair.same));
        assert!(written.len() > 200);
        let model = made_up(&written);
        let (pairs, without) = judged(&written, &|text| model.encode(text).map_err(|error| error.to_string()));
        assert_eq!(without, 0);
        let wrong = |threshold: f32, guarded: bool| rows(&pairs, [threshold], guarded)[0].false_hits;
        println!("{}", report(&pairs, 0.99));
        assert!(wrong(0.7, false) * 2 > pairs.len(), "the made-up model is no hard case");
        assert!(wrong(0.92, true) * 20 <= pairs.len(), "{} of {}", wrong(0.92, true), pairs.len());
        assert!(wrong(-1.0, true) * 20 <= pairs.len(), "{} of {}", wrong(-1.0, true), pairs.len());
    }

    #[test]
    fn pairs_are_read_as_people_write_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pairs.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path).map_err(|told| told.replace(&*path.to_string_lossy(), "FILE"))
        };
        let pair = |a: &str, b: &str, same| Written { a: a.into(), b: b.into(), same };
        assert_eq!(
            read("same,note,B,a\n1,x,\"b, and\",a\nno,,d,\"c\"\"c\"\n"),
            Ok(vec![pair("a", "b, and", true), pair("c\"c", "d", false)])
        );
        assert_eq!(read("a,b\n1,2\n"), Err("FILE: there is no column `same`; expected a head with a, b, same".into()));
        assert_eq!(read("a,b,same\nx,y,maybe\n"), Err("FILE, pair 1: same is `maybe`; expected 1 or 0".into()));
        assert!(read("a,b,same\nx,y\n").unwrap_err().starts_with("cannot read FILE: CSV error"));
    }

    #[test]
    fn the_report_says_what_a_threshold_is_worth() {
        let pair = |similarity, same, passed| Pair { similarity, same, passed };
        let pairs = [pair(0.99, true, true), pair(0.97, false, false), pair(0.93, true, true), pair(0.75, false, true)];
        let told = report(&pairs, 0.99);
        assert!(told.contains("4 pairs: 2 may share an answer, 2 may not"), "{told}");
        assert!(
            told.ends_with("from a threshold of 0.76 on, at least 99 % of hits are right (2 of these pairs hit)\n"),
            "{told}"
        );
        let told = report(&[pair(1.0, false, true)], 0.5);
        assert!(
            told.ends_with("at no threshold are 50 % of hits right: leave `semantic` off, or try another model\n"),
            "{told}"
        );
    }

    /// A model that knows all words of these pairs.
    fn made_up(pairs: &[Written]) -> Encoder {
        let texts: Vec<String> = pairs.iter().map(|pair| format!("{} {}", pair.a, pair.b).to_lowercase()).collect();
        let words: Vec<&str> = texts.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric())).collect();
        let shape = Shape { hidden: 128, layers: 0, heads: 1, wide: 1, places: 512, mixing: 0.0, seed: 11 };
        let model = Model::new(&Shape { layers: 1, ..shape }, &words);
        let weights = model.weights();
        let vocabulary = Vocabulary::Text { file: model.vocabulary.as_bytes(), lower_case: true };
        let config = model.config.as_bytes();
        Encoder::read(&Files { config, weights: &weights, vocabulary, pooling: Pooling::Mean, window: None }).unwrap()
    }
}
