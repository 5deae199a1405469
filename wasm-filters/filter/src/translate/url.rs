//! A provider's base URL, as far as a request needs it.

/// The host for `:authority`, and the path below which the API is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) authority: String,
    pub(super) path: String,
}

impl Url {
    /// Takes it apart.
    ///
    /// # Errors
    /// What was met, and what was expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` {why}; expected something like https://api.openai.com/v1");
        let (default_port, rest) = match text.split_once("://") {
            Some(("https", rest)) => (":443", rest),
            Some(("http", rest)) => (":80", rest),
            _ => return Err(wrong("has neither http:// nor https:// in front")),
        };
        if text.contains(['?', '#']) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("is more than host and path"));
        }
        let (authority, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(wrong("holds credentials"));
        }
        let authority = authority.strip_suffix(default_port).unwrap_or(authority);
        if authority.is_empty() || authority.starts_with(':') {
            return Err(wrong("names no host"));
        }
        Ok(Self { authority: authority.to_owned(), path: path.trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_path() {
        for (text, authority, path) in [
            ("https://api.openai.com/v1", "api.openai.com", "/v1"),
            ("https://api.anthropic.com/", "api.anthropic.com", ""),
            ("https://a.example:443", "a.example", ""),
            ("http://127.0.0.1:8000/v1/", "127.0.0.1:8000", "/v1"),
            ("http://[::1]:80/v1", "[::1]", "/v1"),
        ] {
            let url = Url { authority: authority.to_owned(), path: path.to_owned() };
            assert_eq!(Url::parse(text), Ok(url), "{text}");
        }
        for text in
            ["api.openai.com/v1", "ftp://a", "https://", "https://:80", "https://k@a", "https://a/?b", "https://a b"]
        {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
