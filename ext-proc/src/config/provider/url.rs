//! A provider's base URL.

/// The parts of a provider's URL.
pub(super) struct Url {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authority: String,
    pub(super) path: String,
}

impl Url {
    /// Takes it apart.
    ///
    /// # Errors
    /// What was met, and what was expected.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let example = "expected something like https://api.openai.com/v1";
        let uri: http::Uri = text.parse().map_err(|error| format!("`{text}` is not a URL ({error}); {example}"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("`{text}` has neither http:// nor https:// in front; {example}")),
        };
        let host =
            uri.host().filter(|host| !host.is_empty()).ok_or_else(|| format!("`{text}` names no host; {example}"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("credentials do not belong into the URL; use `key` or `auth`".to_owned());
        }
        if uri.query().is_some() {
            return Err(format!("a query (`?…`) is written as `query: {{ NAME: VALUE }}`; {example}"));
        }
        let default_port = if tls { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default_port);
        let authority = if port == default_port { host.to_owned() } else { format!("{host}:{port}") };
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority,
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}
