//! Somebody's own guard over gRPC: `attache.guard.v1.Guard` in `proto/`.

use super::passage::name_of;
use super::{ANSWER_BYTES_MAX, About, Direction, Passage, Verdict};
use attache_proto::guard::v1::{self as proto, CheckRequest, CheckResponse};
use http::uri::PathAndQuery;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::OnceLock;
use tonic::client;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic_prost::ProstCodec;

/// Somebody who is asked.
pub struct Grpc {
    /// Where they are.
    pub url: String,
    /// Metadata to send.
    pub headers: Vec<(String, SecretString)>,
    /// The connection: made by the first who asks, since whoever reads a configuration needs none.
    channel: OnceLock<Channel>,
}

impl fmt::Debug for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grpc").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Grpc {
    /// Somebody at this address.
    pub fn new(url: String, headers: Vec<(String, SecretString)>) -> Self {
        Self { url, headers, channel: OnceLock::new() }
    }

    fn channel(&self) -> Result<Channel, String> {
        if let Some(channel) = self.channel.get() {
            return Ok(channel.clone());
        }
        let endpoint = Endpoint::from_shared(self.url.clone()).map_err(|_| "not a URL")?;
        let endpoint = if self.url.starts_with("https:") {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint.tls_config(tls).map_err(|error| format!("no TLS: {error}"))?
        } else {
            endpoint
        };
        Ok(self.channel.get_or_init(|| endpoint.connect_lazy()).clone())
    }

    /// What they say of these texts.
    pub(super) async fn ask(&self, guard: &str, about: &About<'_>, texts: &[Passage]) -> Result<Verdict, String> {
        let direction = match about.direction {
            Direction::Request => proto::Direction::Request,
            Direction::Response => proto::Direction::Response,
        };
        let text = |passage: &Passage| proto::Text {
            scope: name_of(passage.scope).to_owned(),
            choice: passage.choice,
            text: passage.text.clone(),
        };
        let mut request = tonic::Request::new(CheckRequest {
            guard: guard.to_owned(),
            direction: direction.into(),
            request_id: about.request_id.to_owned(),
            caller: about.caller.to_owned(),
            model: about.model.to_owned(),
            front: about.front.to_owned(),
            texts: texts.iter().map(text).collect(),
        });
        for (name, value) in &self.headers {
            let name: AsciiMetadataKey = name.parse().map_err(|_| "a header has no name that gRPC allows")?;
            let value: AsciiMetadataValue =
                value.expose_secret().parse().map_err(|_| "a header has no value that gRPC allows")?;
            request.metadata_mut().insert(name, value);
        }
        let mut client = client::Grpc::new(self.channel()?).max_decoding_message_size(ANSWER_BYTES_MAX);
        client.ready().await.map_err(|_| "cannot be reached")?;
        let path = PathAndQuery::from_static("/attache.guard.v1.Guard/Check");
        let codec = ProstCodec::<CheckRequest, CheckResponse>::default();
        // Its message may repeat what was asked.
        let answer =
            client.unary(request, path, codec).await.map_err(|status| format!("answered {:?}", status.code()))?;
        let CheckResponse { allow, rule } = answer.into_inner();
        Ok(if allow { Verdict::Allow } else { Verdict::stop(&rule) })
    }
}
