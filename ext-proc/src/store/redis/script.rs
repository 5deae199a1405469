//! The Lua scripts, and what goes into them and comes out.

use attache_core::limit::{Counter, Period, Standing, Verdict, Window};
use redis::{Cmd, Value};
use std::fmt::Write as _;

macro_rules! script {
    ($file:literal) => {
        Script::new(concat!(include_str!("scripts/counter.lua"), "\n", include_str!($file)))
    };
}

/// All scripts.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) hold: Script,
    pub(super) grow: Script,
    pub(super) settle: Script,
    pub(super) lease: Script,
    pub(super) standings: Script,
    pub(super) shelve: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            hold: script!("scripts/hold.lua"),
            grow: script!("scripts/grow.lua"),
            settle: script!("scripts/settle.lua"),
            lease: script!("scripts/lease.lua"),
            standings: script!("scripts/standings.lua"),
            shelve: Script::new(include_str!("scripts/shelve.lua")),
        }
    }
}

/// A script that Redis knows by its hash, once it has seen it.
#[derive(Debug)]
pub(super) struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    fn new(source: &'static str) -> Self {
        Self { source, hash: redis::Script::new(source).get_hash().to_owned() }
    }

    /// A call by the hash, or with the whole source, which Redis then knows.
    pub(super) fn call(&self, whole: bool, keys: &[String]) -> Cmd {
        let mut command = redis::cmd(if whole { "EVAL" } else { "EVALSHA" });
        command.arg(if whole { self.source } else { &self.hash }).arg(keys.len()).arg(keys);
        command
    }
}

/// Where things are in Redis.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: format!("{{{prefix}}}") }
    }

    /// The mark of a settled hold, and the two keys of every counter.
    pub(super) fn of_hold<'a>(&self, id: &str, counters: impl Iterator<Item = &'a Counter>) -> Vec<String> {
        let mark = format!("{}:settled:{id}", self.prefix);
        std::iter::once(mark).chain(self.of_counters(counters)).collect()
    }

    /// The two keys of every counter.
    pub(super) fn of_counters<'a>(&self, counters: impl Iterator<Item = &'a Counter>) -> impl Iterator<Item = String> {
        counters.flat_map(|counter| {
            let mut name = format!("{}:counter:", self.prefix);
            // Writing to a string cannot fail.
            let _written = match counter.window {
                Window::Open => write!(name, "open:{}", counter.key),
                Window::Sliding(ms) => write!(name, "{ms}ms:{}", counter.key),
                Window::Calendar(period) => write!(name, "{}:{}", word(period), counter.key),
            };
            let holds = name.replacen(":counter:", ":holds:", 1);
            [name, holds]
        })
    }

    /// The content of a shelf, and its version.
    pub(super) fn of_shelf(&self, shelf: &str) -> [String; 2] {
        [format!("{}:shelf:{shelf}", self.prefix), format!("{}:shelf-version:{shelf}", self.prefix)]
    }
}

/// The largest amount in one call. Sums stay below 2^53, up to which Lua's numbers are exact.
const AMOUNT_MAX: u64 = 1 << 52;

/// An amount as the scripts take it.
pub(super) fn amount(amount: u64) -> u64 {
    amount.min(AMOUNT_MAX)
}

/// Says of which kind a counter's window is.
pub(super) fn put_window(command: &mut Cmd, window: Window) {
    match window {
        Window::Open => command.arg("open").arg(""),
        Window::Sliding(ms) => command.arg("sliding").arg(ms),
        Window::Calendar(period) => command.arg("calendar").arg(word(period)),
    };
}

fn word(period: Period) -> &'static str {
    match period {
        Period::Hour => "hour",
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
        Period::Year => "year",
    }
}

/// The numbers of a reply. None: it is not what our scripts return.
pub(super) fn numbers(value: Value) -> Option<Vec<u64>> {
    let Value::Array(values) = value else { return None };
    let number = |value| if let Value::Int(number) = value { u64::try_from(number).ok() } else { None };
    values.into_iter().map(number).collect()
}

/// What hold.lua and grow.lua return. None: the hold is settled, or the reply is none of ours.
pub(super) fn verdict<'a>(value: Value, counters: impl ExactSizeIterator<Item = &'a Counter>) -> Option<Verdict> {
    let (wanted, numbers) = (counters.len(), numbers(value)?);
    let ([held, claim, retry_after_ms], rest) = numbers.split_first_chunk()?;
    let standings = standings(rest, counters);
    match held {
        _ if standings.len() != wanted => None,
        1 => Some(Verdict::Held(standings)),
        0 => Some(Verdict::Denied {
            claim: usize::try_from(*claim).ok().filter(|claim| *claim < wanted)?,
            retry_after_ms: *retry_after_ms,
            standings,
        }),
        _ => None,
    }
}

/// What lease.lua returns.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) verdict: Verdict,
    /// For every counter what was settled in its window before, and after.
    pub(super) moved: Vec<[u64; 2]>,
}

/// What lease.lua returns. None: it was told that before; an error: the reply is none of ours.
pub(super) fn told<'a>(
    value: Value,
    counters: impl ExactSizeIterator<Item = &'a Counter>,
) -> Result<Option<Told>, NotOurs> {
    let (wanted, numbers) = (counters.len(), numbers(value).ok_or(NotOurs)?);
    let ([held, claim, retry_after_ms], rest) = numbers.split_first_chunk().ok_or(NotOurs)?;
    let (fives, _) = rest.as_chunks();
    let moved = fives.iter().map(|&[before, after, ..]: &[u64; 5]| [before, after]).collect();
    let threes: Vec<u64> =
        fives.iter().flat_map(|&[_, _, settled, open, reset_ms]| [settled, open, reset_ms]).collect();
    let standings = standings(&threes, counters);
    let verdict = match held {
        2 => return Ok(None),
        _ if standings.len() != wanted => return Err(NotOurs),
        1 => Verdict::Held(standings),
        0 => {
            let claim = usize::try_from(*claim).ok().filter(|claim| *claim < wanted).ok_or(NotOurs)?;
            Verdict::Denied { claim, retry_after_ms: *retry_after_ms, standings }
        }
        _ => return Err(NotOurs),
    };
    Ok(Some(Told { verdict, moved }))
}

/// A reply that is not what our scripts return.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotOurs;

/// Three numbers for every counter.
pub(super) fn standings<'a>(numbers: &[u64], counters: impl Iterator<Item = &'a Counter>) -> Vec<Standing> {
    let (threes, _) = numbers.as_chunks();
    let standing = |(counter, &[settled, open, reset_ms]): (&Counter, &[u64; 3])| Standing {
        limit: counter.limit,
        settled,
        open,
        reset_ms,
    };
    counters.zip(threes).map(standing).collect()
}
