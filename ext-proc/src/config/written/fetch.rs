//! Whether media that clients name by URL are fetched for providers that take bytes only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fetching of images, documents, sounds and videos that a request names by URL, for a provider that takes only their
/// bytes. Off unless `allow` says otherwise: then such a medium is a loss. The service itself makes the requests, to public
/// addresses only.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FetchMedia {
    /// Fetch them.
    pub allow: bool,
    /// Most bytes of all media of a request together.
    pub bytes_max: u32,
    /// Most time for all media of a request together: `10s`.
    pub timeout: String,
    /// Most media of a request.
    pub count_max: u16,
    /// The hosts to fetch from, with `*` for anything: `*.example.com`. Default: every one that has a public address.
    pub hosts: Vec<String>,
    /// The ports to fetch from.
    pub ports: Vec<u16>,
    /// Networks that are not public and to fetch from all the same, such as a private store's: `10.1.2.0/24`. Every
    /// client that may ask for this model can then make the service ask there.
    pub allow_addresses: Vec<String>,
}

impl Default for FetchMedia {
    fn default() -> Self {
        Self {
            allow: false,
            bytes_max: 20 << 20,
            timeout: "10s".to_owned(),
            count_max: 16,
            hosts: Vec::new(),
            ports: vec![80, 443],
            allow_addresses: Vec::new(),
        }
    }
}
