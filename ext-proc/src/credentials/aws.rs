//! Signatures of AWS, version 4: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
//!
//! Signed are the method, the path and query as they go over the wire, `host`, `content-type`, every `x-amz-*` header and
//! the body's digest. Every service but S3 decodes no path before it checks the signature, so what is encoded already
//! (`%3A` in the name of a Bedrock model) is encoded once more.

mod chain;
mod web;

pub use chain::Chain;

use super::ToSign;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;

/// The headers that a signature stands in.
pub(super) const HEADERS: [&str; 4] = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];

/// For which region and service signatures are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `us-east-1`.
    pub region: String,
    /// `bedrock`.
    pub service: String,
}

/// Keys that were written down.
pub fn keys(
    access_key_id: &SecretString,
    secret_access_key: &SecretString,
    session_token: Option<&SecretString>,
) -> Identity {
    let session_token = session_token.map(|token| token.expose_secret().to_owned());
    let (id, secret) = (access_key_id.expose_secret(), secret_access_key.expose_secret());
    Credentials::new(id, secret, session_token, None, "attache").into()
}

/// The headers that sign this request.
///
/// # Errors
/// For what cannot be part of a request.
pub(super) fn signature(
    scope: &Scope,
    keys: &Identity,
    request: &ToSign<'_>,
) -> Result<Vec<(Cow<'static, str>, SecretString)>, String> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let parameters = v4::SigningParams::builder()
        .identity(keys)
        .region(&scope.region)
        .name(&scope.service)
        .time(request.now)
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?;
    let url = format!("https://{}{}", request.authority, request.path_and_query);
    let is_signed = |name: &str| (name == "content-type" || name.starts_with("x-amz-")) && !HEADERS.contains(&name);
    let headers = request.headers.iter().copied().filter(|(name, _)| is_signed(name));
    let body = request.body.ok_or("its body is passed on unread, and AWS wants it signed")?;
    let body = SignableBody::Bytes(body);
    let request = SignableRequest::new(request.method, url, headers, body).map_err(|error| error.to_string())?;
    let signed = sign(request, &parameters.into()).map_err(|error| error.to_string())?;
    let (headers, _in_the_query) = signed.into_parts().0.into_parts();
    Ok(headers.into_iter().map(|header| (header.name().into(), SecretString::from(header.value()))).collect())
}

#[cfg(test)]
mod tests;
