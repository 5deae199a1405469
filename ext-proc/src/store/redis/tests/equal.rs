//! The scripts decide as the ledger of core does: random calls to both, with the same clock.

use super::*;
use crate::store::redis::script::told;
use attache_core::limit::Ledger;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

const HOLD_MS: u64 = 5_000;
const SEQUENCES: u64 = 60;
const CALLS: usize = 250;

#[tokio::test]
async fn the_scripts_and_the_ledger_always_agree() {
    let Some(server) = Server::start(&[]) else { return };
    let metrics = Arc::new(Metrics::new().expect("good names"));
    let (moved, _told) = mpsc::channel(1);
    let hold = Duration::from_millis(HOLD_MS);
    let redis = Redis::start(settings(&server), hold, metrics, moved).await.expect("good settings");
    for seed in 0..SEQUENCES {
        let () = server.ask(&["FLUSHALL"]);
        Both::new(&redis, seed).run().await;
        assert_eq!(server.immortal(), [""; 0], "seed {seed}");
    }
}

/// The same calls to both.
struct Both<'a> {
    redis: &'a Redis,
    ledger: Ledger,
    random: StdRng,
    counters: Vec<Counter>,
    holds: Vec<(u64, String, Vec<Wanted>)>,
    leases: Vec<(u64, String, Vec<Wanted>, u64)>,
    now_ms: u64,
    next: u64,
    at: String,
}

impl<'a> Both<'a> {
    fn new(redis: &'a Redis, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let windows = [
            Window::Open,
            Window::Sliding(1),
            Window::Sliding(100),
            Window::Sliding(1_000),
            Window::Sliding(60_000),
            Window::Sliding(86_400_000),
            Window::Calendar(Period::Hour),
            Window::Calendar(Period::Day),
            Window::Calendar(Period::Week),
            Window::Calendar(Period::Month),
            Window::Calendar(Period::Year),
        ];
        let counters = (0..6)
            .map(|i| {
                let limit = *[3, 50, 1_000, 400_000_000_000_000].choose(&mut random).expect("some");
                counter(&format!("c{i}"), *windows.choose(&mut random).expect("some"), limit)
            })
            .collect();
        let now_ms = random.random_range(1_000_000_000_000..4_000_000_000_000);
        let (ledger, holds, leases) = (Ledger::new(HOLD_MS), Vec::new(), Vec::new());
        Self { redis, ledger, random, counters, holds, leases, now_ms, next: 0, at: format!("seed {seed}") }
    }

    async fn run(mut self) {
        for call in 0..CALLS {
            let begun = self.at.clone();
            self.at = format!("{begun}, call {call}");
            self.pass_time();
            match self.random.random_range(0..10) {
                0..=4 => self.hold().await,
                5 | 6 => self.grow().await,
                7 => self.lease().await,
                _ => self.settle().await,
            }
            self.compare().await;
            self.at = begun;
        }
    }

    fn pass_time(&mut self) {
        let ms = match self.random.random_range(0..20) {
            0..=7 => 0,
            8..=13 => self.random.random_range(1..50),
            14..=16 => self.random.random_range(50..3_000),
            17 | 18 => self.random.random_range(3_000..70_000),
            _ => self.random.random_range(70_000..2_000_000),
        };
        self.now_ms += ms;
        self.redis.core.test_now_ms.store(self.now_ms, Ordering::Relaxed);
    }

    fn amount(&mut self, limit: u64) -> u64 {
        match self.random.random_range(0..4) {
            0 => 0,
            1 => self.random.random_range(0..=limit),
            _ => self.random.random_range(0..=limit / 4 + 1),
        }
    }

    async fn hold(&mut self) {
        let mut all = Vec::new();
        for _ in 0..self.random.random_range(1..4) {
            let counter = self.counters.choose(&mut self.random).expect("some").clone();
            let (spent, open) = (self.amount(counter.limit), self.amount(counter.limit));
            let soft = self.random.random_bool(0.1);
            all.push(or(wanted(&counter, spent, open), OnFailure::Closed));
            all.last_mut().expect("one").claim.soft = soft;
        }
        let (id, name) = (self.next, self.redis.id());
        self.next += 1;
        let here = self.ledger.hold(self.now_ms, id, all.iter().map(|wanted| &wanted.claim));
        let there = self.redis.hold(&name, &all).await.expect("Redis answers");
        assert_eq!(there, here, "{}: {all:?}", self.at);
        if matches!(here, Verdict::Held(_)) {
            self.holds.push((id, name, all));
        }
    }

    async fn grow(&mut self) {
        let Some(i) = (0..self.holds.len()).collect::<Vec<_>>().choose(&mut self.random).copied() else { return };
        let limits: Vec<_> = self.holds[i].2.iter().map(|wanted| wanted.claim.counter.limit).collect();
        let more: Vec<_> = limits.into_iter().map(|limit| self.amount(limit)).collect();
        let (id, name, all) = &mut self.holds[i];
        let here = self.ledger.grow(self.now_ms, *id, &more).expect("it is known");
        let there = self.redis.grow(name, all, &more).await.expect("Redis answers");
        assert_eq!(there, here, "{}: {all:?} {more:?}", self.at);
        if matches!(here, Verdict::Held(_)) {
            all.iter_mut().zip(more).for_each(|(wanted, more)| wanted.claim.open += more);
        }
    }

    async fn settle(&mut self) {
        if self.holds.is_empty() {
            return;
        }
        let i = self.random.random_range(0..self.holds.len());
        let (id, name, all) = self.holds.swap_remove(i);
        let used: Vec<_> = all.iter().map(|wanted| self.amount(wanted.claim.counter.limit)).collect();
        let mut here = self.ledger.settle(self.now_ms, id, &used);
        here.retain(|moved| moved.counter.window.is_long());
        let settling = Settling { id: name, wanted: all, used, since: Instant::now() };
        let there = settling::settle(&self.redis.core, &settling).await.expect("Redis answers");
        assert_eq!(there, here, "{}: {settling:?}", self.at);
        let again = settling::settle(&self.redis.core, &settling).await.expect("Redis answers");
        assert_eq!(again, [], "{}", self.at);
    }

    /// A lease says anew what it holds. To the ledger: what it held is settled, and held again, all that is wanted or only
    /// what must be.
    async fn lease(&mut self) {
        if self.leases.len() < 3 {
            let mut all = Vec::new();
            for _ in 0..self.random.random_range(1..4) {
                all.push(wanted(self.counters.choose(&mut self.random).expect("some"), 0, 0));
                all.last_mut().expect("one").claim.soft = self.random.random_bool(0.1);
            }
            self.leases.push((u64::MAX, self.redis.id(), all, 0));
        }
        let (old, name, mut all, number) = self.leases.swap_remove(self.random.random_range(0..self.leases.len()));
        let amounts = |this: &mut Self, most: u64| -> Vec<u64> {
            let limits = all.iter().map(|wanted| wanted.claim.counter.limit / most).collect::<Vec<_>>();
            limits.into_iter().map(|limit| this.amount(limit)).collect()
        };
        let (used, held, more) = (amounts(self, 2), amounts(self, 4), amounts(self, 1));
        let mut moved = self.ledger.settle(self.now_ms, old, &used);
        if old == u64::MAX {
            let as_spent = |(wanted, used): (&Wanted, &u64)| Claim { spent: *used, soft: true, ..wanted.claim.clone() };
            let spent: Vec<_> = all.iter().zip(&used).map(as_spent).collect();
            self.ledger.hold(self.now_ms, old - 1, &spent);
            self.ledger.settle(self.now_ms, old - 1, &[]);
        }
        let claims = |more: Option<&[u64]>| -> Vec<Claim> {
            let claim = |(i, wanted): (usize, &Wanted)| {
                let more = more.map_or(0, |more| more[i]);
                Claim { open: held[i] + more, soft: wanted.claim.soft || more == 0, ..wanted.claim.clone() }
            };
            all.iter().enumerate().map(claim).collect()
        };
        let id = self.next;
        self.next += 1;
        let mut here = self.ledger.hold(self.now_ms, id, &claims(Some(&more)));
        if let Verdict::Denied { standings, .. } = &mut here {
            let Verdict::Held(after) = self.ledger.hold(self.now_ms, id, &claims(None)) else { unreachable!("soft") };
            *standings = after;
        }
        let core = &self.redis.core;
        let counters = all.iter().map(|wanted| &wanted.claim.counter);
        let keys = core.names.of_hold(&name, counters.clone());
        let tell = async || {
            let reply = core.eval("lease", &core.scripts.lease, &keys, core.timeout, |command| {
                command.arg(core.time()).arg(&name).arg(core.hold_ms).arg(number + 1).arg(core.mark_ms());
                for (i, Wanted { claim, .. }) in all.iter().enumerate() {
                    put_window(command, claim.counter.window);
                    command.arg(claim.counter.limit).arg(used[i]).arg(held[i]).arg(held[i] + more[i]);
                    command.arg(u8::from(claim.soft));
                }
            });
            told(reply.await.expect("Redis answers"), counters.clone()).expect("it is ours")
        };
        let there = tell().await.expect("it is new");
        assert_eq!(there.verdict, here, "{}: {all:?} {used:?} {held:?} {more:?}", self.at);
        let long = |((wanted, used), &[before, after]): ((&Wanted, &u64), &[u64; 2])| {
            let counter = wanted.claim.counter.clone();
            (counter.window.is_long() && *used > 0).then_some(Moved { counter, before, after })
        };
        if old != u64::MAX {
            moved.retain(|moved| moved.counter.window.is_long());
            let told: Vec<_> = all.iter().zip(&used).zip(&there.moved).filter_map(long).collect();
            assert_eq!(told, moved, "{}", self.at);
        }
        assert!(tell().await.is_none(), "{}: once is enough", self.at);
        all.iter_mut().for_each(|wanted| wanted.claim.open = 0);
        self.leases.push((id, name, all, number + 1));
    }

    async fn compare(&mut self) {
        let here = self.ledger.standings(self.now_ms, &self.counters);
        let there = self.redis.standings(&self.counters).await.expect("Redis answers");
        assert_eq!(there, here, "{}: {:?} at {}", self.at, self.counters, self.now_ms);
    }
}
