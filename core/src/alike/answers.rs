//! How far two answers to the same question say the same: in words, since their truth nobody knows here.

use super::sense::senses;
use std::collections::HashSet;

/// Longer answers are compared by their beginnings, in characters.
const CHARS_MAX: usize = 16 << 10;

/// The share, in percent, of what the answer with fewer words says that the other says as well: distinct words that carry
/// meaning, and numbers. Words of the questions count only where an answer has no others, since whoever answers repeats them.
/// Two answers of a model to one question reach half of it; answers to different questions do not, unless they
/// differ in a detail only.
pub fn agreement_percent(answers: [&str; 2], questions: [&str; 2]) -> usize {
    let asked: HashSet<u64> = questions.into_iter().flat_map(roots).collect();
    let [one, other] = answers.map(|answer| roots(answer).collect::<HashSet<u64>>());
    let own = |said: &HashSet<u64>| said.difference(&asked).copied().collect::<HashSet<u64>>();
    let (own_one, own_other) = (own(&one), own(&other));
    if own_one.is_empty() || own_other.is_empty() { shared(&one, &other) } else { shared(&own_one, &own_other) }
}

fn shared(one: &HashSet<u64>, other: &HashSet<u64>) -> usize {
    let fewer = one.len().min(other.len());
    if fewer == 0 {
        return if one.len() == other.len() { 100 } else { 0 };
    }
    one.intersection(other).count() * 100 / fewer
}

fn roots(text: &str) -> impl Iterator<Item = u64> {
    let end = text.char_indices().nth(CHARS_MAX).map_or(text.len(), |(end, _)| end);
    let beginning = text.get(..end).unwrap_or_default();
    let says = |sense: &super::sense::Sense| sense.is_content || sense.number.is_some();
    senses(beginning).into_iter().filter(says).map(|sense| sense.root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_by_what_they_say() {
        let france = "What is the capital of France?";
        for (one, other, question, agree) in [
            ("Paris.", "The capital of France is Paris.", "Tell me France's capital", true),
            (
                "The capital of France is Paris.",
                "The capital of Austria is Vienna.",
                "What is the capital of Austria?",
                false,
            ),
            ("It was 2019.", "It was 2020.", "When?", false),
            ("France.", "France.", france, true),
            ("", "", france, true),
            ("Paris", "", france, false),
            (
                "Open the settings, choose Security, and press Reset password. A link is sent to your address.",
                "Go to settings and press the button to reset the password under Security; you get a link by mail.",
                "How do I reset my password?",
                true,
            ),
            (
                "Open the settings, choose Security, and press Reset password. A link is sent to your address.",
                "Mix the flour with the water, let it rest for an hour, and bake it.",
                "How do I make bread?",
                false,
            ),
        ] {
            let percent = agreement_percent([one, other], [france, question]);
            assert_eq!(percent >= 50, agree, "{percent}: {one} / {other}");
            assert_eq!(percent, agreement_percent([other, one], [question, france]));
        }
    }
}
