//! [`Family`]: whose rules a model's tokens follow, told by its name.

use super::Encoding;

/// Models that count alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// OpenAI's.
    OpenAi,
    /// Anthropic's up to the 4.6 generation.
    Claude,
    /// Anthropic's since Opus 4.7, which have another tokenizer and look at larger images.
    NewClaude,
    /// Google's before Gemini 3.
    Gemini,
    /// Google's since Gemini 3, which look at images in one fixed number of tokens.
    NewGemini,
    /// Meta's.
    Llama,
    /// Mistral's.
    Mistral,
    /// Alibaba's.
    Qwen,
    /// DeepSeek's.
    DeepSeek,
    /// Nobody's that we know.
    Other,
}

/// Words in names, the first that is found decides (`deepseek-r1-distill-llama-70b` has Llama's tokenizer).
const WORDS: [(&str, Family); 16] = [
    ("claude", Family::NewClaude),
    ("gemini-1", Family::Gemini),
    ("gemini-2", Family::Gemini),
    ("gemini", Family::NewGemini),
    ("gemma", Family::Gemini),
    ("llama", Family::Llama),
    ("qwen", Family::Qwen),
    ("qwq", Family::Qwen),
    ("deepseek", Family::DeepSeek),
    ("mistral", Family::Mistral),
    ("mixtral", Family::Mistral),
    ("ministral", Family::Mistral),
    ("codestral", Family::Mistral),
    ("pixtral", Family::Mistral),
    ("gpt-", Family::OpenAi),
    ("computer-use-preview", Family::OpenAi),
];

/// Generations of Claude with the older tokenizer; a name without any of them is taken for a newer one, which counts
/// higher.
const OLD_CLAUDES: [&str; 15] = [
    "claude-2",
    "claude-3",
    "claude-instant",
    "opus-4-0",
    "opus-4-1",
    "opus-4-2",
    "opus-4-5",
    "opus-4-6",
    "opus-4@",
    "sonnet-4",
    "haiku-4",
    "opus-4.1",
    "opus-4.5",
    "opus-4.6",
    "3-",
];

impl Family {
    pub(super) fn of_model(name: &str) -> Self {
        if Encoding::of_model(name).is_some() {
            return Self::OpenAi;
        }
        let name = name.to_ascii_lowercase();
        match WORDS.iter().find(|(word, _)| name.contains(word)) {
            Some((_, Self::NewClaude)) if OLD_CLAUDES.iter().any(|old| name.contains(old)) => Self::Claude,
            Some((_, family)) => *family,
            None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_family() {
        for (name, family) in [
            ("gpt-4o-2024-08-06", Family::OpenAi),
            ("o3", Family::OpenAi),
            ("gpt-6", Family::OpenAi),
            ("claude-3-5-sonnet-20241022", Family::Claude),
            ("anthropic.claude-opus-4-20250514-v1:0", Family::Claude),
            ("claude-opus-4-6", Family::Claude),
            ("claude-sonnet-4-5", Family::Claude),
            ("claude-opus-4-7", Family::NewClaude),
            ("claude-opus-5", Family::NewClaude),
            ("anthropic/claude-sonnet-5", Family::NewClaude),
            ("gemini-2.5-flash", Family::Gemini),
            ("gemini-3-pro-preview", Family::NewGemini),
            ("meta-llama/Llama-3.3-70B-Instruct", Family::Llama),
            ("deepseek-r1-distill-llama-70b", Family::Llama),
            ("mistral-large-latest", Family::Mistral),
            ("Qwen/Qwen3-235B-A22B", Family::Qwen),
            ("deepseek-chat", Family::DeepSeek),
            ("my-own-model", Family::Other),
        ] {
            assert_eq!(Family::of_model(name), family, "{name}");
        }
    }
}
