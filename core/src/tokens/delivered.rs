//! [`Delivered`]: the tokens of an answer while it arrives.

use super::Counter;

/// What was delivered of an answer so far: sums, and nothing of the text.
///
/// Every piece is counted by itself. Where a stream's pieces are the model's own tokens, as OpenAI's mostly are, the sum
/// is the count of the whole. A cut within a word, a number or white space adds about one token; on the fixtures, in
/// four languages, code and JSON, pieces of 50 bytes count at most 6 % more than the whole, of 8 bytes at most 60 %, and never
/// more than 2 % less. What the provider reports at the end replaces it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Tokens of text, refusals and tool calls.
    pub output: u64,
    /// Tokens of thoughts. Providers report them within the output; here they are not in `output`.
    pub reasoning: u64,
}

impl Delivered {
    /// Adds a piece of text, of a refusal, of a tool call's name or arguments.
    pub fn add(&mut self, text: &str, counter: &Counter<'_>) {
        self.output = self.output.saturating_add(counter.count(text));
    }

    /// Adds a piece of a thought.
    pub fn add_reasoning(&mut self, text: &str, counter: &Counter<'_>) {
        self.reasoning = self.reasoning.saturating_add(counter.count(text));
    }

    /// Output and reasoning together, as providers bill them.
    pub fn total(&self) -> u64 {
        self.output.saturating_add(self.reasoning)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, tests::corpus};
    use super::*;

    const O200K: Counter<'_> = Counter::Exact(Encoding::O200k);

    #[test]
    fn output_and_reasoning_have_their_own_sums() {
        let mut delivered = Delivered::default();
        delivered.add_reasoning("Let me think.", &O200K);
        delivered.add("Hello world", &O200K);
        delivered.add("!", &O200K);
        assert_eq!(delivered, Delivered { output: 3, reasoning: 4 });
        assert_eq!(delivered.total(), 7);
    }

    #[test]
    fn pieces_that_are_the_models_tokens_sum_up_to_the_whole() {
        let reference = tiktoken_rs::o200k_base_singleton();
        for (name, text) in corpus() {
            let (mut delivered, mut rest) = (Delivered::default(), Vec::new());
            for token in Encoding::O200k.encode(&text) {
                // A provider holds bytes back until they are whole characters.
                rest.extend(reference.decode_bytes(&[token]).expect("an ordinary token"));
                if let Ok(piece) = str::from_utf8(&rest) {
                    delivered.add(piece, &O200K);
                    rest.clear();
                }
            }
            let whole = O200K.count(&text);
            assert!(delivered.output.abs_diff(whole) <= whole / 50, "{name}: {} for {whole}", delivered.output);
        }
    }

    #[test]
    fn pieces_cut_anywhere_count_not_much_more_than_the_whole() {
        for (bytes, per_cent_max) in [(8, 160), (50, 106)] {
            for (name, text) in corpus() {
                let odd = ["digits", "emoji", "special", "whitespace", "korean", "hindi", "thai"];
                if odd.iter().any(|odd| name.contains(odd)) {
                    continue;
                }
                let mut delivered = Delivered::default();
                let mut rest = text.as_str();
                while !rest.is_empty() {
                    let cut = (bytes..).find(|cut| rest.is_char_boundary(*cut) || *cut >= rest.len());
                    let (piece, after) = rest.split_at_checked(cut.unwrap_or(rest.len())).unwrap_or((rest, ""));
                    delivered.add(piece, &O200K);
                    rest = after;
                }
                let per_cent = delivered.output * 100 / O200K.count(&text);
                assert!((98..=per_cent_max).contains(&per_cent), "{name} in pieces of {bytes}: {per_cent} %");
            }
        }
    }
}
