//! What is issued for a time (a token, temporary keys): fetched when it is first needed, renewed before it expires, by
//! one task however many exchanges wait.
//!
//! What is at hand costs an exchange no lock. A renewal that fails leaves the old one in use for as long as it is good,
//! and is tried again after pauses that grow. Where there is nothing at hand, exchanges wait for the task, but not long.

use crate::metrics::Metrics;
use arc_swap::ArcSwapOption;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long an exchange waits at most, counted from when the fetch began.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Most time for one fetch.
const FETCH_MAX: Duration = Duration::from_secs(15);
/// The pause after the first failure; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// The longest that anything is believed to be good.
const LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// What is good for less is as good as expired, and asking for the next one would never end.
const LIFETIME_MIN: Duration = Duration::from_secs(1);
/// So much before it expires it is no longer used: a request is under way for a while.
const MARGIN_MAX: Duration = Duration::from_secs(10);
/// What a provider refuses is thrown away when it is older than this; one that is refused from the start is no reason to
/// ask for another one with every request.
const YOUNG: Duration = Duration::from_secs(10);

/// Who issues it.
pub trait Issuer: Send + Sync + 'static {
    /// What.
    type Item: Send + Sync + 'static;

    /// Issues one.
    ///
    /// # Errors
    /// Why not, in words for the log, without secrets.
    fn issue(&self) -> impl Future<Output = Result<Issued<Self::Item>, String>> + Send;
}

/// Something new, and how long it is good.
#[derive(Debug)]
pub struct Issued<T> {
    /// It.
    pub item: T,
    /// From now on.
    pub lifetime: Duration,
}

/// Something issued, and whether it is still good.
pub(super) struct Held<T> {
    pub(super) item: T,
    /// Goes up with every new one.
    pub(super) number: u64,
    since: Instant,
    renew_at: Instant,
    good_until: Instant,
    /// It may have been revoked.
    is_doubted: AtomicBool,
}

impl<T> Held<T> {
    /// Nothing has to be done for it.
    fn is_fresh(&self, now: Instant) -> bool {
        now < self.renew_at && !self.is_doubted.load(Ordering::Relaxed)
    }
}

/// Something that is always there, as far as that is possible.
pub struct Renewed<I: Issuer>(Arc<Office<I>>);

struct Office<I: Issuer> {
    provider: Arc<str>,
    issuer: I,
    held: ArcSwapOption<Held<I::Item>>,
    desk: Mutex<Desk>,
    metrics: OnceLock<Arc<Metrics>>,
    /// Changes with every end of a fetch.
    ended: watch::Sender<()>,
}

/// What is known about fetches.
#[derive(Default)]
struct Desk {
    /// When the one that is under way began.
    under_way: Option<Instant>,
    issued: u64,
    failures: u32,
    /// No fetch before this.
    pause_until: Option<Instant>,
    problem: Arc<str>,
}

/// What an exchange finds.
enum Found<T> {
    Good(Arc<Held<T>>),
    /// There will be something, or news, until then.
    WaitUntil(Instant),
    Nothing(Arc<str>),
}

impl<I: Issuer> Renewed<I> {
    pub(super) fn new(provider: &str, issuer: I) -> Self {
        Self(Arc::new(Office {
            provider: provider.into(),
            issuer,
            held: ArcSwapOption::empty(),
            desk: Mutex::default(),
            metrics: OnceLock::new(),
            ended: watch::Sender::new(()),
        }))
    }

    /// What is good now.
    ///
    /// # Errors
    /// Why there is nothing, in words for the log.
    pub(super) async fn get(&self) -> Result<Arc<Held<I::Item>>, Arc<str>> {
        let office = &self.0;
        if let Some(held) = office.held.load().as_ref().filter(|held| held.is_fresh(Instant::now())) {
            return Ok(held.clone());
        }
        // Before looking: no end is missed.
        let mut ended = office.ended.subscribe();
        loop {
            match self.look() {
                Found::Good(held) => return Ok(held),
                Found::Nothing(problem) => return Err(problem),
                Found::WaitUntil(time) => {
                    if tokio::time::timeout_at(time, ended.changed()).await.is_err() {
                        return Err(format!("no answer within {} s so far", WAIT_MAX.as_secs()).into());
                    }
                }
            }
        }
    }

    /// Whether there is nothing, and nothing to be expected soon.
    pub(super) fn is_away(&self) -> bool {
        let fresh = self.0.held.load().as_ref().is_some_and(|held| held.is_fresh(Instant::now()));
        !fresh && matches!(self.look(), Found::Nothing(_))
    }

    /// Fetches the first one, if nobody has asked for it yet. From now on fetches are counted here.
    pub(super) fn begin(&self, metrics: &Arc<Metrics>) {
        let _known_already = self.0.metrics.set(metrics.clone());
        let _there_or_under_way = self.look();
    }

    /// The provider does not take this one any more, whatever was said about its lifetime.
    pub(super) fn refused(&self, number: u64) {
        let held = self.0.held.load_full();
        if let Some(held) = held.filter(|held| held.number == number && held.since.elapsed() >= YOUNG) {
            tracing::warn!(
                provider = &*self.0.provider,
                "the provider refuses a token that should be good (401); fetching another one"
            );
            let _before = self.0.held.compare_and_swap(&Some(held), None);
        }
    }

    /// The provider does not take this one, for whatever reason: it is used until there is another one.
    pub(super) fn doubted(&self, number: u64) {
        let held = self.0.held.load();
        if let Some(held) = held.as_ref().filter(|held| held.number == number && held.since.elapsed() >= YOUNG) {
            held.is_doubted.store(true, Ordering::Relaxed);
        }
    }

    /// Looks what there is, and sees to it that there will be something.
    fn look(&self) -> Found<I::Item> {
        let now = Instant::now();
        let mut desk = self.0.desk();
        let held = self.0.held.load_full();
        if let Some(held) = held.as_ref().filter(|held| held.is_fresh(now)) {
            return Found::Good(held.clone());
        }
        if desk.under_way.is_none() && desk.pause_until.is_none_or(|until| now >= until) {
            desk.under_way = Some(now);
            let fetch = Fetch(Some(self.0.clone()));
            tokio::spawn(fetch.run());
        }
        if let Some(held) = held.filter(|held| now < held.good_until) {
            return Found::Good(held);
        }
        match desk.under_way {
            // Slow for everybody who comes: only the first ones wait for it.
            Some(began) if now < began + WAIT_MAX => Found::WaitUntil(began + WAIT_MAX),
            Some(_) if desk.problem.is_empty() => {
                Found::Nothing(format!("no answer within {} s so far", WAIT_MAX.as_secs()).into())
            }
            Some(_) | None => Found::Nothing(desk.problem.clone()),
        }
    }
}

impl<I: Issuer> Office<I> {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self, result: Result<Issued<I::Item>, String>) {
        let now = Instant::now();
        let provider = &*self.provider;
        let result = result.and_then(|issued| {
            let expired = issued.lifetime < LIFETIME_MIN;
            if expired { Err("what was issued has expired already".to_owned()) } else { Ok(issued) }
        });
        if let Some(metrics) = self.metrics.get() {
            let outcome = if result.is_ok() { "ok" } else { "failed" };
            metrics.credentials.renewals.with_label_values(&[provider, outcome]).inc();
        }
        let mut desk = self.desk();
        desk.under_way = None;
        match result {
            Ok(issued) => {
                let lifetime = issued.lifetime.min(LIFETIME_MAX);
                desk.issued += 1;
                if std::mem::take(&mut desk.failures) > 0 {
                    tracing::info!(provider, seconds = lifetime.as_secs(), "there are credentials again");
                }
                (desk.pause_until, desk.problem) = (None, "".into());
                self.held.store(Some(Arc::new(Held {
                    item: issued.item,
                    number: desk.issued,
                    since: now,
                    renew_at: now + lifetime * 4 / 5,
                    good_until: now + lifetime.saturating_sub((lifetime / 10).min(MARGIN_MAX)),
                    is_doubted: AtomicBool::new(false),
                })));
            }
            Err(problem) => {
                let pause = (PAUSE * 2_u32.saturating_pow(desk.failures.min(10))).min(PAUSE_MAX);
                desk.failures = desk.failures.saturating_add(1);
                desk.pause_until = Some(now + pause);
                let held = self.held.load();
                let left = held.as_ref().map_or(Duration::ZERO, |held| held.good_until.saturating_duration_since(now));
                let (good_for_seconds, again_in_seconds) = (left.as_secs(), pause.as_secs());
                tracing::error!(provider, problem, good_for_seconds, again_in_seconds, "credentials were not renewed");
                desk.problem = problem.into();
            }
        }
        drop(desk);
        self.ended.send_replace(());
    }
}

/// A fetch under way. However it ends, those who wait learn of it.
struct Fetch<I: Issuer>(Option<Arc<Office<I>>>);

impl<I: Issuer> Fetch<I> {
    async fn run(mut self) {
        let Some(office) = self.0.clone() else { return };
        let issued = tokio::time::timeout(FETCH_MAX, office.issuer.issue()).await;
        let issued = issued.unwrap_or_else(|_| Err(format!("no answer within {} s", FETCH_MAX.as_secs())));
        self.0 = None;
        office.ended(issued);
    }
}

impl<I: Issuer> Drop for Fetch<I> {
    fn drop(&mut self) {
        if let Some(office) = self.0.take() {
            office.ended(Err("the fetch was broken off".to_owned()));
        }
    }
}

/// Never what is held.
impl<I: Issuer> fmt::Debug for Renewed<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.held.load().as_ref().map(|held| held.number);
        f.debug_struct("Renewed").field("number", &number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
