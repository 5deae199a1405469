//! Fixtures: inputs as an API documents them, each with a snapshot of what was made of it beside it.

use std::path::PathBuf;

/// The files of one area of a dialect, by name.
pub(crate) fn files(dialect: &str, area: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder(dialect, area))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "snap" && extension != "new"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {dialect}/{area}");
    files
}

/// Compares what `render` makes of every file of an area with its snapshot.
pub(crate) fn check(dialect: &str, area: &str, render: impl Fn(&str, &[u8]) -> String) {
    for (name, bytes) in files(dialect, area) {
        let rendered = render(&name, &bytes);
        insta::with_settings!({
            snapshot_path => folder(dialect, area), prepend_module_to_snapshot => false, omit_expression => true,
        }, { insta::assert_snapshot!(name.as_str(), rendered) });
    }
}

fn folder(dialect: &str, area: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", dialect, area].iter().collect()
}
