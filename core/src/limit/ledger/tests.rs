use super::*;
use crate::limit::{BUCKETS, Period};
use proptest::prelude::*;

const MINUTE_MS: u64 = 60_000;
const HOLD_MS: u64 = 600_000;
/// 2026-11-21 06:00:00 UTC, a Saturday.
const NOW_MS: u64 = 1_795_240_800_000;

fn counter(key: &str, window: Window, limit: u64) -> Counter {
    Counter { key: key.into(), window, limit }
}

fn claim(counter: &Counter, spent: u64, open: u64) -> Claim {
    Claim { counter: counter.clone(), spent, open, soft: false }
}

fn minute(limit: u64) -> Counter {
    counter("tokens", Window::Sliding(MINUTE_MS), limit)
}

fn standing(ledger: &mut Ledger, now_ms: u64, counter: &Counter) -> Standing {
    ledger.standings(now_ms, [counter])[0]
}

fn is_held(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Held(_))
}

/// When a claim is denied: which, and when to come again.
fn denied(verdict: &Verdict) -> Option<(usize, u64)> {
    match verdict {
        Verdict::Held(_) => None,
        Verdict::Denied { claim, retry_after_ms, .. } => Some((*claim, *retry_after_ms)),
    }
}

#[test]
fn a_hundred_at_once_do_not_pass_a_limit_of_a_thousand() {
    let mut ledger = Ledger::new(HOLD_MS);
    let tokens = minute(1000);
    let held: Vec<u64> = (0..100).filter(|id| is_held(&ledger.hold(NOW_MS, *id, &[claim(&tokens, 0, 150)]))).collect();
    assert_eq!(held, [0, 1, 2, 3, 4, 5]);
    for id in held {
        ledger.settle(NOW_MS + 10, id, &[140]);
    }
    let now = standing(&mut ledger, NOW_MS + 10, &tokens);
    assert_eq!((now.settled, now.open, now.left()), (840, 0, 160));
}

#[test]
fn what_is_spent_counts_at_once_and_stays() {
    let mut ledger = Ledger::new(HOLD_MS);
    let requests = counter("requests", Window::Sliding(MINUTE_MS), 2);
    for id in 0..2 {
        assert!(is_held(&ledger.hold(NOW_MS, id, &[claim(&requests, 1, 0)])));
        ledger.settle(NOW_MS, id, &[]);
    }
    assert_eq!(denied(&ledger.hold(NOW_MS, 2, &[claim(&requests, 1, 0)])).unwrap().0, 0);
}

#[test]
fn only_what_is_open_counts_for_concurrency() {
    let mut ledger = Ledger::new(HOLD_MS);
    let at_once = counter("concurrent", Window::Open, 1);
    assert!(is_held(&ledger.hold(NOW_MS, 0, &[claim(&at_once, 0, 1)])));
    assert_eq!(denied(&ledger.hold(NOW_MS, 1, &[claim(&at_once, 0, 1)])), Some((0, RETRY_UNKNOWN_MS)));
    assert_eq!(ledger.settle(NOW_MS, 0, &[1]), []);
    assert!(is_held(&ledger.hold(NOW_MS, 1, &[claim(&at_once, 0, 1)])));
}

#[test]
fn claims_are_held_together_or_not_at_all() {
    let mut ledger = Ledger::new(HOLD_MS);
    let (wide, narrow) = (counter("wide", Window::Calendar(Period::Day), 100), minute(10));
    let verdict = ledger.hold(NOW_MS, 0, &[claim(&wide, 1, 20), claim(&narrow, 1, 10)]);
    let Verdict::Denied { claim: 1, standings, .. } = verdict else { panic!("{verdict:?}") };
    for (counter, standing) in [&wide, &narrow].iter().zip(standings) {
        assert_eq!(standing, Standing { limit: counter.limit, ..Standing::default() });
    }
    ledger.sweep(NOW_MS, 10);
    assert_eq!(ledger.counters(), 0, "who is refused leaves nothing");
}

#[test]
fn claims_on_one_counter_add_up_in_their_order() {
    let mut ledger = Ledger::new(HOLD_MS);
    let tokens = minute(10);
    let soft = Claim { soft: true, ..claim(&tokens, 0, 100) };
    assert_eq!(denied(&ledger.hold(NOW_MS, 0, &[claim(&tokens, 0, 6), claim(&tokens, 0, 6)])).unwrap().0, 1);
    assert!(is_held(&ledger.hold(NOW_MS, 1, &[claim(&tokens, 0, 10), soft.clone(), claim(&tokens, 0, 0)])));
    let now = standing(&mut ledger, NOW_MS, &tokens);
    assert_eq!((now.open, now.left()), (110, 0));
    ledger.settle(NOW_MS, 1, &[]);
    assert_eq!(denied(&ledger.hold(NOW_MS, 2, &[soft, claim(&tokens, 0, 1)])).unwrap().0, 1);
}

#[test]
fn a_refusal_says_when_it_fits() {
    let mut ledger = Ledger::new(HOLD_MS);
    let tokens = minute(100);
    // The sub-bucket of two seconds in which this settles counts for thirty more of them.
    for (seconds, used) in [(0, 30), (10, 30), (20, 40)] {
        let now_ms = NOW_MS + seconds * 1000;
        ledger.hold(now_ms, seconds, &[claim(&tokens, used, 0)]);
        ledger.settle(now_ms, seconds, &[]);
    }
    for (open, seconds) in [(1, 62), (30, 62), (31, 72), (60, 72), (61, 82), (100, 82)] {
        let now_ms = NOW_MS + 25_000;
        let (_, retry_after_ms) = denied(&ledger.hold(now_ms, 100, &[claim(&tokens, 0, open)])).unwrap();
        assert_eq!(retry_after_ms, seconds * 1000 - 25_000, "{open}");
    }
    assert_eq!(standing(&mut ledger, NOW_MS + 25_000, &tokens).reset_ms, 82_000 - 25_000);
    assert_eq!(denied(&ledger.hold(NOW_MS + 25_000, 100, &[claim(&tokens, 0, 101)])), Some((0, RETRY_UNKNOWN_MS)));

    let day = counter("day", Window::Calendar(Period::Day), 10);
    ledger.hold(NOW_MS + 25_000, 200, &[claim(&day, 10, 0)]);
    let until_midnight_ms = 18 * 60 * MINUTE_MS - 25_000;
    let verdict = ledger.hold(NOW_MS + 25_000, 201, &[claim(&day, 1, 0)]);
    assert_eq!(denied(&verdict), Some((0, until_midnight_ms)));
    assert!(is_held(&ledger.hold(NOW_MS + 25_000 + until_midnight_ms, 201, &[claim(&day, 1, 0)])));
}

#[test]
fn a_hold_that_nobody_settles_expires_and_is_charged_late() {
    let mut ledger = Ledger::new(HOLD_MS);
    let month = counter("month", Window::Calendar(Period::Month), 100);
    ledger.hold(NOW_MS, 0, &[claim(&month, 0, 100)]);
    assert_eq!(standing(&mut ledger, NOW_MS + HOLD_MS - 1, &month).open, 100);
    assert_eq!(standing(&mut ledger, NOW_MS + HOLD_MS, &month).open, 0);
    let moved = ledger.settle(NOW_MS + HOLD_MS, 0, &[60]);
    assert_eq!(moved, [Moved { counter: month.clone(), before: 0, after: 60 }]);
    assert_eq!(ledger.settle(NOW_MS + HOLD_MS, 0, &[60]), [], "twice is once");
    assert_eq!(standing(&mut ledger, NOW_MS + HOLD_MS, &month).settled, 60);
}

#[test]
fn a_hold_that_is_never_settled_is_forgotten() {
    let mut ledger = Ledger::new(HOLD_MS);
    let tokens = minute(100);
    ledger.hold(NOW_MS, 0, &[claim(&tokens, 1, 9)]);
    ledger.sweep(NOW_MS + HOLD_MS + LATE_MS - 1, 1);
    assert_eq!((ledger.counters(), ledger.holds.len()), (1, 1));
    ledger.sweep(NOW_MS + HOLD_MS + LATE_MS, 1);
    assert_eq!((ledger.counters(), ledger.holds.len(), ledger.ends.len(), ledger.late.len()), (0, 0, 0, 0));
}

#[test]
fn growing_is_all_or_nothing_and_renews() {
    let mut ledger = Ledger::new(HOLD_MS);
    let (tokens, money) = (minute(100), counter("money", Window::Calendar(Period::Week), 50));
    ledger.hold(NOW_MS, 0, &[claim(&tokens, 0, 10), claim(&money, 0, 10)]);
    assert_eq!(denied(&ledger.grow(NOW_MS, 0, &[10, 50]).unwrap()), Some((1, RETRY_UNKNOWN_MS)));
    assert!(is_held(&ledger.grow(NOW_MS, 0, &[90]).unwrap()));
    assert!(is_held(&ledger.grow(NOW_MS + HOLD_MS - 1, 0, &[0, 0]).unwrap()), "zeros always fit");
    let (now, later) = (NOW_MS + HOLD_MS, NOW_MS + 2 * HOLD_MS);
    assert_eq!(standing(&mut ledger, now, &tokens).open, 100);
    assert_eq!(standing(&mut ledger, later, &tokens).open, 0, "it has expired");
    ledger.hold(later, 1, &[claim(&tokens, 0, 1)]);
    assert_eq!(denied(&ledger.grow(later, 0, &[]).unwrap()).unwrap().0, 0, "its place was taken");
    ledger.settle(later, 1, &[]);
    assert!(is_held(&ledger.grow(later, 0, &[]).unwrap()), "held again, all of it");
    assert_eq!(standing(&mut ledger, later, &tokens).open, 100);
    ledger.settle(later, 0, &[]);
    assert_eq!(standing(&mut ledger, later, &tokens).open, 0);
    assert_eq!(ledger.grow(later, 0, &[1]), None);
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut ledger = Ledger::new(HOLD_MS);
    let tokens = minute(10);
    ledger.hold(NOW_MS, 0, &[claim(&tokens, 10, 0)]);
    for earlier in [0, NOW_MS - 1, NOW_MS - 100 * MINUTE_MS] {
        assert!(!is_held(&ledger.hold(earlier, 1, &[claim(&tokens, 1, 0)])));
        assert_eq!(standing(&mut ledger, earlier, &tokens).reset_ms, 62_000);
    }
}

#[test]
fn no_number_is_too_large() {
    let mut ledger = Ledger::new(u64::MAX);
    let (soft, hard) = (minute(u64::MAX), counter("day", Window::Calendar(Period::Year), u64::MAX));
    for id in 0..3 {
        let soft = Claim { soft: true, ..claim(&soft, u64::MAX, u64::MAX) };
        ledger.hold(u64::MAX - 3 + id, id, &[soft]);
        ledger.hold(u64::MAX, 10 + id, &[claim(&hard, u64::MAX, u64::MAX)]);
        ledger.settle(u64::MAX, id, &[u64::MAX]);
    }
    assert_eq!(standing(&mut ledger, u64::MAX, &soft).left(), 0);
    assert_eq!(standing(&mut ledger, u64::MAX, &soft).open, 0);
}

#[test]
fn memory_follows_what_is_in_use() {
    let mut ledger = Ledger::new(HOLD_MS);
    for i in 0..100_000 {
        let once = counter(&format!("key {i}"), Window::Sliding(1000), 10);
        let now_ms = NOW_MS + i;
        ledger.hold(now_ms, i, &[claim(&once, 1, 1)]);
        ledger.settle(now_ms, i, &[1]);
        assert!(ledger.counters() < 4000, "a thousand are in use at once, {} are there", ledger.counters());
    }
    ledger.sweep(NOW_MS + 200_000, 4000);
    assert_eq!((ledger.counters(), ledger.holds.len(), ledger.ends.len()), (0, 0, 0));
}

#[test]
fn long_counters_survive_in_what_was_saved() {
    let (hour, month) = (Window::Sliding(60 * MINUTE_MS), Window::Calendar(Period::Month));
    let counters = [counter("hour", hour, 100), counter("month", month, 100), minute(100)];
    let mut ledger = Ledger::new(HOLD_MS).journalled();
    for (id, counter) in (0..).zip(&counters) {
        ledger.hold(NOW_MS + id, id, &[claim(counter, 1, 50)]);
        ledger.settle(NOW_MS + 5 * MINUTE_MS, id, &[6]);
        ledger.hold(NOW_MS, 10 + id, &[claim(counter, 0, 50)]);
    }
    let saved: Vec<Saved> = std::iter::from_fn(|| ledger.changes(NOW_MS, 1).pop()).collect();
    assert_eq!(saved.len(), 2, "{saved:?}");
    let mut next = Ledger::new(HOLD_MS).journalled();
    let later = NOW_MS + 10 * MINUTE_MS;
    saved.iter().for_each(|saved| next.restore(later, saved));
    for (counter, settled) in counters.iter().zip([7, 7, 0]) {
        let Standing { open, settled: found, reset_ms, .. } = standing(&mut next, later, counter);
        assert_eq!((open, found), (0, settled), "open holds end with the process");
        assert_eq!(reset_ms, if settled == 0 { 0 } else { standing(&mut ledger, later, counter).reset_ms });
    }
    assert_eq!(next.changes(later, 10), [], "nothing changed since");
    // A month on nothing of it counts, and the file is told to forget it.
    next.sweep(NOW_MS + 31 * 24 * 60 * MINUTE_MS, 10);
    let gone = next.changes(0, 10);
    assert_eq!(gone.len(), 2);
    assert!(gone.iter().all(|gone| gone.parts.is_empty()), "{gone:?}");
    assert_eq!(next.counters(), 0);
}

#[test]
fn what_was_saved_in_the_future_is_from_now() {
    for window in [Window::Sliding(60 * MINUTE_MS), Window::Calendar(Period::Month)] {
        let saved = Saved { key: "key".into(), window, parts: vec![(NOW_MS, 5), (NOW_MS + LATE_MS * 60, 7)] };
        let mut ledger = Ledger::new(HOLD_MS);
        ledger.restore(NOW_MS + 1, &saved);
        assert_eq!(standing(&mut ledger, NOW_MS + 1, &counter("key", window, 10)).settled, 12);
    }
}

// --- The ledger against lists of everything that ever happened ---

/// What happens in a simulation.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Hold(Vec<(usize, u64, u64, bool)>),
    /// Which of the holds, and how much of what it holds (in percent) was used.
    Settle(usize, u64),
    Grow(usize, u64),
}

/// The counters of a simulation: windows of every kind.
fn counters() -> Vec<Counter> {
    let windows = [
        Window::Sliding(1000),
        Window::Sliding(97),
        Window::Sliding(7),
        Window::Calendar(Period::Hour),
        Window::Calendar(Period::Week),
        Window::Open,
    ];
    windows.iter().enumerate().map(|(i, window)| counter(&i.to_string(), *window, 100 + i as u64)).collect()
}

/// Everything that happened, in plain lists.
#[derive(Default)]
struct Model {
    /// Counter, when, amount.
    settled: Vec<(usize, u64, u64)>,
    holds: Vec<Open>,
}

/// Id, when it expires, and per claim: counter, open.
type Open = (u64, u64, Vec<(usize, u64)>);

impl Model {
    /// What was settled in the stretch of a window's length that ends now, and not a moment longer.
    fn settled(&self, place: usize, window: Window, now_ms: u64) -> u64 {
        let counts = |then_ms: u64| match window {
            Window::Open => false,
            Window::Sliding(ms) => now_ms - then_ms < ms,
            Window::Calendar(period) => period.around(now_ms).contains(&then_ms),
        };
        self.settled.iter().filter(|(at, then, _)| *at == place && counts(*then)).map(|(_, _, amount)| amount).sum()
    }

    fn open(&self, place: usize, now_ms: u64) -> u64 {
        let live = self.holds.iter().filter(|(_, end_ms, _)| *end_ms > now_ms);
        live.flat_map(|(_, _, parts)| parts).filter(|(at, _)| *at == place).map(|(_, open)| open).sum()
    }
}

fn step(overdraw: bool) -> impl Strategy<Value = Step> {
    let claim = (0..6_usize, 0..3_u64, 0..60_u64, prop::bool::weighted(if overdraw { 0.2 } else { 0.0 }));
    prop_oneof![
        2 => prop_oneof![0..40_u64, 900..1200_u64, Just(10 * MINUTE_MS)].prop_map(Step::Wait),
        4 => prop::collection::vec(claim, 0..5).prop_map(Step::Hold),
        3 => (0..8_usize, 0..if overdraw { 300 } else { 101_u64 }).prop_map(|(which, percent)| Step::Settle(which, percent)),
        1 => (0..8_usize, 0..20_u64).prop_map(|(which, more)| Step::Grow(which, more)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_stretch_of_time_sees_more_than_the_limit(steps in prop::collection::vec(step(false), 1..120)) {
        simulate(&steps, false)?;
    }

    #[test]
    fn counters_are_the_sum_of_what_happened(steps in prop::collection::vec(step(true), 1..120)) {
        simulate(&steps, true)?;
    }
}

/// Takes the steps with a ledger and the lists, and compares after each.
fn simulate(steps: &[Step], overdraw: bool) -> Result<(), TestCaseError> {
    // What expires and is charged late can overdraw, too.
    let life_ms = if overdraw { 2000 } else { 2 * LATE_MS };
    let counters = counters();
    let (mut ledger, mut model, mut now_ms, mut next_id) = (Ledger::new(life_ms), Model::default(), NOW_MS, 0);
    for step in steps {
        let before = ledger.standings(now_ms, &counters);
        match step {
            Step::Wait(ms) => now_ms += ms,
            Step::Hold(wanted) => {
                let claims: Vec<Claim> = wanted
                    .iter()
                    .map(|(at, spent, open, soft)| Claim { soft: *soft, ..claim(&counters[*at], *spent, *open) })
                    .collect();
                next_id += 1;
                match ledger.hold(now_ms, next_id, &claims) {
                    Verdict::Held(standings) => {
                        let parts = wanted.iter().map(|(at, _, open, _)| (*at, *open)).collect();
                        model.holds.push((next_id, now_ms + life_ms, parts));
                        model.settled.extend(wanted.iter().map(|(at, spent, _, _)| (*at, now_ms, *spent)));
                        let all = ledger.standings(now_ms, claims.iter().map(|claim| &claim.counter));
                        prop_assert_eq!(standings, all);
                    }
                    Verdict::Denied { claim, retry_after_ms, standings } => {
                        let again: Vec<Standing> = wanted.iter().map(|(at, ..)| before[*at]).collect();
                        prop_assert_eq!(&standings, &again);
                        prop_assert_eq!(&ledger.standings(now_ms, &counters), &before, "denied changes nothing");
                        prop_assert!(!claims[claim].soft && claims[claim].spent + claims[claim].open > 0);
                        prop_assert!(retry_after_ms >= 1);
                    }
                }
            }
            Step::Settle(which, percent) if !model.holds.is_empty() => {
                let (id, _, parts) = model.holds.remove(which % model.holds.len());
                let used: Vec<u64> = parts.iter().map(|(_, open)| open * percent / 100).collect();
                ledger.settle(now_ms, id, &used);
                prop_assert_eq!(ledger.settle(now_ms, id, &used), [], "twice is once");
                model.settled.extend(parts.iter().zip(used).map(|((at, _), used)| (*at, now_ms, used)));
            }
            Step::Grow(which, more) if !model.holds.is_empty() => {
                let which = which % model.holds.len();
                let (id, end_ms, parts) = &mut model.holds[which];
                let more: Vec<u64> = parts.iter().map(|_| *more).collect();
                if is_held(&ledger.grow(now_ms, *id, &more).unwrap()) {
                    *end_ms = now_ms + life_ms;
                    parts.iter_mut().zip(more).for_each(|((_, open), more)| *open += more);
                }
            }
            Step::Settle(..) | Step::Grow(..) => {}
        }
        for (at, counter) in counters.iter().enumerate() {
            let found = standing(&mut ledger, now_ms, counter);
            let (settled, open) = (model.settled(at, counter.window, now_ms), model.open(at, now_ms));
            prop_assert_eq!(found.open, open);
            // A sliding window forgets late, by less than two sub-buckets, and never early.
            prop_assert!(found.settled >= settled, "{:?}: {} < {}", counter, found.settled, settled);
            match counter.window {
                Window::Sliding(ms) => {
                    let longer = Window::Sliding((BUCKETS + 1) * Window::bucket_ms(ms));
                    prop_assert!(found.settled <= model.settled(at, longer, now_ms));
                }
                Window::Calendar(_) | Window::Open => prop_assert_eq!(found.settled, settled),
            }
            if !overdraw {
                prop_assert!(settled + open <= counter.limit, "{:?}: {} settled, {} open", counter, settled, open);
            }
        }
    }
    // Quiet: whoever forgot to settle expires, everything leaves its window, and nothing remains.
    for _ in 0..3 {
        now_ms += 8 * 24 * 60 * MINUTE_MS;
        ledger.sweep(now_ms, 100);
    }
    prop_assert_eq!((ledger.counters(), ledger.holds.len(), ledger.ends.len(), ledger.late.len()), (0, 0, 0, 0));
    prop_assert_eq!(ledger.free.len(), ledger.meters.len());
    Ok(())
}

proptest! {
    #[test]
    fn a_saturated_limiter_is_used(limit in 500..5000_u64, each in 1..40_u64, gap_ms in 1..50_u64, ms in 200..100_000_u64) {
        let (tokens, mut ledger) = (counter("tokens", Window::Sliding(ms), limit), Ledger::new(HOLD_MS));
        let (mut used, windows) = (0, 20);
        let steps = (windows * ms / gap_ms).min(20_000);
        let mut now_ms = NOW_MS;
        for id in 0..steps {
            now_ms = NOW_MS + id * windows * ms / steps;
            // Everybody claims a fourth more than is used in the end, and as much as fits is asked for.
            let want = each + each.div_ceil(4);
            let mut request = 0;
            while is_held(&ledger.hold(now_ms, id << 32 | request, &[claim(&tokens, 0, want)])) {
                ledger.settle(now_ms, id << 32 | request, &[each]);
                (used, request) = (used + each, request + 1);
            }
        }
        let length_ms = now_ms - NOW_MS;
        let most = limit * length_ms / ms;
        prop_assert!(used * 10 > most * 8, "{used} of {most}");
    }

    #[test]
    fn what_is_said_about_coming_again_is_exact(
        amounts in prop::collection::vec((1..40_u64, 0..2000_u64), 1..20),
        open in 1..100_u64,
        ms in prop_oneof![Just(7_u64), Just(1000), Just(60_000)],
    ) {
        let window = Window::Sliding(ms);
        let (tokens, mut ledger, mut now_ms) = (counter("tokens", window, 100), Ledger::new(HOLD_MS), NOW_MS);
        for (id, (spent, wait_ms)) in (0..).zip(amounts) {
            ledger.hold(now_ms, id, &[claim(&tokens, spent, 0)]);
            ledger.settle(now_ms, id, &[]);
            now_ms += wait_ms;
        }
        if let Some((_, retry_after_ms)) = denied(&ledger.hold(now_ms, 100, &[claim(&tokens, 0, open)])) {
            let early = ledger.hold(now_ms + retry_after_ms - 1, 100, &[claim(&tokens, 0, open)]);
            prop_assert!(!is_held(&early));
            prop_assert!(is_held(&ledger.hold(now_ms + retry_after_ms, 100, &[claim(&tokens, 0, open)])));
        }
    }
}
