use super::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Issues what was prepared, each after a time; then nothing more.
struct Prepared {
    answers: Mutex<VecDeque<(Duration, Result<u64, &'static str>)>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer for Prepared {
    type Item = usize;

    async fn issue(&self) -> Result<Issued<usize>, String> {
        let item = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let next = self.answers.lock().unwrap().pop_front();
        let (time, answer) = next.unwrap_or((Duration::ZERO, Err("nothing more")));
        tokio::time::sleep(time).await;
        answer.map(|seconds| Issued { item, lifetime: Duration::from_secs(seconds) }).map_err(str::to_owned)
    }
}

/// An answer after so many milliseconds: good for so many seconds, or a failure.
fn renewed(answers: &[(u64, Result<u64, &'static str>)]) -> (Renewed<Prepared>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let answers = answers.iter().map(|(ms, answer)| (Duration::from_millis(*ms), *answer)).collect();
    (Renewed::new("p", Prepared { answers: Mutex::new(answers), asked: asked.clone() }), asked)
}

async fn item(renewed: &Renewed<Prepared>) -> Result<usize, String> {
    renewed.get().await.map(|held| held.item).map_err(|problem| problem.to_string())
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_wait_for_one_fetch() {
    let (renewed, asked) = renewed(&[(500, Ok(3600))]);
    let all = futures_util::future::join_all((0..100).map(|_| item(&renewed))).await;
    assert!(all.iter().all(|item| *item == Ok(1)), "{all:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_ahead_and_nobody_waits_for_that() {
    let (renewed, asked) = renewed(&[(0, Ok(100)), (1000, Ok(100))]);
    assert_eq!(item(&renewed).await, Ok(1));
    pass(79).await;
    assert_eq!((item(&renewed).await, asked.load(Ordering::Relaxed)), (Ok(1), 1));
    pass(2).await;
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(item(&renewed).await, Ok(1));
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    pass(2).await;
    assert_eq!((item(&renewed).await, asked.load(Ordering::Relaxed)), (Ok(2), 2));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_old_one_until_it_expires() {
    let (renewed, asked) = renewed(&[(0, Ok(100))]);
    assert_eq!(item(&renewed).await, Ok(1));
    for _ in 0..89 {
        pass(1).await;
        assert_eq!(item(&renewed).await, Ok(1));
    }
    // After 80, 81, 83 and 87 seconds.
    assert_eq!(asked.load(Ordering::Relaxed), 1 + 4);
    pass(1).await;
    assert_eq!(item(&renewed).await, Err("nothing more".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_at_once_and_tried_again_after_growing_pauses() {
    let refused = (0, Err("400 invalid_grant"));
    let (renewed, asked) = renewed(&[refused, refused, refused, (0, Ok(100))]);
    let mut seen = Vec::new();
    for _ in 0..9 {
        seen.push((item(&renewed).await.is_ok(), asked.load(Ordering::Relaxed)));
        assert_eq!(renewed.is_away(), !seen.last().unwrap().0, "{seen:?}");
        pass(1).await;
    }
    let (no, yes) = (|asked| (false, asked), |asked| (true, asked));
    assert_eq!(seen, [no(1), no(2), no(2), no(3), no(3), no(3), no(3), yes(4), yes(4)]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_long_for_a_slow_issuer() {
    let (renewed, asked) = renewed(&[(60_000, Ok(100)), (5_000, Ok(100))]);
    let began = Instant::now();
    let slow = Err("no answer within 2 s so far".to_owned());
    assert_eq!(item(&renewed).await, slow);
    assert_eq!(began.elapsed(), WAIT_MAX);
    assert_eq!(item(&renewed).await, slow);
    assert_eq!(began.elapsed(), WAIT_MAX, "who comes later does not wait at all");
    tokio::time::sleep(Duration::from_millis(13_500)).await;
    assert_eq!(item(&renewed).await, Err("no answer within 15 s".to_owned()));
    pass(1).await;
    assert_eq!(item(&renewed).await, Err("no answer within 2 s so far".to_owned()));
    pass(4).await;
    assert_eq!((item(&renewed).await, asked.load(Ordering::Relaxed)), (Ok(2), 2), "what comes late is taken");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_fetched_anew_unless_it_is_young() {
    let (renewed, asked) = renewed(&[(0, Ok(3600)), (0, Ok(3600))]);
    let first = renewed.get().await.unwrap().number;
    renewed.refused(first);
    assert_eq!((item(&renewed).await, asked.load(Ordering::Relaxed)), (Ok(1), 1), "young");
    pass(10).await;
    renewed.refused(first + 1);
    assert_eq!(item(&renewed).await, Ok(1), "another one");
    renewed.refused(first);
    renewed.refused(first);
    assert_eq!((item(&renewed).await, asked.load(Ordering::Relaxed)), (Ok(2), 2));
    renewed.refused(first);
    assert_eq!(item(&renewed).await, Ok(2), "an answer that was under way");
}

#[tokio::test(start_paused = true)]
async fn what_is_doubted_serves_until_there_is_another_one() {
    let (renewed, asked) = renewed(&[(0, Ok(3600)), (0, Err("away")), (0, Ok(3600))]);
    let first = renewed.get().await.unwrap().number;
    renewed.doubted(first);
    assert_eq!((item(&renewed).await, asked.load(Ordering::Relaxed)), (Ok(1), 1), "young");
    pass(10).await;
    renewed.doubted(first);
    assert_eq!(item(&renewed).await, Ok(1));
    pass(2).await;
    assert_eq!(item(&renewed).await, Ok(1));
    pass(1).await;
    assert_eq!((item(&renewed).await, asked.load(Ordering::Relaxed)), (Ok(3), 3));
}

#[tokio::test(start_paused = true)]
async fn odd_lifetimes_do_no_harm() {
    for seconds in [0, 1, u64::MAX] {
        let (renewed, _) = renewed(&[(0, Ok(seconds))]);
        let there = item(&renewed).await.is_ok();
        assert_eq!(there, seconds > 0, "{seconds}");
    }
}

#[test]
fn a_runtime_that_ends_breaks_nothing() {
    let (renewed, _) = renewed(&[(60_000, Ok(100)), (0, Ok(100))]);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let metrics = Arc::new(Metrics::new().unwrap());
    first.block_on(async {
        renewed.begin(&metrics);
        tokio::task::yield_now().await;
    });
    drop(first);
    assert_eq!(metrics.credentials.renewals.with_label_values(&["p", "failed"]).get(), 1);
    let second = runtime();
    assert_eq!(second.block_on(item(&renewed)), Err("the fetch was broken off".to_owned()));
    assert_eq!(
        second.block_on(async {
            tokio::time::sleep(PAUSE).await;
            item(&renewed).await
        }),
        Ok(2)
    );
}
