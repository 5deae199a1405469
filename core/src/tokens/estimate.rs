//! The estimate for models whose tokenizer is not here.

use super::family::Family;
use super::shape::thousandths;

/// How many tokens a model makes of a text, in thousandths of the plain estimate.
///
/// The plain estimate comes from the classes of characters and leans high: it is made to be an eighth above what o200k
/// counts on mixed text, so that about one text in ten is estimated too low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Tokens for every thousand of the plain estimate.
    pub per_mille: u32,
}

impl Ratio {
    /// The estimate as it is.
    pub const PLAIN: Self = Self { per_mille: 1000 };

    /// A starting value by the family that the model's name tells; a provider's reports improve it ([`Learned`]).
    pub fn of_model(name: &str) -> Self {
        let per_mille = match Family::of_model(name) {
            // A model that tiktoken does not know yet: we guess that it counts like o200k.
            Family::OpenAi => 1000,
            // Characters for a token of English: 4.3 (<https://www.claudecodecamp.com/p/i-measured-claude-4-7-s-new-tokenizer-here-s-what-it-costs-you>)
            // where o200k has about 4.8; code is further off.
            Family::Claude => 1200,
            // 1.0 to 1.35 times as many as that by Anthropic's notes on Opus 4.7, up to 1.47 as measured there.
            Family::NewClaude => 1650,
            // Guesses from the sizes of the vocabularies (262,000 here; 128,000 to 152,000 below), next to o200k's 200,000.
            Family::Gemini | Family::NewGemini => 1050,
            Family::Llama | Family::Qwen | Family::DeepSeek => 1100,
            // A guess: 131,000 tokens in the newer models, 32,000 in the older.
            Family::Mistral => 1200,
            // A guess, for vocabularies of 32,000 and more.
            Family::Other => 1300,
        };
        Self { per_mille }
    }

    /// The estimated tokens of a text: at least 1 unless it is empty.
    pub fn count(self, text: &str) -> u64 {
        self.scale_thousandths(thousandths(text))
    }

    /// A plain estimate in thousandths of a token, in this model's tokens.
    pub(super) fn scale_thousandths(self, thousandths: u64) -> u64 {
        let scaled = u128::from(thousandths) * u128::from(self.per_mille);
        u64::try_from(scaled.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// A ratio that follows what a provider reports for one of its models.
///
/// It keeps the mean of what would have been right and the mean distance from it, both over about the last sixteen
/// reports. [`Learned::ratio`] is the mean and one distance more, so that most estimates stay on the high side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// Millionths, so that small steps are not lost.
    mean: u64,
    distance: u64,
    seen: u32,
}

/// Reports after which an old one has lost two thirds of its weight.
const MEMORY: u32 = 16;
/// Prompts below this many tokens say more about their frame than about the tokenizer.
const OBSERVED_TOKENS_MIN: u64 = 64;
/// Bounds of a learned ratio, in millionths: no tokenizer is beyond them, but a wrong report may be.
const LEARNED: std::ops::RangeInclusive<u64> = 300_000..=4_000_000;

impl Learned {
    /// Begins with a starting value.
    pub fn new(start: Ratio) -> Self {
        let mean = (u64::from(start.per_mille) * 1000).clamp(*LEARNED.start(), *LEARNED.end());
        Self { mean, distance: 0, seen: 0 }
    }

    /// What to estimate with now.
    pub fn ratio(&self) -> Ratio {
        let millionths = (self.mean + self.distance).min(*LEARNED.end());
        Ratio { per_mille: u32::try_from(millionths.div_ceil(1000)).unwrap_or(u32::MAX) }
    }

    /// How many reports it has taken in.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// Takes in that a prompt, estimated at `estimated` tokens with the ratio `with`, was reported as `reported` tokens.
    /// The ratio is passed along because others may have been learned since the estimate. A report counts as at most
    /// twice and at least half of what is expected; prompts of fewer than 64 tokens are not counted.
    pub fn observe(&mut self, with: Ratio, estimated: u64, reported: u64) {
        if estimated < OBSERVED_TOKENS_MIN || reported < OBSERVED_TOKENS_MIN {
            return;
        }
        let right = u128::from(with.per_mille) * 1000 * u128::from(reported) / u128::from(estimated);
        let right = u64::try_from(right).unwrap_or(u64::MAX).clamp(self.mean / 2, self.mean * 2);
        self.seen = self.seen.saturating_add(1);
        let weight = i64::from(self.seen.saturating_add(1).min(MEMORY));
        let step = |from: u64, to: u64| from.saturating_add_signed((to as i64 - from as i64) / weight);
        self.distance = step(self.distance, right.abs_diff(self.mean));
        self.mean = step(self.mean, right).clamp(*LEARNED.start(), *LEARNED.end());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Encoding;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_estimate_is_near_o200k_and_rather_above() {
        for (name, text) in super::super::tests::corpus() {
            if ["digits", "emoji", "special", "whitespace"].iter().any(|odd| name.contains(odd)) {
                continue;
            }
            let (exact, estimated) = (Encoding::O200k.count(&text), Ratio::PLAIN.count(&text));
            let per_cent = estimated * 100 / exact;
            assert!((90..=160).contains(&per_cent), "{name}: {estimated} for {exact}, {per_cent} %");
        }
    }

    #[test]
    fn odd_text_is_not_estimated_as_nothing() {
        for run in [" ", "\n", "a", "A", "0", "-", "é", "中", "😀", "\u{301}", "aB", "क", "\t "] {
            let text = run.repeat(10_000);
            let (exact, estimated) = (Encoding::O200k.count(&text), Ratio::PLAIN.count(&text));
            assert!(estimated * 8 >= exact, "{run:?}: {estimated} for {exact}");
        }
        assert_eq!(Ratio::PLAIN.count(""), 0);
        assert_eq!(Ratio { per_mille: 1 }.count("a"), 1);
    }

    #[test]
    fn a_ratio_is_learned_from_reports_and_stays_above_most_of_them() {
        let mut learned = Learned::new(Ratio::PLAIN);
        for round in 0..200_u64 {
            let with = learned.ratio();
            let (plain, right) = (1000, 1300 + round % 5 * 20);
            learned.observe(with, plain * u64::from(with.per_mille) / 1000, plain * right / 1000);
        }
        assert!((1340..=1400).contains(&learned.ratio().per_mille), "{learned:?}");
    }

    #[test]
    fn a_wrong_report_moves_it_little() {
        let mut learned = Learned::new(Ratio { per_mille: 1200 });
        (0..100).for_each(|_| learned.observe(learned.ratio(), 1200, 1200));
        let before = learned.ratio().per_mille;
        learned.observe(learned.ratio(), 100, u64::MAX);
        assert!(learned.ratio().per_mille <= before * 9 / 8 + 1, "{before} became {learned:?}");
        learned.observe(learned.ratio(), 10, 100_000);
        learned.observe(learned.ratio(), 100_000, 0);
        assert_eq!(learned.seen(), 101, "short prompts and empty reports are not counted");
    }

    proptest! {
        #[test]
        fn what_is_learned_stays_within_its_bounds(reports in prop::collection::vec((any::<u32>(), any::<u64>(), any::<u64>()), 0..50)) {
            let mut learned = Learned::new(Ratio { per_mille: 7 });
            for (per_mille, estimated, reported) in reports {
                learned.observe(Ratio { per_mille }, estimated, reported);
                prop_assert!((300..=4000).contains(&learned.ratio().per_mille));
            }
        }
    }
}
