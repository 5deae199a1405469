//! What one replica learns, the others know.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn everybody_hears_everything_once_and_in_order() {
    let Some(server) = Server::start(&[]) else { return };
    let (here, there) = (Replica::start(settings(&server)).await, Replica::start(settings(&server)).await);
    (0..200).for_each(|byte| here.journal().append(vector(byte)));
    here.journal().append(Record::Remove([7; size_of::<index::Id>()]));
    let late = Replica::start(settings(&server)).await;
    for replica in [&here, &there, &late] {
        until("all is heard", async || replica.count(|change| matches!(change, Change::Remove(_))) == 1).await;
        let told = replica.told.lock().unwrap();
        let added =
            told.iter().filter_map(|change| if let Change::Add(added) = change { Some(added.key()) } else { None });
        assert_eq!(added.collect::<Vec<_>>(), (0..200).map(key).collect::<Vec<_>>());
    }
    assert!(there.journal().standing().behind_ms.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_stream_stops_nobody() {
    let Some(server) = Server::start(&[]) else { return };
    let here = Replica::start(settings(&server)).await;
    let add = |fields: &[&str]| {
        let words = [&["XADD", "{attache}:cache:journal", "*"], fields].concat();
        let _id: String = server.ask(&words);
    };
    add(&["r", ""]);
    add(&["r", "\u{1}short"]);
    add(&["other", "field", "r", "nonsense"]);
    add(&["\u{0}", "\u{ffff}"]);
    add(&["r", &"x".repeat(1 << 20)]);
    here.journal().append(vector(1));
    until("it goes on", async || here.added() == 1).await;
    assert_eq!(here.journal().standing().unread, 5);
    // A purge that nobody understands purges everything.
    here.shelf.put(&key(1), entry("faq", "shared", "one")).await;
    add(&["r", "\u{3}{\"colour\": 1}"]);
    until("it is purged", async || here.finds(&key(1)).await.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_state_and_under_keys_is_a_miss() {
    let Some(server) = Server::start(&[]) else { return };
    for (field, value) in [("purge ", ""), ("purge x", "1-1"), ("purge y", "what ever"), ("\u{0}", "\u{ffff}")] {
        let _new: i64 = server.ask(&["HSET", "{attache}:cache:state", field, value]);
    }
    let here = Replica::start(settings(&server)).await;
    for value in ["", "\u{1}", "nonsense", &"\u{1}".repeat(64)] {
        let () = server.ask(&["SET", &format!("attache:cache:{}", key(1)), value]);
        assert_eq!(here.finds(&key(1)).await, None);
    }
    let () = server.ask(&["DEL", &format!("attache:cache:{}", key(1))]);
    let _length: i64 = server.ask(&["RPUSH", &format!("attache:cache:{}", key(1)), "a list"]);
    assert_eq!(here.finds(&key(1)).await, None);
    here.shelf.put(&key(1), entry("faq", "shared", "one")).await;
    assert!(here.finds(&key(1)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_bounded_and_who_comes_later_reads_what_is_left() {
    let Some(server) = Server::start(&[]) else { return };
    let here = Replica::start(settings(&server)).await;
    let length = || server.ask::<u64>(&["XLEN", "{attache}:cache:journal"]);
    for round in 0..30 {
        (0..100).for_each(|byte| here.journal().append(vector(byte)));
        until("it is heard", async || here.added() == 100 * (round + 1)).await;
    }
    // Redis cuts off whole nodes of a hundred records.
    assert!((1000..1200).contains(&length()), "{}", length());
    let late = Replica::start(settings(&server)).await;
    let left = length() as usize;
    until("what is left is read", async || late.added() == left).await;
    let () = server.ask(&["XTRIM", "{attache}:cache:journal", "MAXLEN", "0"]);
    here.journal().append(vector(1));
    until("it goes on", async || late.added() == left + 1).await;
}
