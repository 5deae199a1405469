//! Callers that somebody else has verified: Envoy's `jwt_authn`, the TLS connection, a mesh in front. They count only
//! because the configuration says so, and every one of them is ambiguous-proof: what comes twice is refused.

use super::access::Allow;
use super::claims::{Paths, Said, is_fit};
use crate::config::written::callers::{CertificateFrom, CertificateIdentity};
use crate::exchange::message::Head;
use crate::pattern::Pattern;
use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use envoy_types::pb::google::protobuf::Struct;
use envoy_types::pb::google::protobuf::value::Kind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The namespace in which Envoy's filter leaves what it has verified.
pub const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";
/// Where proxies write the certificates of their clients.
pub const FORWARDED_CERTIFICATE: &str = "x-forwarded-client-cert";

/// Whom a source names, if anybody, and what its callers may use; or why it is not believed.
pub type Named<'a> = Result<Option<(Said, &'a Arc<Allow>)>, &'static str>;

/// A token that Envoy has verified.
#[derive(Debug)]
pub struct EnvoyJwt {
    /// Where its payload is.
    pub payload: Payload,
    /// Which claims say what.
    pub paths: Paths,
    /// What is put in front of names.
    pub prefix: String,
    /// What all its callers' requests are marked with.
    pub tags: BTreeMap<String, String>,
    /// What all its callers may use.
    pub allow: Arc<Allow>,
}

/// Where Envoy leaves a payload.
#[derive(Debug)]
pub enum Payload {
    /// In dynamic metadata, under this key.
    Metadata(String),
    /// In this header, as base64url.
    Header(String),
}

impl EnvoyJwt {
    /// Whom it names.
    pub fn named<'a>(&'a self, head: &Head) -> Named<'a> {
        let claims = match &self.payload {
            Payload::Metadata(key) => {
                let payload = head.verified.get(JWT_AUTHN).and_then(|metadata| metadata.fields.get(key));
                match payload.and_then(|payload| payload.kind.as_ref()) {
                    Some(Kind::StructValue(payload)) => json_of(payload),
                    _ => return Ok(None),
                }
            }
            Payload::Header(name) => {
                let Some(text) = only(head, name)? else { return Ok(None) };
                let bytes = URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text));
                let bytes = bytes.map_err(|_| "the payload that Envoy forwards is not base64url")?;
                serde_json::from_slice(&bytes).map_err(|_| "the payload that Envoy forwards is not JSON")?
            }
        };
        Ok(Some((self.paths.read(&claims, &self.prefix, &self.tags)?, &self.allow)))
    }
}

/// Certificates that Envoy has verified.
#[derive(Debug)]
pub struct Mtls {
    /// What of a certificate is the identity.
    pub identity: CertificateIdentity,
    /// Where it is read.
    pub from: CertificateFrom,
    /// Identities that are callers, as they are written.
    pub exact: BTreeMap<String, Known>,
    /// Patterns of identities, the most exact first.
    pub patterns: Vec<(Pattern, Known)>,
}

/// An identity, or a pattern of such, that is a caller.
#[derive(Debug)]
pub struct Known {
    /// Its name, where it is not the identity.
    pub caller: Option<String>,
    /// Its team.
    pub team: Option<String>,
    /// What its requests are marked with.
    pub tags: BTreeMap<String, String>,
    /// What it may use.
    pub allow: Arc<Allow>,
}

impl Mtls {
    /// The attribute of Envoy that holds the identity.
    pub fn attribute(&self) -> Option<&'static str> {
        match (self.from, self.identity) {
            (CertificateFrom::XForwardedClientCert, _) => None,
            (CertificateFrom::Connection, CertificateIdentity::Uri) => Some("connection.uri_san_peer_certificate"),
            (CertificateFrom::Connection, CertificateIdentity::Dns) => Some("connection.dns_san_peer_certificate"),
            (CertificateFrom::Connection, CertificateIdentity::Subject) => Some("connection.subject_peer_certificate"),
        }
    }

    /// Whom the certificate names.
    pub fn named<'a>(&'a self, head: &Head) -> Named<'a> {
        let forwarded;
        let identity = match self.attribute() {
            Some(attribute) => head.attribute(attribute),
            None => {
                let field = match self.identity {
                    CertificateIdentity::Uri => "URI",
                    CertificateIdentity::Dns => "DNS",
                    CertificateIdentity::Subject => "Subject",
                };
                forwarded = match only(head, FORWARDED_CERTIFICATE)? {
                    Some(text) => last_field(text, field),
                    None => None,
                };
                forwarded.as_deref()
            }
        };
        let Some(identity) = identity.filter(|identity| !identity.is_empty()) else { return Ok(None) };
        if !is_fit(identity) {
            return Err("the certificate's identity is longer than 256 bytes or holds control characters");
        }
        let fitting = || self.patterns.iter().find(|(pattern, _)| pattern.matches(identity)).map(|(_, known)| known);
        let Some(known) = self.exact.get(identity).or_else(fitting) else { return Ok(None) };
        let said = Said {
            name: known.caller.clone().unwrap_or_else(|| identity.to_owned()),
            team: known.team.clone(),
            tags: known.tags.clone(),
            ..Said::default()
        };
        Ok(Some((said, &known.allow)))
    }
}

/// A field of the last element of `x-forwarded-client-cert`: the one that the proxy next to us has written. Elements are
/// separated by `,`, their fields by `;`, values may be quoted.
/// <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert>
fn last_field(text: &str, field: &str) -> Option<String> {
    let element = split_unquoted(text, ',').pop()?;
    let values = split_unquoted(&element, ';').into_iter().filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case(field).then(|| unquoted(value))
    });
    values.into_iter().find(|value| !value.is_empty())
}

fn split_unquoted(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for char in text.chars() {
        if char == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        if char == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = char == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(char);
        }
    }
    parts
}

fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\""),
        None => value.to_owned(),
    }
}

/// Headers that are trusted, because the configuration says so.
#[derive(Debug)]
pub struct Headers {
    /// The one with the caller's name.
    pub caller: String,
    /// The one with the team.
    pub team: Option<String>,
    /// The one with the organisation.
    pub org: Option<String>,
    /// Those with tags, by tag.
    pub tags: BTreeMap<String, String>,
    /// What all its callers may use.
    pub allow: Arc<Allow>,
}

impl Headers {
    /// Whom they name.
    pub fn named<'a>(&'a self, head: &Head) -> Named<'a> {
        let read = |name: &String| match only(head, name)? {
            Some(text) if !is_fit(text) => Err("a trusted header is longer than 256 bytes or holds control characters"),
            met => Ok(met.map(str::to_owned)),
        };
        let optional = |name: &Option<String>| name.as_ref().map_or(Ok(None), read);
        let Some(name) = read(&self.caller)? else { return Ok(None) };
        let mut said = Said { name, team: optional(&self.team)?, org: optional(&self.org)?, ..Said::default() };
        for (tag, header) in &self.tags {
            said.tags.extend(read(header)?.map(|text| (tag.clone(), text)));
        }
        Ok(Some((said, &self.allow)))
    }

    /// All their names.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        [Some(&self.caller), self.team.as_ref(), self.org.as_ref()].into_iter().flatten().chain(self.tags.values())
    }
}

/// The value of a trusted header, empty ones left out. Were it there twice, one of them might be the client's own.
fn only<'a>(head: &'a Head, name: &str) -> Result<Option<&'a str>, &'static str> {
    match head.names().filter(|met| *met == name).count() {
        0 => Ok(None),
        1 => Ok(Some(head.get(name).ok_or("a trusted header is not UTF-8")?.trim()).filter(|text| !text.is_empty())),
        _ => Err("a trusted header came twice"),
    }
}

/// What protobuf writes as JSON writes it.
fn json_of(payload: &Struct) -> Value {
    let fields = payload.fields.iter().map(|(name, value)| (name.clone(), json_of_value(value.kind.as_ref())));
    Value::Object(fields.collect())
}

fn json_of_value(kind: Option<&Kind>) -> Value {
    match kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        // Protobuf knows only doubles: 7.0 was written 7.
        Some(Kind::NumberValue(number)) if number.fract() == 0.0 && number.abs() < 9e15 => Value::from(*number as i64),
        Some(Kind::NumberValue(number)) => Value::from(*number),
        Some(Kind::StringValue(text)) => Value::from(text.as_str()),
        Some(Kind::BoolValue(truth)) => Value::from(*truth),
        Some(Kind::StructValue(fields)) => json_of(fields),
        Some(Kind::ListValue(list)) => list.values.iter().map(|value| json_of_value(value.kind.as_ref())).collect(),
    }
}

#[cfg(test)]
#[path = "mesh_tests.rs"]
mod tests;
