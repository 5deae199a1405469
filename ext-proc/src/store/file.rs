//! The embedded file database beside the memory: what was settled in long counters, and the shelves.
//!
//! The database is redb. Whatever goes wrong with it (it may also panic over a damaged file) ends here as an error; it is
//! then opened anew for the next call, since redb refuses to go on after a failed write.

use attache_core::limit::{Period, Saved, Window};
use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Window and key of a counter → when each part began and what was settled in it, as numbers of 8 bytes, little end first.
const COUNTERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("counters");
/// Shelf and id → content.
const SHELVES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("shelves");
/// What the database may keep in memory. All that is read often is kept by the ledger.
const CACHE_BYTES: usize = 8 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(
        "another process has this file open, most likely an attache that still runs or drains; use its admin API, or stop it first"
    )]
    InUse,
    #[error(
        "this is no file of attache's, or it is damaged ({0}); put a copy of it back, or move it away to begin anew"
    )]
    Damaged(String),
    #[error("{0}; attache must be able to read and write the file and its folder")]
    Io(#[from] io::Error),
    #[error("the file cannot be read or written: {0}")]
    Other(String),
}

impl From<DatabaseError> for Failure {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "redb may come to know more errors; what is not told apart here never will be"
    )]
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::InUse,
            DatabaseError::Storage(redb::StorageError::Io(error)) if error.kind() != io::ErrorKind::InvalidData => {
                Self::Io(error)
            }
            damaged => Self::Damaged(damaged.to_string()),
        }
    }
}

impl From<redb::Error> for Failure {
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "redb may come to know more errors; what is not told apart here never will be"
    )]
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => Self::Io(error),
            redb::Error::Corrupted(what) => Self::Damaged(what),
            other => Self::Other(other.to_string()),
        }
    }
}

/// The open file.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    /// None after something went wrong.
    database: Mutex<Option<Database>>,
}

impl File {
    /// Opens the file, or begins it; only its owner may read it.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let database = careful(|| open(path))?;
        Ok(Self { path: path.to_owned(), database: Mutex::new(Some(database)) })
    }

    /// Every counter that was saved. What cannot be read any more (an older or newer attache wrote it) is left out.
    pub(super) fn counters(&self) -> Result<Vec<Saved>, Failure> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(COUNTERS)?;
            let mut saved = Vec::new();
            for row in table.iter()? {
                let (name, parts) = row?;
                saved.extend(from_row(name.value(), parts.value()));
            }
            Ok(saved)
        })
    }

    /// Writes counters down, in one transaction. One without parts is removed.
    pub(super) fn save(&self, counters: &[Saved]) -> Result<(), Failure> {
        self.write(|transaction| {
            let mut table = transaction.open_table(COUNTERS)?;
            for saved in counters {
                let (name, parts) = to_row(saved);
                if parts.is_empty() {
                    table.remove(name.as_str())?;
                } else {
                    table.insert(name.as_str(), parts.as_slice())?;
                }
            }
            Ok(())
        })
    }

    pub(super) fn shelf(&self, shelf: &str) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(SHELVES)?;
            let mut found = Vec::new();
            for row in table.range((shelf, "")..)? {
                let (name, content) = row?;
                let (on, id) = name.value();
                if on != shelf {
                    break;
                }
                found.push((id.to_owned(), content.value().to_vec()));
            }
            Ok(found)
        })
    }

    pub(super) fn put(&self, shelf: &str, id: &str, content: &[u8]) -> Result<(), Failure> {
        self.write(|transaction| {
            transaction.open_table(SHELVES)?.insert((shelf, id), content)?;
            Ok(())
        })
    }

    pub(super) fn remove(&self, shelf: &str, id: &str) -> Result<bool, Failure> {
        self.write(|transaction| Ok(transaction.open_table(SHELVES)?.remove((shelf, id))?.is_some()))
    }

    /// On disk when this returns.
    fn write<T>(&self, write: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>) -> Result<T, Failure> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        })
    }

    fn with<T>(&self, call: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, Failure> {
        let mut guard = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = match guard.take() {
            Some(database) => database,
            None => careful(|| open(&self.path))?,
        };
        let result = careful(|| Ok(call(&database)?));
        match result {
            Ok(_) => *guard = Some(database),
            // Closing a damaged file may fail as well; what matters was said already.
            Err(_) => drop(careful(|| {
                drop(database);
                Ok(())
            })),
        }
        result
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let database = self.database.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let closed = careful(|| {
            drop(database);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::error!(path = %self.path.display(), %error, "the store's file was not closed well");
        }
    }
}

/// A panic over a damaged file is an error like others.
fn careful<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(Failure::Damaged("see the panic in the log".to_owned())))
}

fn open(path: &Path) -> Result<Database, Failure> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    // What is not a database must not be touched, and what is one already keeps its content.
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    let mut database = Builder::new().set_cache_size(CACHE_BYTES).create_file(file)?;
    // Reading trusts what it reads, so look at all of it once.
    if !database.check_integrity()? {
        tracing::warn!(path = %path.display(), "the store's file was repaired");
    }
    let tables = || -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        transaction.open_table(COUNTERS)?;
        transaction.open_table(SHELVES)?;
        Ok(transaction.commit()?)
    };
    tables()?;
    Ok(database)
}

fn to_row(saved: &Saved) -> (String, Vec<u8>) {
    let window = match saved.window {
        Window::Open => "open".to_owned(),
        Window::Sliding(ms) => format!("{ms}ms"),
        Window::Calendar(period) => word(period).to_owned(),
    };
    let numbers = saved.parts.iter().flat_map(|(start_ms, amount)| [*start_ms, *amount]);
    (format!("{window} {}", saved.key), numbers.flat_map(u64::to_le_bytes).collect())
}

fn from_row(name: &str, parts: &[u8]) -> Option<Saved> {
    let (window, key) = name.split_once(' ')?;
    let window = match window.strip_suffix("ms") {
        Some(ms) => Window::Sliding(ms.parse().ok()?),
        None => Window::Calendar(*PERIODS.iter().find(|period| word(**period) == window)?),
    };
    let (numbers, _) = parts.as_chunks::<8>();
    let (pairs, _) = numbers.as_chunks::<2>();
    let parts = pairs.iter().map(|[start_ms, amount]| (u64::from_le_bytes(*start_ms), u64::from_le_bytes(*amount)));
    Some(Saved { key: key.into(), window, parts: parts.collect() })
}

const PERIODS: [Period; 5] = [Period::Hour, Period::Day, Period::Week, Period::Month, Period::Year];

fn word(period: Period) -> &'static str {
    match period {
        Period::Hour => "hour",
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
        Period::Year => "year",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_come_back_as_they_were_saved() {
        let windows = PERIODS.map(Window::Calendar).into_iter().chain([Window::Sliding(3_600_000)]);
        let saved: Vec<_> = (1..)
            .zip(windows)
            .map(|(i, window)| Saved { key: "rule|a b".into(), window, parts: vec![(i, u64::MAX), (i + 1, 0)] })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(&folder.path().join("a/b/state.redb")).unwrap();
        file.save(&saved).unwrap();
        let found = file.counters().unwrap();
        assert_eq!(found.len(), saved.len());
        assert!(found.iter().all(|found| saved.contains(found)), "{found:?}");
        let gone: Vec<_> = saved.into_iter().map(|saved| Saved { parts: Vec::new(), ..saved }).collect();
        file.save(&gone).unwrap();
        assert_eq!(file.counters().unwrap(), []);
    }

    #[test]
    fn shelves_are_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.redb");
        let file = File::open(&path).unwrap();
        for (shelf, id) in [("keys", "b"), ("keys", "a"), ("key", "z"), ("keyss", "y")] {
            file.put(shelf, id, id.as_bytes()).unwrap();
        }
        file.put("keys", "b", b"anew").unwrap();
        drop(file);
        let file = File::open(&path).unwrap();
        let expected = [("a".to_owned(), b"a".to_vec()), ("b".to_owned(), b"anew".to_vec())];
        assert_eq!(file.shelf("keys").unwrap(), expected);
        assert!(file.remove("keys", "a").unwrap());
        assert!(!file.remove("keys", "a").unwrap());
        assert_eq!(file.shelf("keys").unwrap().len(), 1);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn who_comes_second_reads_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.redb");
        let _first = File::open(&path).unwrap();
        assert!(matches!(File::open(&path).unwrap_err(), Failure::InUse));
    }

    #[test]
    fn what_is_no_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for text in ["not a database".to_owned(), "x".repeat(100_000)] {
            std::fs::write(&path, &text).unwrap();
            assert!(matches!(File::open(&path).unwrap_err(), Failure::Damaged(_)), "{} bytes", text.len());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_or_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.redb");
        let file = File::open(&path).unwrap();
        for i in 0..200 {
            file.put("keys", &format!("id {i}"), &[7; 100]).unwrap();
        }
        drop(file);
        let good = std::fs::read(&path).unwrap();
        let mut refused = 0;
        for at in (0..good.len()).step_by(good.len() / 60) {
            let mut bad = good.clone();
            bad[at..].iter_mut().take(64).for_each(|byte| *byte ^= 0xff);
            std::fs::write(&path, bad).unwrap();
            match File::open(&path).and_then(|file| file.shelf("keys")) {
                Ok(keys) => assert!(keys.len() == 200 || keys.is_empty(), "{} keys with damage at {at}", keys.len()),
                Err(_) => refused += 1,
            }
        }
        std::fs::write(&path, &good[..good.len() / 2]).unwrap();
        let half = File::open(&path).and_then(|file| file.shelf("keys"));
        assert!(half.is_err() && refused > 0, "{refused} refused");
    }
}
