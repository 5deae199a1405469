//! `attache serve`: listen, serve until SIGTERM, drain.

use crate::admin::Admin;
use crate::config::written::{Log, LogFormat};
use crate::config::{self, compiled, reload};
use crate::exchange::Service;
use crate::exchange::pending::Pending;
use crate::metrics::Metrics;
use crate::server::ExtProc;
use crate::usage_log::UsageLog;
use arc_swap::ArcSwap;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic_health::ServingStatus;
use tracing_subscriber::EnvFilter;

type Anything = Box<dyn std::error::Error + Send + Sync>;

/// A message of Envoy holds a whole body and some headers beside it.
const MESSAGE_BYTES_BESIDE_BODY: usize = 1 << 20;
/// Flow control windows: large enough that a 20 MB body does not wait for window updates.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 64 << 20;

/// Serves with the configuration in this file until SIGTERM or SIGINT, then drains.
///
/// # Errors
/// A bad configuration, an address that cannot be listened on.
pub fn run(path: PathBuf) -> Result<(), Anything> {
    let config = config::load(&path)?;
    log_to_stderr(&config.written.log)?;
    let metrics = Arc::new(Metrics::new()?);
    let (usage, usage_writer) = UsageLog::open(&config.written.usage.to.0, metrics.clone())?;
    let config = Arc::new(ArcSwap::from_pointee(config));
    let service = Arc::new(Service { config, pending: Pending::default(), metrics, usage });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(path, service));
    // Whatever is still open is dropped with the runtime, and so settled, before the usage log ends.
    runtime.shutdown_timeout(Duration::from_secs(1));
    if let Some(writer) = usage_writer
        && writer.join().is_err()
    {
        tracing::error!("the usage log's thread ended badly; records may be missing");
    }
    served
}

async fn serve(path: PathBuf, service: Arc<Service>) -> Result<(), Anything> {
    let config = service.config.load_full();
    let written = &config.written.service;
    let admin = Admin::bind(&written.admin, service.clone()).await?;
    let listener = Listener::bind(&written.grpc).await?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", ServingStatus::Serving).await;
    health.set_serving::<ExtProc>().await;
    tracing::info!(
        config = %path.display(),
        grpc = written.grpc,
        admin = %admin.address,
        models = config.models.len(),
        providers = config.providers.len(),
        "attache serves"
    );
    let ready = admin.ready.clone();
    tokio::spawn(admin.serve());
    let watching = reload::watch(path, service.config.clone(), service.metrics.clone());
    tokio::spawn(async {
        if let Err(error) = watching.await {
            tracing::error!(%error, "the configuration is not watched");
        }
    });
    let message_bytes_max = config.written.limits.body_bytes_max as usize + MESSAGE_BYTES_BESIDE_BODY;
    let drain_time = Duration::from_secs(written.drain_seconds);
    let (drain_begins, begun) = tokio::sync::oneshot::channel::<()>();
    let router = tonic::transport::Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .tcp_nodelay(true)
        .add_service(health_service)
        .add_service(ExtProc::new(service.clone(), message_bytes_max));
    let until = async move {
        let Ok(signal) = stop_signal().await else { return };
        tracing::info!(signal, "draining: open exchanges finish, new ones are refused");
        ready.store(false, std::sync::atomic::Ordering::Relaxed);
        health.set_service_status("", ServingStatus::NotServing).await;
        health.set_not_serving::<ExtProc>().await;
        // The receiver is gone only when serving has ended already.
        let _ended = drain_begins.send(());
    };
    listener
        .serve(router, until, async move {
            if begun.await.is_ok() {
                tokio::time::sleep(drain_time).await;
            } else {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    tracing::info!(open = service.metrics.open.get(), "attache ends");
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
async fn stop_signal() -> io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

/// Where Envoy connects to.
enum Listener {
    Unix(UnixListener, SocketFile),
    Tcp(TcpListener),
}

impl Listener {
    async fn bind(address: &str) -> Result<Self, Anything> {
        if let Some(path) = address.strip_prefix("unix:") {
            let file = SocketFile::new(path)?;
            let listener = UnixListener::bind(path).map_err(|error| format!("service.grpc: {address}: {error}"))?;
            return Ok(Self::Unix(listener, file));
        }
        let (host, port) = compiled::split_host_port(address).ok_or("service.grpc: not an address")?;
        let listener = TcpListener::bind((host, port)).await;
        Ok(Self::Tcp(listener.map_err(|error| format!("service.grpc: {address}: {error}"))?))
    }

    /// Serves until `until`, then lets open streams finish, but not beyond `deadline`.
    async fn serve(
        self,
        router: tonic::transport::server::Router,
        until: impl Future<Output = ()>,
        deadline: impl Future<Output = ()>,
    ) -> Result<(), tonic::transport::Error> {
        match self {
            Self::Unix(listener, _file) => tokio::select! {
                served = router.serve_with_incoming_shutdown(UnixListenerStream::new(listener), until) => served,
                () = deadline => Ok(()),
            },
            Self::Tcp(listener) => tokio::select! {
                served = router.serve_with_incoming_shutdown(TcpListenerStream::new(listener), until) => served,
                () = deadline => Ok(()),
            },
        }
    }
}

/// A unix socket's file. One that a dead process left behind is replaced; dropping this removes our own.
struct SocketFile(PathBuf);

impl SocketFile {
    fn new(path: &str) -> Result<Self, Anything> {
        let path = Path::new(path);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| format!("service.grpc: {}: {error}", folder.display()))?;
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(format!("service.grpc: another process serves at {}", path.display()).into());
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("service.grpc: {}: {error}", path.display()).into())
            }
            _ => Ok(Self(path.to_owned())),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Best effort: the next start replaces it anyway.
        let _gone = std::fs::remove_file(&self.0);
    }
}

fn log_to_stderr(log: &Log) -> Result<(), Anything> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| format!("log.level: `{}`: {error}; expected error, warn, info, debug or trace", log.level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
}
