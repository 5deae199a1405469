//! Where a key stands: in a header, or in the query of the URL.

use super::{Signed, Used};
use secrecy::{ExposeSecret, SecretString};

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the header of this name, in lower case.
    Header(String),
    /// In the query parameter of this name.
    Query(String),
}

impl Place {
    /// The header's name.
    pub fn header_name(&self) -> Option<&str> {
        match self {
            Self::Header(name) => Some(name),
            Self::Query(_) => None,
        }
    }

    /// The parameter's name.
    pub fn query_name(&self) -> Option<&str> {
        match self {
            Self::Header(_) => None,
            Self::Query(name) => Some(name),
        }
    }

    /// A request with this key.
    pub(super) fn signed(&self, key: &SecretString, used: Used) -> Signed {
        match self {
            Self::Header(name) => Signed { headers: vec![(name.clone().into(), key.clone())], query: None, used },
            Self::Query(name) => Signed { headers: Vec::new(), query: Some((name.clone(), key.clone())), used },
        }
    }
}

/// The path with this parameter, and with no other of its name.
pub(super) fn path(path_and_query: &str, parameter: Option<&(String, SecretString)>) -> String {
    let Some((name, value)) = parameter else { return path_and_query.to_owned() };
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let is_another = |part: &&str| {
        let met = form_urlencoded::parse(part.as_bytes()).next();
        !part.is_empty() && met.is_none_or(|(met, _)| met != *name)
    };
    let mut query = query.split('&').filter(is_another).collect::<Vec<_>>().join("&");
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(form_urlencoded::byte_serialize(name.as_bytes()));
    query.push('=');
    query.extend(form_urlencoded::byte_serialize(value.expose_secret().as_bytes()));
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_query_stands_there_once() {
        let key = ("key".to_owned(), SecretString::from("a b/ü&c"));
        for (path, expected) in [
            ("/v1/models/m:generateContent", "/v1/models/m:generateContent?key=a+b%2F%C3%BC%26c"),
            ("/v1/m?alt=sse", "/v1/m?alt=sse&key=a+b%2F%C3%BC%26c"),
            ("/v1/m?key=mine&alt=sse&k%65y=mine", "/v1/m?alt=sse&key=a+b%2F%C3%BC%26c"),
            ("/v1/m?&&keys=1&", "/v1/m?keys=1&key=a+b%2F%C3%BC%26c"),
        ] {
            assert_eq!(super::path(path, Some(&key)), expected, "{path}");
        }
        assert_eq!(super::path("/v1/m?key=mine", None), "/v1/m?key=mine");
    }
}
