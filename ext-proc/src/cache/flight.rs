//! Identical requests that are under way at the same time: one of them leads and asks, the others wait for its answer.
//!
//! A leader that fails or whose client leaves makes room for the next one; one whose answer is not for others lets all go.

use super::Entry;
use attache_core::cache_key::Key;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Place;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Requests that are under way and have followers, or may have.
#[derive(Clone, Debug, Default)]
pub struct Flights(Arc<DashMap<Key, watch::Receiver<State>>>);

/// How it stands with a request under way.
#[derive(Clone, Debug)]
enum State {
    UnderWay,
    Landed(Arc<Entry>, Option<f32>),
    Lost,
    NotForOthers,
}

/// How a request takes part.
#[derive(Debug)]
pub enum Joined {
    /// It asks, and others wait for it.
    Leads(Lead),
    /// It waits.
    Follows(Follow),
}

/// What comes of waiting.
#[derive(Debug)]
pub enum Waited {
    /// The answer; how alike the questions are, where it was found by meaning.
    Landed(Arc<Entry>, Option<f32>),
    /// The leader has none: somebody else has to lead.
    Lost,
    /// The answer is not for others, or has not come in time.
    Alone,
}

/// The one that asks. Dropped, it has no answer.
#[derive(Debug)]
pub struct Lead {
    flights: Flights,
    key: Key,
    tell: watch::Sender<State>,
}

/// One that waits.
#[derive(Debug)]
pub struct Follow(watch::Receiver<State>);

impl Flights {
    /// Takes part in the request of this name.
    pub fn join(&self, key: &Key) -> Joined {
        match self.0.entry(*key) {
            Place::Occupied(under_way) => Joined::Follows(Follow(under_way.get().clone())),
            Place::Vacant(place) => {
                let (tell, told) = watch::channel(State::UnderWay);
                place.insert(told);
                Joined::Leads(Lead { flights: self.clone(), key: *key, tell })
            }
        }
    }

    /// Who asks from now on gets no answer that has come before: it is to be forgotten.
    pub fn forget(&self) {
        self.0.retain(|_, told| !matches!(*told.borrow(), State::Landed(..)));
    }

    #[cfg(test)]
    fn under_way(&self) -> usize {
        self.0.len()
    }
}

impl Lead {
    /// The answer, for all who wait.
    pub fn lands(self, entry: Arc<Entry>) {
        self.has(entry);
    }

    /// The answer, for all who wait, and for all who come before this is dropped.
    pub fn has(&self, entry: Arc<Entry>) {
        self.tell.send_replace(State::Landed(entry, None));
    }

    /// The answer to another question that means the same, for all who wait.
    pub fn lands_alike(self, entry: Arc<Entry>, similarity: f32) {
        self.tell.send_replace(State::Landed(entry, Some(similarity)));
    }

    /// There is an answer, and it is for nobody else.
    pub fn not_for_others(self) {
        self.tell.send_replace(State::NotForOthers);
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        // First nobody finds it any more, then those who have found it learn what became of it.
        let own = self.tell.subscribe();
        self.flights.0.remove_if(&self.key, |_, told| told.same_channel(&own));
        self.tell.send_if_modified(|state| {
            let open = matches!(state, State::UnderWay);
            if open {
                *state = State::Lost;
            }
            open
        });
    }
}

impl Follow {
    /// Waits for the leader's answer, at most until then.
    pub async fn wait(mut self, until: Instant) -> Waited {
        let over = self.0.wait_for(|state| !matches!(state, State::UnderWay));
        match timeout_at(until, over).await {
            Err(_) => Waited::Alone,
            Ok(Err(_)) => Waited::Lost,
            Ok(Ok(state)) => match &*state {
                State::Landed(entry, alike) => Waited::Landed(entry.clone(), *alike),
                State::NotForOthers => Waited::Alone,
                State::Lost | State::UnderWay => Waited::Lost,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::entry::About;
    use attache_core::cache_key::{Keys, Request, Scope, Tenant};
    use attache_core::endpoint::Endpoint;
    use bytes::Bytes;
    use std::time::Duration;

    fn key() -> Key {
        let endpoint = Endpoint::of("/v1/chat/completions", false).unwrap();
        let request = Request::read(&endpoint, b"{}").unwrap();
        let scope = Scope { tenant: Tenant::Shared, policy: "", models: &[], also: &[], left_out: &[] };
        Keys::new(b"secret").exact(&scope, &request)
    }

    fn lead(flights: &Flights) -> Lead {
        match flights.join(&key()) {
            Joined::Leads(lead) => lead,
            Joined::Follows(_) => panic!("somebody else leads"),
        }
    }

    fn follow(flights: &Flights) -> Follow {
        match flights.join(&key()) {
            Joined::Leads(_) => panic!("nobody leads"),
            Joined::Follows(follow) => follow,
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn all_get_what_the_leader_gets() {
        let flights = Flights::default();
        let leading = lead(&flights);
        let waiting: Vec<_> = (0..100).map(|_| tokio::spawn(follow(&flights).wait(soon()))).collect();
        leading.lands(Arc::new(Entry { body: Bytes::from_static(b"42"), about: About::default() }));
        for waiting in waiting {
            assert!(matches!(waiting.await.unwrap(), Waited::Landed(entry, None) if &*entry.body == b"42"));
        }
        assert_eq!(flights.under_way(), 0);
    }

    #[tokio::test]
    async fn who_leaves_makes_room_for_the_next() {
        let flights = Flights::default();
        let leading = lead(&flights);
        let waiting = tokio::spawn(follow(&flights).wait(soon()));
        let gone = tokio::spawn(follow(&flights).wait(soon()));
        gone.abort();
        drop(leading);
        assert!(matches!(waiting.await.unwrap(), Waited::Lost));
        let next = lead(&flights);
        let waiting = tokio::spawn(follow(&flights).wait(soon()));
        next.not_for_others();
        assert!(matches!(waiting.await.unwrap(), Waited::Alone));
        assert_eq!(flights.under_way(), 0);
    }

    #[tokio::test]
    async fn who_comes_before_an_answer_is_on_the_shelf_has_it_too_unless_it_is_forgotten() {
        let flights = Flights::default();
        let leading = lead(&flights);
        let waiting = tokio::spawn(follow(&flights).wait(soon()));
        leading.has(Arc::new(Entry { body: Bytes::from_static(b"42"), about: About::default() }));
        assert!(matches!(waiting.await.unwrap(), Waited::Landed(..)));
        assert!(matches!(follow(&flights).wait(soon()).await, Waited::Landed(..)));
        flights.forget();
        let next = lead(&flights);
        flights.forget();
        drop(leading);
        assert!(matches!(flights.join(&key()), Joined::Follows(_)), "the next one leads still");
        drop(next);
        assert_eq!(flights.under_way(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let flights = Flights::default();
        let _leading = lead(&flights);
        assert!(matches!(follow(&flights).wait(soon()).await, Waited::Alone));
    }
}
