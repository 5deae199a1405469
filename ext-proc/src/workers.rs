//! The threads that serve exchanges: one single-threaded runtime each, connections dealt out in turn.
//!
//! Work stealing would cost an exchange about twice the CPU (measured with a no-op processor): every message of a stream
//! wakes its task, and a task that wanders between threads pays for it each time. Envoy opens one connection per worker
//! thread, so dealing out connections is dealing out load.

use crate::exchange::Service;
use crate::server::{AccessLog, ExtProc, Successor};
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::AccessLogServiceServer;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic_health::pb::health_server::{Health, HealthServer};

/// Connections that wait for a thread to take them.
const WAITING_MAX: usize = 64;
/// Streams that Envoy has opened and reset before they were looked at. h2's own limit (20) is for strangers: it would
/// close the connection, and with it everybody's exchanges, when many clients hang up at once.
const RESET_STREAMS_MAX: usize = 100_000;

/// Something that Envoy connects to.
pub trait Listener: Sync {
    /// A connection that no runtime owns yet.
    type Connection: Send + 'static;
    /// A connection of a runtime.
    type Io: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Connection>>;

    /// Takes a connection into the runtime of this thread.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn adopt(connection: Self::Connection) -> io::Result<Self::Io>;
}

impl Listener for UnixListener {
    type Connection = std::os::unix::net::UnixStream;
    type Io = UnixStream;

    async fn accept(&self) -> io::Result<Self::Connection> {
        self.accept().await?.0.into_std()
    }

    fn adopt(connection: Self::Connection) -> io::Result<Self::Io> {
        UnixStream::from_std(connection)
    }
}

impl Listener for TcpListener {
    type Connection = std::net::TcpStream;
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<Self::Connection> {
        let stream = self.accept().await?.0;
        stream.set_nodelay(true)?;
        stream.into_std()
    }

    fn adopt(connection: Self::Connection) -> io::Result<Self::Io> {
        TcpStream::from_std(connection)
    }
}

/// What every thread needs.
#[derive(Debug)]
pub struct Serving<H> {
    /// What all exchanges share.
    pub service: Arc<Service>,
    /// gRPC's health service.
    pub health: HealthServer<H>,
    /// Most bytes of one message.
    pub message_bytes_max: usize,
    /// How far the process is on its way to its end.
    pub phase: watch::Receiver<Phase>,
    /// Who hears of exchanges that are not ours while the process drains.
    pub successor: Successor,
}

/// The life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Exchanges begin and end.
    Serving,
    /// The listener is about to close. It comes first: a thread that drains sends Envoy away, and Envoy would come back by
    /// a connection that nobody takes any more.
    Closing,
    /// No new exchange begins; open ones finish.
    Draining,
    /// Whatever is still open is dropped, and so settled as cut.
    Ending,
}

/// Waits until the process has come this far. A lost sender means that nobody is left who could wait for anything.
async fn reached(phase: &mut watch::Receiver<Phase>, goal: Phase) {
    let _known = phase.wait_for(|phase| *phase >= goal).await;
}

impl<H> Clone for Serving<H> {
    fn clone(&self) -> Self {
        let Self { service, health, message_bytes_max, phase, successor } = self;
        let (service, health, phase) = (service.clone(), health.clone(), phase.clone());
        Self { service, health, message_bytes_max: *message_bytes_max, phase, successor: successor.clone() }
    }
}

/// The threads of one listener.
#[derive(Debug)]
pub struct Workers<L: Listener> {
    inboxes: Vec<mpsc::Sender<L::Connection>>,
    threads: Vec<JoinHandle<()>>,
}

impl<L: Listener + 'static> Workers<L> {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub fn start<H: Health>(threads: usize, serving: &Serving<H>) -> io::Result<Self> {
        let mut workers = Self { inboxes: Vec::new(), threads: Vec::new() };
        for i in 0..threads {
            let (sender, inbox) = mpsc::channel(WAITING_MAX);
            let serving = serving.clone();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let thread = std::thread::Builder::new().name(format!("exchange-{i}"));
            workers.threads.push(thread.spawn(move || runtime.block_on(serve::<L, H>(inbox, serving)))?);
            workers.inboxes.push(sender);
        }
        Ok(workers)
    }

    /// Accepts connections and deals them out, until the listener is to close.
    pub async fn deal(&self, listener: &L, mut phase: watch::Receiver<Phase>) {
        for inbox in self.inboxes.iter().cycle() {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = reached(&mut phase, Phase::Closing) => return,
            };
            match accepted {
                // A closed inbox means that its thread has ended, which only draining brings about.
                Ok(connection) => drop(inbox.send(connection).await),
                Err(error) => {
                    tracing::error!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Every thread has ended: its streams have finished.
    pub fn all_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }
}

/// One thread's work: serves its connections until draining, then lets their streams finish, or drops them at the end.
async fn serve<L: Listener, H: Health>(inbox: mpsc::Receiver<L::Connection>, serving: Serving<H>) {
    let Serving { service, health, message_bytes_max, mut phase, successor } = serving;
    let mut phase_again = phase.clone();
    let access_log = AccessLogServiceServer::new(AccessLog::new(service.clone(), phase.clone(), successor));
    let connections = ReceiverStream::new(inbox).map(L::adopt);
    let served = tonic::transport::Server::builder()
        .http2_max_pending_accept_reset_streams(Some(RESET_STREAMS_MAX))
        .http2_max_local_error_reset_streams(Some(RESET_STREAMS_MAX))
        .add_service(ExtProc::new(service, message_bytes_max))
        .add_service(access_log)
        .add_service(health)
        .serve_with_incoming_shutdown(connections, async move { reached(&mut phase, Phase::Draining).await });
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::error!(%error, "a thread that serves exchanges ended");
        },
        // The connections are tasks of this thread's runtime, which ends with this function.
        () = reached(&mut phase_again, Phase::Ending) => {}
    }
}
