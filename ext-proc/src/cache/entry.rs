//! An entry: one whole answer, and what is known about it.

use super::purge::Tags;
use attache_core::usage::Usage;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an envelope begins with; its last byte is the version. Another version is no entry.
const MAGIC: [u8; 4] = *b"ATC\x01";
/// What an entry takes in memory besides its body and names, roughly: keys, links, counters.
const OVERHEAD_BYTES: usize = 512;

/// An answer that is kept.
#[derive(Clone, PartialEq)]
pub struct Entry {
    /// The whole answer in the dialect in which it was asked for, masked where redaction masked it.
    pub body: Bytes,
    /// What is known about it.
    pub about: About,
}

/// What is known about an answer.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The dialect in which it was asked for.
    pub front: String,
    /// What was asked for: `chat`, `embeddings`, `rerank`.
    pub operation: String,
    /// The configured name of the model that was asked for.
    pub model: String,
    /// Who answered.
    pub provider: String,
    /// The provider's own name for the model.
    pub upstream_model: String,
    /// Whose answers it is among: `caller/key:alice`, `team/search`, `route/faq`, `shared`.
    pub tenant: String,
    /// The rule under which it is kept.
    pub rule: String,
    /// The user's last words, where it can be found by their meaning; empty where it cannot.
    pub question: String,
    /// When it was stored, in unix milliseconds.
    pub stored_at: u64,
    /// When it ends, in unix milliseconds.
    pub expires_at: u64,
    /// What it used, where that is known.
    #[serde(with = "counts")]
    pub usage: Option<Usage>,
    /// What it cost in billionths, where that is known.
    pub cost_nanos: Option<u64>,
}

/// Shows nothing of what is said.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("bytes", &self.body.len()).field("about", &self.about).finish()
    }
}

/// Shows nothing of what is asked.
impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, model, tenant, .. } = self;
        f.debug_struct("About")
            .field("rule", rule)
            .field("model", model)
            .field("tenant", tenant)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// As bytes that another process can read.
    pub fn write(&self) -> Vec<u8> {
        let about = serde_json::to_vec(&self.about).unwrap_or_default();
        let mut out = Vec::with_capacity(8 + about.len() + self.body.len());
        out.extend(MAGIC);
        out.extend(u32::try_from(about.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(about);
        out.extend(&self.body);
        out
    }

    /// Reads what [`Self::write`] wrote; `None` for anything else.
    pub fn read(bytes: &Bytes) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (about, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let about = serde_json::from_slice(about).ok()?;
        Some(Self { body: bytes.slice_ref(body), about })
    }

    /// By what it may be purged.
    pub fn tags(&self) -> Tags {
        let About { rule, model, tenant, stored_at, .. } = &self.about;
        Tags::of(rule, model, tenant, stored_at / 1000)
    }

    /// What it takes in memory, roughly.
    pub fn bytes(&self) -> usize {
        let About { front, operation, model, provider, upstream_model, tenant, rule, question, .. } = &self.about;
        let names = [front, operation, model, provider, upstream_model, tenant, rule, question];
        OVERHEAD_BYTES + self.body.len() + names.iter().map(|name| name.len()).sum::<usize>()
    }

    /// Whether it has not ended at this time, in unix milliseconds.
    pub fn lives(&self, now_ms: u64) -> bool {
        now_ms < self.about.expires_at
    }

    /// How old it is at this time, in seconds.
    pub fn age_seconds(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.about.stored_at) / 1000
    }
}

/// Usage as a list of its counts.
mod counts {
    use super::Usage;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(usage: &Option<Usage>, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = usage.map(|usage| {
            let Usage { input, cached_input, cache_write, cache_write_1h, output, reasoning, .. } = usage;
            [input, cached_input, cache_write, cache_write_1h, output, reasoning, usage.audio_input, usage.audio_output]
        });
        counts.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usage>, D::Error> {
        let counts = Option::<[u64; 8]>::deserialize(deserializer)?;
        Ok(counts.map(
            |[input, cached_input, cache_write, cache_write_1h, output, reasoning, audio_input, audio_output]| Usage {
                input,
                cached_input,
                cache_write,
                cache_write_1h,
                output,
                reasoning,
                audio_input,
                audio_output,
                ..Usage::default()
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let usage = Usage { input: 1, cached_input: 2, output: 3, audio_output: 9, ..Usage::default() };
        for usage in [None, Some(usage)] {
            let about = About {
                front: "openai".into(),
                tenant: "caller/key:alice".into(),
                stored_at: 5,
                usage,
                cost_nanos: usage.map(|_| 7),
                ..About::default()
            };
            let entry = Entry { body: Bytes::from_static(b"{\"id\":\"x\"}"), about };
            let written = Bytes::from(entry.write());
            assert_eq!(Entry::read(&written), Some(entry));
            for cut in 0..written.len() - 10 {
                assert_eq!(Entry::read(&written.slice(..cut)), None, "cut at {cut}");
            }
            let mut other = written.to_vec();
            other[3] += 1;
            assert_eq!(Entry::read(&other.into()), None, "another version");
        }
    }
}
