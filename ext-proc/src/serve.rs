//! `attache serve`: listen, serve until SIGTERM, drain.

use crate::admin::Admin;
use crate::cache::Cache;
use crate::callers::Callers;
use crate::config::written::{Log, LogFormat};
use crate::config::{self, compiled, reload};
use crate::counting::{self, Calibration};
use crate::credentials;
use crate::exchange::Service;
use crate::exchange::pending::Pending;
use crate::exchange::waiting::Waiting;
use crate::fetch::Fetcher;
use crate::limits::warn;
use crate::metrics::Metrics;
use crate::redaction;
use crate::server::{ExtProc, Successor};
use crate::store::{self, Store};
use crate::usage_log::UsageLog;
use crate::workers::{Listener, Phase, Serving, Workers};
use arc_swap::ArcSwap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::Health;
use tracing_subscriber::EnvFilter;

type Anything = Box<dyn std::error::Error + Send + Sync>;

/// A message of Envoy holds a whole body and some headers beside it.
const MESSAGE_BYTES_BESIDE_BODY: usize = 1 << 20;
/// How often draining looks whether it is done.
const DRAIN_LOOK: Duration = Duration::from_millis(50);
/// How often it is looked for exchanges of which nothing is heard any more.
const EXPIRY_LOOK: Duration = Duration::from_secs(5);
/// Most time for the threads to drop what is still open once nothing more is waited for.
const END_TIME: Duration = Duration::from_secs(5);

/// Serves with the configuration in this file until SIGTERM or SIGINT, then drains; a second signal ends that.
///
/// # Errors
/// A bad configuration, an address that cannot be listened on.
pub fn run(path: PathBuf) -> Result<(), Anything> {
    let config = config::load(&path)?;
    log_to_stderr(&config.written.log)?;
    let metrics = Arc::new(Metrics::new()?);
    let (usage, usage_writer) = UsageLog::open(&config.written.usage.to.0, metrics.clone())?;
    // This thread accepts, administers and waits for signals; exchanges have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (tell_moved, moved) = mpsc::channel(store::NOTICES_MAX);
    let store = runtime.block_on(Store::open(&config.written.store, metrics.clone(), tell_moved))?;
    counting::prepare(&config);
    {
        // Tokens are fetched by tasks.
        let _entered = runtime.enter();
        credentials::prepare(&config, None, &metrics);
        redaction::prepare(&config);
    }
    let cache = {
        let _entered = runtime.enter();
        Cache::open(&config, &metrics).map_err(|problem| format!("store.redis: {problem}"))?
    };
    let config = Arc::new(ArcSwap::from_pointee(config));
    runtime.spawn(warn::watch(moved, config.clone(), metrics.clone()));
    let (pending, waiting, calibration) = (Pending::default(), Waiting::default(), Calibration::default());
    let callers = Callers::new(store.clone(), metrics.clone());
    let fetcher =
        Fetcher::new().inspect_err(|error| tracing::warn!(%error, "no file can be fetched for a provider")).ok();
    let service = Service {
        config,
        pending,
        waiting,
        metrics,
        usage,
        callers,
        store: store.clone(),
        cache,
        calibration,
        fetcher,
    };
    let service = Arc::new(service);
    let ended = runtime.block_on(serve(path, service.clone()));
    // Of these the access log has said nothing in time.
    service.waiting.clear();
    drop(service);
    runtime.block_on(store.flush());
    drop(runtime);
    // With all threads ended every exchange is settled, nobody holds the usage log any more, and its writer ends, too.
    if let (Ok(true), Some(writer)) = (&ended, usage_writer)
        && writer.join().is_err()
    {
        tracing::error!("the usage log's thread ended badly; records may be missing");
    }
    ended.map(|_| ())
}

/// Serves until told to stop; true when every exchange is over and settled.
async fn serve(path: PathBuf, service: Arc<Service>) -> Result<bool, Anything> {
    let config = service.config.load_full();
    let written = &config.written.service;
    let admin = Admin::bind(&written.admin, service.clone()).await?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", ServingStatus::Serving).await;
    health.set_serving::<ExtProc>().await;
    let (tell, phase) = watch::channel(Phase::Serving);
    let (successor, passing) = Successor::new();
    let passing = tokio::spawn(passing.run(written.grpc.clone(), service.metrics.clone()));
    let serving = Serving {
        service: service.clone(),
        health: health_service,
        message_bytes_max: config.written.limits.body_bytes_max as usize + MESSAGE_BYTES_BESIDE_BODY,
        phase,
        successor,
    };
    let ready = admin.ready.clone();
    let address = admin.address;
    tokio::spawn(admin.serve());
    let keeping_up = service.clone();
    tokio::spawn(async move { keeping_up.callers.keep_up(&keeping_up.config).await });
    tokio::spawn(expire(service.clone()));
    let watching = reload::watch(path.clone(), service.config.clone(), service.metrics.clone());
    tokio::spawn(async {
        if let Err(error) = watching.await {
            tracing::error!(%error, "the configuration is not watched");
        }
    });
    let mut signals = StopSignals::new()?;
    let tell_phase = tell.clone();
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::info!(signal, "draining: open exchanges finish, new ones are refused");
        ready.store(false, Ordering::Relaxed);
        health.set_service_status("", ServingStatus::NotServing).await;
        health.set_not_serving::<ExtProc>().await;
        tell_phase.send_replace(Phase::Closing);
        let signal = signals.next().await;
        tracing::warn!(signal, "told again: open exchanges are cut");
        tell_phase.send_replace(Phase::Ending);
    });
    let threads = written.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), |n| n.get().into());
    let drain_time = Duration::from_secs(written.drain_seconds);
    let (models, providers) = (config.models.len(), config.providers.len());
    tracing::info!(config = %path.display(), grpc = written.grpc, admin = %address, threads, models, providers, "attache serves");
    let all_ended = if let Some(path) = written.grpc.strip_prefix("unix:") {
        let file = SocketFile::new(path)?;
        let listener = UnixListener::bind(path).map_err(|error| format!("service.grpc: {path}: {error}"))?;
        file.permit().map_err(|error| format!("service.grpc: {path}: {error}"))?;
        deal(listener, Some(file), threads, &serving, &tell, drain_time).await?
    } else {
        let (host, port) = compiled::split_host_port(&written.grpc).ok_or("service.grpc: not an address")?;
        let listener = TcpListener::bind((host, port)).await;
        let listener = listener.map_err(|error| format!("service.grpc: {}: {error}", written.grpc))?;
        if !listener.local_addr()?.ip().is_loopback() {
            tracing::warn!(
                grpc = written.grpc,
                "whoever reaches this address can get the providers' keys: let only Envoy reach it"
            );
        }
        deal(listener, None, threads, &serving, &tell, drain_time).await?
    };
    // With the last thread nobody gives any more; what was given before is still passed on.
    drop(serving);
    let _passed_on = tokio::time::timeout(END_TIME, passing).await;
    tracing::info!("attache ends");
    Ok(all_ended)
}

/// Settles exchanges of which Envoy's access log says nothing any more.
async fn expire(service: Arc<Service>) {
    let mut looks = tokio::time::interval(EXPIRY_LOOK);
    loop {
        looks.tick().await;
        let expired = service.waiting.expire();
        service.metrics.logged.with_label_values(&["expired"]).inc_by(expired as u64);
    }
}

/// Serves a listener's connections; after that waits for open exchanges, but not longer than `drain_time`, and cuts what
/// is left. True when all threads have ended.
async fn deal<L: Listener + 'static, H: Health>(
    listener: L,
    file: Option<SocketFile>,
    threads: usize,
    serving: &Serving<H>,
    tell: &watch::Sender<Phase>,
    drain_time: Duration,
) -> io::Result<bool> {
    let workers = Workers::<L>::start(threads, serving)?;
    workers.deal(&listener, serving.phase.clone()).await;
    // Now, not at the end: whoever connects is refused instead of waiting for an answer that will not come, and the next
    // process can take the address while this one drains. The file goes first: once nobody listens it may be the next one's.
    drop(file);
    drop(listener);
    tell.send_modify(|phase| *phase = (*phase).max(Phase::Draining));
    wait(&workers, drain_time, || *serving.phase.borrow() == Phase::Ending).await;
    if !workers.all_ended() {
        tracing::warn!(open = serving.service.metrics.exchange.open.get(), "open exchanges are cut");
        tell.send_replace(Phase::Ending);
        wait(&workers, END_TIME, || false).await;
    }
    Ok(workers.all_ended())
}

/// Waits until all threads have ended, this much time is over, or there is another reason to stop waiting.
async fn wait<L: Listener + 'static>(workers: &Workers<L>, time: Duration, enough: impl Fn() -> bool) {
    let deadline = Instant::now() + time;
    while !workers.all_ended() && Instant::now() < deadline && !enough() {
        tokio::time::sleep(DRAIN_LOOK).await;
    }
}

/// SIGTERM and SIGINT.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
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
        if std::fs::metadata(path).is_ok_and(|met| !met.file_type().is_socket()) {
            return Err(format!("service.grpc: {} is no socket; it is left alone", path.display()).into());
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("service.grpc: {}: {error}", path.display()).into())
            }
            _ => Ok(Self(path.to_owned())),
        }
    }

    /// Lets the own user and group connect, nobody else, whatever the umask: who connects can have any request made for
    /// any provider, its key included.
    fn permit(&self) -> io::Result<()> {
        std::fs::set_permissions(&self.0, Permissions::from_mode(0o660))
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
    // It tells of every change in a watched folder: a log file there would feed on itself.
    let filter = filter.add_directive("notify=info".parse()?);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
}
