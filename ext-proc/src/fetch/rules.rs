//! What may be fetched: `models.NAME.fetch_media`.

use super::address::{Network, is_public};
use super::url::Url;
use crate::config::Problem;
use crate::config::written::fetch::FetchMedia;
use crate::pattern::Pattern;
use std::net::IpAddr;
use std::time::Duration;

/// The rules of one model.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Most bytes of all media of a request together.
    pub bytes_max: usize,
    /// Most time for all media of a request together.
    pub timeout: Duration,
    /// Most media of a request.
    pub count_max: usize,
    hosts: Vec<Pattern>,
    ports: Vec<u16>,
    allow_addresses: Vec<Network>,
}

/// Most bytes that can be configured: what comes is held in memory.
const BYTES_MAX: u32 = 256 << 20;
/// Most media of a request that can be configured.
const COUNT_MAX: u16 = 64;

impl Rules {
    /// Finds out what is written; `None` where nothing is fetched.
    pub fn compile(written: &FetchMedia, at: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let timeout = crate::config::compiled::duration(&written.timeout, &format!("{at}.timeout"), problems);
        if !(1..=BYTES_MAX).contains(&written.bytes_max) {
            let message = format!("{} bytes; from 1 to {BYTES_MAX} (256 MiB) make sense", written.bytes_max);
            problems.push(Problem::at(format!("{at}.bytes_max"), message));
        }
        if !(1..=COUNT_MAX).contains(&written.count_max) {
            let message = format!("{} media; from 1 to {COUNT_MAX} make sense", written.count_max);
            problems.push(Problem::at(format!("{at}.count_max"), message));
        }
        let mut allow_addresses = Vec::with_capacity(written.allow_addresses.len());
        for (i, network) in written.allow_addresses.iter().enumerate() {
            match network.parse() {
                Ok(network) => allow_addresses.push(network),
                Err(wrong) => problems.push(Problem::at(format!("{at}.allow_addresses[{i}]"), wrong)),
            }
        }
        let rules = Self {
            bytes_max: written.bytes_max as usize,
            timeout: timeout?,
            count_max: usize::from(written.count_max),
            hosts: written.hosts.iter().map(|host| Pattern::new(host.to_ascii_lowercase())).collect(),
            ports: written.ports.clone(),
            allow_addresses,
        };
        written.allow.then_some(rules)
    }

    /// Whether a URL may be asked, as far as it shows before its host's name is looked up.
    pub(super) fn check(&self, url: &Url) -> Result<(), String> {
        if !self.ports.contains(&url.port) {
            return Err(format!("is at port {}, from which nothing is fetched", url.port));
        }
        if !self.hosts.is_empty() && !self.hosts.iter().any(|host| host.matches(&url.host)) {
            return Err("is not among the hosts from which media are fetched".to_owned());
        }
        Ok(())
    }

    /// Whether an address may be connected to.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.allow_addresses.iter().any(|network| network.contains(address))
    }
}
