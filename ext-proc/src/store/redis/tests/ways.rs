//! The ways in which Redis is run: access lists, TLS, a cluster, Sentinels.

use super::server::free_port;
use super::*;
use crate::config::written::Secret;
use std::process::{Command, Stdio};

/// Everything that a store does.
async fn check(settings: Settings, what: &str) {
    let (store, _told) = replica(settings, HOUR).await;
    let (tokens, few) = (minute("tokens", 100), counter("few", Window::Open, 2));
    let mut hold = held(&store, vec![wanted(&tokens, 1, 50), wanted(&few, 0, 1)]).await.expect(what);
    assert!(matches!(hold.grow(&[9]).await, Ok(Verdict::Held(_))), "{what}");
    assert!(held(&store, vec![wanted(&tokens, 0, 41)]).await.is_none(), "{what}");
    hold.settle(&[20]);
    until(async || standing(&store, &tokens).await.settled == 21).await;
    assert_eq!(standing(&store, &few).await.open, 0, "{what}");
    let hot = minute("hot", 1_000_000);
    leases::heat(&store, &|| vec![wanted(&hot, 0, 1)]).await.settle(&[1]);
    until(async || standing(&store, &hot).await.settled == 1).await;
    store.put("keys", "a", b"1").await.expect(what);
    assert_eq!(store.shelf("keys").await, Ok(vec![("a".to_owned(), b"1".to_vec())]), "{what}");
    assert_eq!(store.remove("keys", "a").await, Ok(true), "{what}");
}

/// The rights that the settings' documentation names.
const RIGHTS: &str = "resetchannels resetkeys ~{attache}:* -@all +ping +time +eval +evalsha +exists +get +set +pttl \
                      +pexpire +hexists +hget +hmget +hset +hdel +hincrby +hgetall +zadd +zrem +zrangebyscore";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_rights_that_are_documented() {
    let Some(server) = Server::start(&[]) else { return };
    let mut words = vec!["ACL", "SETUSER", "attache", "on", ">pass"];
    words.extend(RIGHTS.split_whitespace());
    let () = server.ask(&words);
    let user = Some("attache".to_owned());
    let settings = Settings { username: user, ..settings(&server) };
    check(Settings { password: Some(Secret::Text("pass".to_owned())), ..settings.clone() }, "user").await;
    let (store, _told) = replica(Settings { password: Some(Secret::Text("guess".to_owned())), ..settings }, HOUR).await;
    let refused = store.hold(vec![wanted(&minute("tokens", 100), 0, 1)]).await;
    assert!(matches!(refused, Err(Unavailable)), "a wrong password");
    let schema = schemars::schema_for!(Settings).to_value().to_string();
    let listed = schema.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\n", " ");
    for right in RIGHTS.split_whitespace().filter(|right| right.starts_with('+')) {
        assert!(listed.contains(right), "{right} is not documented");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_ca_of_ones_own() {
    let port = free_port().to_string();
    let keys = tempfile::tempdir().expect("a temporary folder");
    if !make_certificates(keys.path()) {
        return eprintln!("skipped, since there is no openssl");
    }
    let path = |name: &str| keys.path().join(name).display().to_string();
    let (certificate, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let options = ["--port", "0", "--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let auth = ["--tls-ca-cert-file", &ca, "--tls-auth-clients", "yes"];
    let Some(_server) = Server::start(&[&options[..], &auth].concat()) else { return };
    let url = Some(format!("rediss://localhost:{port}"));
    let mutual = Settings {
        url,
        ca_file: Some(ca),
        certificate_file: Some(certificate),
        key_file: Some(key),
        timeout_ms: 2_000,
        ..Settings::default()
    };
    check(mutual.clone(), "tls").await;
    for wrong in
        [Settings { ca_file: None, ..mutual.clone() }, Settings { certificate_file: None, key_file: None, ..mutual }]
    {
        let (store, _told) = replica(wrong, HOUR).await;
        assert!(store.hold(vec![wanted(&minute("tokens", 100), 0, 1)]).await.is_err(), "nobody is trusted by chance");
    }
}

/// A throwaway CA, and a certificate for localhost.
fn make_certificates(folder: &std::path::Path) -> bool {
    let run = |words: &str| {
        let mut command = Command::new("openssl");
        let command =
            command.args(words.split_whitespace()).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("it is our folder");
    let new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    run(&format!("{new} -x509 -days 2 -subj /CN=throwaway -keyout ca.key -out ca.pem"))
        && run(&format!("{new} -subj /CN=localhost -keyout server.key -out server.csr"))
        && run(
            "x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out server.pem",
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_finds_all_keys_of_a_call_in_one_slot() {
    let port = free_port();
    let bus = free_port().to_string();
    let listens = port.to_string();
    let options = ["--port", &listens, "--cluster-enabled", "yes", "--cluster-port", &bus];
    let Some(server) = Server::start(&options) else { return };
    let () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    until(async || server.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok")).await;
    let cluster = vec![format!("redis://127.0.0.1:{port}")];
    let settings = Settings { cluster, url: None, ..settings(&server) };
    check(settings.clone(), "cluster").await;
    let () = server.ask(&["FLUSHALL"]);
    let mut words = vec!["ACL", "SETUSER", "attache", "on", ">pass"];
    words.extend(RIGHTS.split_whitespace().chain(["+cluster|slots", "+readonly"]));
    let () = server.ask(&words);
    let (username, password) = (Some("attache".to_owned()), Some(Secret::Text("pass".to_owned())));
    check(Settings { username, password, ..settings }, "a user of a cluster").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_says_who_is_master_after_a_failover_too() {
    let ports = [free_port(), free_port(), free_port()];
    let [first, second, watcher] = ports.map(|port| port.to_string());
    let Some(old) = Server::start(&["--port", &first]) else { return };
    let new = Server::start(&["--port", &second, "--replicaof", "127.0.0.1", &first]).expect("it was there before");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("sentinel.conf").display().to_string();
    std::fs::write(&config, format!("sentinel monitor main 127.0.0.1 {first} 1\n")).expect("it is our folder");
    let sentinel = Server::start_as(&[&config, "--sentinel"], &["--port", &watcher]).expect("it was there before");
    until(async || new.ask::<String>(&["INFO", "replication"]).contains("master_link_status:up")).await;
    until(async || sentinel.ask::<String>(&["INFO", "sentinel"]).contains("slaves=1")).await;
    let sentinel_settings = settings::Sentinel {
        urls: vec![format!("redis://127.0.0.1:{watcher}")],
        master: "main".to_owned(),
        username: None,
        password: None,
    };
    let settings = Settings { url: None, sentinel: Some(sentinel_settings), ..settings(&old) };
    check(settings.clone(), "sentinel").await;
    let (store, _told) = replica(settings, HOUR).await;
    let counter = minute("failover", 10);
    let hold = held(&store, vec![wanted(&counter, 0, 8)]).await.expect("it fits");
    until(async || new.ask::<usize>(&["DBSIZE"]) == old.ask::<usize>(&["DBSIZE"])).await;
    let () = sentinel.ask(&["SENTINEL", "FAILOVER", "main"]);
    until(async || new.ask::<String>(&["INFO", "replication"]).contains("role:master")).await;
    until(async || old.ask::<String>(&["INFO", "replication"]).contains("role:slave")).await;
    until(async || store.hold(vec![wanted(&counter, 0, 2)]).await.is_ok()).await;
    assert!(held(&store, vec![wanted(&counter, 0, 3)]).await.is_none(), "the new master knows what is held");
    hold.settle(&[8]);
    until(async || standing(&store, &counter).await.settled == 8).await;
}

#[test]
fn settings_are_checked_before_anybody_connects() {
    let url = |url: &str| Settings { url: Some(url.to_owned()), ..Settings::default() };
    let cases = [
        (Settings::default(), "exactly one of url, sentinel and cluster"),
        (Settings { cluster: vec!["redis://b".to_owned()], ..url("redis://a") }, "exactly one of url"),
        (url("http://a"), "redis://HOST:PORT/DB"),
        (url("redis://user:secret@a"), "write them as username and password"),
        (url("rediss://a/#insecure"), "certificates are always checked"),
        (Settings { prefix: "{a}".to_owned(), ..url("redis://a") }, "without braces"),
        (Settings { key_file: Some("k".to_owned()), ..url("redis://a") }, "belong together"),
        (Settings { timeout_ms: 0, ..url("redis://a") }, "at least 1"),
        (
            Settings { cluster: vec!["redis://a".to_owned(), "rediss://b".to_owned()], ..Settings::default() },
            "or none is",
        ),
    ];
    for (settings, expected) in cases {
        let problem = settings.check().expect_err(expected).to_string();
        assert!(problem.contains(expected) && !problem.contains("secret@"), "{problem}");
    }
    for good in ["redis://a", "redis://a:1/2", "rediss://a:1", "redis+unix:///a/b.sock"] {
        assert!(url(good).check().is_ok(), "{good}");
    }
}
