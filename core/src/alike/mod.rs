//! Whether two questions ask for the same: what an embedding cannot tell.
//!
//! Two texts that lie close together in the space of meanings may still want different answers: `in 2019` and `in 2020`,
//! `from Paris to London` and back, `can I` and `can't I`. Here are the words ([`words`]), how many of them carry meaning,
//! which of them make an answer grow old within hours ([`is_volatile`]), and the guard that is asked last ([`difference`]): a
//! reason not to answer one question with the answer to the other. Of two answers, [`agreement_percent`] says how far they agree.
//!
//! The words of many languages are read; lists of words exist for English, and shorter ones for German, French, Spanish,
//! Italian, Portuguese, Dutch, Chinese, Japanese and Korean. Never keeps any text.

mod answers;
mod differ;
mod frame;
mod lexicon;
mod number;
mod sense;
mod stem;
mod stop;
mod volatile;
mod words;

pub use answers::agreement_percent;
pub use differ::{Difference, difference};
pub use volatile::is_volatile;
pub use words::{Kind, Word, content_words, words};
