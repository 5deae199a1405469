//! [`Garbled`]: bytes that are no event stream.

use crate::fault::Fault;
use std::fmt;

/// What is wrong with the bytes. The stream is broken then: where its next message begins cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbled {
    /// A message says that it is longer than the limit.
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The checksum of the lengths is wrong: lost bytes, or no event stream at all.
    BadPrelude,
    /// The lengths contradict each other.
    BadLength,
    /// The checksum of a message is wrong.
    BadChecksum,
    /// A header is cut off or of a type that does not exist.
    BadHeader,
    /// The stream ends within a message.
    CutOff,
}

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(f, "a message of the event stream is longer than {limit} bytes"),
            Self::BadPrelude => {
                f.write_str("the answer is no AWS event stream: a message's lengths fail their checksum")
            }
            Self::BadLength => f.write_str("a message of the event stream has lengths that contradict each other"),
            Self::BadChecksum => f.write_str("a message of the event stream fails its checksum"),
            Self::BadHeader => f.write_str("a message of the event stream has a header that cannot be read"),
            Self::CutOff => f.write_str("the event stream ends within a message"),
        }
    }
}

impl std::error::Error for Garbled {}

impl From<Garbled> for Fault {
    fn from(garbled: Garbled) -> Self {
        Self::upstream(garbled.to_string())
    }
}
