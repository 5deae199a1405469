//! [`Fault`]: what went wrong, in words that every dialect can say.

/// Whose fault it is and whether trying again makes sense, as the error types of the dialects divide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request cannot be understood or is not allowed (400, 422).
    InvalidRequest,
    /// No or a wrong key (401).
    Authentication,
    /// A right key without the right (403).
    Permission,
    /// No such model, path or thing (404).
    NotFound,
    /// The method does not fit the path (405).
    Method,
    /// The body is larger than somebody takes (413).
    TooLarge,
    /// Too many requests or tokens (429).
    RateLimit,
    /// The provider has no capacity (503, 529).
    Overloaded,
    /// Nobody answered in time (504).
    Timeout,
    /// An upstream could not be reached or did not speak its dialect (502).
    Upstream,
    /// Anything else that is not the caller's fault (500).
    Server,
}

impl FaultKind {
    /// The kind that an HTTP status stands for.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            403 => Self::Permission,
            404 => Self::NotFound,
            405 => Self::Method,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            400..=499 => Self::InvalidRequest,
            502 => Self::Upstream,
            503 | 529 => Self::Overloaded,
            504 => Self::Timeout,
            _ => Self::Server,
        }
    }

    /// The HTTP status that says this to any client.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Authentication => 401,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::TooLarge => 413,
            Self::RateLimit => 429,
            Self::Overloaded => 503,
            Self::Timeout => 504,
            Self::Upstream => 502,
            Self::Server => 500,
        }
    }

    /// The kind of this [word](Self::as_str); for any other word, a server's.
    pub fn named(word: &str) -> Self {
        let all = [
            Self::InvalidRequest,
            Self::Authentication,
            Self::Permission,
            Self::NotFound,
            Self::Method,
            Self::TooLarge,
            Self::RateLimit,
            Self::Overloaded,
            Self::Timeout,
            Self::Upstream,
        ];
        all.into_iter().find(|kind| kind.as_str() == word).unwrap_or(Self::Server)
    }

    /// The kind in a word, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Method => "method",
            Self::TooLarge => "too_large",
            Self::RateLimit => "rate_limit",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Upstream => "upstream",
            Self::Server => "server",
        }
    }
}

/// An error on its way to the caller: what happened, whose fault it is, and what a person can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose fault, in a word.
    pub kind: FaultKind,
    /// The HTTP status to answer with. In the middle of a stream it is only for records.
    pub status: u16,
    /// What the caller reads.
    pub message: String,
    /// A machine-readable code, where there is one (`model_not_found`, `context_length_exceeded` …).
    pub code: Option<String>,
    /// The request field that is at fault, where one is (`messages[2].role`).
    pub param: Option<String>,
}

impl Fault {
    /// A fault of this kind with its usual status.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, status: kind.status(), message: message.into(), code: None, param: None }
    }

    /// The request is at fault.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(FaultKind::InvalidRequest, message)
    }

    /// An upstream did not speak its dialect, or stopped in the middle.
    pub fn upstream(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Upstream, message)
    }

    /// The same, with a machine-readable code.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same, with the field at fault.
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }
}
