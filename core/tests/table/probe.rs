//! The questions and answers, by dialect and name.

use attache_core::dialect::Dialect;
use std::path::{Path, PathBuf};

fn folder(dialect: Dialect) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(dialect.as_str()).join("probes")
}

/// A probe, or why the dialect has none of this name: `absent.json` says it, of one file or of a whole column.
pub fn read(dialect: Dialect, name: &str) -> Result<Vec<u8>, String> {
    let folder = folder(dialect);
    for extension in ["json", "sse"] {
        if let Ok(bytes) = std::fs::read(folder.join(format!("{name}.{extension}"))) {
            return Ok(bytes);
        }
    }
    let absent = std::fs::read(folder.join("absent.json")).unwrap_or_else(|_| b"{}".to_vec());
    let absent: serde_json::Value = serde_json::from_slice(&absent).unwrap();
    let (column, _) = name.split_once('.').unwrap();
    let why = absent.get(name).or_else(|| absent.get(column)).and_then(serde_json::Value::as_str);
    let missing = || panic!("fixtures/{}/probes has no {name} and absent.json says not why", dialect.as_str());
    Err(why.map_or_else(missing, str::to_owned))
}
