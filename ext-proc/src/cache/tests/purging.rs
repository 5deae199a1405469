//! A purge on one replica is a purge on all.

use super::*;

fn named(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_forgets_what_it_names_and_nothing_else() {
    let Some(server) = Server::start(&[]) else { return };
    let (here, there) = (Replica::start(settings(&server)).await, Replica::start(settings(&server)).await);
    let cases = [
        Wish { rule: named("faq"), ..Wish::default() },
        Wish { tenant: named("team/a"), ..Wish::default() },
        Wish { key: named("01"), ..Wish::default() },
        Wish { model: named("gpt"), rule: named("faq"), ..Wish::default() },
    ];
    for wish in cases {
        here.shelf.put(&key(1), entry("faq", "team/a", "one")).await;
        here.shelf.put(&key(2), entry("other", "team/b", "two")).await;
        assert!(there.shelf.get(&key(1)).await.is_some() && there.shelf.get(&key(2)).await.is_some(), "{wish:?}");
        let begun = Instant::now();
        here.purge(wish.clone()).await.unwrap();
        assert_eq!(here.shelf.get(&key(1)).await, None, "{wish:?}");
        // Also what lies in the other one's memory.
        until("the other knows", async || there.shelf.stats().entries == 1).await;
        assert!(begun.elapsed() < Duration::from_millis(500), "{wish:?} took {:?}", begun.elapsed());
        assert_eq!(there.finds(&key(1)).await, None, "{wish:?}");
        assert!(there.finds(&key(2)).await.is_some(), "{wish:?}");
        here.shelf.put(&key(1), entry("faq", "team/a", "anew")).await;
        assert_eq!(there.finds(&key(1)).await.as_deref(), Some(&b"anew"[..]), "{wish:?}: what comes later stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_age_goes_what_is_older() {
    let Some(server) = Server::start(&[]) else { return };
    let (here, there) = (Replica::start(settings(&server)).await, Replica::start(settings(&server)).await);
    let mut old = Arc::unwrap_or_clone(entry("faq", "shared", "old"));
    old.about.stored_at -= 7_200_000;
    here.shelf.put(&key(1), Arc::new(old)).await;
    here.shelf.put(&key(2), entry("faq", "shared", "new")).await;
    here.purge(Wish { older_than: named("1h"), ..Wish::default() }).await.unwrap();
    until("the old one is gone", async || there.finds(&key(1)).await.is_none()).await;
    assert!(there.finds(&key(2)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_later_knows_of_it_also_when_the_stream_was_cut() {
    let Some(server) = Server::start(&[]) else { return };
    let here = Replica::start(settings(&server)).await;
    here.shelf.put(&key(1), entry("faq", "shared", "one")).await;
    let kept: Vec<u8> = server.ask(&["GET", &format!("attache:cache:{}", key(1))]);
    here.purge(Wish { rule: named("faq"), ..Wish::default() }).await.unwrap();
    // As if it had not been taken out.
    let () = server.ask(&["XTRIM", "{attache}:cache:journal", "MAXLEN", "0"]);
    until("it is taken out", async || server.ask::<i64>(&["EXISTS", &format!("attache:cache:{}", key(1))]) == 0).await;
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut put = ::redis::cmd("SET");
    let () =
        put.arg(format!("attache:cache:{}", key(1))).arg(kept).query(&mut client.get_connection().unwrap()).unwrap();
    let there = Replica::start(settings(&server)).await;
    assert_eq!(there.finds(&key(1)).await, None);
    assert_eq!(there.journal().standing().purges, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_room_is_given_back() {
    let Some(server) = Server::start(&[]) else { return };
    let here = Replica::start(Settings { prefix: "a[b]*c".to_owned(), ..settings(&server) }).await;
    for i in 0..250_u8 {
        here.shelf.put(&key(i), entry(if i % 2 == 0 { "even" } else { "odd" }, "shared", "x")).await;
    }
    let () = server.ask(&["SET", "a[b]*c:cache:foreign", "of somebody else"]);
    let keys = || server.ask::<usize>(&["DBSIZE"]);
    let before = keys();
    here.purge(Wish { rule: named("even"), ..Wish::default() }).await.unwrap();
    // With the journal, which there was not before.
    until("half is gone", async || keys() == before + 1 - 125).await;
    here.purge(Wish { all: true, ..Wish::default() }).await.unwrap();
    until("all is gone", async || keys() == before + 1 - 250).await;
    assert_eq!(server.ask::<i64>(&["EXISTS", "a[b]*c:cache:foreign"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_that_were_purged_are_not_told_to_who_comes_later() {
    let Some(server) = Server::start(&[]) else { return };
    let here = Replica::start(settings(&server)).await;
    (1..=3).for_each(|byte| here.journal().append(vector(byte)));
    until("they are heard", async || here.added() == 3).await;
    here.purge(Wish { key: named("02"), ..Wish::default() }).await.unwrap();
    let there = Replica::start(settings(&server)).await;
    until("all is read", async || there.journal().standing().read == 4).await;
    assert_eq!(there.added(), 2);
    here.purge(Wish { all: true, ..Wish::default() }).await.unwrap();
    until("the purge is heard", async || there.count(|change| matches!(change, Change::Purge(_))) >= 2).await;
    let last = Replica::start(settings(&server)).await;
    until("all is read", async || last.journal().standing().read == 1).await;
    assert_eq!(last.added(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_different_purges_are_refused_but_for_everything() {
    let Some(server) = Server::start(&[]) else { return };
    let here = Replica::start(settings(&server)).await;
    for i in 0..purge::PURGES_MAX - 10 {
        let () = server.ask(&["HSET", "{attache}:cache:state", &format!("purge {{\"rule\":{i}}}"), "1-1 {\"rule\":1}"]);
    }
    let rule = |i: i32| Wish { rule: Some(i.to_string()), ..Wish::default() };
    let mut done = Vec::new();
    for i in 0..12 {
        done.push(here.purge(rule(i)).await.is_ok());
    }
    assert!(done.contains(&true) && !done.ends_with(&[true]), "{done:?}");
    assert_eq!(here.purge(rule(99)).await, Err(NotPurged::TooMany));
    assert_eq!(here.purge(Wish { all: true, ..Wish::default() }).await, Ok(0));
    assert!(here.purge(rule(99)).await.is_ok());
}
