//! What an entry takes in Redis, and how late the others know. `cargo test --release -p attache cache::tests::measure -- --ignored --nocapture`

use super::*;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it prints numbers"]
async fn bytes_and_lag() {
    let Some(server) = Server::start(&[]) else { return };
    let (here, there) =
        (Replica::begin_with(settings(&server), 100_000), Replica::begin_with(settings(&server), 100_000));
    here.hears().await;
    there.hears().await;
    let used = || -> u64 {
        let info: String = server.ask(&["INFO", "memory"]);
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
        line.trim().parse().unwrap()
    };
    lag(&here, &there).await;
    let before = used();
    for round in 0..10 {
        (0..100).for_each(|byte| here.journal().append(vector(byte)));
        let so_far = 200 + 100 * (round + 1);
        until("it is heard", async || there.added() == so_far).await;
    }
    eprintln!("a vector of 384 dimensions in the journal: {} bytes", (used() - before) / 1000);
    let before = used();
    let words: Vec<_> = include_str!("../../../../docs/limits.md").split_whitespace().collect();
    let mut bytes = 0;
    for i in 0..1000_u32 {
        let said: Vec<_> = words.iter().cycle().skip(i as usize * 7).take(160).copied().collect();
        let body = serde_json::json!({ "id": format!("chatcmpl-{i}"), "choices": [{ "message": { "content": said.join(" ") } }] });
        bytes += body.to_string().len();
        let mut name = [0; 32];
        name[..4].copy_from_slice(&i.to_be_bytes());
        here.shelf.put(&Key::from_bytes(name), entry("faq", "caller/key:alice", &body.to_string())).await;
    }
    eprintln!("an answer of {} bytes in Redis: {} bytes", bytes / 1000, (used() - before) / 1000);
    let begun = Instant::now();
    for i in 0..1000_u32 {
        let mut name = [0; 32];
        name[..4].copy_from_slice(&i.to_be_bytes());
        assert!(there.finds(&Key::from_bytes(name)).await.is_some());
    }
    eprintln!("a lookup that finds: {:?}", begun.elapsed() / 1000);
}

/// From one replica that learns to another that knows, two hundred times with pauses.
async fn lag(here: &Replica, there: &Replica) {
    let mut lags = Vec::new();
    for i in 0..200 {
        let begun = Instant::now();
        here.journal().append(vector(1));
        while there.added() == i {
            tokio::time::sleep(Duration::from_micros(50)).await;
        }
        lags.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lags.sort_unstable();
    eprintln!("a replica knows what another learnt after {:?} (p50), {:?} (p99)", lags[100], lags[198]);
}
