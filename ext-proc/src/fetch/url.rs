//! The few parts of a URL that matter here.

use http::Uri;

/// An `http` or `https` URL of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// `https`.
    pub is_https: bool,
    /// The host's name in lower case, or its address without brackets.
    pub host: String,
    /// The port, written or the scheme's own.
    pub port: u16,
    /// Path and query: `/a?b`.
    pub path: String,
}

/// The longest URL that is fetched, in bytes.
const URL_BYTES_MAX: usize = 8 << 10;

impl Url {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow "it", without repeating it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // The part behind `#` is for the reader and not sent.
        let text = text.split('#').next().unwrap_or_default();
        if text.len() > URL_BYTES_MAX {
            return Err(format!("is longer than {URL_BYTES_MAX} bytes"));
        }
        let uri: Uri = text.parse().map_err(|_| "is no valid URL".to_owned())?;
        let is_https = match uri.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
            Some(_) | None => return Err("is neither http nor https".to_owned()),
        };
        let authority = uri.authority().ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("holds credentials".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() {
            return Err("names no host".to_owned());
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str().len() > authority.host().len() => return Err("has no valid port".to_owned()),
            None if is_https => 443,
            None => 80,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { is_https, host, port, path })
    }

    /// The URL that a redirect from here names: <https://www.rfc-editor.org/rfc/rfc3986#section-5.2>, without removing dots,
    /// which is the server's business.
    ///
    /// # Errors
    /// As [`Url::parse`], for the redirect.
    pub(super) fn join(&self, location: &str) -> Result<Self, String> {
        let scheme = if self.is_https { "https" } else { "http" };
        let authority = self.authority();
        let path = self.path.split('?').next().unwrap_or_default();
        let absolute = if location.contains("://") && !location.starts_with(['/', '?']) {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else if location.starts_with('?') {
            format!("{scheme}://{authority}{path}{location}")
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        };
        Self::parse(&absolute).map_err(|why| format!("redirects to a URL that {why}"))
    }

    /// The value of the `host` header.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.is_https, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = |is_https, host: &str, port, path: &str| Url { is_https, host: host.into(), port, path: path.into() };
        for (text, expected) in [
            ("https://Example.COM/a/b?c=d#e", url(true, "example.com", 443, "/a/b?c=d")),
            ("HTTP://example.com.", url(false, "example.com", 80, "/")),
            ("http://example.com:8080?a", url(false, "example.com", 8080, "/?a")),
            ("https://[::1]:8443/", url(true, "::1", 8443, "/")),
        ] {
            assert_eq!(Url::parse(text).as_ref(), Ok(&expected), "{text}");
        }
        for (text, expected) in [
            ("ftp://example.com/", "is neither http nor https"),
            ("file:///etc/passwd", "is no valid URL"),
            ("/a", "is neither http nor https"),
            ("https://user:secret@example.com/", "holds credentials"),
            ("https://exa mple.com/", "is no valid URL"),
            ("https://example.com:99999/", "has no valid port"),
            ("https://", "is no valid URL"),
        ] {
            assert_eq!(Url::parse(text).unwrap_err(), expected, "{text}");
        }
        assert!(Url::parse(&format!("https://example.com/{}", "a".repeat(9000))).is_err());
    }

    #[test]
    fn redirects_lead_somewhere() {
        let from = Url::parse("https://example.com:8443/a/b?c").unwrap();
        for (location, expected) in [
            ("https://other.example/x", "https://other.example/x"),
            ("//other.example/x", "https://other.example/x"),
            ("/x?y", "https://example.com:8443/x?y"),
            ("?y", "https://example.com:8443/a/b?y"),
            ("x", "https://example.com:8443/a/x"),
            ("/x?next=https://evil.example/", "https://example.com:8443/x?next=https://evil.example/"),
        ] {
            assert_eq!(from.join(location), Url::parse(expected), "{location}");
        }
        assert_eq!(from.join("gopher://x/").unwrap_err(), "redirects to a URL that is neither http nor https");
    }
}
