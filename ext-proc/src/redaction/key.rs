//! The secret from which placeholders and hashes are made.

use secrecy::{ExposeSecret, SecretString};
use std::sync::LazyLock;

/// A policy's key.
#[derive(Debug)]
pub enum Key {
    /// The operator's.
    Written(SecretString),
    /// One that this process has made up. It outlives reloads.
    MadeUp,
}

impl Key {
    /// The one that this process has made up.
    pub fn of_this_process() -> Self {
        Self::MadeUp
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        static MADE_UP: LazyLock<[u8; 32]> = LazyLock::new(rand::random);
        match self {
            Self::Written(key) => key.expose_secret().as_bytes(),
            Self::MadeUp => &*MADE_UP,
        }
    }
}
