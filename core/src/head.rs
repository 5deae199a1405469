//! The head of a request on its way to a provider, and of the answer on its way back: what stays behind, what belongs to one
//! dialect only, and where the request goes.

use crate::dialect::Dialect;
use crate::endpoint::query_for_upstream;

/// The client's credentials and everything that belongs to the client's own account: never for a provider.
pub const CLIENT_ONLY: [&str; 14] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-goog-user-project",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "cookie",
    "openai-organization",
    "openai-project",
    "x-gateway-destination-endpoint",
    WANTS_COST,
];

/// The header by which a client asks what its answer costs.
pub const WANTS_COST: &str = "x-include-cost";

/// How names begin that are the gateway's own: a client that sends one is not believed, and no provider gets one.
pub const INTERNAL: &str = "x-attache-";

/// Headers of a provider that speak of its own house or account: not for the client.
pub const PROVIDER_ONLY: [&str; 8] = [
    "set-cookie",
    "alt-svc",
    "strict-transport-security",
    "openai-organization",
    "openai-project",
    "anthropic-organization-id",
    "content-encoding",
    "trailer",
];

/// The header of the version of the Anthropic API.
const ANTHROPIC_VERSION_HEADER: &str = "anthropic-version";
/// The version that we speak when the client does not: <https://docs.anthropic.com/en/api/versioning>.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The header of the features of the Anthropic API that are in beta.
pub const ANTHROPIC_BETA_HEADER: &str = "anthropic-beta";

/// Headers of a request that mean something to one dialect only.
pub const OF_A_DIALECT: [(Dialect, &str); 3] = [
    (Dialect::OpenAi, "openai-beta"),
    (Dialect::Anthropic, ANTHROPIC_VERSION_HEADER),
    (Dialect::Anthropic, ANTHROPIC_BETA_HEADER),
];

/// What a header of [`OF_A_DIALECT`] says to a provider of `dialect`, where the client says `value`; `None` where it is
/// not for it.
pub fn of_dialect<'v>(of: Dialect, name: &str, value: Option<&'v str>, dialect: Dialect) -> Option<&'v str> {
    let is_openai = matches!(dialect, Dialect::OpenAi | Dialect::Responses | Dialect::Completions);
    let default = (name == ANTHROPIC_VERSION_HEADER).then_some(ANTHROPIC_VERSION);
    value.or(default).filter(|_| of == dialect || (of == Dialect::OpenAi && is_openai))
}

/// A path below a provider's base path with what the provider wants in every query and, if it speaks the client's dialect,
/// the query of the client's own path.
pub fn path(base: &str, path: &str, of_provider: Option<&str>, of_client: Option<&str>) -> String {
    let of_client = of_client.and_then(|path| path.split_once('?')).map(|(_, query)| query_for_upstream(query));
    let of_client = of_client.filter(|query| !query.is_empty());
    let mut path = format!("{base}{path}");
    for query in of_provider.into_iter().chain(of_client.as_deref()) {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(query);
    }
    path
}
