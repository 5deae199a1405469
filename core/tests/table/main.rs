//! The table of who can speak to whom: every front before every upstream, with what is lost between them.
//!
//! The same questions and answers, written in every dialect (`fixtures/*/probes`), go through every translation. What each
//! says is taken down as plain facts before and after; a fact that is gone must be named as a loss. What is found must be
//! what `docs/dialects.md` says: `ATTACHE_UPDATE_TABLE=1` writes it there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out what it looks for")]
#![allow(unreachable_pub, reason = "a test has no outside; `pub` is the seam of a module")]

mod cell;
mod facts;
mod others;
mod probe;

use attache_core::dialect::Dialect;
use cell::{Cell, Column};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The page that holds the tables.
fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/dialects.md")
}

/// Between these two lines of the page a table stands.
fn marks(name: &str) -> (String, String) {
    (format!("<!-- begin: {name}, made by core/tests/table -->\n"), format!("<!-- end: {name} -->\n"))
}

/// One writer at a time.
static PAGE: Mutex<()> = Mutex::new(());

#[track_caller]
fn check(name: &str, table: &str) {
    let _alone = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let (begin, end) = marks(name);
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("docs/dialects.md has no line {begin}"));
    let (written, after) = rest.split_once(&end).unwrap_or_else(|| panic!("docs/dialects.md has no line {end}"));
    if written == table {
        return;
    }
    if std::env::var_os("ATTACHE_UPDATE_TABLE").is_some() {
        std::fs::write(page(), format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    let (found, said) = table.lines().zip(written.lines()).find(|(found, said)| found != said).unwrap_or_default();
    panic!("docs/dialects.md says\n  {said}\nbut it is\n  {found}\nWrite it anew with ATTACHE_UPDATE_TABLE=1.");
}

#[test]
fn every_front_before_every_upstream() {
    let mut table = String::new();
    let mut silent = Vec::new();
    for front in Dialect::ALL {
        let columns = Column::ALL.map(Column::as_str);
        write!(
            table,
            "### From `{}`\n\n| to | {} |\n|---{}|\n",
            front.as_str(),
            columns.join(" | "),
            "|---".repeat(columns.len())
        )
        .unwrap();
        for upstream in Dialect::ALL {
            let cells = Column::ALL.map(|column| Cell::find(front, upstream, column, &mut silent).to_string());
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{front:?} to {upstream:?} has an empty cell");
            writeln!(table, "| `{}` | {} |", upstream.as_str(), cells.join(" | ")).unwrap();
        }
        table.push('\n');
    }
    assert!(silent.is_empty(), "lost without a word:\n{}", silent.join("\n"));
    check("chat", &table);
}

#[test]
fn embeddings_and_reranking() {
    check("embeddings", &others::embeddings());
    check("rerank", &others::rerank());
}
