//! Exchanges of the hybrid between the service's one reply and the line in Envoy's access log that says what became of
//! them: their books, under an id that nobody can guess.
//!
//! A line that never comes (Envoy died, its log was dropped) is not waited for longer than [`SILENCE_MAX`]. While an
//! exchange goes on Envoy [says so](PERIOD).

mod shares;

use super::logged::{self, Line};
use super::pending::UsedCredentials;
use super::plan::Plan;
use super::settle::Settlement;
use crate::config::Config;
use attache_core::dialect::Dialect;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use shares::{Share, Shares};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

/// How often Envoy's access log tells that an exchange goes on.
pub const PERIOD: Duration = Duration::from_secs(30);
/// How long nothing may be heard of an exchange.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// Most exchanges that wait at a time. What one keeps has some kilobytes.
const WAITING_MAX: usize = 200_000;

/// What a later attempt needs to know of an exchange.
#[derive(Debug)]
pub struct Ticket {
    /// The plan.
    pub plan: Plan,
    /// The configuration under which it was made.
    pub config: Arc<Config>,
    /// The dialect of errors.
    pub front: Dialect,
    /// The latest attempt under way.
    pub under_way: Arc<AtomicU32>,
    /// Which credentials attempts carried.
    pub used: UsedCredentials,
}

/// An exchange that goes on.
#[derive(Debug)]
struct Waiter {
    ticket: Arc<Ticket>,
    books: Books,
    heard: Instant,
    _share: Share,
}

/// Where the books of an exchange are.
#[derive(Debug)]
enum Books {
    Here(Box<Settlement>),
    /// Somebody asks the store to hold more. Should it end in the meantime, that is how.
    Lent(Option<Box<Line>>),
}

/// What a line about an exchange that goes on is noted in.
pub type Lent = (Arc<Ticket>, Box<Settlement>);

/// All that wait.
#[derive(Debug)]
pub struct Waiting {
    waiters: DashMap<u128, Waiter>,
    shares: Arc<Shares>,
    secret: [RandomState; 2],
}

impl Default for Waiting {
    fn default() -> Self {
        Self::with_room(WAITING_MAX)
    }
}

impl Waiting {
    fn with_room(exchanges: usize) -> Self {
        Self { waiters: DashMap::new(), shares: Arc::new(Shares::of(exchanges)), secret: Default::default() }
    }

    /// Takes in an exchange; the id under which it is found again. Where there is no room, or none for its caller, its books
    /// come back.
    pub fn admit(&self, ticket: Arc<Ticket>, books: Box<Settlement>) -> Result<String, Box<Settlement>> {
        let caller = ticket.config.callers.is_some().then(|| books.caller());
        let Some(share) = self.shares.take(caller) else { return Err(books) };
        let id = self.id_of(&books.request_id);
        let waiter = Waiter { ticket, books: Books::Here(books), heard: Instant::now(), _share: share };
        let id = match self.waiters.entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(waiter);
                id
            }
            // Envoy gives every request an id of its own; somebody has it do otherwise.
            Entry::Occupied(taken) => {
                drop(taken);
                let id = rand::random();
                self.waiters.insert(id, waiter);
                id
            }
        };
        Ok(format!("{id:032x}"))
    }

    /// The id of what came under this x-request-id. Clients read that one, and cannot tell ours from it.
    fn id_of(&self, request_id: &str) -> u128 {
        let [high, low] = &self.secret;
        u128::from(high.hash_one(request_id)) << 64 | u128::from(low.hash_one(request_id))
    }

    /// What an attempt needs, by the id that the metadata carries.
    pub fn find(&self, id: &str) -> Option<Arc<Ticket>> {
        self.waiters.get(&number(id)?).map(|waiter| waiter.ticket.clone())
    }

    /// Hears that an exchange goes on, and lends its books to whoever follows it; they may be lent already.
    ///
    /// # Errors
    /// Nobody waits for that.
    pub fn lend(&self, id: &str) -> Result<Option<Lent>, Unknown> {
        let mut waiter = number(id).and_then(|id| self.waiters.get_mut(&id)).ok_or(Unknown)?;
        waiter.heard = Instant::now();
        match std::mem::replace(&mut waiter.books, Books::Lent(None)) {
            Books::Here(books) => Ok(Some((waiter.ticket.clone(), books))),
            lent @ Books::Lent(_) => {
                waiter.books = lent;
                Ok(None)
            }
        }
    }

    /// Takes books back. If it has ended by now, they are settled.
    pub fn give_back(&self, id: &str, books: Box<Settlement>) {
        // Where nobody waits any more they are dropped, and so settled as cut.
        let Some(Entry::Occupied(mut entry)) = number(id).map(|id| self.waiters.entry(id)) else { return };
        let end = match &mut entry.get_mut().books {
            Books::Lent(end) => end.take(),
            Books::Here(_) => None,
        };
        match end {
            None => entry.get_mut().books = Books::Here(books),
            Some(line) => logged::ended(&entry.remove().ticket, books, *line),
        }
    }

    /// Hears that an exchange is over, and settles it.
    ///
    /// # Errors
    /// Nobody waits for that.
    pub fn end(&self, id: &str, line: Line) -> Result<(), Unknown> {
        let Some(Entry::Occupied(mut entry)) = number(id).map(|id| self.waiters.entry(id)) else { return Err(Unknown) };
        if let Books::Lent(end) = &mut entry.get_mut().books {
            *end = Some(Box::new(line));
            return Ok(());
        }
        // Settling takes its time, and must not keep others from the map.
        let Waiter { ticket, books, .. } = entry.remove();
        if let Books::Here(books) = books {
            logged::ended(&ticket, books, line);
        }
        Ok(())
    }

    /// Hears that a request is over that Envoy never knew as an exchange of ours: the client left during our decision, or
    /// that came too late. Nothing was sent.
    ///
    /// # Errors
    /// Nobody waits for that.
    pub fn end_untaken(&self, request_id: &str) -> Result<(), Unknown> {
        let id = Some(request_id).filter(|id| !id.is_empty()).map(|id| self.id_of(id));
        let (_, waiter) = id.and_then(|id| self.waiters.remove(&id)).ok_or(Unknown)?;
        if let Books::Here(mut books) = waiter.books {
            books.nothing_sent();
        }
        Ok(())
    }

    /// Gives up those of which nothing has been heard for long; how many. Their books are settled as cut.
    pub fn expire(&self) -> usize {
        self.give_up(|waiter| waiter.heard.elapsed() > SILENCE_MAX)
    }

    /// Gives up all of them, at the end of the process.
    pub fn clear(&self) -> usize {
        self.give_up(|_| true)
    }

    fn give_up(&self, which: impl Fn(&Waiter) -> bool) -> usize {
        let ids: Vec<u128> =
            self.waiters.iter().filter(|entry| which(entry.value())).map(|entry| *entry.key()).collect();
        // Settling takes its time, and must not keep others from the map.
        ids.into_iter().filter_map(|id| self.waiters.remove(&id)).count()
    }
}

/// Nobody waits for that: it has expired, or this process was not there when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

fn number(id: &str) -> Option<u128> {
    u128::from_str_radix(id, 16).ok()
}

#[cfg(test)]
mod tests;
