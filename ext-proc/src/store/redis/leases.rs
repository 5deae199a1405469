//! Leases: where the same counters are claimed again and again, a replica holds some of each in advance, and serves holds
//! from that without asking Redis. What Redis counts as open contains it, so there is never more than the limit.
//!
//! A lease is one hold in Redis, over all counters that exchanges claim together; so all or nothing stays as simple as it
//! is. It has an end: after a tenth of a second the next exchange asks for a new one and tells in the same message what
//! was used; if none comes, a task gives back what is free. What exchanges hold stays held in either case. See [`book`]
//! for what is kept, and `lease.lua` for what Redis does with a message.

mod book;
mod heat;

use super::script::{self, Told, amount, put_window};
use super::{Core, Missed};
use crate::store::Wanted;
use attache_core::limit::{Counter, Moved, Standing, Verdict};
use book::{Book, Message, Need};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};
use tokio::time::Instant;

/// Lists of counters whose holds are counted. Beyond it they are held in the ordinary way, until others are forgotten.
const LEASES_MAX: usize = 2048;
/// A lease must be worth so many holds, or ordinary ones are cheaper.
const WORTH: u64 = 2;
/// The same for somebody who has waited for another's lease that was used up at once: smaller ones would be fetched one
/// after the other, where ordinary holds go side by side.
const WORTH_WAITING: u64 = 8;
/// How often the task looks what is to be given back.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// All leases of a replica.
#[derive(Debug)]
pub(super) struct Leases {
    core: Arc<Core>,
    moved: mpsc::Sender<Vec<Moved>>,
    /// The runtime that lives as long as the process: messages go on when whoever asked is gone.
    runtime: Handle,
    /// By a hash of the counters.
    table: Mutex<HashMap<u64, Arc<Lease>>>,
    hasher: RandomState,
    /// One more for every lease that is used now and has this counter, see [`Leases::share`].
    sharers: Mutex<HashMap<Counter, Arc<()>>>,
    process: u64,
    next: AtomicU64,
}

/// The lease of one list of counters; it may be empty.
#[derive(Debug)]
struct Lease {
    id: String,
    /// The counters, and whether each is claimed softly.
    counters: Vec<(Counter, bool)>,
    book: Mutex<Book>,
    /// Whoever tells Redis something: one after the other.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What an exchange holds of a lease. Dropped, it is given back as unused.
#[derive(Debug)]
pub(in crate::store) struct Part {
    leases: Arc<Leases>,
    lease: Arc<Lease>,
    open: Vec<u64>,
    used: Vec<u64>,
}

/// What came of asking for a part of a lease.
#[derive(Debug)]
pub(in crate::store) enum Leased {
    /// It is held, and how the counters stand.
    Held(Part, Vec<Standing>),
    /// Redis says that it does not fit: what [`Verdict::Denied`] says.
    Denied(usize, u64, Vec<Standing>),
    /// Redis does not answer, and nothing is held.
    Missed,
    /// There is no lease: it is to be held in the ordinary way.
    No,
}

impl Leases {
    /// Starts the task. It ends when the other one is dropped, after everything is given back.
    pub(super) fn start(core: Arc<Core>, moved: mpsc::Sender<Vec<Moved>>) -> (Arc<Self>, oneshot::Sender<()>) {
        let leases = Arc::new(Self {
            core,
            moved,
            runtime: Handle::current(),
            table: Mutex::default(),
            hasher: RandomState::new(),
            sharers: Mutex::default(),
            process: rand::random(),
            next: AtomicU64::new(0),
        });
        let (owner, owned) = oneshot::channel();
        tokio::spawn(keep(leases.clone(), owned));
        (leases, owner)
    }

    /// Holds these as a part of a lease, if they are claimed often enough.
    pub(super) async fn hold(self: &Arc<Self>, wanted: &[Wanted]) -> Leased {
        let need: Vec<_> =
            wanted.iter().map(|Wanted { claim, .. }| (amount(claim.spent), amount(claim.open))).collect();
        let Some(lease) = self.lease(wanted) else { return Leased::No };
        {
            let (mut book, now) = (lease.book(), Instant::now());
            if !book.heat.count(&need, now) {
                return Leased::No;
            }
            if let Some(standings) = book.take(&need, now) {
                return Leased::Held(self.part(&lease, &need), standings);
            }
        }
        self.share(&lease);
        let (number, worth) = {
            let (book, now) = (lease.book(), Instant::now());
            if !book.may_ask(now) || (book.wish(&need, WORTH, now).is_none() && !book.has_free()) {
                return Leased::No;
            }
            (book.number, book.wish(&need, WORTH, now).is_some())
        };
        if !worth {
            // What is free here must not be what makes Redis deny it. Nobody queues for that.
            let Ok(turn) = lease.turn.clone().try_lock_owned() else { return Leased::No };
            return self.ask(lease, turn, need, None).await;
        }
        // Many may find it used up at the same time: one asks, the others wait for the answer.
        let Ok(turn) = tokio::time::timeout(self.core.timeout, lease.turn.clone().lock_owned()).await else {
            return if lease.book().may_ask(Instant::now()) { Leased::No } else { Leased::Missed };
        };
        if let Some(standings) = lease.book().take(&need, Instant::now()) {
            return Leased::Held(self.part(&lease, &need), standings);
        }
        let worth = if lease.book().number == number { WORTH } else { WORTH_WAITING };
        self.ask(lease, turn, need, Some(worth)).await
    }

    /// Asks Redis, also when whoever wants it does not wait any more: then it is given back. For a lease that is worth so
    /// many holds, or for this need alone.
    async fn ask(
        self: &Arc<Self>,
        lease: Arc<Lease>,
        turn: OwnedMutexGuard<()>,
        need: Vec<Need>,
        worth: Option<u64>,
    ) -> Leased {
        let leases = self.clone();
        let asked = self.runtime.spawn(async move {
            let _turn = turn;
            if !lease.book().may_ask(Instant::now()) {
                // Whoever had the turn before has waited long enough for both.
                return if lease.book().is_gone() { Leased::No } else { Leased::Missed };
            }
            match worth {
                Some(worth) => leases.generously(&lease, &need, worth).await,
                None => leases.exactly(&lease, &need).await,
            }
        });
        asked.await.unwrap_or(Leased::Missed)
    }

    /// Asks for what will soon be needed, if that is worth so many holds.
    async fn generously(self: &Arc<Self>, lease: &Arc<Lease>, need: &[Need], worth: u64) -> Leased {
        let wish = lease.book().wish(need, worth, Instant::now());
        let Some(wish) = wish else { return Leased::No };
        match self.tell(lease, &wish, Some(need)).await {
            Ok(Some(Verdict::Held(standings))) => Leased::Held(self.part(lease, need), standings),
            Ok(Some(Verdict::Denied { .. }) | None) => Leased::No,
            Err(_) => Leased::Missed,
        }
    }

    /// Asks for this and no more, and gives back what is free.
    async fn exactly(self: &Arc<Self>, lease: &Arc<Lease>, need: &[Need]) -> Leased {
        let amounts: Vec<_> = need.iter().map(|(spent, open)| spent.saturating_add(*open)).collect();
        match self.tell(lease, &amounts, Some(need)).await {
            Ok(Some(Verdict::Held(standings))) => Leased::Held(self.part(lease, need), standings),
            Ok(Some(Verdict::Denied { claim, retry_after_ms, standings })) => {
                Leased::Denied(claim, retry_after_ms, standings)
            }
            Ok(None) | Err(_) => Leased::Missed,
        }
    }

    fn part(self: &Arc<Self>, lease: &Arc<Lease>, need: &[Need]) -> Part {
        let open = need.iter().map(|(_, open)| *open).collect();
        Part { leases: self.clone(), lease: lease.clone(), open, used: Vec::new() }
    }

    /// How counters stand, as an ordinary hold was told.
    pub(super) fn note(&self, wanted: &[Wanted], verdict: &Verdict) {
        let (Verdict::Held(standings) | Verdict::Denied { standings, .. }) = verdict;
        let lease = self.table().get(&self.hash(wanted)).cloned();
        if let Some(lease) = lease.filter(|lease| lease.is_of(wanted)) {
            lease.book().note(standings);
        }
    }

    /// The lease of these counters. None: there are too many, or two lists have the same hash.
    fn lease(&self, wanted: &[Wanted]) -> Option<Arc<Lease>> {
        let hash = self.hash(wanted);
        let mut table = self.table();
        if let Some(lease) = table.get(&hash) {
            return lease.is_of(wanted).then(|| lease.clone());
        }
        if table.len() >= LEASES_MAX {
            return None;
        }
        let lease = Arc::new(Lease {
            id: format!("lease-{:016x}{:x}", self.process, self.next.fetch_add(1, Ordering::Relaxed)),
            counters: wanted.iter().map(|wanted| (wanted.claim.counter.clone(), wanted.claim.soft)).collect(),
            book: Mutex::new(Book::new(wanted, Instant::now())),
            turn: Arc::default(),
        });
        table.insert(hash, lease.clone());
        Some(lease)
    }

    /// Other leases may be of the same counter, as where each caller has a limit and all have one: they share what may be
    /// free of it in this replica.
    fn share(&self, lease: &Lease) {
        if !lease.book().is_sharing() {
            let mut sharers = self.sharers.lock().unwrap_or_else(PoisonError::into_inner);
            let of = |(counter, _): &(Counter, bool)| sharers.entry(counter.clone()).or_default().clone();
            let all: Vec<_> = lease.counters.iter().map(of).collect();
            drop(sharers);
            lease.book().begin_sharing(all);
        }
    }

    fn hash(&self, wanted: &[Wanted]) -> u64 {
        let counters: Vec<_> = wanted.iter().map(|wanted| (&wanted.claim.counter, wanted.claim.soft)).collect();
        self.hasher.hash_one(counters)
    }

    fn table(&self) -> MutexGuard<'_, HashMap<u64, Arc<Lease>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells Redis what was used, and that so much shall be free, of which `need` goes to an exchange. Whoever calls has the
    /// lease's turn. None: Redis has heard twice that it was told before, which cannot be.
    async fn tell(&self, lease: &Lease, free: &[u64], need: Option<&[Need]>) -> Result<Option<Verdict>, Missed> {
        // A message that nobody knew to have arrived may be answered first.
        for _ in 0..2 {
            let message = lease.book().message(free, Instant::now());
            let result = self.send(lease, &message).await;
            let (mut book, now) = (lease.book(), Instant::now());
            match result {
                Ok(Some(told)) => {
                    book.heard(&message, &told, need, now);
                    let (moved, standings) = (book.moved(&message, &told), book.standings());
                    drop(book);
                    if !moved.is_empty() && self.moved.try_send(moved).is_err() {
                        self.core.metrics.store.dropped.inc();
                    }
                    return Ok(Some(match told.verdict {
                        Verdict::Held(_) => Verdict::Held(standings),
                        denied @ Verdict::Denied { .. } => denied,
                    }));
                }
                Ok(None) => book.heard_before(now),
                Err(missed) => {
                    book.unheard(now);
                    return Err(missed);
                }
            }
        }
        Ok(None)
    }

    async fn send(&self, lease: &Lease, message: &Message) -> Result<Option<Told>, Missed> {
        let core = &self.core;
        let counters = lease.counters.iter().map(|(counter, _)| counter);
        let keys = core.names.of_hold(&lease.id, counters.clone());
        let reply = core.eval("lease", &core.scripts.lease, &keys, core.timeout, |command| {
            command.arg(core.time()).arg(&lease.id).arg(core.hold_ms).arg(message.number).arg(core.mark_ms());
            for ((counter, soft), line) in lease.counters.iter().zip(&message.lines) {
                put_window(command, counter.window);
                command.arg(amount(counter.limit)).arg(amount(line.used)).arg(line.held).arg(line.wants);
                command.arg(u8::from(*soft));
            }
        });
        script::told(reply.await?, counters).map_err(|_| Missed::Perhaps)
    }

    /// Gives back everything that is free, and tells everything that was used, however long it takes.
    pub(super) async fn flush(&self) {
        let all: Vec<_> = self.table().values().cloned().collect();
        join_all(all.iter().map(|lease| self.flush_one(lease))).await;
    }

    async fn flush_one(&self, lease: &Lease) {
        while !lease.book().is_said() {
            let _turn = lease.turn.lock().await;
            let again = lease.book().is_unanswered();
            if self.tell(lease, &[], None).await.is_err() {
                tokio::time::sleep(LOOK_EVERY).await;
            } else if !again {
                return;
            }
        }
    }

    /// Tells Redis at once that more was used than is leased, unless it is just being told something: then soon.
    fn tell_at_once(self: &Arc<Self>, lease: &Arc<Lease>) {
        let Ok(turn) = lease.turn.clone().try_lock_owned() else { return };
        let (leases, lease) = (self.clone(), lease.clone());
        self.runtime.spawn(async move {
            let _turn = turn;
            let keeps = lease.book().keeps(Instant::now());
            // What is not answered is told again by the task.
            let _told = leases.tell(&lease, &keeps, None).await;
        });
    }

    /// Begins to give back what is free, as far as its time is up, and to tell what was used.
    fn look_around(self: &Arc<Self>) {
        let (core, now) = (&self.core, Instant::now());
        let up = core.link.is_up();
        let life = Duration::from_millis(core.hold_ms);
        let mut due = Vec::new();
        self.table().retain(|_, lease| {
            // Whoever has the turn is just telling what is to be told.
            let Ok(turn) = lease.turn.clone().try_lock_owned() else { return true };
            let mut book = lease.book();
            core.metrics.store.dropped.inc_by(book.give_up(core.retry, now));
            if up && book.is_due(life, now) {
                due.push((lease.clone(), turn, book.keeps(now)));
            }
            book.rest(now);
            !book.forget(now)
        });
        let mut sharers = self.sharers.lock().unwrap_or_else(PoisonError::into_inner);
        sharers.retain(|_, sharer| Arc::strong_count(sharer) > 1);
        drop(sharers);
        for (lease, turn, keeps) in due {
            let leases = self.clone();
            self.runtime.spawn(async move {
                let _turn = turn;
                // What is not answered is told again later.
                let _told = leases.tell(&lease, &keeps, None).await;
            });
        }
    }
}

impl Lease {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_of(&self, wanted: &[Wanted]) -> bool {
        let wanted = wanted.iter().map(|wanted| (&wanted.claim.counter, wanted.claim.soft));
        self.counters.iter().map(|(counter, soft)| (counter, *soft)).eq(wanted)
    }
}

impl Part {
    /// Adds to what the exchange holds, all or nothing: from what is free, or by asking Redis. It lives as long as the
    /// replica does.
    pub(in crate::store) async fn grow(&mut self, more: &[u64]) -> Result<Verdict, Missed> {
        let more = more.iter().copied().chain(std::iter::repeat(0));
        let need: Vec<Need> = self.open.iter().zip(more).map(|(_, more)| (0, amount(more))).collect();
        if need.iter().all(|need| *need == (0, 0)) {
            return Ok(Verdict::Held(self.lease.book().standings()));
        }
        let taken = self.lease.book().take(&need, Instant::now());
        let grown = match taken {
            Some(standings) => Leased::Held(self.leases.part(&self.lease, &need), standings),
            None => self.ask(need).await?,
        };
        match grown {
            Leased::Held(mut part, standings) => {
                for (open, more) in self.open.iter_mut().zip(&mut part.open) {
                    *open = open.saturating_add(std::mem::take(more));
                }
                Ok(Verdict::Held(standings))
            }
            Leased::Denied(claim, retry_after_ms, standings) => {
                Ok(Verdict::Denied { claim, retry_after_ms, standings })
            }
            Leased::Missed | Leased::No => Err(Missed::Perhaps),
        }
    }

    async fn ask(&self, need: Vec<Need>) -> Result<Leased, Missed> {
        let turn = tokio::time::timeout(self.leases.core.timeout, self.lease.turn.clone().lock_owned()).await;
        let turn = turn.map_err(|_| Missed::NotAsked)?;
        let (leases, lease) = (self.leases.clone(), self.lease.clone());
        leases.share(&lease);
        let asked = self.leases.runtime.spawn(async move {
            let _turn = turn;
            // Others may have asked meanwhile.
            let taken = lease.book().take(&need, Instant::now());
            if let Some(standings) = taken {
                return Leased::Held(leases.part(&lease, &need), standings);
            }
            match leases.generously(&lease, &need, WORTH).await {
                Leased::No => leases.exactly(&lease, &need).await,
                asked @ (Leased::Held(..) | Leased::Denied(..) | Leased::Missed) => asked,
            }
        });
        asked.await.map_err(|_| Missed::Perhaps)
    }

    /// Settles what was really used. Never waits.
    pub(in crate::store) fn settle(mut self, used: &[u64]) {
        self.used = used.iter().copied().map(amount).collect();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.lease.book().settle(&self.open, &self.used, Instant::now()) {
            self.leases.tell_at_once(&self.lease);
        }
    }
}

/// Gives back what is not needed, until nobody is left who could need anything.
async fn keep(leases: Arc<Leases>, mut owned: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _gone = &mut owned => break,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        leases.look_around();
    }
    if tokio::time::timeout(leases.core.retry, leases.flush()).await.is_err() {
        let dropped = leases.table().values().map(|lease| lease.book().give_up(Duration::ZERO, Instant::now())).sum();
        leases.core.metrics.store.dropped.inc_by(dropped);
    }
}
