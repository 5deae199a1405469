//! `noop-ext-proc`: the smallest honest external processor. It answers every message with "continue" and decides one
//! thing, as Attaché must: event streams are passed on chunk by chunk, everything else is buffered whole.
//!
//! What an exchange costs through it is the price of the hop itself; only what is above that price is ours to lower.

use std::error::Error;
use std::io;
use std::path::Path;
use std::pin::Pin;

use clap::Parser;
use envoy_types::pb::envoy::config::core::v3::HeaderMap;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::ProcessingMode;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::{BodySendMode, HeaderSendMode};
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::{
    ExternalProcessor, ExternalProcessorServer,
};
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request as Message;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response as Reply;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyResponse, HeadersResponse, ProcessingRequest, ProcessingResponse, TrailersResponse,
};
use futures_util::stream::{Stream, unfold};
use tokio::net::{TcpListener, UnixListener};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// An external processor that only continues.
#[derive(Parser)]
struct Arguments {
    /// `unix:PATH` or `HOST:PORT`.
    #[arg(long)]
    listen: String,
    /// Worker threads; 1 means one single-threaded runtime.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let runtime = match arguments.threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        threads => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?,
    };
    runtime.block_on(serve(&arguments.listen))
}

async fn serve(listen: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::builder();
    let service = ExternalProcessorServer::new(Noop);
    match listen.strip_prefix("unix:") {
        Some(path) => {
            remove_stale(Path::new(path))?;
            let listener = UnixListener::bind(path)?;
            let incoming =
                unfold(listener, async |listener| Some((listener.accept().await.map(|(io, _)| io), listener)));
            server.serve_with_incoming(service, incoming).await?;
        }
        None => {
            let listener = TcpListener::bind(listen).await?;
            let incoming = unfold(listener, async |listener| Some((accept(&listener).await, listener)));
            server.serve_with_incoming(service, incoming).await?;
        }
    }
    Ok(())
}

async fn accept(listener: &TcpListener) -> io::Result<tokio::net::TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn remove_stale(socket: &Path) -> io::Result<()> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

struct Noop;

#[tonic::async_trait]
impl ExternalProcessor for Noop {
    type ProcessStream = Pin<Box<dyn Stream<Item = Result<ProcessingResponse, Status>> + Send>>;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Self::ProcessStream>, Status> {
        let replies = unfold(request.into_inner(), async |mut messages| {
            let message = messages.message().await.ok()??;
            Some((Ok(reply(message.request?)), messages))
        });
        Ok(Response::new(Box::pin(replies)))
    }
}

fn reply(message: Message) -> ProcessingResponse {
    let mut mode_override = None;
    let reply = match message {
        Message::RequestHeaders(_) => Reply::RequestHeaders(HeadersResponse::default()),
        Message::RequestBody(_) => Reply::RequestBody(BodyResponse::default()),
        Message::RequestTrailers(_) => Reply::RequestTrailers(TrailersResponse::default()),
        Message::ResponseHeaders(message) => {
            mode_override = Some(response_mode(&message.headers.unwrap_or_default()));
            Reply::ResponseHeaders(HeadersResponse::default())
        }
        Message::ResponseBody(_) => Reply::ResponseBody(BodyResponse::default()),
        Message::ResponseTrailers(_) => Reply::ResponseTrailers(TrailersResponse::default()),
    };
    ProcessingResponse { mode_override, response: Some(reply), ..ProcessingResponse::default() }
}

fn response_mode(headers: &HeaderMap) -> ProcessingMode {
    let is_events = headers.headers.iter().any(|header| {
        header.key == "content-type"
            && (header.raw_value.starts_with(b"text/event-stream") || header.value.starts_with("text/event-stream"))
    });
    let body_mode = if is_events { BodySendMode::Streamed } else { BodySendMode::Buffered };
    ProcessingMode {
        request_header_mode: HeaderSendMode::Send.into(),
        request_body_mode: BodySendMode::Buffered.into(),
        response_header_mode: HeaderSendMode::Send.into(),
        response_body_mode: body_mode.into(),
        request_trailer_mode: HeaderSendMode::Skip.into(),
        response_trailer_mode: HeaderSendMode::Skip.into(),
    }
}
