//! Everything that one run needs, started on free loopback ports: the simulator, the Envoys, the processors.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::arguments::Programs;
use super::bootstrap::{self, AttacheAddresses};
use super::child::{Child, ChildError};
use super::redis;
use super::scenario::{Limits, Scenario, Sees, WasmFilter, Way};
use super::starts::Start;

const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// A cache for everybody. Requests are all the same: who misses must not wait for another one.
const CACHE: &str = "cache: { rules: [ { name: bench, scope: shared, coalesce: \"off\" } ] }\n";

/// The running processes; dropping it ends them and removes their files.
pub(crate) struct Lab {
    simulator: Child,
    provider: SocketAddr,
    hops: Vec<Hop>,
    starts: Vec<Start>,
    directory: Directory,
}

/// An Envoy, perhaps with a processor beside it, which perhaps has a Redis.
struct Hop {
    way: Way,
    address: SocketAddr,
    envoy: Child,
    service: Option<Child>,
    store: Option<Child>,
}

/// How Attaché is set up beside its Envoy.
struct Beside<'a> {
    directory: &'a Path,
    /// Further sections of its configuration.
    more: &'a str,
    /// The folder of the filters that read bodies for it.
    wasm: Option<&'a Path>,
}

/// Where a scenario's requests go, and which processes they keep busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) address: SocketAddr,
    pub(crate) simulator: u32,
    pub(crate) envoy: Option<u32>,
    pub(crate) service: Option<u32>,
    pub(crate) store: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LabError {
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("cannot write the configuration: {0}")]
    Files(#[from] io::Error),
    #[error("there is no redis-server")]
    NoRedis,
    #[error("`attache envoy` failed: {0}")]
    AttacheEnvoy(String),
}

impl Lab {
    /// Starts what `scenarios` need. `script` is what the simulator plays for every request.
    pub(crate) async fn start(programs: &Programs, scenarios: &[Scenario], script: &str) -> Result<Self, LabError> {
        let directory = Directory::create()?;
        let (simulator, provider) = start_simulator(programs, script, &directory.0).await?;
        let mut lab = Self { simulator, provider, hops: Vec::new(), starts: Vec::new(), directory };
        for &scenario in scenarios {
            let way = scenario.way();
            if lab.hops.iter().any(|hop| hop.way == way) {
                continue;
            }
            let hop = match way {
                Way::Direct => continue,
                Way::Bare => lab.start_bare(programs, scenario).await?,
                Way::Noop(sees) => lab.start_noop(programs, sees).await?,
                Way::Wasm(filter) => lab.start_wasm(programs, scenario, filter).await?,
                Way::Attache(limits) => lab.start_attache(programs, scenario, limits).await?,
                Way::Hybrid => lab.start_hybrid(programs, scenario).await?,
            };
            lab.hops.push(hop);
        }
        Ok(lab)
    }

    /// None when the scenario was not among those that the lab was started for.
    pub(crate) fn route(&self, scenario: Scenario) -> Option<Route> {
        let simulator = self.simulator.id();
        let way = scenario.way();
        if way == Way::Direct {
            return Some(Route { address: self.provider, simulator, envoy: None, service: None, store: None });
        }
        let hop = self.hops.iter().find(|hop| hop.way == way)?;
        let id = |child: &Option<Child>| child.as_ref().map(Child::id);
        let (service, store) = (id(&hop.service), id(&hop.store));
        Some(Route { address: hop.address, simulator, envoy: Some(hop.envoy.id()), service, store })
    }

    /// How every Attaché, and every Envoy without one, started.
    pub(crate) fn starts(&self) -> Vec<Start> {
        self.starts.clone()
    }

    async fn start_bare(&mut self, programs: &Programs, scenario: Scenario) -> Result<Hop, LabError> {
        let address = free_port()?;
        let yaml = bootstrap::envoy(address, free_port()?, self.provider, None);
        let begun = Instant::now();
        let envoy = start_envoy(programs, "envoy-bare", &yaml, address, &self.directory.0).await?;
        self.starts.push(Start::of(&envoy, scenario, begun));
        Ok(Hop { way: Way::Bare, address, envoy, service: None, store: None })
    }

    async fn start_wasm(
        &mut self,
        programs: &Programs,
        scenario: Scenario,
        filter: WasmFilter,
    ) -> Result<Hop, LabError> {
        let address = free_port()?;
        let yaml = bootstrap::wasm(address, free_port()?, self.provider, filter, &programs.wasm);
        let name = match filter {
            WasmFilter::Redact => "envoy-wasm-redact",
            WasmFilter::Guard => "envoy-wasm-guard",
            WasmFilter::Router => "envoy-wasm-router",
            WasmFilter::Usage => "envoy-wasm-usage",
            WasmFilter::Translate => "envoy-wasm-translate",
        };
        let begun = Instant::now();
        let envoy = start_envoy(programs, name, &yaml, address, &self.directory.0).await?;
        self.starts.push(Start::of(&envoy, scenario, begun));
        Ok(Hop { way: Way::Wasm(filter), address, envoy, service: None, store: None })
    }

    async fn start_noop(&self, programs: &Programs, sees: Sees) -> Result<Hop, LabError> {
        let directory = self.directory.0.join(match sees {
            Sees::All => "noop",
            Sees::RequestHeaders => "noop-headers",
        });
        fs::create_dir(&directory)?;
        let socket = directory.join("noop.sock");
        let mut command = Command::new(&programs.noop);
        command.arg("--listen").arg(format!("unix:{}", socket.display()));
        let mut service = Child::start("noop-ext-proc", command, &directory)?;
        service.ready(READY_TIMEOUT, async |_| socket.exists().then_some(())).await?;

        let address = free_port()?;
        let yaml = bootstrap::envoy(address, free_port()?, self.provider, Some((&socket, sees)));
        let envoy = start_envoy(programs, "envoy-noop", &yaml, address, &directory).await?;
        Ok(Hop { way: Way::Noop(sees), address, envoy, service: Some(service), store: None })
    }

    async fn start_attache(
        &mut self,
        programs: &Programs,
        scenario: Scenario,
        limits: Limits,
    ) -> Result<Hop, LabError> {
        let directory = self.directory.0.join(format!("attache-{}", self.hops.len()));
        fs::create_dir(&directory)?;
        let (more, store) = match limits {
            Limits::None => (String::new(), None),
            Limits::Cached => (CACHE.to_owned(), None),
            Limits::Memory(rules) => (rules.to_yaml(), None),
            Limits::Redis(rules) => {
                let program = programs.redis.as_ref().ok_or(LabError::NoRedis)?;
                let address = free_port()?;
                let redis = redis::start(program, address, &directory).await?;
                let section = format!("store: {{ redis: {{ url: \"redis://{address}\" }} }}\n");
                (rules.to_yaml() + &section, Some(redis))
            }
        };
        let beside = Beside { directory: &directory, more: &more, wasm: None };
        let (address, envoy, service) = self.start_beside(programs, scenario, &beside).await?;
        Ok(Hop { way: Way::Attache(limits), address, envoy, service: Some(service), store })
    }

    async fn start_hybrid(&mut self, programs: &Programs, scenario: Scenario) -> Result<Hop, LabError> {
        let directory = self.directory.0.join("hybrid");
        fs::create_dir(&directory)?;
        let beside = Beside { directory: &directory, more: "", wasm: Some(&programs.wasm) };
        let (address, envoy, service) = self.start_beside(programs, scenario, &beside).await?;
        Ok(Hop { way: Way::Hybrid, address, envoy, service: Some(service), store: None })
    }

    /// An Envoy and Attaché beside it.
    async fn start_beside(
        &mut self,
        programs: &Programs,
        scenario: Scenario,
        beside: &Beside<'_>,
    ) -> Result<(SocketAddr, Child, Child), LabError> {
        let directory = beside.directory;
        let socket = directory.join("attache.sock");
        let address = free_port()?;
        let addresses = AttacheAddresses {
            listen: address,
            envoy_admin: free_port()?,
            admin: free_port()?,
            socket: &socket,
            wasm: beside.wasm,
        };
        // In a folder of its own: Attaché looks at its configuration again when anything changes beside it, such as a log.
        let config = directory.join("config").join("attache.yaml");
        fs::create_dir_all(directory.join("config"))?;
        fs::write(&config, bootstrap::attache(&addresses, self.provider, beside.more))?;

        let topology = if beside.wasm.is_some() { "hybrid" } else { "sidecar" };
        let yaml = print_bootstrap(programs, &config, topology)?;
        let mut command = Command::new(&programs.attache);
        command.arg("serve").arg("--config").arg(&config);
        let begun = Instant::now();
        let mut service = Child::start("attache", command, directory)?;
        service.ready(READY_TIMEOUT, async |_| socket.exists().then_some(())).await?;
        self.starts.push(Start::of(&service, scenario, begun));
        let envoy = start_envoy(programs, "envoy-attache", &yaml, address, directory).await?;
        Ok((address, envoy, service))
    }
}

async fn start_envoy(
    programs: &Programs,
    name: &'static str,
    yaml: &str,
    address: SocketAddr,
    directory: &Path,
) -> Result<Child, LabError> {
    let config = directory.join(format!("{name}.yaml"));
    fs::write(&config, yaml)?;
    let mut command = Command::new(&programs.envoy);
    command.arg("--config-path").arg(&config);
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
    let mut envoy = Child::start(name, command, directory)?;
    envoy.ready(READY_TIMEOUT, async |_| TcpStream::connect(address).await.ok().map(drop)).await?;
    Ok(envoy)
}

async fn start_simulator(programs: &Programs, script: &str, directory: &Path) -> Result<(Child, SocketAddr), LabError> {
    let mut command = Command::new(&programs.simulator);
    command.args(["--listen", "127.0.0.1:0", "--script", script]);
    let mut simulator = Child::start("simulator", command, directory)?;
    let address = simulator.ready(READY_TIMEOUT, async |output| announced_address(output)).await?;
    Ok((simulator, address))
}

/// The simulator says `simulator NAME listening on ADDRESS`.
fn announced_address(output: &str) -> Option<SocketAddr> {
    let whole_lines = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let mut addresses = whole_lines.filter_map(|line| line.split_once("listening on ")?.1.trim().parse().ok());
    addresses.next()
}

fn print_bootstrap(programs: &Programs, config: &Path, topology: &str) -> Result<String, LabError> {
    let mut command = Command::new(&programs.attache);
    let output = command.args(["envoy", "--topology", topology, "--config"]).arg(config).output()?;
    if !output.status.success() {
        return Err(LabError::AttacheEnvoy(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A port that nothing listens on right now.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A folder of our own for sockets, configurations and logs; removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn create() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("attache-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Nothing depends on it any more; what is left over is in the system's temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulator_announces_itself_in_a_whole_line() {
        let address = Some("127.0.0.1:4711".parse().unwrap());
        assert_eq!(announced_address("warming up\nsimulator a listening on 127.0.0.1:4711\n"), address);
        assert_eq!(announced_address("simulator a listening on 127.0.0.1:47"), None);
    }
}
