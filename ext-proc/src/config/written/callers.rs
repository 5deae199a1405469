//! Who may ask: the sections `callers`, `teams` and `orgs`.

use super::{Dialect, REDACTED, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who may ask, and how they prove it. Without this section everybody is let in as `anonymous`. What a request shows
/// counts in this order: a key or a token of its own, a token that Envoy verified, its certificate, trusted headers.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Callers {
    /// What becomes of a request that proves nothing.
    pub anonymous: Anonymous,
    /// Virtual keys by the name of their caller. A key arrives as `Authorization: Bearer`, `x-api-key`, `x-goog-api-key` or
    /// `api-key`; the first of these that is there counts.
    pub keys: BTreeMap<String, Key>,
    /// Whether keys that `attache keys create` and the admin API make count as well. They live in the store. Default: true.
    pub stored_keys: StoredKeys,
    /// Tokens (JWT) that are verified here, with the keys of their issuer. They arrive where keys arrive.
    pub jwt: Vec<Issuer>,
    /// Tokens that Envoy's `jwt_authn` filter has verified before the request comes here.
    pub envoy_jwt: Option<EnvoyJwt>,
    /// Client certificates that Envoy has verified.
    pub mtls: Option<Mtls>,
    /// Headers that a mesh or a proxy in front sets. They prove nothing by themselves: write this only where no client can
    /// send them.
    pub headers: Option<Headers>,
    /// What an address may get wrong.
    pub throttle: Throttle,
}

/// Whether stored keys count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct StoredKeys(pub bool);

impl Default for StoredKeys {
    fn default() -> Self {
        Self(true)
    }
}

/// What becomes of a request that proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Anonymous {
    /// 401.
    #[default]
    Deny,
    /// It is let in as `anonymous`. So is a key that nobody knows, since SDKs insist on sending one; only a wrong key that
    /// looks like one of ours (`att-…`) is still refused.
    Allow,
}

/// A virtual key.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Key {
    /// The SHA-256 of the key in hex (`printf %s "$KEY" | sha256sum`), or several while the key is being changed.
    #[serde(skip_serializing_if = "Hashes::is_empty")]
    pub sha256: Hashes,
    /// The key itself, instead of its hash; at least 20 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Secret>,
    /// The team that it belongs to.
    pub team: Option<String>,
    /// From when on it counts no more: `2027-01-01T00:00:00Z`.
    pub expires: Option<String>,
    /// It does not count for now.
    pub disabled: bool,
    /// What its requests are marked with, beside the tags of its team and organisation, which it overrides.
    pub tags: BTreeMap<String, String>,
    /// What it may use. Its team and organisation must allow it, too.
    pub allow: Allow,
}

/// SHA-256 hashes in hex. They open no door, but a weak key can be guessed from its hash: nobody sees them.
#[derive(Clone, Default, JsonSchema)]
#[schemars(transparent)]
pub struct Hashes(#[schemars(with = "OneOrSeveral")] pub Vec<String>);

/// How hashes are written.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "it is only there for the JSON Schema")]
enum OneOrSeveral {
    /// One.
    One(String),
    /// Several, all of which count.
    Several(Vec<String>),
}

impl Hashes {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let texts = match &value {
            serde_json::Value::String(one) => Some(vec![one.clone()]),
            serde_json::Value::Array(several) => several.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Object(_) => None,
        };
        texts
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a hash is a string of 64 hex digits, or a list of them"))
    }
}

impl std::fmt::Debug for Hashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Hashes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// What may be used. What is not written is not limited; an empty list allows nothing. A `*` stands for any characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Allow {
    /// Models, by the names that clients ask for: `fast`, `openai/*`. Others look as if they did not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Providers that may serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub providers: Option<Vec<String>>,
    /// Dialects that may be spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fronts: Option<Vec<Dialect>>,
}

/// Who issues tokens, and what they say.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The `iss` of its tokens, exactly.
    pub issuer: String,
    /// One of these must be among the token's `aud`: a token made for another service is no token for this one.
    pub audiences: Vec<String>,
    /// Its public keys.
    pub jwks: Jwks,
    /// What tokens may be signed with. Default: all of these. There is neither `none` nor a shared secret (`HS256`).
    #[serde(default = "Algorithm::all")]
    pub algorithms: Vec<Algorithm>,
    /// Which claims say what.
    #[serde(default)]
    pub claims: Claims,
    /// What is written in front of the caller's name, so that names of two sources are never the same: `okta:`.
    #[serde(default)]
    pub prefix: String,
    /// What all its callers' requests are marked with.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What all its callers may use.
    #[serde(default)]
    pub allow: Allow,
}

/// A JSON Web Key Set (RFC 7517): `{ file: PATH }` or `{ url: URL }`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Jwks {
    /// In a file. It is read again when it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// At an https URL. It is fetched at the start, every `refresh`, and when a token names a key that is not there, but
    /// then at most twice a minute. The system's CA certificates count, or those in the file `SSL_CERT_FILE` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How often the URL is fetched anew. Default: 10m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
}

/// What a token may be signed with (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RS384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RS512,
    /// RSA-PSS with SHA-256.
    PS256,
    /// RSA-PSS with SHA-384.
    PS384,
    /// RSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256.
    ES256,
    /// ECDSA on P-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    fn all() -> Vec<Self> {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        vec![RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA]
    }
}

/// Which claims say what. A claim is named by its path: `sub`, `realm.team`, `groups.0`; all but `caller` may be absent from a
/// token.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Claims {
    /// The caller's name. Default: `sub`.
    pub caller: String,
    /// The team.
    pub team: Option<String>,
    /// The organisation, where the team does not say it.
    pub org: Option<String>,
    /// Tags by name.
    pub tags: BTreeMap<String, String>,
    /// Further claims that limits may be counted by.
    pub keep: Vec<String>,
}

impl Default for Claims {
    fn default() -> Self {
        Self { caller: "sub".to_owned(), team: None, org: None, tags: BTreeMap::new(), keep: Vec::new() }
    }
}

/// Where Envoy's `jwt_authn` filter leaves the payload of a token that it has verified: `metadata` or `header`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvoyJwt {
    /// In dynamic metadata of the namespace `envoy.filters.http.jwt_authn`, under this key: the filter's `payload_in_metadata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// In this header: the filter's `forward_payload_header`. Only where every route asks `jwt_authn`, which takes a header
    /// away that the client made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Which claims say what.
    #[serde(default)]
    pub claims: Claims,
    /// What is written in front of the caller's name.
    #[serde(default)]
    pub prefix: String,
    /// What all its callers' requests are marked with.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What all its callers may use.
    #[serde(default)]
    pub allow: Allow,
}

/// Client certificates that Envoy has verified.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mtls {
    /// What of the certificate is the identity.
    #[serde(default)]
    pub identity: CertificateIdentity,
    /// Where it is read.
    #[serde(default)]
    pub from: CertificateFrom,
    /// The identities that are callers: `spiffe://cluster.local/ns/search/*`. An exact one counts before a pattern, a longer
    /// pattern before a shorter one. Certificates that match none prove nothing.
    pub identities: BTreeMap<String, Identity>,
}

/// What of a certificate is the identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateIdentity {
    /// The URI in its subject alternative names: SPIFFE.
    #[default]
    Uri,
    /// The DNS name in its subject alternative names.
    Dns,
    /// Its subject.
    Subject,
}

/// Where a certificate's identity is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateFrom {
    /// From the connection to this Envoy, by the attributes that `attache envoy` asks for.
    #[default]
    Connection,
    /// From the last element of `x-forwarded-client-cert`: only where Envoy is told to set it (`SANITIZE_SET`, `APPEND_FORWARD`).
    XForwardedClientCert,
}

/// An identity that is a caller.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// The caller's name. Default: the identity itself.
    pub caller: Option<String>,
    /// Its team.
    pub team: Option<String>,
    /// What its requests are marked with.
    pub tags: BTreeMap<String, String>,
    /// What it may use.
    pub allow: Allow,
}

/// Headers that a mesh or a proxy in front sets.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Headers {
    /// The header with the caller's name. A request without it proves nothing.
    pub caller: String,
    /// The header with the team.
    #[serde(default)]
    pub team: Option<String>,
    /// The header with the organisation, where the team does not say it.
    #[serde(default)]
    pub org: Option<String>,
    /// Headers by the tag that they give.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What all its callers may use.
    #[serde(default)]
    pub allow: Allow,
}

/// What an address may get wrong. Past that it reads 429 instead of 401 for a wrong key; a right key is let in all the same,
/// because others behind the same address may be the ones who guess. IPv6 addresses count by their /64.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Throttle {
    /// So many wrong keys at once; after that they come back evenly over `per`.
    pub failures: u32,
    /// The time over which `failures` are forgiven: `1m`.
    pub per: String,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { failures: 20, per: "1m".to_owned() }
    }
}

/// A team: what its callers have in common. As soon as one is written, callers of teams that are not are refused.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Team {
    /// The organisation that it belongs to.
    pub org: Option<String>,
    /// What its callers' requests are marked with.
    pub tags: BTreeMap<String, String>,
    /// What its callers may use.
    pub allow: Allow,
    /// Its callers are refused for now.
    pub disabled: bool,
}

/// An organisation: what its teams have in common. As soon as one is written, callers of others are refused.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Org {
    /// What its callers' requests are marked with.
    pub tags: BTreeMap<String, String>,
    /// What its callers may use.
    pub allow: Allow,
    /// Its callers are refused for now.
    pub disabled: bool,
}
