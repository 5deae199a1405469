//! Usage records on their way out: one line of JSON per exchange, written by a thread of its own so that a slow disk
//! or pipe never holds an exchange.

use crate::metrics::Metrics;
use attache_proto::usage::v1::UsageRecord;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// How many records may wait for the writer; beyond it they are counted as dropped.
const WAITING_MAX: usize = 65_536;

/// Where records go in.
#[derive(Debug)]
pub struct UsageLog {
    /// Boxed: the queue lays out its places at once, and empty ones shall be small.
    records: Option<SyncSender<Box<UsageRecord>>>,
    metrics: Arc<Metrics>,
}

impl UsageLog {
    /// Opens the log: `stdout`, `off`, or a file to append to. The handle ends when the log is dropped and all is written.
    ///
    /// # Errors
    /// When the file cannot be opened or the thread not started.
    pub fn open(to: &str, metrics: Arc<Metrics>) -> std::io::Result<(Self, Option<JoinHandle<()>>)> {
        let out: Box<dyn Write + Send> = match to {
            "off" => return Ok((Self { records: None, metrics }, None)),
            "stdout" => Box::new(std::io::stdout()),
            path => {
                let open = std::fs::OpenOptions::new().create(true).append(true).open(path);
                Box::new(open.map_err(|error| std::io::Error::new(error.kind(), format!("usage.to: {path}: {error}")))?)
            }
        };
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let counted = metrics.clone();
        let writer = std::thread::Builder::new()
            .name("usage-log".into())
            .spawn(move || write(&receiver, BufWriter::new(out), &counted))?;
        Ok((Self { records: Some(sender), metrics }, Some(writer)))
    }

    /// Hands a record to the writer. Never waits.
    pub fn write(&self, record: UsageRecord) {
        let Some(records) = &self.records else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = records.try_send(Box::new(record)) {
            self.metrics.usage_dropped.inc();
        }
    }
}

fn write(records: &Receiver<Box<UsageRecord>>, mut out: impl Write, metrics: &Metrics) {
    let mut line = Vec::new();
    while let Ok(first) = records.recv() {
        let mut next = Some(first);
        while let Some(record) = next {
            // A line goes out at once, never in parts: a process that draining keeps alive and the one after it append to
            // the same file, and a process that is killed leaves no half of a line.
            line.clear();
            let made = serde_json::to_writer(&mut line, &record).map_err(std::io::Error::from);
            line.push(b'\n');
            if let Err(error) = made.and_then(|()| out.write_all(&line)) {
                metrics.usage_dropped.inc();
                tracing::error!(%error, request_id = record.request_id, "usage record not written");
            }
            next = records.try_recv().ok();
        }
        if let Err(error) = out.flush() {
            tracing::error!(%error, "usage log not flushed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_becomes_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("usage.jsonl");
        let metrics = Arc::new(Metrics::new().unwrap());
        let (log, writer) = UsageLog::open(path.to_str().unwrap(), metrics.clone()).unwrap();
        for i in 0..100 {
            log.write(UsageRecord { request_id: i.to_string(), ..UsageRecord::default() });
        }
        drop(log);
        writer.unwrap().join().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let ids: Vec<String> =
            text.lines().map(|line| serde_json::from_str::<UsageRecord>(line).unwrap().request_id).collect();
        assert_eq!(ids, (0..100).map(|i| i.to_string()).collect::<Vec<_>>());
        assert_eq!(metrics.usage_dropped.get(), 0);
    }

    #[test]
    fn every_write_to_the_file_is_of_whole_lines() {
        struct Writes(Vec<Vec<u8>>);
        impl Write for &mut Writes {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.push(bytes.to_vec());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let (sender, receiver) = sync_channel(WAITING_MAX);
        for i in 0..500 {
            sender.send(Box::new(UsageRecord { request_id: "x".repeat(i), ..UsageRecord::default() })).unwrap();
        }
        drop(sender);
        let mut writes = Writes(Vec::new());
        write(&receiver, BufWriter::new(&mut writes), &Metrics::new().unwrap());
        assert!(writes.0.len() > 10, "the buffer was full several times");
        for bytes in writes.0 {
            assert_eq!(bytes.last(), Some(&b'\n'));
        }
    }
}
