//! Sockets: accept, TLS if it is wanted, HTTP/1.1 or HTTP/2, and TCP resets when a script wants one.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::exchange::{self, Simulator};
use crate::pace::Connection;

/// Serves until the process ends.
pub(crate) async fn run(listener: TcpListener, tls: Option<TlsAcceptor>, simulator: Arc<Simulator>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Out of descriptors, or gone before it was accepted: the next one may do better.
            Err(_) => {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            }
        };
        tokio::spawn(serve(stream, tls.clone(), Arc::clone(&simulator)));
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, simulator: Arc<Simulator>) {
    // Without it a small event waits for the acknowledgement of the one before. It only fails on a dead socket.
    let _ = stream.set_nodelay(true);
    let connection = Arc::new(Connection::default());
    let wire = Wire { stream, connection: Arc::clone(&connection) };
    match tls {
        None => speak(TokioIo::new(wire), simulator, connection).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(wire).await {
                speak(TokioIo::new(stream), simulator, connection).await;
            }
        }
    }
}

async fn speak<I>(io: I, simulator: Arc<Simulator>, connection: Arc<Connection>)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let service = service_fn(move |request| exchange::serve(Arc::clone(&simulator), Arc::clone(&connection), request));
    let builder = auto::Builder::new(TokioExecutor::new());
    // How it ended is in the records; a broken connection is nothing that anybody should act on.
    let _ = builder.serve_connection(io, service).await;
}

/// A certificate chain and a key, both PEM, for `h2` and `http/1.1`.
///
/// # Errors
/// A file that cannot be read, or that holds no certificate or key.
pub(crate) fn tls(cert: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let certs: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(cert).and_then(Iterator::collect).map_err(|error| wrong(cert, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certs, private)
        .map_err(|error| wrong(cert, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A TCP stream that ends with a reset when a script said so.
struct Wire {
    stream: TcpStream,
    connection: Arc<Connection>,
}

impl Wire {
    fn resets(&self) -> bool {
        self.connection.reset.load(Ordering::Acquire)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.resets() {
            // SO_LINGER 0: closing sends RST. It only fails on a socket that is dead already.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A FIN before the reset would look like a proper end.
        if self.resets() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
