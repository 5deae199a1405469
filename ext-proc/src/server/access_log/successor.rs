//! The process that serves in this one's place while this one drains. Envoy goes on telling on the streams that it has, so
//! how the successor's exchanges end comes here, too, and is passed on to where it listens.

use super::is_of_exchange;
use crate::metrics::Metrics;
use envoy_types::pb::envoy::data::accesslog::v3::HttpAccessLogEntry;
use envoy_types::pb::envoy::service::accesslog::v3::StreamAccessLogsMessage;
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_client::AccessLogServiceClient;
use envoy_types::pb::envoy::service::accesslog::v3::stream_access_logs_message::{HttpAccessLogEntries, LogEntries};
use futures_util::stream;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

/// Most messages of Envoy that wait to be passed on.
const WAITING_MAX: usize = 1024;
/// Most time to pass one on.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Takes what nobody here knows.
#[derive(Clone, Debug)]
pub struct Successor(mpsc::Sender<Vec<HttpAccessLogEntry>>);

impl Successor {
    /// Who takes it, and what passes it on until nobody gives any more.
    pub fn new() -> (Self, Passing) {
        let (sender, entries) = mpsc::channel(WAITING_MAX);
        (Self(sender), Passing(entries))
    }

    /// Has lines passed on, and does not wait for it; what there is no room for comes back.
    pub(super) fn pass_on(&self, entries: Vec<HttpAccessLogEntry>) -> Result<(), Vec<HttpAccessLogEntry>> {
        self.0.try_send(entries).map_err(mpsc::error::TrySendError::into_inner)
    }
}

/// What waits to be passed on.
#[derive(Debug)]
pub struct Passing(mpsc::Receiver<Vec<HttpAccessLogEntry>>);

impl Passing {
    /// Passes on to whoever listens at this address (as `service.grpc` says it) by then.
    pub async fn run(mut self, grpc: String, metrics: Arc<Metrics>) {
        let mut client = None;
        while let Some(entries) = self.0.recv().await {
            let exchanges = entries.iter().filter(|entry| is_of_exchange(entry)).count() as u64;
            let told = match &mut client {
                Some(client) => tell(client, entries).await,
                none => match connect(&grpc) {
                    Ok(connected) => tell(none.insert(connected), entries).await,
                    Err(error) => Err(error.to_string()),
                },
            };
            let outcome = told.map_or_else(
                |why| {
                    tracing::debug!(why, exchanges, "nobody takes what Envoy says of exchanges that are not ours");
                    "unknown"
                },
                |()| "passed_on",
            );
            metrics.logged.with_label_values(&[outcome]).inc_by(exchanges);
        }
    }
}

fn connect(grpc: &str) -> Result<AccessLogServiceClient<Channel>, tonic::transport::Error> {
    let address = if grpc.starts_with("unix:") { grpc.to_owned() } else { format!("http://{grpc}") };
    Ok(AccessLogServiceClient::new(Endpoint::from_shared(address)?.connect_lazy()))
}

async fn tell(client: &mut AccessLogServiceClient<Channel>, log_entry: Vec<HttpAccessLogEntry>) -> Result<(), String> {
    let log_entries = Some(LogEntries::HttpLogs(HttpAccessLogEntries { log_entry }));
    let message = StreamAccessLogsMessage { identifier: None, log_entries };
    let telling = client.stream_access_logs(stream::iter([message]));
    match tokio::time::timeout(TIME_MAX, telling).await {
        Ok(told) => told.map(|_| ()).map_err(|status| status.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}
