//! The gRPC services: one stream of Envoy is one exchange (or one attempt of one), or an [access log](AccessLog).
//!
//! Envoy's messages become our events, our replies become Envoy's messages; the exchange itself knows no protobuf. The
//! stream is its own task: nothing is spawned, nothing is queued, and when Envoy drops it the exchange is dropped and
//! so settled.

mod access_log;
mod codec;

use crate::exchange::message::{Answer, BodyMode, Change, Event, Head, Metadata, Reply};
use crate::exchange::{Attempt, Exchange, Follow, Service, Topology, Unexpected};
use crate::redaction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::ProcessingMode;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::{BodySendMode, HeaderSendMode};
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request as Message;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response as Answered;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyMutation, BodyResponse, CommonResponse, HeaderMutation, HeadersResponse, HttpHeaders, ImmediateResponse,
    ProcessingRequest, ProcessingResponse, StreamedBodyResponse, TrailersResponse, body_mutation::Mutation,
    common_response::ResponseStatus,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use futures_util::{Stream, stream};
use std::collections::HashMap;
use std::sync::Arc;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use codec::Messages;

pub use access_log::{AccessLog, Successor};
pub use codec::ExtProc;

/// The namespace of our dynamic metadata.
const NAMESPACE: &str = "attache";
/// The key under which Envoy sends attributes.
const ATTRIBUTES: &str = "envoy.filters.http.ext_proc";

/// What a gRPC stream is about, by the initial metadata that `attache envoy` gives it.
#[allow(clippy::large_enum_variant, reason = "one per stream, and nearly all are exchanges")]
enum Stage {
    Exchange(Exchange),
    Attempt(Attempt),
}

impl Stage {
    /// Nothing is guessed: were an attempt taken for an exchange, one provider would get what was made for another.
    fn of(service: &Arc<Service>, metadata: &MetadataMap) -> Result<Self, Status> {
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let topology = match text("x-attache-topology") {
            "sidecar" => Topology::Sidecar,
            "shared" => Topology::Shared,
            "hybrid" => Topology::Hybrid,
            met => return Err(unknown("x-attache-topology", met, "sidecar, shared or hybrid")),
        };
        let follow = match text("x-attache-follow") {
            "" | "groups" => Follow::Groups,
            "steps" => Follow::Steps,
            "first" => match text("x-attache-orders") {
                "" => Follow::First,
                orders => Follow::Orders(orders.into()),
            },
            met => return Err(unknown("x-attache-follow", met, "groups, steps or first")),
        };
        if let (Topology::Hybrid, Follow::First | Follow::Orders(_)) = (topology, &follow) {
            return Err(unknown("x-attache-follow", "first", "groups or steps, as the topology hybrid needs"));
        }
        match text("x-attache-stage") {
            "exchange" => {
                redaction::warn_of_replicas(&service.config.load(), topology);
                Ok(Self::Exchange(Exchange::new(service.clone(), topology, follow)))
            }
            "attempt" => Ok(Self::Attempt(Attempt::Arriving { service: service.clone(), topology })),
            met => Err(unknown("x-attache-stage", met, "exchange or attempt")),
        }
    }

    async fn on(self, event: Event) -> Result<(Self, Reply), Unexpected> {
        match self {
            Self::Exchange(exchange) => {
                exchange.on(event).await.map(|(exchange, reply)| (Self::Exchange(exchange), reply))
            }
            Self::Attempt(attempt) => attempt.on(event).await.map(|(attempt, reply)| (Self::Attempt(attempt), reply)),
        }
    }
}

fn unknown(name: &str, met: &str, expected: &str) -> Status {
    let message =
        format!("initial metadata `{name}` is `{met}`, not {expected}; write the filter as `attache envoy` prints it");
    Status::invalid_argument(message)
}

/// Serves one stream of Envoy.
///
/// # Errors
/// For a stream that does not say what it is about.
fn process(
    service: Arc<Service>,
    metadata: &MetadataMap,
    messages: Messages,
) -> Result<impl Stream<Item = Result<ProcessingResponse, Status>> + Send + use<>, Status> {
    let stage = Stage::of(&service, metadata).inspect_err(|status| {
        service.metrics.protocol_errors.with_label_values(&["unknown_stage"]).inc();
        tracing::error!(error = status.message(), "external processing filter misconfigured");
    })?;
    Ok(stream::unfold(Some((service, stage, messages)), async |open| {
        let (service, stage, mut messages) = open?;
        let stepped = match messages.next().await? {
            Ok(message) => step(stage, message).await,
            Err(status) => Err(status),
        };
        match stepped {
            Ok((stage, reply)) => Some((Ok(reply), Some((service, stage, messages)))),
            // Envoy has dropped the exchange: the client hung up, or the upstream reset.
            Err(status) if status.code() == Code::Cancelled => None,
            Err(status) => {
                // Ending without an error would count as consent: the request would go on as it is.
                service.metrics.protocol_errors.with_label_values(&["unexpected_message"]).inc();
                tracing::error!(error = status.message(), "external processing protocol broken");
                Some((Err(status), None))
            }
        }
    }))
}

/// One message, one reply.
async fn step(stage: Stage, message: ProcessingRequest) -> Result<(Stage, ProcessingResponse), Status> {
    let (phase, event) = event(message).ok_or_else(|| Status::invalid_argument("a message without content"))?;
    let (stage, reply) =
        stage.on(event).await.map_err(|unexpected| Status::failed_precondition(unexpected.to_string()))?;
    let first_stage = matches!(stage, Stage::Exchange(_));
    Ok((stage, response(phase, first_stage, reply)))
}

/// Which kind of message a reply belongs to.
#[derive(Clone, Copy)]
enum Phase {
    RequestHeaders,
    RequestBody,
    RequestTrailers,
    ResponseHeaders,
    ResponseBody,
    ResponseTrailers,
}

/// Envoy's message as our event.
fn event(message: ProcessingRequest) -> Option<(Phase, Event)> {
    let ProcessingRequest { request, mut attributes, metadata_context, .. } = message;
    let mut head = |headers: HttpHeaders| Head {
        headers: headers.headers.map(|map| map.headers).unwrap_or_default(),
        attributes: attributes.remove(ATTRIBUTES).map(|attributes| attributes.fields).unwrap_or_default(),
        metadata: None,
        verified: HashMap::new(),
        end: headers.end_of_stream,
    };
    Some(match request? {
        Message::RequestHeaders(headers) => {
            let mut verified = metadata_context.map(|context| context.filter_metadata).unwrap_or_default();
            let metadata = verified.remove(NAMESPACE);
            (Phase::RequestHeaders, Event::RequestHeaders(Head { metadata, verified, ..head(headers) }))
        }
        Message::RequestBody(body) => (Phase::RequestBody, Event::RequestBody(body.body.into())),
        Message::RequestTrailers(_) => (Phase::RequestTrailers, Event::RequestTrailers),
        Message::ResponseHeaders(headers) => (Phase::ResponseHeaders, Event::ResponseHeaders(head(headers))),
        Message::ResponseBody(body) => {
            let event = Event::ResponseBody { bytes: body.body.into(), end: body.end_of_stream };
            (Phase::ResponseBody, event)
        }
        Message::ResponseTrailers(_) => (Phase::ResponseTrailers, Event::ResponseTrailers),
    })
}

/// Our reply as Envoy's message.
fn response(phase: Phase, first_stage: bool, reply: Reply) -> ProcessingResponse {
    let (mut change, status) = match reply {
        Reply::Answer(answer) => return immediate(answer),
        Reply::Go(change) => (change, ResponseStatus::Continue),
        Reply::Replace(change) => (change, ResponseStatus::ContinueAndReplace),
    };
    let request_body = if change.skip_request_body { BodySendMode::None } else { BodySendMode::Buffered };
    let mode_override = match (phase, change.body_mode) {
        // Asked for only now: Envoy's own replies to broken requests must not come here, they would be swallowed.
        (Phase::RequestHeaders, _) if first_stage && !change.headers_only => {
            Some(mode(request_body, BodySendMode::None))
        }
        (Phase::ResponseHeaders, Some(BodyMode::Whole)) => Some(mode(request_body, BodySendMode::Buffered)),
        (Phase::ResponseHeaders, Some(BodyMode::Streamed)) => Some(mode(request_body, BodySendMode::Streamed)),
        (Phase::ResponseHeaders, Some(BodyMode::Ours)) => Some(mode(request_body, BodySendMode::FullDuplexStreamed)),
        _ => None,
    };
    let dynamic_metadata = metadata(std::mem::take(&mut change.metadata));
    let answered = match phase {
        Phase::RequestHeaders => Answered::RequestHeaders(HeadersResponse { response: Some(common(change, status)) }),
        Phase::RequestBody => Answered::RequestBody(BodyResponse { response: Some(common(change, status)) }),
        Phase::RequestTrailers => Answered::RequestTrailers(TrailersResponse { header_mutation: None }),
        Phase::ResponseHeaders => Answered::ResponseHeaders(HeadersResponse { response: Some(common(change, status)) }),
        Phase::ResponseBody => Answered::ResponseBody(BodyResponse { response: Some(common(change, status)) }),
        Phase::ResponseTrailers => Answered::ResponseTrailers(TrailersResponse { header_mutation: None }),
    };
    ProcessingResponse { dynamic_metadata, mode_override, response: Some(answered), ..ProcessingResponse::default() }
}

/// The whole processing mode: an override replaces all of it, so all of it is said.
fn mode(request_body: BodySendMode, response_body: BodySendMode) -> ProcessingMode {
    let trailers = match response_body {
        // Trailers come instead of the last body message's end mark.
        BodySendMode::Streamed => HeaderSendMode::Send,
        BodySendMode::None | BodySendMode::Buffered | BodySendMode::BufferedPartial => HeaderSendMode::Skip,
        BodySendMode::FullDuplexStreamed | BodySendMode::Grpc => HeaderSendMode::Send,
    };
    ProcessingMode {
        request_header_mode: HeaderSendMode::Send.into(),
        response_header_mode: HeaderSendMode::Send.into(),
        request_body_mode: request_body.into(),
        response_body_mode: response_body.into(),
        request_trailer_mode: HeaderSendMode::Skip.into(),
        response_trailer_mode: trailers.into(),
    }
}

fn common(change: Change, status: ResponseStatus) -> CommonResponse {
    let Change { set, remove, body, clear_route_cache, last, .. } = change;
    let mutation = match (body, last) {
        (body, Some(end_of_stream)) => {
            let body = body.unwrap_or_default();
            let piece = StreamedBodyResponse { body, end_of_stream, ..StreamedBodyResponse::default() };
            Some(Mutation::StreamedResponse(piece))
        }
        (body, None) => body.map(Mutation::Body),
    };
    CommonResponse {
        status: status.into(),
        header_mutation: header_mutation(set, remove),
        body_mutation: mutation.map(|mutation| BodyMutation { mutation: Some(mutation) }),
        trailers: None,
        clear_route_cache,
    }
}

type Headers = Vec<(std::borrow::Cow<'static, str>, String)>;

fn header_mutation(set: Headers, remove: Vec<std::borrow::Cow<'static, str>>) -> Option<HeaderMutation> {
    if set.is_empty() && remove.is_empty() {
        return None;
    }
    let set_headers = set.into_iter().map(|(key, value)| HeaderValueOption {
        // Envoy ignores `value` here and reads `raw_value` only.
        header: Some(HeaderValue { key: key.into_owned(), value: String::new(), raw_value: value.into_bytes() }),
        ..HeaderValueOption::default()
    });
    let remove_headers = remove.into_iter().map(std::borrow::Cow::into_owned).collect();
    Some(HeaderMutation { set_headers: set_headers.collect(), remove_headers })
}

fn metadata(Metadata(fields): Metadata) -> Option<Struct> {
    if fields.is_empty() {
        return None;
    }
    let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let own = Value { kind: Some(Kind::StructValue(Struct { fields })) };
    Some(Struct { fields: [(NAMESPACE.to_owned(), own)].into() })
}

fn immediate(answer: Answer) -> ProcessingResponse {
    let Answer { status, mut headers, body, details, metadata: own } = answer;
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".into(), "application/json".to_owned()));
    }
    let immediate = ImmediateResponse {
        status: Some(HttpStatus { code: status.into() }),
        headers: header_mutation(headers, Vec::new()),
        body,
        grpc_status: None,
        details,
    };
    ProcessingResponse {
        dynamic_metadata: metadata(own),
        response: Some(Answered::ImmediateResponse(immediate)),
        ..ProcessingResponse::default()
    }
}
