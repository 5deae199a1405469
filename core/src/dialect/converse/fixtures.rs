//! Fixtures: inputs as the API documents them, each with a snapshot of what was made of it beside it.

use std::path::PathBuf;

/// The files of one area, by name.
pub(super) fn files(area: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder(area))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "snap" && extension != "new"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no fixtures in {area}");
    files
}

/// Compares what `render` makes of every file of an area with its snapshot.
pub(super) fn check(area: &str, render: impl Fn(&str, &[u8]) -> String) {
    for (name, bytes) in files(area) {
        let rendered = render(&name, &bytes);
        insta::with_settings!({
            snapshot_path => folder(area), prepend_module_to_snapshot => false, omit_expression => true,
        }, { insta::assert_snapshot!(name.as_str(), rendered) });
    }
}

fn folder(area: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "converse", area].iter().collect()
}
