//! Where an Envoy's configuration comes from: a file, or its admin interface.

use super::at::At;
use super::seen::in_snake_case;
use crate::outbound::causes;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// The largest configuration that is read, in bytes: thousands of clusters.
const BYTES_MAX: usize = 64 << 20;

/// The longest wait for one page of the admin interface.
const TIME_MAX: Duration = Duration::from_secs(10);

/// What was read.
#[derive(Debug, Default)]
pub struct Read {
    /// A bootstrap, or a dump of what is running.
    document: Value,
    /// What a running Envoy tells besides.
    pub running: Option<Running>,
}

/// What an Envoy has counted and found out since its start.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Counters and gauges.
    pub stats: BTreeMap<String, u64>,
    /// The hosts of every cluster.
    pub hosts: BTreeMap<String, Vec<Host>>,
}

/// A host of a cluster.
#[derive(Clone, Debug)]
pub struct Host {
    /// 0 is served first.
    pub priority: u64,
    /// Whether requests go to it.
    pub is_healthy: bool,
}

/// Reads a bootstrap, or a saved `/config_dump`, in YAML or JSON.
///
/// # Errors
/// What a person must read to find out why not.
pub fn file(path: &Path) -> Result<Read, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|error| named(&error))?;
    let mut text = String::new();
    file.take(BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(|error| named(&error))?;
    if text.len() > BYTES_MAX {
        return Err(named(&format!("it is larger than {BYTES_MAX} bytes")));
    }
    self::text(&text).map_err(|error| named(&error))
}

/// Reads the text of a configuration.
///
/// # Errors
/// For what is no configuration. Nothing of the text is in the message.
pub fn text(text: &str) -> Result<Read, String> {
    let json = serde_json::from_str(text).ok();
    let document: Value = match json {
        Some(json) => json,
        None => serde_saphyr::from_str(text).map_err(|_| "neither JSON nor YAML that can be read")?,
    };
    let document = in_snake_case(document);
    if document.get("static_resources").is_none() && document.get("configs").is_none() {
        return Err("neither a bootstrap (`static_resources`) nor a dump of one (`configs`)".to_owned());
    }
    Ok(Read { document, running: None })
}

/// Asks a running Envoy.
///
/// # Errors
/// What a person must read to find out why not.
pub fn admin(url: &str) -> Result<Read, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let dump = page(url, "config_dump?include_eds").await?;
        let stats = page(url, "stats?format=json").await?;
        let dump = std::str::from_utf8(&dump).map_err(|error| error.to_string())?;
        let read = text(dump).map_err(|error| format!("{url}/config_dump: {error}"))?;
        let clusters = page(url, "clusters?format=json").await?;
        Ok(Read { running: Some(Running { stats: numbers(&stats), hosts: hosts(&clusters) }), ..read })
    })
}

async fn page(url: &str, path: &str) -> Result<Bytes, String> {
    let url = format!("{}/{path}", url.trim_end_matches('/'));
    let named = |error: &dyn std::fmt::Display| format!("{url}: {error}");
    let uri = url.parse().map_err(|error: http::uri::InvalidUri| named(&error))?;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answered = async {
        let answer = client.get(uri).await.map_err(|error| named(&causes(&error)))?;
        if !answer.status().is_success() {
            return Err(named(&format!("status {}", answer.status().as_u16())));
        }
        let body = Limited::new(answer.into_body(), BYTES_MAX).collect().await;
        Ok(body.map_err(|error| named(&error))?.to_bytes())
    };
    tokio::time::timeout(TIME_MAX, answered).await.map_err(|_| named(&"no answer in time"))?
}

/// The counters and gauges of `/stats?format=json`.
fn numbers(page: &[u8]) -> BTreeMap<String, u64> {
    let page: Value = serde_json::from_slice(page).unwrap_or_default();
    let stats = page.get("stats").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let number = |stat: &Value| Some((stat.get("name")?.as_str()?.to_owned(), stat.get("value")?.as_u64()?));
    stats.iter().filter_map(number).collect()
}

/// The hosts that `/clusters?format=json` lists.
fn hosts(page: &[u8]) -> BTreeMap<String, Vec<Host>> {
    let page: Value = serde_json::from_slice(page).unwrap_or_default();
    let clusters = At::of(&page, "").get("cluster_statuses").items();
    let hosts = |cluster: &At<'_>| cluster.get("host_statuses").items().iter().map(Host::of).collect();
    clusters.iter().map(|cluster| (cluster.get("name").text().to_owned(), hosts(cluster))).collect()
}

impl Host {
    /// Zeros and switches that are off are not written.
    fn of(status: &At<'_>) -> Self {
        let health = status.get("health_status").fields();
        let fails = |(name, value): &(&str, At<'_>)| match *name {
            "eds_health_status" => matches!(value.text(), "UNHEALTHY" | "DRAINING" | "TIMEOUT"),
            _ => name.starts_with("failed_") && value.is_true(),
        };
        let priority = status.get("priority").number().unwrap_or_default();
        Self { priority: priority as u64, is_healthy: !health.iter().any(fails) }
    }
}

impl Read {
    /// The same, with what a running Envoy tells besides.
    #[cfg(test)]
    pub fn with(self, running: Running) -> Self {
        Self { running: Some(running), ..self }
    }

    /// The admin interface's configuration.
    pub fn admin(&self) -> At<'_> {
        match self.section("BootstrapConfigDump") {
            Some(dump) => part(dump.get("bootstrap").and_then(|bootstrap| bootstrap.get("admin")), "admin"),
            None => At::of(&self.document, "").get("admin"),
        }
    }

    /// All clusters.
    pub fn clusters(&self) -> Vec<At<'_>> {
        let lists = ["static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"];
        let dumped = self.dumped("ClustersConfigDump", &lists, |item| item.get("cluster"));
        self.all("clusters", dumped, "cluster")
    }

    /// All listeners.
    pub fn listeners(&self) -> Vec<At<'_>> {
        let dumped = self.dumped("ListenersConfigDump", &["static_listeners", "dynamic_listeners"], |item| {
            item.get("listener").or_else(|| item.get("active_state")?.get("listener"))
        });
        self.all("listeners", dumped, "listener")
    }

    /// Route configurations that came over the network, by name.
    pub fn routes(&self) -> BTreeMap<&str, At<'_>> {
        let dumped = self.dumped("RoutesConfigDump", &["dynamic_route_configs"], |item| item.get("route_config"));
        dumped.into_iter().map(|routes| (name_of(routes), part(Some(routes), "route configuration"))).collect()
    }

    /// The version of a running Envoy.
    pub fn version(&self) -> Option<(u64, u64)> {
        let node = self.section("BootstrapConfigDump")?.get("bootstrap")?.get("node")?;
        let version = node.get("user_agent_build_version")?.get("version")?;
        Some((version.get("major_number")?.as_u64()?, version.get("minor_number")?.as_u64()?))
    }

    /// Those of a dump, or else those of a bootstrap.
    fn all<'a>(&'a self, list: &str, dumped: Vec<&'a Value>, kind: &str) -> Vec<At<'a>> {
        let written = At::of(&self.document, "").dig(["static_resources", list]).items();
        dumped.into_iter().map(|value| part(Some(value), kind)).chain(written).collect()
    }

    fn dumped<'a>(
        &'a self,
        section: &str,
        lists: &[&str],
        of: impl Fn(&'a Value) -> Option<&'a Value>,
    ) -> Vec<&'a Value> {
        let sections = self.sections().filter(|dump| type_of(dump) == section);
        let lists = sections.flat_map(|dump| lists.iter().filter_map(|list| dump.get(*list)?.as_array()));
        lists.flatten().filter_map(of).collect()
    }

    fn section(&self, name: &str) -> Option<&Value> {
        self.sections().find(|dump| type_of(dump) == name)
    }

    fn sections(&self) -> impl Iterator<Item = &Value> {
        self.document.get("configs").and_then(Value::as_array).into_iter().flatten()
    }
}

fn type_of(dump: &Value) -> &str {
    dump.get("@type").and_then(Value::as_str).and_then(|name| name.rsplit('.').next()).unwrap_or_default()
}

fn name_of(value: &Value) -> &str {
    value.get("name").and_then(Value::as_str).unwrap_or("without a name")
}

fn part<'a>(value: Option<&'a Value>, kind: &str) -> At<'a> {
    static NOTHING: Value = Value::Null;
    let value = value.unwrap_or(&NOTHING);
    At::of(value, if kind == "admin" { kind.to_owned() } else { format!("{kind} {}", name_of(value)) })
}
