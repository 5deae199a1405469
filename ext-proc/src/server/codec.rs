//! The service's door, written by hand instead of generated, for one reason: the generated one gives every stream two
//! 8 KiB buffers, and an open stream is what an LLM gateway has thousands of.

use super::process;
use crate::exchange::Service;
use envoy_types::pb::envoy::service::ext_proc::v3::{ProcessingRequest, ProcessingResponse};
use futures_util::stream::BoxStream;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec, EnabledCompressionEncodings};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// What each of a stream's two buffers begins with, in bytes; they grow with the message.
const BUFFER_BYTES: usize = 512;
/// From how many bytes on tonic hands an encoded message on at once.
const YIELD_BYTES: usize = 32 << 10;

/// `envoy.service.ext_proc.v3.ExternalProcessor`.
#[derive(Clone, Debug)]
pub struct ExtProc {
    service: Arc<Service>,
    message_bytes_max: usize,
}

impl ExtProc {
    /// Serves exchanges; messages of Envoy may have this many bytes.
    pub fn new(service: Arc<Service>, message_bytes_max: usize) -> Self {
        Self { service, message_bytes_max }
    }
}

impl NamedService for ExtProc {
    const NAME: &'static str = "envoy.service.ext_proc.v3.ExternalProcessor";
}

impl tonic::codegen::Service<http::Request<Body>> for ExtProc {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = tonic::codegen::BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != "/envoy.service.ext_proc.v3.ExternalProcessor/Process" {
            return Box::pin(async { Ok(Status::unimplemented("there is only Process").into_http()) });
        }
        let process = Process(self.service.clone());
        let mut grpc = Grpc::new(SmallBuffers)
            .apply_compression_config(EnabledCompressionEncodings::default(), EnabledCompressionEncodings::default())
            .apply_max_message_size_config(Some(self.message_bytes_max), None);
        Box::pin(async move { Ok(grpc.streaming(process, request).await) })
    }
}

/// The one method.
struct Process(Arc<Service>);

impl StreamingService<ProcessingRequest> for Process {
    type Response = ProcessingResponse;
    type ResponseStream = BoxStream<'static, Result<ProcessingResponse, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<ProcessingRequest>>) -> Self::Future {
        let served = process(self.0.clone(), request);
        ready(served.map(|response| response.map(|stream| Box::pin(stream) as Self::ResponseStream)))
    }
}

/// tonic's codec for prost, with small buffers.
#[derive(Clone, Copy, Debug, Default)]
struct SmallBuffers;

impl Codec for SmallBuffers {
    type Encode = ProcessingResponse;
    type Decode = ProcessingRequest;
    type Encoder = ProstEncoder<ProcessingResponse>;
    type Decoder = ProstDecoder<ProcessingRequest>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<ProcessingResponse, ProcessingRequest>::raw_encoder(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<ProcessingResponse, ProcessingRequest>::raw_decoder(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }
}
