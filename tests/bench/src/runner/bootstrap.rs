//! The files that the benchmark writes: Envoy's bootstrap for the comparisons, and Attaché's own configuration.

use std::net::SocketAddr;
use std::path::Path;

use super::scenario::{Sees, WasmFilter};

/// The model that the OpenAI-dialect provider serves: one whose tokens are counted exactly, where anybody counts.
pub(crate) const OPENAI_MODEL: &str = "gpt-4o-mini";
/// The model that the Anthropic-dialect provider serves.
pub(crate) const ANTHROPIC_MODEL: &str = "bench-anthropic";

/// Envoy alone, or with an external processor on a socket, and what it is sent.
pub(crate) fn envoy(
    listen: SocketAddr,
    admin: SocketAddr,
    provider: SocketAddr,
    processor: Option<(&Path, Sees)>,
) -> String {
    let (filter, cluster) = match processor {
        Some((socket, sees)) => {
            let address = format!("{{ pipe: {{ path: \"{}\" }} }}", socket.display());
            let cluster = include_str!("ext_proc_cluster.yaml").replace("PROCESSOR_ADDRESS", &address);
            let (request_body, response_headers) = match sees {
                Sees::All => ("BUFFERED", "SEND"),
                Sees::RequestHeaders => ("NONE", "SKIP"),
            };
            let filter = include_str!("ext_proc_filter.yaml").replace("REQUEST_BODY_MODE", request_body);
            (filter.replace("RESPONSE_HEADER_MODE", response_headers), cluster)
        }
        None => (String::new(), String::new()),
    };
    filled(&filter, &cluster, (listen, admin, provider))
}

/// Envoy with a filter inside, whose code is in `folder`.
pub(crate) fn wasm(
    listen: SocketAddr,
    admin: SocketAddr,
    provider: SocketAddr,
    filter: WasmFilter,
    folder: &Path,
) -> String {
    let code = folder.join(filter.name()).with_extension("wasm").display().to_string();
    let yaml = include_str!("wasm_filter.yaml").replace("FILTER_NAME", filter.name());
    let yaml = yaml.replace("FILTER_CODE", &code).replace("FILTER_CONFIGURATION", filter.configuration());
    filled(&yaml, "", (listen, admin, provider))
}

fn filled(filter: &str, cluster: &str, (listen, admin, provider): (SocketAddr, SocketAddr, SocketAddr)) -> String {
    include_str!("bare.yaml")
        .replace("HTTP_FILTERS\n                  -", &format!("{filter}                  -"))
        .replace("CLUSTERS\n", cluster)
        .replace("ADMIN_PORT", &admin.port().to_string())
        .replace("LISTEN_PORT", &listen.port().to_string())
        .replace("PROVIDER_PORT", &provider.port().to_string())
}

/// Where Attaché and its Envoy listen.
pub(crate) struct AttacheAddresses<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) envoy_admin: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) socket: &'a Path,
    /// The folder of the filters of its hybrid.
    pub(crate) wasm: Option<&'a Path>,
}

/// `attache.yaml` with one provider per dialect, both of them the simulator; `more` are further sections.
pub(crate) fn attache(addresses: &AttacheAddresses<'_>, provider: SocketAddr, more: &str) -> String {
    let AttacheAddresses { listen, envoy_admin, admin, socket, wasm } = addresses;
    let socket = socket.display();
    let wasm = wasm.map(|folder| format!(", wasm: \"{}\"", folder.display())).unwrap_or_default();
    format!(
        r#"listen: {listen}
envoy: {{ admin: {envoy_admin}, access_log: "off"{wasm} }}
service: {{ grpc: "unix:{socket}", admin: "{admin}" }}
providers:
  openai: {{ dialect: openai, url: "http://{provider}/v1", auth: {{ bearer: bench }} }}
  claude: {{ dialect: anthropic, url: "http://{provider}", auth: {{ header: x-api-key, value: bench }} }}
models:
  {OPENAI_MODEL}: {{ targets: [{{ provider: openai, model: {OPENAI_MODEL} }}] }}
  {ANTHROPIC_MODEL}: {{ targets: [{{ provider: claude, model: {ANTHROPIC_MODEL} }}] }}
{more}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left() {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let socket = Path::new("/run/bench.sock");
        for processor in [None, Some((socket, Sees::All)), Some((socket, Sees::RequestHeaders))] {
            let yaml = envoy(address, address, address, processor);
            let body = yaml.split_once('\n').unwrap().1;
            for placeholder in ["_PORT", "_MODE", "HTTP_FILTERS", "CLUSTERS", "PROCESSOR_ADDRESS"] {
                assert!(!body.contains(placeholder), "{placeholder} in\n{yaml}");
            }
            assert_eq!(body.contains("/run/bench.sock"), processor.is_some());
        }
        let yaml = wasm(address, address, address, WasmFilter::Redact, Path::new("/run"));
        assert!(!yaml.contains("FILTER_") && yaml.contains("/run/redact.wasm"), "{yaml}");
    }
}
