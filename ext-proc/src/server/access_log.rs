//! Envoy's access log, as a stream of lines: how the exchanges of the hybrid end.

mod successor;

use super::NAMESPACE;
use crate::exchange::Service;
use crate::exchange::logged::{self, Line};
use crate::exchange::message::text;
use crate::exchange::waiting::Unknown;
use crate::workers::Phase;
use attache_core::hybrid::{self, Told};
use envoy_types::pb::envoy::data::accesslog::v3::{AccessLogCommon, AccessLogType, HttpAccessLogEntry, ResponseFlags};
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::AccessLogService;
use envoy_types::pb::envoy::service::accesslog::v3::stream_access_logs_message::LogEntries;
use envoy_types::pb::envoy::service::accesslog::v3::{StreamAccessLogsMessage, StreamAccessLogsResponse};
use envoy_types::pb::google::protobuf::{Any, BytesValue, Duration as Time};
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};

pub use successor::Successor;

/// How often a stream looks whether the process still needs it.
const LOOK: Duration = Duration::from_millis(50);

/// `envoy.service.accesslog.v3.AccessLogService`.
#[derive(Clone, Debug)]
pub struct AccessLog {
    service: Arc<Service>,
    phase: watch::Receiver<Phase>,
    successor: Successor,
}

impl AccessLog {
    /// Settles what waits; what does not, while the process drains, is its successor's.
    pub fn new(service: Arc<Service>, phase: watch::Receiver<Phase>, successor: Successor) -> Self {
        Self { service, phase, successor }
    }

    fn drains(&self) -> bool {
        *self.phase.borrow() >= Phase::Closing
    }

    /// Takes an entry; gives back what another process may know.
    fn take(&self, entry: HttpAccessLogEntry) -> Option<HttpAccessLogEntry> {
        let line = line(&entry)?;
        let count = |outcome| self.service.metrics.logged.with_label_values(&[outcome]).inc();
        let waiting = &self.service.waiting;
        let unknown = match (line.exchange.is_empty(), line.goes_on) {
            // It has not come to us yet.
            (true, true) => return None,
            // Most of these were answered by us, and are booked.
            (true, false) => waiting.end_untaken(&line.request_id).map(|()| count("untaken")),
            (false, true) => self.goes_on(line).map(|()| count("goes_on")),
            (false, false) => waiting.end(&line.exchange.clone(), line).map(|()| count("settled")),
        };
        unknown.err().map(|Unknown| entry)
    }

    /// Follows an exchange that goes on. The store may take its time; what comes after it in the log need not wait.
    fn goes_on(&self, line: Line) -> Result<(), Unknown> {
        if let Some((ticket, mut books)) = self.service.waiting.lend(&line.exchange)? {
            let service = self.service.clone();
            tokio::spawn(async move {
                logged::goes_on(&ticket, &mut books, &line).await;
                service.waiting.give_back(&line.exchange, books);
            });
        }
        Ok(())
    }

    /// Reads what Envoy says, until it says no more.
    async fn read(&self, messages: &mut Streaming<StreamAccessLogsMessage>) -> Result<(), Status> {
        while let Some(StreamAccessLogsMessage { log_entries, .. }) = messages.message().await? {
            let Some(LogEntries::HttpLogs(lines)) = log_entries else { continue };
            let not_ours: Vec<_> = lines.log_entry.into_iter().filter_map(|entry| self.take(entry)).collect();
            if not_ours.is_empty() {
                continue;
            }
            let unknown = if self.drains() { self.successor.pass_on(not_ours).err() } else { Some(not_ours) };
            let unknown = unknown.iter().flatten().filter(|entry| is_of_exchange(entry)).count();
            self.service.metrics.logged.with_label_values(&["unknown"]).inc_by(unknown as u64);
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl AccessLogService for AccessLog {
    async fn stream_access_logs(
        &self,
        request: Request<Streaming<StreamAccessLogsMessage>>,
    ) -> Result<Response<StreamAccessLogsResponse>, Status> {
        let mut messages = request.into_inner();
        tokio::select! {
            biased;
            read = self.read(&mut messages) => read?,
            () = needless(&self.service, self.phase.clone()) => {
                // Until Envoy sees that the stream has ended it may say something, which nobody would hear again.
                let this = self.clone();
                tokio::spawn(async move { this.read(&mut messages).await });
            }
        }
        Ok(Response::new(StreamAccessLogsResponse {}))
    }
}

/// Waits until the process is to end and nothing is open any more: Envoy never ends such a stream.
async fn needless(service: &Service, mut phase: watch::Receiver<Phase>) {
    // What it gives keeps others out while it lives.
    drop(phase.wait_for(|phase| *phase >= Phase::Draining).await);
    while service.metrics.exchange.open.get() > 0 {
        tokio::time::sleep(LOOK).await;
    }
}

/// The exchange that an entry is about; `None` where Envoy knows of none.
fn exchange(entry: &HttpAccessLogEntry) -> Option<&str> {
    let metadata = entry.common_properties.as_ref()?.metadata.as_ref()?;
    metadata.filter_metadata.get(NAMESPACE)?.fields.get("exchange").and_then(text)
}

fn is_of_exchange(entry: &HttpAccessLogEntry) -> bool {
    exchange(entry).is_some()
}

/// What an entry says.
fn line(entry: &HttpAccessLogEntry) -> Option<Line> {
    let HttpAccessLogEntry { common_properties, request, response, .. } = entry;
    let common = common_properties.as_ref()?;
    let response = response.as_ref();
    let status = response.and_then(|response| response.response_code);
    Some(Line {
        exchange: exchange(entry).unwrap_or_default().to_owned(),
        request_id: request.as_ref().map(|request| request.request_id.clone()).unwrap_or_default(),
        goes_on: common.access_log_type == i32::from(AccessLogType::DownstreamPeriodic),
        status: status.and_then(|code| u16::try_from(code.value).ok()).unwrap_or(0),
        attempts: common.upstream_request_attempt_count,
        told: told(common),
        cut: common.response_flags.as_ref().is_some_and(is_cut),
        lasted: common.duration.as_ref().and_then(time),
        first_byte: common.time_to_first_upstream_rx_byte.as_ref().and_then(time),
        cluster: common.upstream_cluster.clone(),
        details: response.map(|response| response.response_code_details.clone()).unwrap_or_default(),
    })
}

/// What a filter has told.
fn told(common: &AccessLogCommon) -> Option<Told> {
    let Any { value, .. } = common.filter_state_objects.get(hybrid::TOLD_STATE)?;
    // A text or bytes, which look alike.
    let value = BytesValue::decode(&**value).ok()?.value;
    let text = std::str::from_utf8(&value).ok()?;
    hybrid::read(text).inspect_err(|why| tracing::warn!(why, "what a filter told of an answer cannot be read")).ok()
}

/// Whether somebody hung up before the answer was whole.
fn is_cut(flags: &ResponseFlags) -> bool {
    flags.downstream_connection_termination
        || flags.downstream_remote_reset
        || flags.downstream_protocol_error
        || flags.upstream_connection_termination
        || flags.upstream_remote_reset
        || flags.upstream_protocol_error
        || flags.stream_idle_timeout
        || flags.duration_timeout
        || flags.upstream_max_stream_duration_reached
        || flags.local_reset
}

fn time(told: &Time) -> Option<Duration> {
    Some(Duration::new(u64::try_from(told.seconds).ok()?, u32::try_from(told.nanos).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hangs_up_by_whatever_means_has_cut_the_answer() {
        let none = ResponseFlags::default;
        assert!(!is_cut(&none()));
        for flags in [
            ResponseFlags { downstream_connection_termination: true, ..none() },
            ResponseFlags { downstream_remote_reset: true, ..none() },
            ResponseFlags { upstream_remote_reset: true, ..none() },
            ResponseFlags { upstream_max_stream_duration_reached: true, ..none() },
            ResponseFlags { local_reset: true, ..none() },
        ] {
            assert!(is_cut(&flags), "{flags:?}");
        }
    }
}
