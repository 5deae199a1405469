//! Following the journal: from its beginning when this process or Redis is new, otherwise from where it stopped.

use super::super::purge::{Epoch, Filter, Purges, TTL_MAX};
use super::super::wire::{Wire, epoch};
use super::{Added, Apply, Change, Known, PURGE_FIELD, Record, text};
use crate::store::{RedisConnection, RedisSettings};
use redis::{Cmd, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Most records of one reading: about 130 KB.
const RECORDS_MAX: usize = 256;
/// How long Redis waits for something to tell. Below the timeout of a connection to a cluster.
const BLOCK_MS: u64 = 500;
/// Longest time for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Between two looks at the state.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between two attempts to find Redis.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// One replica's reading.
pub(super) struct Follower {
    settings: RedisSettings,
    wire: Arc<Wire>,
    known: Arc<Known>,
    apply: Apply,
    /// The last record that was read.
    last: String,
    /// Which Redis it was: it names itself anew when it was emptied.
    born: Option<String>,
}

/// The connection is of no use any more.
struct Lost;

impl Follower {
    pub(super) fn new(settings: RedisSettings, wire: Arc<Wire>, known: Arc<Known>, apply: Apply) -> Self {
        Self { settings, wire, known, apply, last: BEGINNING.to_owned(), born: None }
    }

    /// Follows for ever.
    pub(super) async fn run(mut self) {
        loop {
            let since = tokio::time::Instant::now();
            if let Ok(connection) = RedisConnection::open(&self.settings).await {
                let Err(Lost) = self.follow(connection).await;
                self.wire.metrics.cache.store_errors.with_label_values(&["follow"]).inc();
            }
            tokio::time::sleep_until(since + RETRY_EVERY).await;
        }
    }

    async fn follow(&mut self, mut connection: RedisConnection) -> Result<std::convert::Infallible, Lost> {
        let mut looked = None::<Instant>;
        loop {
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
                self.look(&mut connection).await?;
                looked = Some(Instant::now());
            }
            let asked = Instant::now();
            let mut command = redis::cmd("XREAD");
            command.arg("COUNT").arg(RECORDS_MAX).arg("BLOCK").arg(BLOCK_MS);
            command.arg("STREAMS").arg(self.wire.journal()).arg(&self.last);
            let reply = ask(&mut connection, &command).await?;
            let nothing = reply == Value::Nil;
            match self.take(reply) {
                // Whatever this is, asking again brings the same.
                0 if !nothing => return Err(Lost),
                RECORDS_MAX.. => {}
                _ => self.known.read_all(asked),
            }
        }
    }

    /// Looks whether Redis is still the same, and what is purged.
    async fn look(&mut self, connection: &mut RedisConnection) -> Result<(), Lost> {
        let (asked, state) = (Instant::now(), self.wire.state());
        let name = format!("{:032x}", rand::random::<u128>());
        ask(connection, redis::cmd("HSETNX").arg(&state).arg("born").arg(name)).await?;
        let fields = pairs(ask(connection, redis::cmd("HGETALL").arg(&state)).await?);
        let newest =
            ask(connection, redis::cmd("XREVRANGE").arg(self.wire.journal()).arg("+").arg("-").arg("COUNT").arg(1))
                .await?;
        let born = fields.iter().find(|(field, _)| field == b"born").map(|(_, name)| name.clone());
        let born = born.map(|name| String::from_utf8_lossy(&name).into_owned());
        let went_back = newest_id(&newest).is_some_and(|newest| is_before(newest, &self.last));
        if self.born != born || went_back {
            self.forget(born);
        }
        for (field, (id, filter)) in fields.iter().filter_map(|field| Some((&field.0, purge(field)?))) {
            if is_over(id) {
                ask(connection, redis::cmd("HDEL").arg(&state).arg(field)).await?;
            } else if self.known.learn(id, filter.clone()) {
                (self.apply)(vec![Change::Purge(filter)]);
            }
        }
        self.known.hear(asked);
        Ok(())
    }

    /// Begins anew.
    fn forget(&mut self, born: Option<String>) {
        // What this replica stored while it had no journal is nobody's loss.
        if self.born.is_some() {
            tracing::info!("the cache's Redis was emptied: what it held is forgotten");
        }
        (self.born, self.last) = (born, BEGINNING.to_owned());
        self.known.purges.store(Arc::new(Purges::default()));
        (self.apply)(vec![Change::Forget]);
    }

    /// Applies what was read; says how much that was. Whatever it is, it is not read again.
    fn take(&mut self, reply: Value) -> usize {
        let lines = lines(reply);
        let count = lines.len();
        let mut changes = Vec::with_capacity(count);
        for (id, record) in lines {
            match record.as_deref().map(Record::read) {
                // A purge may be known before what it names has been read.
                Some(Ok(Record::Add(added))) if self.is_purged(&id, &added) => {}
                Some(Ok(Record::Add(added))) => changes.push(Change::Add(added)),
                Some(Ok(Record::Remove(id))) => changes.push(Change::Remove(id)),
                Some(Ok(Record::Purge(filter))) => {
                    if epoch(&id).is_none_or(|epoch| self.known.learn(epoch, filter.clone())) {
                        changes.push(Change::Purge(filter));
                    }
                }
                Some(Err(_)) | None => {
                    self.known.unread.fetch_add(1, Ordering::Relaxed);
                }
            }
            self.last = id;
        }
        self.known.read.fetch_add(count as u64, Ordering::Relaxed);
        if !changes.is_empty() {
            (self.apply)(changes);
        }
        count
    }

    fn is_purged(&self, id: &str, added: &Added) -> bool {
        let epoch = epoch(id).unwrap_or_default();
        self.known.purges.load().cover(&added.key(), &added.tags, epoch)
    }
}

/// Before the first record.
const BEGINNING: &str = "0-0";

async fn ask(connection: &mut RedisConnection, command: &Cmd) -> Result<Value, Lost> {
    match tokio::time::timeout(ANSWER_MAX, connection.run(command)).await {
        Ok(Ok(Value::ServerError(_)) | Err(_)) | Err(_) => Err(Lost),
        Ok(Ok(value)) => Ok(value),
    }
}

/// The records of a reading: each id with its bytes, if it has any.
fn lines(reply: Value) -> Vec<(String, Option<Vec<u8>>)> {
    // One stream with its records, as a list of pairs or as a map.
    let records = if let Value::Map(streams) = reply {
        streams.into_iter().map(|(_, records)| records).next()
    } else {
        array(reply).into_iter().next().and_then(|stream| array(stream).into_iter().nth(1))
    };
    records.map(array).unwrap_or_default().into_iter().filter_map(line).collect()
}

fn line(record: Value) -> Option<(String, Option<Vec<u8>>)> {
    let mut parts = array(record).into_iter();
    let id = text(&parts.next()?)?.to_owned();
    let fields = parts.next().map(pairs).unwrap_or_default();
    Some((id, fields.into_iter().find(|(field, _)| field == b"r").map(|(_, bytes)| bytes)))
}

/// Fields and what stands in them.
fn pairs(value: Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let flat = if let Value::Map(pairs) = value {
        pairs.into_iter().flat_map(|(field, value)| [field, value]).collect()
    } else {
        array(value)
    };
    let mut flat = flat.into_iter().map(|value| if let Value::BulkString(bytes) = value { bytes } else { Vec::new() });
    std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
}

fn array(value: Value) -> Vec<Value> {
    if let Value::Array(values) = value { values } else { Vec::new() }
}

/// A purge as it stands in the state.
fn purge((field, value): &(Vec<u8>, Vec<u8>)) -> Option<(Epoch, Filter)> {
    if !field.starts_with(PURGE_FIELD.as_bytes()) {
        return None;
    }
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (id, filter) = value.split_at_checked(space)?;
    Some((epoch(std::str::from_utf8(id).ok()?)?, Filter::read(filter.trim_ascii_start())))
}

/// Whether everything that a purge can name has expired.
fn is_over(id: Epoch) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // This clock and that of Redis may differ.
    now.saturating_sub(Duration::from_millis(id >> 16)) > TTL_MAX + Duration::from_secs(24 * 3600)
}

/// The id of the newest record.
fn newest_id(reply: &Value) -> Option<&str> {
    let Value::Array(records) = reply else { return None };
    let Some(Value::Array(parts)) = records.first() else { return None };
    parts.first().and_then(text)
}

/// Whether an id comes before another.
fn is_before(one: &str, other: &str) -> bool {
    let parts = |id: &str| {
        let (ms, count) = id.split_once('-')?;
        Some((ms.parse::<u64>().ok()?, count.parse::<u64>().ok()?))
    };
    parts(one) < parts(other)
}
