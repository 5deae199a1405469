//! The way of `aws-config` to token services and metadata: our own client.

use crate::outbound::Client;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use std::time::Duration;

/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Most time for one request that says nothing about it.
const TIME: Duration = Duration::from_secs(5);

/// A client that lives elsewhere.
#[derive(Debug)]
pub(super) struct Web;

/// A connector of it.
#[derive(Debug)]
struct Connector {
    time: Duration,
}

impl HttpClient for Web {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        // Somewhere without a metadata service its address leads nowhere, and connecting to it must not take long.
        let (connect, read) = (settings.connect_timeout(), settings.read_timeout());
        let time = read.or(connect).unwrap_or(TIME);
        SharedHttpConnector::new(Connector { time })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let time = self.time;
        HttpConnectorFuture::new(async move { answered(request, time).await })
    }
}

async fn answered(request: HttpRequest, time: Duration) -> Result<HttpResponse, ConnectorError> {
    let wrong = |problem: &str| ConnectorError::user(problem.to_owned().into());
    let client = Client::shared().map_err(|problem| wrong(&problem))?;
    let request = request.try_into_http1x().map_err(|error| wrong(&error.to_string()))?;
    let body = request.body().bytes().map(Bytes::copy_from_slice);
    let body = body.ok_or_else(|| wrong("a body that is a stream"))?;
    let answer = client.call(request.map(|_| body), ANSWER_BYTES_MAX, time).await;
    let answer = answer.map_err(|problem| ConnectorError::io(problem.into()))?;
    HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
}
