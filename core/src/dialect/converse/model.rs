//! What the models behind the API take beyond its common fields, as data.
//!
//! Sources: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>,
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>,
//! <https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>.

/// The habits of one vendor's models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Habits {
    /// Where `additionalModelRequestFields` take the number of likeliest tokens.
    pub(super) top_k: TopK,
    /// How the model is told to think.
    pub(super) thinks: Thinks,
    /// Where a cache point may stand. Elsewhere the API refuses the request.
    pub(super) caches: Caches,
    /// The model tells which stop sequence ended its answer, if it is asked.
    pub(super) tells_sequence: bool,
}

/// The field for sampling among the k likeliest tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopK {
    /// `top_k`.
    Snake,
    /// `k`.
    Letter,
    /// `inferenceConfig.topK`.
    Nested,
    /// None.
    Nowhere,
}

/// The words for thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinks {
    /// `thinking`, as Anthropic's own API has it.
    Claude,
    /// `reasoningConfig: {type: enabled, maxReasoningEffort}`. With high effort the model refuses every limit and sampling.
    Nova,
    /// `reasoning_effort`: `low`, `medium` or `high`.
    Effort,
    /// None.
    Not,
}

/// Where cache points may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caches {
    /// In system, messages and tools.
    All,
    /// Not among the tools.
    NotTools,
    /// Nowhere.
    Nothing,
}

const CLAUDE: Habits = Habits { top_k: TopK::Snake, thinks: Thinks::Claude, caches: Caches::All, tells_sequence: true };
const PLAIN: Habits =
    Habits { top_k: TopK::Nowhere, thinks: Thinks::Not, caches: Caches::Nothing, tells_sequence: false };
const NOVA: Habits = Habits { top_k: TopK::Nested, caches: Caches::NotTools, ..PLAIN };

/// By a part of the model's id; the first that fits counts.
const FAMILIES: [(&str, Habits); 6] = [
    ("anthropic.", CLAUDE),
    ("amazon.nova-2", Habits { thinks: Thinks::Nova, ..NOVA }),
    ("amazon.nova", NOVA),
    ("openai.gpt-oss", Habits { thinks: Thinks::Effort, ..PLAIN }),
    ("mistral.", Habits { top_k: TopK::Snake, ..PLAIN }),
    ("cohere.", Habits { top_k: TopK::Letter, ..PLAIN }),
];

/// The habits of a model, by its id: `us.anthropic.claude-…`, or the ARN of a model or profile. An ARN that does not tell
/// (an application's own profile) is taken for a Claude: most are, and a Claude without cache and thoughts is the worse
/// mistake.
pub(super) fn habits(id: &str) -> Habits {
    let known = FAMILIES.iter().find(|(part, _)| id.contains(part)).map(|(_, habits)| *habits);
    let opaque = id.starts_with("arn:") && id.contains("profile/");
    known.unwrap_or(if opaque { CLAUDE } else { PLAIN })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_the_family() {
        for (id, thinks) in [
            ("anthropic.claude-3-haiku-20240307-v1:0", Thinks::Claude),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Thinks::Claude),
            ("arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-2-lite-v1:0", Thinks::Nova),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x7", Thinks::Claude),
            ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-8b-instruct-v1:0", Thinks::Not),
            ("openai.gpt-oss-120b-1:0", Thinks::Effort),
            ("amazon.nova-lite-v1:0", Thinks::Not),
            ("deepseek.r1-v1:0", Thinks::Not),
        ] {
            assert_eq!(habits(id).thinks, thinks, "{id}");
        }
    }
}
