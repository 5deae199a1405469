//! Random calls, with messages that get lost, arrive late or twice: what Redis counts as open covers what the lease has
//! given away, and everything that was used is charged once.

use super::*;
use crate::store::OnFailure;
use attache_core::limit::{Claim, Window};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const LIMIT: u64 = 400;

/// What lease.lua does, for one replica beside others.
#[derive(Default)]
struct Far {
    number: u64,
    open: [u64; 2],
    settled: [u64; 2],
    others: [u64; 2],
}

impl Far {
    fn hear(&mut self, message: &Message) -> Option<Told> {
        if self.number >= message.number {
            return None;
        }
        self.number = message.number;
        let before = self.settled;
        self.settled.iter_mut().zip(&message.lines).for_each(|(settled, line)| *settled += line.used);
        let fits = |(i, line): (usize, &Line)| {
            line.wants == line.held || self.settled[i] + self.others[i] + line.wants <= LIMIT
        };
        let held = message.lines.iter().enumerate().all(fits);
        for (open, line) in self.open.iter_mut().zip(&message.lines) {
            *open = if held { line.wants } else { line.held };
        }
        let standing = |i: usize| Standing {
            limit: LIMIT,
            settled: self.settled[i],
            open: self.open[i] + self.others[i],
            reset_ms: 0,
        };
        let standings = vec![standing(0), standing(1)];
        let verdict = match held {
            true => Verdict::Held(standings),
            false => Verdict::Denied { claim: 0, retry_after_ms: 1, standings },
        };
        Some(Told { verdict, moved: (0..2).map(|i| [before[i], self.settled[i]]).collect() })
    }
}

/// A lease, and everything around it.
struct World {
    book: Book,
    far: Far,
    now: Instant,
    random: StdRng,
    exchanges: Vec<Vec<u64>>,
    used: [u64; 2],
    /// Messages that may still arrive, though nobody waits for them.
    adrift: Vec<Message>,
}

impl World {
    fn new(seed: u64) -> Self {
        let claim = |key: &str| Claim {
            counter: Counter { key: key.into(), window: Window::Sliding(60_000), limit: LIMIT },
            spent: 0,
            open: 0,
            soft: false,
        };
        let wanted = ["a", "b"].map(|key| Wanted { claim: claim(key), on_failure: OnFailure::Closed });
        let now = Instant::now();
        Self {
            book: Book::new(&wanted, now),
            far: Far::default(),
            now,
            random: StdRng::seed_from_u64(seed),
            exchanges: Vec::new(),
            used: [0; 2],
            adrift: Vec::new(),
        }
    }

    fn need(&mut self) -> Vec<Need> {
        (0..2).map(|_| (self.random.random_range(0..3), self.random.random_range(0..9))).collect()
    }

    fn given(&mut self, need: &[Need]) {
        self.used.iter_mut().zip(need).for_each(|(used, (spent, _))| *used += spent);
        self.exchanges.push(need.iter().map(|(_, open)| *open).collect());
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(self.random.random_range(0..30));
        match self.random.random_range(0..12) {
            0..=4 => {
                let need = self.need();
                if self.book.take(&need, self.now).is_some() {
                    self.given(&need);
                }
            }
            5..=7 => self.settle(),
            8 => self.far.others = [0; 2].map(|_: u64| self.random.random_range(0..LIMIT)),
            9 if !self.adrift.is_empty() => {
                let message = self.adrift.remove(self.random.random_range(0..self.adrift.len()));
                self.far.hear(&message);
            }
            _ => self.tell(),
        }
    }

    fn settle(&mut self) {
        if self.exchanges.is_empty() {
            return;
        }
        let open = self.exchanges.swap_remove(self.random.random_range(0..self.exchanges.len()));
        let more = if self.random.random_bool(0.1) { 5 } else { 0 };
        let used: Vec<_> = open.iter().map(|open| self.random.random_range(0..=open + more)).collect();
        self.used.iter_mut().zip(&used).for_each(|(sum, used)| *sum += used);
        let short = self.book.settle(&open, &used, self.now);
        assert_eq!(short, self.book.shares.iter().any(|share| share.free < 0));
    }

    fn tell(&mut self) {
        let need = self.need();
        let more = self.random.random_range(0..40);
        let free: Vec<_> = need.iter().map(|(spent, open)| spent + open + more).collect();
        let need = self.random.random_bool(0.5).then_some(need);
        let message = self.book.message(&free, self.now);
        // Exchanges go on while the message is on its way.
        self.check();
        for _ in 0..self.random.random_range(0..3) {
            self.settle();
            self.check();
        }
        match self.random.random_range(0..4) {
            0 => {
                self.book.unheard(self.now);
                self.adrift.push(message);
            }
            1 => {
                self.far.hear(&message);
                self.book.unheard(self.now);
            }
            _ => match self.far.hear(&message) {
                Some(told) => {
                    let held = matches!(told.verdict, Verdict::Held(_));
                    self.book.heard(&message, &told, need.as_deref(), self.now);
                    if let Some(need) = need.filter(|_| held) {
                        self.given(&need);
                    }
                }
                None => self.book.heard_before(self.now),
            },
        }
    }

    fn check(&self) {
        for (i, share) in self.book.shares.iter().enumerate() {
            let held: u64 = self.exchanges.iter().map(|open| open[i]).sum();
            assert_eq!(share.held, held);
            let unsaid = self.book.sent.as_ref().filter(|sent| sent.number > self.far.number);
            let on_its_way = unsaid.map_or(0, |sent| sent.used[i]);
            assert_eq!(self.far.settled[i] + on_its_way + share.used, self.used[i], "charged once");
            let here = i128::from(share.held) + share.free + i128::from(share.used);
            assert!(here <= i128::from(self.far.open[i]), "{here} of {}: {share:?}", self.far.open[i]);
        }
    }
}

#[test]
fn messages_may_be_lost_late_and_twice() {
    for seed in 0..2_000 {
        let mut world = World::new(seed);
        for _ in 0..200 {
            world.step();
            world.check();
        }
        while !world.exchanges.is_empty() {
            world.settle();
        }
        for _ in 0..2 {
            let message = world.book.message(&[], world.now);
            match world.far.hear(&message) {
                Some(told) => world.book.heard(&message, &told, None, world.now),
                None => world.book.heard_before(world.now),
            }
        }
        world.check();
        if world.book.unsaid.is_none() && world.book.sent.is_none() {
            assert_eq!(world.far.open, [0; 2], "seed {seed}");
        }
        world.adrift.iter().for_each(|message| assert!(world.far.hear(message).is_none() || message.lines.is_empty()));
        assert_eq!(world.far.settled, world.used, "seed {seed}");
    }
}
