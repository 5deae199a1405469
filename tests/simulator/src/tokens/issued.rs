//! Tokens that carry their own lifetime, sealed: any simulator knows whether one of them is good.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::hmac;

/// Good for tests only: it is the same everywhere.
const SEAL: &[u8] = b"simulator";

/// Issues tokens and judges them.
pub(crate) struct Issuer {
    pub(crate) seconds: u64,
    issued: AtomicU64,
    /// Tokens issued until this point in time are revoked.
    revoked_until_ms: AtomicU64,
}

impl Issuer {
    pub(crate) fn new(seconds: u64) -> Self {
        Self { seconds, issued: AtomicU64::new(0), revoked_until_ms: AtomicU64::new(0) }
    }

    pub(crate) fn issue(&self) -> String {
        let n = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        let now = now_ms();
        let claims = format!("sim-token.{n}.{now}.{}", now + self.seconds * 1000);
        format!("{claims}.{}", seal(&claims))
    }

    /// Whether a simulator has issued this, and it is still good.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        let Some((claims, sealed)) = token.rsplit_once('.') else { return false };
        let times: Vec<u64> = claims.split('.').skip(2).filter_map(|time| time.parse().ok()).collect();
        let [issued_ms, expires_ms] = times.as_slice() else { return false };
        sealed == seal(claims) && now_ms() < *expires_ms && *issued_ms > self.revoked_until_ms.load(Ordering::Relaxed)
    }

    /// From now on no token is good that was issued before.
    pub(crate) fn revoke(&self) {
        self.revoked_until_ms.store(now_ms(), Ordering::Relaxed);
    }
}

fn seal(claims: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SEAL), claims.as_bytes());
    tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_issued_is_good_until_it_expires_or_is_revoked() {
        let (issuer, provider) = (Issuer::new(60), Issuer::new(0));
        let token = issuer.issue();
        assert!(provider.accepts(&token));
        assert!(!provider.accepts(&provider.issue()), "good for 0 s");
        for wrong in ["", "sim-token", "sk-key", &token.replace("sim-token.1.", "sim-token.2."), &format!("{token}0")] {
            assert!(!provider.accepts(wrong), "{wrong}");
        }
        provider.revoke();
        assert!(!provider.accepts(&token));
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(provider.accepts(&issuer.issue()));
    }
}
