//! Wrong keys per address, counted in a table of fixed size: nobody can make it grow.
//!
//! Each address has a leaky bucket, held as one number: the time at which all its failures are forgiven (GCRA). The table
//! is hashed with a random key, so that nobody can choose addresses that push another one out; where a set is full, the
//! address that is nearest to being forgiven leaves.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Sets of the table.
const SETS: usize = 4096;
/// Addresses of a set. Together 32,768 addresses in half a megabyte.
const WAYS: usize = 8;

/// What an address may get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Failures at once.
    pub failures: u32,
    /// The time over which they are forgiven.
    pub per: Duration,
}

impl Rate {
    fn per_ms(self) -> u64 {
        u64::try_from(self.per.as_millis()).unwrap_or(u64::MAX)
    }
}

/// An address, and when its failures are forgiven, in ms.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    address: u64,
    forgiven_ms: u64,
}

/// Failures per address.
#[derive(Debug)]
pub struct Throttle {
    hasher: RandomState,
    sets: Mutex<Vec<[Entry; WAYS]>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { hasher: RandomState::new(), sets: Mutex::new(vec![[Entry::default(); WAYS]; SETS]) }
    }
}

impl Throttle {
    /// Notes a failure of an address. What there was no address for counts as one address.
    ///
    /// # Errors
    /// The time until the next one is answered, where there were too many. Such a failure does not count: who keeps trying
    /// is answered again once the time is over.
    pub fn fail(&self, address: Option<IpAddr>, rate: Rate, now_ms: u64) -> Result<(), Duration> {
        let hash = self.hasher.hash_one(address.map(neighbourhood));
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(hash).unwrap_or_default() % SETS;
        let Some(set) = sets.get_mut(index) else { return Ok(()) };
        let place = set.iter().position(|entry| entry.address == hash);
        let place = place.or_else(|| (0..WAYS).min_by_key(|i| set.get(*i).map(|entry| entry.forgiven_ms)));
        let Some(entry) = place.and_then(|i| set.get_mut(i)) else { return Ok(()) };
        if entry.address != hash {
            *entry = Entry { address: hash, forgiven_ms: 0 };
        }
        let per_ms = rate.per_ms();
        let one_ms = per_ms.div_ceil(u64::from(rate.failures.max(1)));
        let limit_ms = now_ms.saturating_add(per_ms.max(one_ms));
        // Exchanges look at the clock a moment apart: a little beyond the limit is at the limit. Far beyond it the clock was
        // set back, and nobody is punished for that.
        let before_ms = if entry.forgiven_ms > limit_ms.saturating_add(per_ms) { now_ms } else { entry.forgiven_ms };
        let forgiven_ms = before_ms.clamp(now_ms, limit_ms).saturating_add(one_ms);
        if forgiven_ms > limit_ms {
            return Err(Duration::from_millis(forgiven_ms - limit_ms));
        }
        entry.forgiven_ms = forgiven_ms;
        Ok(())
    }
}

/// The part of an address that one person has: all of IPv4, a /64 of IPv6.
fn neighbourhood(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { failures: 20, per: Duration::from_secs(60) };
    const NOW_MS: u64 = 1_800_000_000_000;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let throttle = Throttle::default();
        let fail = |now_ms| throttle.fail(address("192.0.2.1"), RATE, now_ms);
        for _ in 0..20 {
            assert_eq!(fail(NOW_MS), Ok(()));
        }
        assert_eq!(fail(NOW_MS), Err(Duration::from_secs(3)));
        assert_eq!(fail(NOW_MS), Err(Duration::from_secs(3)), "trying on does not make it longer");
        assert_eq!(fail(NOW_MS + 3000), Ok(()));
        assert_eq!(fail(NOW_MS + 3000), Err(Duration::from_secs(3)));
        assert_eq!(throttle.fail(address("192.0.2.2"), RATE, NOW_MS), Ok(()), "another address");
        let allowed = (0..100).filter(|_| fail(NOW_MS + 600_000).is_ok()).count();
        assert_eq!(allowed, 20, "all is forgiven later, and no more than all");
    }

    #[test]
    fn one_household_is_one_address() {
        let throttle = Throttle::default();
        let one = Rate { failures: 1, ..RATE };
        assert!(throttle.fail(address("2001:db8::1"), one, NOW_MS).is_ok());
        assert!(throttle.fail(address("2001:db8::ffff:1"), one, NOW_MS).is_err(), "the same /64");
        assert!(throttle.fail(address("2001:db8:0:1::1"), one, NOW_MS).is_ok(), "another /64");
        assert!(throttle.fail(address("192.0.2.1"), one, NOW_MS).is_ok());
        assert!(throttle.fail(address("::ffff:192.0.2.1"), one, NOW_MS).is_err(), "the same address, mapped");
        assert!(throttle.fail(None, one, NOW_MS).is_ok());
        assert!(throttle.fail(None, one, NOW_MS).is_err(), "no address is one, too");
    }

    #[test]
    fn a_million_addresses_take_no_more_room() {
        let throttle = Throttle::default();
        for _ in 0..25 {
            let _first = throttle.fail(address("192.0.2.1"), RATE, NOW_MS);
        }
        for i in 0..1_000_000_u32 {
            let _counted = throttle.fail(Some(IpAddr::V4((0x0a00_0000 + i).into())), RATE, NOW_MS + 1);
        }
        let sets = throttle.sets.lock().unwrap();
        assert_eq!((sets.len(), sets.capacity()), (SETS, SETS));
        drop(sets);
        // Who guesses from one address is not forgotten because others try once each.
        assert!(throttle.fail(address("192.0.2.1"), RATE, NOW_MS + 2).is_err());
    }

    #[test]
    fn a_clock_that_jumps_does_no_harm() {
        let throttle = Throttle::default();
        for now_ms in [u64::MAX, 0, u64::MAX - 1, 1] {
            let _whatever = throttle.fail(address("192.0.2.1"), RATE, now_ms);
        }
    }
}
