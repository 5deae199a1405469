//! What came in, and how it ended: so that a test can ask the provider's side of the story.
//!
//! Bounded in requests and in bytes; the oldest go first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

/// Requests that are kept.
const REQUESTS_MAX: usize = 1000;
/// A longer body is not kept, only counted.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Bodies of all kept requests together.
const ALL_BODIES_BYTES_MAX: usize = 64 << 20;

/// All that this simulator remembers.
#[derive(Debug)]
pub(crate) struct Records {
    started: Instant,
    requests: AtomicU64,
    open: AtomicU64,
    complete: AtomicU64,
    client_gone: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    body_bytes: usize,
    records: VecDeque<Record>,
}

#[derive(Debug)]
struct Record {
    n: u64,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Bytes>,
    body_bytes: usize,
    at_ms: u128,
    ended: Option<(Ended, u128)>,
    events_sent: u64,
}

/// How an exchange ended, seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Complete,
    ClientGone,
    ResetByScript,
}

impl Ended {
    fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::ResetByScript => "reset_by_script",
        }
    }
}

/// One exchange that is under way. Dropped before it was told how it ended: the client has gone.
#[derive(Debug)]
pub(crate) struct Open {
    records: Arc<Records>,
    pub(crate) n: u64,
    recorded: bool,
    pub(crate) events_sent: u64,
    ended: Option<Ended>,
}

/// A request, before it is known whether it will be kept.
pub(crate) struct Arrival<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

impl Records {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            requests: AtomicU64::new(0),
            open: AtomicU64::new(0),
            complete: AtomicU64::new(0),
            client_gone: AtomicU64::new(0),
            kept: Mutex::default(),
        })
    }

    /// Counts a request, and keeps it if `keep`.
    pub(crate) fn begin(self: &Arc<Self>, arrival: &Arrival<'_>, keep: bool) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        let next = || self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let n = if keep {
            let mut record = Record::new(arrival, self.started.elapsed().as_millis());
            // Numbered under the lock, so that the kept ones stay in order.
            let mut kept = self.kept();
            record.n = next();
            let n = record.n;
            kept.push(record);
            n
        } else {
            next()
        };
        Open { records: Arc::clone(self), n, recorded: keep, events_sent: 0, ended: None }
    }

    /// The kept requests, oldest first.
    pub(crate) fn to_json(&self) -> Value {
        self.kept().records.iter().map(Record::to_json).collect()
    }

    pub(crate) fn stats(&self) -> Value {
        json!({
            "requests": self.requests.load(Ordering::Relaxed),
            "open": self.open.load(Ordering::Relaxed),
            "complete": self.complete.load(Ordering::Relaxed),
            "client_gone": self.client_gone.load(Ordering::Relaxed),
        })
    }

    pub(crate) fn clear(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, record: Record) {
        self.body_bytes += record.kept_bytes();
        self.records.push_back(record);
        while self.records.len() > REQUESTS_MAX || (self.body_bytes > ALL_BODIES_BYTES_MAX && self.records.len() > 1) {
            let dropped = self.records.pop_front().map_or(0, |record| record.kept_bytes());
            self.body_bytes -= dropped;
        }
    }
}

impl Record {
    fn new(arrival: &Arrival<'_>, at_ms: u128) -> Self {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            n: 0,
            method: arrival.method.to_string(),
            path: arrival.path.to_owned(),
            headers: arrival.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            // A copy, so that one small body does not keep a whole read buffer alive.
            body: (arrival.body.len() <= BODY_BYTES_MAX).then(|| Bytes::copy_from_slice(arrival.body)),
            body_bytes: arrival.body.len(),
            at_ms,
            ended: None,
            events_sent: 0,
        }
    }

    fn kept_bytes(&self) -> usize {
        self.body.as_ref().map_or(0, Bytes::len)
    }

    fn to_json(&self) -> Value {
        let mut json = json!({
            "n": self.n,
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "body_bytes": self.body_bytes,
            "at_ms": self.at_ms,
            "ended": self.ended.map_or("open", |(ended, _)| ended.name()),
            "ended_at_ms": self.ended.map(|(_, at_ms)| at_ms),
            "events_sent": self.events_sent,
        });
        if let (Some(body), Some(object)) = (&self.body, json.as_object_mut()) {
            object.insert("body".to_owned(), String::from_utf8_lossy(body).into());
        }
        json
    }
}

impl Open {
    /// Says how it ends. The first word counts.
    pub(crate) fn end(&mut self, ended: Ended) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(ended);
        let records = &self.records;
        records.open.fetch_sub(1, Ordering::Relaxed);
        match ended {
            Ended::Complete => records.complete.fetch_add(1, Ordering::Relaxed),
            Ended::ClientGone => records.client_gone.fetch_add(1, Ordering::Relaxed),
            Ended::ResetByScript => 0,
        };
        if !self.recorded {
            return;
        }
        let at_ms = records.started.elapsed().as_millis();
        // Numbers rise along the queue; a cleared or evicted record is simply not there any more.
        let mut kept = records.kept();
        if let Ok(position) = kept.records.binary_search_by_key(&self.n, |record| record.n)
            && let Some(record) = kept.records.get_mut(position)
        {
            record.ended = Some((ended, at_ms));
            record.events_sent = self.events_sent;
        }
    }

    /// One more event is on its way; visible at once while the stream is open, if the request is recorded.
    pub(crate) fn count_event(&mut self) {
        self.events_sent += 1;
        if !self.recorded {
            return;
        }
        let mut kept = self.records.kept();
        if let Ok(position) = kept.records.binary_search_by_key(&self.n, |record| record.n)
            && let Some(record) = kept.records.get_mut(position)
        {
            record.events_sent = self.events_sent;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.end(Ended::ClientGone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(records: &Arc<Records>, body: &[u8]) -> Open {
        let arrival = Arrival {
            method: &http::Method::POST,
            path: "/v1/messages",
            headers: &HeaderMap::new(),
            body: &Bytes::copy_from_slice(body),
        };
        records.begin(&arrival, true)
    }

    #[test]
    fn a_dropped_exchange_is_a_client_gone() {
        let records = Records::new();
        let mut open = begin(&records, b"{}");
        open.count_event();
        assert_eq!(records.to_json()[0]["ended"], "open");
        assert_eq!(records.to_json()[0]["events_sent"], 1);
        drop(open);
        begin(&records, b"").end(Ended::Complete);
        assert_eq!(records.to_json()[0]["ended"], "client_gone");
        assert_eq!(records.to_json()[1]["ended"], "complete");
        assert_eq!(records.stats(), json!({"requests": 2, "open": 0, "complete": 1, "client_gone": 1}));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let records = Records::new();
        for _ in 0..REQUESTS_MAX + 5 {
            begin(&records, b"x").end(Ended::Complete);
        }
        let kept = records.to_json();
        assert_eq!(kept.as_array().map(Vec::len), Some(REQUESTS_MAX));
        assert_eq!(kept[0]["n"], 6);
        let long = vec![b'a'; BODY_BYTES_MAX + 1];
        begin(&records, &long).end(Ended::Complete);
        let kept = records.to_json();
        assert_eq!(kept[REQUESTS_MAX - 1]["body_bytes"], BODY_BYTES_MAX + 1);
        assert_eq!(kept[REQUESTS_MAX - 1].get("body"), None);
    }
}
