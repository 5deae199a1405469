//! Everything that one run needs, started on free loopback ports: the simulator, the Envoys, the processors.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;

use super::arguments::Programs;
use super::bootstrap::{self, AttacheAddresses};
use super::child::{Child, ChildError};
use super::scenario::Scenario;

const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// The running processes; dropping it ends them and removes their files.
pub(crate) struct Lab {
    simulator: Child,
    provider: SocketAddr,
    bare: Option<Hop>,
    noop: Option<Hop>,
    attache: Option<Hop>,
    directory: Directory,
}

/// An Envoy, perhaps with a processor beside it.
struct Hop {
    address: SocketAddr,
    envoy: Child,
    service: Option<Child>,
}

/// Where a scenario's requests go, and which processes they keep busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) address: SocketAddr,
    pub(crate) simulator: u32,
    pub(crate) envoy: Option<u32>,
    pub(crate) service: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LabError {
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("cannot write the configuration: {0}")]
    Files(#[from] io::Error),
    #[error("`attache envoy` failed: {0}")]
    AttacheEnvoy(String),
}

impl Lab {
    /// Starts what `scenarios` need. `script` is what the simulator plays for every request.
    pub(crate) async fn start(programs: &Programs, scenarios: &[Scenario], script: &str) -> Result<Self, LabError> {
        let directory = Directory::create()?;
        let (simulator, provider) = start_simulator(programs, script, &directory.0).await?;
        let mut lab = Self { simulator, provider, bare: None, noop: None, attache: None, directory };
        for scenario in scenarios {
            match scenario {
                Scenario::Direct => {}
                Scenario::Envoy if lab.bare.is_none() => lab.bare = Some(lab.start_bare(programs).await?),
                Scenario::Noop if lab.noop.is_none() => lab.noop = Some(lab.start_noop(programs).await?),
                Scenario::Same | Scenario::ToAnthropic | Scenario::FromAnthropic if lab.attache.is_none() => {
                    lab.attache = Some(lab.start_attache(programs).await?);
                }
                Scenario::Envoy | Scenario::Noop | Scenario::Same | Scenario::ToAnthropic | Scenario::FromAnthropic => {
                }
            }
        }
        Ok(lab)
    }

    /// None when the scenario was not among those that the lab was started for.
    pub(crate) fn route(&self, scenario: Scenario) -> Option<Route> {
        let simulator = self.simulator.id();
        let hop = match scenario {
            Scenario::Direct => {
                return Some(Route { address: self.provider, simulator, envoy: None, service: None });
            }
            Scenario::Envoy => self.bare.as_ref(),
            Scenario::Noop => self.noop.as_ref(),
            Scenario::Same | Scenario::ToAnthropic | Scenario::FromAnthropic => self.attache.as_ref(),
        }?;
        let service = hop.service.as_ref().map(Child::id);
        Some(Route { address: hop.address, simulator, envoy: Some(hop.envoy.id()), service })
    }

    async fn start_bare(&self, programs: &Programs) -> Result<Hop, LabError> {
        let address = free_port()?;
        let yaml = bootstrap::envoy(address, free_port()?, self.provider, None);
        let envoy = self.start_envoy(programs, "envoy-bare", &yaml, address).await?;
        Ok(Hop { address, envoy, service: None })
    }

    async fn start_noop(&self, programs: &Programs) -> Result<Hop, LabError> {
        let socket = self.directory.0.join("noop.sock");
        let mut command = Command::new(&programs.noop);
        command.arg("--listen").arg(format!("unix:{}", socket.display()));
        let mut service = Child::start("noop-ext-proc", command, &self.directory.0)?;
        service.ready(READY_TIMEOUT, async |_| socket.exists().then_some(())).await?;

        let address = free_port()?;
        let yaml = bootstrap::envoy(address, free_port()?, self.provider, Some(&socket));
        let envoy = self.start_envoy(programs, "envoy-noop", &yaml, address).await?;
        Ok(Hop { address, envoy, service: Some(service) })
    }

    async fn start_attache(&self, programs: &Programs) -> Result<Hop, LabError> {
        let socket = self.directory.0.join("attache.sock");
        let address = free_port()?;
        let addresses =
            AttacheAddresses { listen: address, envoy_admin: free_port()?, admin: free_port()?, socket: &socket };
        let config = self.directory.0.join("attache.yaml");
        fs::write(&config, bootstrap::attache(&addresses, self.provider))?;

        let yaml = print_bootstrap(programs, &config)?;
        let mut command = Command::new(&programs.attache);
        command.arg("serve").arg("--config").arg(&config);
        let mut service = Child::start("attache", command, &self.directory.0)?;
        service.ready(READY_TIMEOUT, async |_| socket.exists().then_some(())).await?;
        let envoy = self.start_envoy(programs, "envoy-attache", &yaml, address).await?;
        Ok(Hop { address, envoy, service: Some(service) })
    }

    async fn start_envoy(
        &self,
        programs: &Programs,
        name: &'static str,
        yaml: &str,
        address: SocketAddr,
    ) -> Result<Child, LabError> {
        let config = self.directory.0.join(format!("{name}.yaml"));
        fs::write(&config, yaml)?;
        let mut command = Command::new(&programs.envoy);
        command.arg("--config-path").arg(&config);
        command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
        let mut envoy = Child::start(name, command, &self.directory.0)?;
        envoy.ready(READY_TIMEOUT, async |_| TcpStream::connect(address).await.ok().map(drop)).await?;
        Ok(envoy)
    }
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

fn print_bootstrap(programs: &Programs, config: &Path) -> Result<String, LabError> {
    let output = Command::new(&programs.attache).arg("envoy").arg("--config").arg(config).output()?;
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
