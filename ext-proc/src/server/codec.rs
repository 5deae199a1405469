//! The service's door, written by hand instead of generated, for one reason: memory. The generated one gives every stream
//! two 8 KiB buffers, and keeps for as long as a stream is open what its largest messages took: the client's whole body,
//! and the one that was made of it. An open stream is what an LLM gateway has thousands of.

use super::process;
use crate::exchange::Service;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use envoy_types::pb::envoy::service::ext_proc::v3::{ProcessingRequest, ProcessingResponse};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use hyper::body::Frame;
use prost::Message;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;

/// From how many bytes on a message does not leave its buffer behind.
const LARGE_BYTES: usize = 4 << 10;
/// What goes in front of every message: compressed or not, and its length.
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
const PREFIX_BYTES: usize = 5;

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

    fn answer(&self, request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
        if request.uri().path() != "/envoy.service.ext_proc.v3.ExternalProcessor/Process" {
            return Err(Status::unimplemented("there is only Process"));
        }
        let (parts, body) = request.into_parts();
        let messages = Messages::new(body, self.message_bytes_max);
        let replies = process(self.service.clone(), &MetadataMap::from_headers(parts.headers), messages)?;
        let mut response = http::Response::new(Body::new(Replies { replies: replies.boxed(), over: false }));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        Ok(response)
    }
}

impl NamedService for ExtProc {
    const NAME: &'static str = "envoy.service.ext_proc.v3.ExternalProcessor";
}

impl tonic::codegen::Service<http::Request<Body>> for ExtProc {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        ready(Ok(self.answer(request).unwrap_or_else(Status::into_http)))
    }
}

/// Envoy's messages, from the body of a gRPC request.
pub struct Messages {
    body: Body,
    /// What has come of the next message, and perhaps of those behind it.
    buffer: BytesMut,
    message_bytes_max: usize,
}

impl Messages {
    fn new(body: Body, message_bytes_max: usize) -> Self {
        Self { body, buffer: BytesMut::new(), message_bytes_max }
    }

    /// Waits for the next message; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<ProcessingRequest, Status>> {
        loop {
            if let Some(read) = self.read().transpose() {
                return Some(read);
            }
            match self.body.frame().await {
                // Trailers say nothing.
                Some(Ok(frame)) => self.buffer.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Some(Err(status)) => return Some(Err(status)),
                None if self.buffer.is_empty() => return None,
                None => return Some(Err(Status::internal("the stream ended in the middle of a message"))),
            }
        }
    }

    /// The next message, if all of it has come.
    fn read(&mut self) -> Result<Option<ProcessingRequest>, Status> {
        let Some((&[compressed, ref length @ ..], rest)) = self.buffer.split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if compressed != 0 {
            return Err(Status::unimplemented("a compressed message, which nobody has asked for"));
        }
        if length > self.message_bytes_max {
            let limit = self.message_bytes_max;
            return Err(Status::out_of_range(format!("a message of {length} bytes; the limit is {limit} bytes")));
        }
        let Some((bytes, rest)) = rest.split_at_checked(length) else {
            let missing = length - rest.len();
            self.buffer.reserve(missing);
            return Ok(None);
        };
        let message = ProcessingRequest::decode(bytes).map_err(|error| Status::internal(error.to_string()))?;
        if length < LARGE_BYTES {
            self.buffer.advance(PREFIX_BYTES + length);
        } else {
            self.buffer = BytesMut::from(rest);
        }
        Ok(Some(message))
    }
}

/// Our replies as the body of a gRPC response.
struct Replies {
    replies: BoxStream<'static, Result<ProcessingResponse, Status>>,
    over: bool,
}

impl hyper::body::Body for Replies {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let end = match ready!(self.replies.poll_next_unpin(context)) {
            Some(Ok(reply)) => return Poll::Ready(Some(message(&reply).map(Frame::data))),
            Some(Err(status)) => status,
            None => Status::ok(""),
        };
        self.over = true;
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(end.add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
    }
}

/// A message with its prefix, in a buffer of its own that goes when it has been sent.
fn message(reply: &ProcessingResponse) -> Result<Bytes, Status> {
    let length = reply.encoded_len();
    let prefix = u32::try_from(length).map_err(|_| Status::internal("a reply of more than 4 GiB"))?;
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + length);
    bytes.put_u8(0);
    bytes.put_u32(prefix);
    reply.encode(&mut bytes).map_err(|error| Status::internal(error.to_string()))?;
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use envoy_types::pb::envoy::service::ext_proc::v3::HttpBody;
    use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request;
    use http_body_util::Full;

    /// What Envoy sends: for every size a message with such a body.
    fn sent(sizes: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for size in sizes {
            let body = HttpBody { body: vec![b'x'; *size], ..HttpBody::default() };
            let message =
                ProcessingRequest { request: Some(Request::RequestBody(body)), ..ProcessingRequest::default() };
            bytes.extend([0]);
            bytes.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
            message.encode(&mut bytes).unwrap();
        }
        bytes
    }

    async fn sizes(messages: &mut Messages) -> Result<Vec<usize>, Status> {
        let mut sizes = Vec::new();
        while let Some(message) = messages.next().await {
            let Some(Request::RequestBody(body)) = message?.request else { panic!("a body was sent") };
            sizes.push(body.body.len());
        }
        Ok(sizes)
    }

    /// A body whose frames end at these places.
    fn cut(bytes: &[u8], frame_bytes: usize) -> Body {
        let frames: Vec<_> =
            bytes.chunks(frame_bytes).map(|b| Ok::<_, Status>(Frame::data(Bytes::copy_from_slice(b)))).collect();
        Body::new(http_body_util::StreamBody::new(futures_util::stream::iter(frames)))
    }

    #[tokio::test]
    async fn messages_are_read_however_they_are_cut() {
        let bytes = sent(&[0, 3, 100, 0, 5]);
        for frame_bytes in 1..=bytes.len() {
            let mut messages = Messages::new(cut(&bytes, frame_bytes), 1000);
            assert_eq!(sizes(&mut messages).await.unwrap(), [0, 3, 100, 0, 5], "frames of {frame_bytes}");
        }
    }

    #[tokio::test]
    async fn a_large_message_leaves_no_buffer_behind() {
        for frame_bytes in [1 << 10, 16 << 10, 2 << 20] {
            let mut messages = Messages::new(cut(&sent(&[10, 1 << 20, 10, 20]), frame_bytes), 2 << 20);
            assert_eq!(sizes(&mut messages).await.unwrap(), [10, 1 << 20, 10, 20]);
            assert!(messages.buffer.capacity() < 64 << 10, "{} bytes are kept", messages.buffer.capacity());
        }
    }

    #[tokio::test]
    async fn what_is_no_message_is_an_error() {
        let whole = sent(&[100]);
        for (bytes, expected) in [
            (sent(&[2000]), "limit is 1000 bytes"),
            (whole[..50].to_vec(), "in the middle"),
            (vec![1, 0, 0, 0, 0], "compressed"),
            (vec![0, 0, 0, 0, 1, 0xff], "decode"),
        ] {
            let mut messages = Messages::new(Body::new(Full::new(Bytes::from(bytes))), 1000);
            let status = sizes(&mut messages).await.unwrap_err();
            assert!(status.message().contains(expected), "{status}");
        }
    }
}
