//! [`Encoding`]: OpenAI's tokenizers.
//!
//! Text is cut into pieces by hand-written versions of OpenAI's patterns ([`super::split`]); most pieces are one token
//! and are found in a table ([`super::vocabulary`]); the rest is merged by the crate `bpe`, in linear time. On one core
//! of a small server that is 200 MB/s of English, code and JSON for o200k and cl100k and 70 to 140 MB/s of other
//! scripts, five times what cutting with a regex does. The slowest texts that we know are one piece of a megabyte
//! (`abab…`: 16 MB/s; blanks in p50k: 2 MB/s).
//!
//! Tables are made at the first use, once per process: o200k in 100 ms, keeping 77 MB (32 MB of it pages of the binary,
//! which the system may drop); cl100k in 35 ms, 34 MB; p50k and r50k in a quarter of a second each, about 25 MB.

use super::class::Table;
use super::split::Text;
use super::vocabulary::{Merges, Vocabulary};
use bpe::byte_pair_encoding::BytePairEncoding;
use std::sync::LazyLock;

/// One of OpenAI's tokenizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `o200k_base`, and `o200k_harmony`, which differs in special tokens only: GPT-4o and everything after it.
    O200k,
    /// `cl100k_base`: GPT-4, GPT-3.5, the embeddings.
    Cl100k,
    /// `p50k_base` and `p50k_edit`: Codex, text-davinci-002 and -003.
    P50k,
    /// `r50k_base`, also called `gpt2`: the first GPT-3.
    R50k,
}

/// Whole names, as in tiktoken's `model.py`; what is not here is found by its beginning.
const NAMES: [(&str, Encoding); 33] = [
    ("o1", Encoding::O200k),
    ("o3", Encoding::O200k),
    ("o4", Encoding::O200k),
    ("gpt-4", Encoding::Cl100k),
    ("gpt-3.5", Encoding::Cl100k),
    ("davinci-002", Encoding::Cl100k),
    ("babbage-002", Encoding::Cl100k),
    ("text-embedding-ada-002", Encoding::Cl100k),
    ("text-davinci-003", Encoding::P50k),
    ("text-davinci-002", Encoding::P50k),
    ("text-davinci-001", Encoding::R50k),
    ("text-curie-001", Encoding::R50k),
    ("text-babbage-001", Encoding::R50k),
    ("text-ada-001", Encoding::R50k),
    ("davinci", Encoding::R50k),
    ("curie", Encoding::R50k),
    ("babbage", Encoding::R50k),
    ("ada", Encoding::R50k),
    ("davinci-codex", Encoding::P50k),
    ("cushman-codex", Encoding::P50k),
    ("text-davinci-edit-001", Encoding::P50k),
    ("code-davinci-edit-001", Encoding::P50k),
    ("text-similarity-davinci-001", Encoding::R50k),
    ("text-similarity-curie-001", Encoding::R50k),
    ("text-similarity-babbage-001", Encoding::R50k),
    ("text-similarity-ada-001", Encoding::R50k),
    ("text-search-davinci-doc-001", Encoding::R50k),
    ("text-search-curie-doc-001", Encoding::R50k),
    ("text-search-babbage-doc-001", Encoding::R50k),
    ("text-search-ada-doc-001", Encoding::R50k),
    ("code-search-babbage-code-001", Encoding::R50k),
    ("code-search-ada-code-001", Encoding::R50k),
    ("gpt2", Encoding::R50k),
];

/// Beginnings of names, the longer of two before the shorter. Wider than tiktoken's, so that a successor within a family
/// (`o4-pro`, `gpt-4o` with a new suffix) is counted like the family.
const BEGINNINGS: [(&str, Encoding); 16] = [
    ("o1-", Encoding::O200k),
    ("o3-", Encoding::O200k),
    ("o4-", Encoding::O200k),
    ("gpt-5", Encoding::O200k),
    ("gpt-4.", Encoding::O200k),
    ("gpt-4o", Encoding::O200k),
    ("chatgpt-4o", Encoding::O200k),
    ("gpt-oss", Encoding::O200k),
    ("codex-mini", Encoding::O200k),
    ("gpt-4-", Encoding::Cl100k),
    ("gpt-3.5-", Encoding::Cl100k),
    ("gpt-35-", Encoding::Cl100k),
    ("text-embedding-3-", Encoding::Cl100k),
    ("code-davinci-", Encoding::P50k),
    ("code-cushman-", Encoding::P50k),
    ("gpt-2", Encoding::R50k),
];

impl Encoding {
    /// The tokenizer of one of OpenAI's models; `None` for every other name. Fine-tuned models (`ft:gpt-4o:org::id`)
    /// count like the model they were tuned from; a path before the name (`openai/gpt-4o`, `openai.gpt-oss-20b-1:0`) and
    /// a variant behind it (`o3:free`) are skipped.
    ///
    /// Source: <https://github.com/openai/tiktoken/blob/0.14.0/tiktoken/model.py>.
    pub fn of_model(name: &str) -> Option<Self> {
        let name = name.rsplit('/').next().unwrap_or(name);
        let name = name.strip_prefix("openai.").unwrap_or(name);
        let name = name.strip_prefix("ft:").unwrap_or(name).split(':').next().unwrap_or(name);
        let whole = NAMES.iter().find(|(known, _)| *known == name);
        let found = whole.or_else(|| BEGINNINGS.iter().find(|(beginning, _)| name.starts_with(beginning)));
        found.map(|(_, encoding)| *encoding)
    }

    /// OpenAI's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::O200k => "o200k_base",
            Self::Cl100k => "cl100k_base",
            Self::P50k => "p50k_base",
            Self::R50k => "r50k_base",
        }
    }

    /// How many tokens the text is. What looks like a special token (`<|endoftext|>`) is ordinary text.
    pub fn count(self, text: &str) -> u64 {
        let vocabulary = self.vocabulary();
        let mut tokens = 0;
        let piece = |text: &[u8], start, end| tokens += vocabulary.count(text, start, end);
        match self {
            Self::O200k => Text::new(text).pieces(Text::o200k, piece),
            Self::Cl100k => Text::new(text).pieces(Text::cl100k, piece),
            Self::P50k | Self::R50k => Text::new(text).pieces(Text::gpt2, piece),
        }
        tokens
    }

    /// The tokens of the text, as tiktoken's `encode_ordinary` gives them.
    pub fn encode(self, text: &str) -> Vec<u32> {
        let vocabulary = self.vocabulary();
        let mut tokens = Vec::with_capacity(text.len() / 4);
        let piece = |text: &[u8], start, end| vocabulary.encode(text, start, end, &mut tokens);
        match self {
            Self::O200k => Text::new(text).pieces(Text::o200k, piece),
            Self::Cl100k => Text::new(text).pieces(Text::cl100k, piece),
            Self::P50k | Self::R50k => Text::new(text).pieces(Text::gpt2, piece),
        }
        tokens
    }

    /// Makes the tables now rather than at the first text, which would wait for it: a host calls this at its start, away
    /// from the threads that serve, for the encodings that it will need.
    pub fn load(self) {
        self.vocabulary();
        Table::get();
    }

    fn vocabulary(self) -> &'static Vocabulary {
        match self {
            Self::O200k => &O200K,
            Self::Cl100k => &CL100K,
            Self::P50k => &P50K,
            Self::R50k => &R50K,
        }
    }
}

static O200K: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(Merges::Embedded(&bpe_openai::o200k_base().bpe), u32::MAX));
static CL100K: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(Merges::Embedded(&bpe_openai::cl100k_base().bpe), u32::MAX));
static P50K: LazyLock<Vocabulary> = LazyLock::new(|| gpt2(GPT2_TOKENS + P50K_BLANKS));
static R50K: LazyLock<Vocabulary> = LazyLock::new(|| gpt2(GPT2_TOKENS));

/// r50k's ordinary tokens; the next id is `<|endoftext|>`.
const GPT2_TOKENS: u32 = 50_256;
/// Runs of blanks that p50k has beyond r50k, behind `<|endoftext|>`.
const P50K_BLANKS: u32 = 24;

/// The first ordinary tokens of p50k. r50k is its beginning, and tiktoken-rs carries the only copy of either.
fn gpt2(tokens: u32) -> Vocabulary {
    let p50k = tiktoken_rs::p50k_base().expect("the embedded vocabulary can be read");
    let ids = (0..=tokens).filter(|id| *id != GPT2_TOKENS).take(tokens as usize);
    let tokens = ids.map(|id| p50k.decode_bytes(&[id]).expect("every id but the gap is a token"));
    let merges = BytePairEncoding::from_dictionary(tokens.collect::<Vec<_>>(), Some(HASH_FACTOR));
    Vocabulary::new(Merges::Made(Box::new(merges)), GPT2_TOKENS)
}

/// A number with which the crate `bpe` hashes these vocabularies without a collision (it refuses one that collides).
const HASH_FACTOR: u64 = 17_846_336_922_010_275_747;
