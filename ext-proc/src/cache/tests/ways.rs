//! The ways in which Redis is run.

use super::*;
use crate::config::written::Secret;
use crate::store::free_port;

/// Everything that a shelf does. The replicas that did it go on: what was purged they take out in their own time.
async fn check(settings: Settings, what: &str) -> [Replica; 2] {
    let (here, there) = (Replica::start(settings.clone()).await, Replica::start(settings).await);
    for byte in 0..20 {
        here.shelf.put(&key(byte), entry("faq", "shared", "one")).await;
        assert!(there.finds(&key(byte)).await.is_some(), "{what}");
    }
    here.journal().append(vector(1));
    until(what, async || there.added() == 1).await;
    here.purge(Wish { rule: Some("faq".to_owned()), ..Wish::default() }).await.expect(what);
    until(what, async || there.finds(&key(1)).await.is_none()).await;
    here.purge(Wish { all: true, ..Wish::default() }).await.expect(what);
    let failures = here.metrics.text();
    let failures = String::from_utf8_lossy(&failures);
    assert!(!failures.contains("attache_cache_store_errors_total{"), "{what}: {failures}");
    [here, there]
}

/// The rights that the settings' documentation names, those of the cache included.
const RIGHTS: &str = "resetchannels resetkeys ~{attache}:* ~attache:cache:* -@all +ping +eval +get +set +unlink +getrange \
                      +scan +xadd +xread +xrevrange +xtrim +hexists +hset +hsetnx +hdel +hlen +hkeys +hgetall";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_rights_that_are_documented() {
    let Some(server) = Server::start(&[]) else { return };
    let mut words = vec!["ACL", "SETUSER", "attache", "on", ">pass"];
    words.extend(RIGHTS.split_whitespace());
    let () = server.ask(&words);
    let (username, password) = (Some("attache".to_owned()), Some(Secret::Text("pass".to_owned())));
    let _replicas = check(Settings { username, password, ..settings(&server) }, "user").await;
    // What is purged is taken out by this user, too.
    until("only the journal is left", async || server.ask::<usize>(&["DBSIZE"]) == 2).await;
    let schema = schemars::schema_for!(Settings).to_value().to_string();
    for right in RIGHTS.split_whitespace().filter(|right| right.starts_with('+')) {
        assert!(schema.contains(right), "{right} is not documented");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_has_entries_everywhere_and_the_journal_in_one_place() {
    let port = free_port();
    let (listens, bus) = (port.to_string(), free_port().to_string());
    let options = ["--port", &listens, "--cluster-enabled", "yes", "--cluster-port", &bus];
    let Some(server) = Server::start(&options) else { return };
    let () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    until("it is one", async || server.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok")).await;
    let cluster = vec![format!("redis://127.0.0.1:{port}")];
    let _done = check(Settings { cluster, url: None, ..settings(&server) }, "cluster").await;
}
