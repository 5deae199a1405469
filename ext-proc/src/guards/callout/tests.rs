//! Somebody who is asked over gRPC; the others are asked in the end-to-end tests.

use super::*;
use attache_core::texts::Scope;
use attache_proto::guard::v1::{CheckRequest, CheckResponse, Direction as Way, Text};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::metadata::MetadataMap;
use tonic::{Code, Response, Status};
use tonic_prost::ProstCodec;

type Noted = Arc<Mutex<Vec<(MetadataMap, CheckRequest)>>>;

/// Answers what the texts tell it to answer.
#[derive(Clone)]
struct Checker(Noted);

impl Service<tonic::Request<CheckRequest>> for Checker {
    type Response = Response<CheckResponse>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let (metadata, _, question) = request.into_parts();
        let said = question.texts.first().map(|text| text.text.clone()).unwrap_or_default();
        self.0.lock().unwrap().push((metadata, question));
        Box::pin(async move {
            match said.as_str() {
                "wait" => std::future::pending().await,
                "fail" => Err(Status::new(Code::Internal, "fail")),
                "long" => Ok(Response::new(CheckResponse { allow: true, rule: "x".repeat(ANSWER_BYTES_MAX) })),
                "nothing" => Ok(Response::new(CheckResponse::default())),
                "stop" => Ok(Response::new(CheckResponse { allow: false, rule: "bad <words>".to_owned() })),
                _ => Ok(Response::new(CheckResponse { allow: true, rule: String::new() })),
            }
        })
    }
}

/// The same as a server, at the path of the contract only.
#[derive(Clone)]
struct Door(Checker);

impl Service<http::Request<Body>> for Door {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let checker = self.0.clone();
        Box::pin(async move {
            assert_eq!(request.uri().path(), "/attache.guard.v1.Guard/Check");
            let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
            Ok(tonic::server::Grpc::new(codec).unary(checker, request).await)
        })
    }
}

impl tonic::server::NamedService for Door {
    const NAME: &'static str = "attache.guard.v1.Guard";
}

async fn serving() -> (String, Noted) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let noted = Noted::default();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = tonic::transport::Server::builder().add_service(Door(Checker(noted.clone())));
    tokio::spawn(server.serve_with_incoming(incoming));
    (url, noted)
}

fn calling(url: &str, fail: Fail) -> CallOut {
    let headers = vec![("x-key".to_owned(), SecretString::from("a made up key"))];
    let manner = Manner {
        fail,
        scopes: Vec::new(),
        sees: Sees::Masked,
        timeout: Duration::from_millis(300),
        cache: Duration::from_secs(60),
        chars_max: 100,
        every_chars: 100,
        every: Duration::from_secs(1),
        at_once: 1,
    };
    CallOut::new(Asks::Grpc(Grpc::new(url.to_owned(), headers)), manner)
}

const ABOUT: About<'_> =
    About { direction: Direction::Response, request_id: "r1", caller: "ann", model: "fast", front: "openai" };

fn texts(text: &str) -> Vec<Passage> {
    vec![Passage { scope: Scope::Assistant, choice: 1, text: text.to_owned() }]
}

#[tokio::test]
async fn it_is_asked_by_the_contract_and_its_verdict_counts() {
    let (url, noted) = serving().await;
    let call = calling(&url, Fail::Closed);
    for (text, expected) in [
        ("hello", (Verdict::Allow, Source::Answer)),
        ("hello", (Verdict::Allow, Source::Cache)),
        ("stop", (Verdict::Stop("badwords".to_owned()), Source::Answer)),
        // A response that says nothing stops.
        ("nothing", (Verdict::Stop("stop".to_owned()), Source::Answer)),
        (&"x".repeat(101), (Verdict::Stop(UNDECIDED.to_owned()), Source::Failure)),
    ] {
        assert_eq!(call.verdict("g", &ABOUT, Some(&texts(text))).await, expected, "{text}");
    }
    let noted = noted.lock().unwrap();
    assert_eq!(noted.len(), 3);
    let (metadata, question) = &noted[0];
    assert_eq!(metadata.get("x-key").unwrap(), "a made up key");
    let text = Text { scope: "assistant".to_owned(), choice: 1, text: "hello".to_owned() };
    let expected = CheckRequest {
        guard: "g".to_owned(),
        direction: Way::Response.into(),
        request_id: "r1".to_owned(),
        caller: "ann".to_owned(),
        model: "fast".to_owned(),
        front: "openai".to_owned(),
        texts: vec![text],
    };
    assert_eq!(*question, expected);
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure() {
    let (url, _) = serving().await;
    for (fail, verdict) in [(Fail::Closed, Verdict::Stop(UNDECIDED.to_owned())), (Fail::Open, Verdict::Allow)] {
        for text in ["fail", "wait", "long"] {
            let call = calling(&url, fail);
            assert_eq!(
                call.verdict("g", &ABOUT, Some(&texts(text))).await,
                (verdict.clone(), Source::Failure),
                "{text}"
            );
        }
        let nobody = calling("http://127.0.0.1:1", fail);
        assert_eq!(nobody.verdict("g", &ABOUT, Some(&texts("hi"))).await, (verdict.clone(), Source::Failure));
        assert_eq!(nobody.verdict("g", &ABOUT, None).await, (verdict, Source::Failure));
        assert_eq!(nobody.verdict("g", &ABOUT, Some(&[])).await, (Verdict::Allow, Source::Nothing));
    }
}

#[tokio::test]
async fn no_more_are_asked_at_once_than_it_says() {
    let (url, noted) = serving().await;
    let call = calling(&url, Fail::Closed);
    // The first never ends, and the second waits for it within its own time.
    let (waiting, hello) = (texts("wait"), texts("hello"));
    let both = tokio::join!(call.verdict("g", &ABOUT, Some(&waiting)), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        call.verdict("g", &ABOUT, Some(&hello)).await
    });
    assert_eq!(both.0.1, Source::Failure);
    assert_eq!(both.1, (Verdict::Allow, Source::Answer));
    assert_eq!(noted.lock().unwrap().len(), 2);
}
