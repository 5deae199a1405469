//! Whom a running Envoy reaches.

use crate::doctor::at::{At, Place};
use crate::doctor::read::Host;
use crate::doctor::rule::{Hit, Rule, Severity};
use crate::doctor::seen::Seen;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "seen-service-away",
        severity: Severity::Error,
        what: "the service cannot be reached: no host of its cluster is healthy, or no connection can be made",
        why: "every request ends in a 503, or passes unseen where failures are allowed",
        look: |seen| {
            let away = seen.services().into_iter().filter_map(|service| Some((service, away(seen, service)?)));
            let fix = "start the service, or mend the address in its cluster's `load_assignment`";
            away.map(|(service, found)| Hit::todo(service.place(), found, fix)).collect()
        },
    },
    Rule {
        name: "seen-no-host",
        severity: Severity::Warning,
        what: "a provider's cluster has no healthy host but the endpoint that refuses",
        why: "its name has no address now, or health checks fail: every attempt at it is an error, or goes to the next target",
        look: |seen| {
            let providers =
                own_clusters(seen).filter(|cluster| seen.hosts(cluster).is_some_and(|hosts| !serves(hosts)));
            let fix = "mend the provider's `url`, or DNS for the name in it";
            providers.map(|cluster| Hit::todo(cluster.place(), "no healthy host", fix)).collect()
        },
    },
    Rule {
        name: "seen-certificates",
        severity: Severity::Error,
        what: "a provider's certificate was not accepted",
        why: "no connection to it is made: every attempt at it is an error, or goes to the next target",
        look: |seen| {
            let counters = ["ssl.fail_verify_error", "ssl.fail_verify_san"];
            let fix = "mend the provider's `tls.ca_file` or `tls.server_name`, and print the cluster again";
            of_clusters(seen, own_clusters(seen), &counters, fix)
        },
    },
    Rule {
        name: "seen-protocol-errors",
        severity: Severity::Error,
        what: "whoever listens where the service or a provider should does not speak its protocol, and nothing there has succeeded",
        why: "each request there is an error",
        look: |seen| {
            let fails = |cluster: &&At<'_>| seen.stat(&counter(cluster, "upstream_rq_2xx")) == 0;
            let clusters = seen.services().into_iter().chain(own_clusters(seen)).filter(fails);
            let fix = "mend the address, or the cluster's protocol: HTTP/2 for the service; `https` in a provider's `url` where it has TLS";
            of_clusters(seen, clusters, &["upstream_cx_protocol_error"], fix)
        },
    },
];

/// The clusters of single providers.
fn own_clusters<'s, 'a>(seen: &'s Seen<'a>) -> impl Iterator<Item = &'s At<'a>> {
    seen.providers.iter().filter(|provider| !provider.leads_to_others()).map(|provider| &provider.cluster)
}

fn away(seen: &Seen<'_>, service: &At<'_>) -> Option<String> {
    if seen.hosts(service).is_some_and(|hosts| !hosts.iter().any(|host| host.is_healthy)) {
        return Some("no healthy host".to_owned());
    }
    // Health checks know it better.
    let is_checked = !service.get("health_checks").items().is_empty();
    let fails = seen.stat(&counter(service, "upstream_cx_connect_fail"));
    let open = seen.stat(&counter(service, "upstream_cx_active"));
    (!is_checked && fails > 0 && open == 0).then(|| format!("{fails} connections failed, none is open"))
}

/// Endpoints of a lower priority are there to refuse.
fn serves(hosts: &[Host]) -> bool {
    hosts.iter().any(|host| host.is_healthy && host.priority == 0)
}

fn counter(cluster: &At<'_>, name: &str) -> String {
    format!("cluster.{}.{name}", cluster.get("name").text())
}

fn of_clusters<'s, 'a: 's>(
    seen: &Seen<'_>,
    clusters: impl Iterator<Item = &'s At<'a>>,
    counters: &[&str],
    fix: &str,
) -> Vec<Hit> {
    let names = clusters.flat_map(|cluster| counters.iter().map(|name| counter(cluster, name)).collect::<Vec<_>>());
    let counted = names.map(|name| (seen.stat(&name), name)).filter(|(count, _)| *count > 0);
    counted.map(|(count, name)| Hit::todo(&Place::named(name), count.to_string(), fix)).collect()
}
