//! What a model's name tells about it: how it is told to think, and what it checks.

/// What is known of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// `(2, 5)` for `gemini-2.5-pro`; `None` for an alias (`gemini-flash-latest`) or another name.
    generation: Option<(u32, u32)>,
    is_gemini: bool,
    /// A `pro` model always thinks.
    pub(super) is_pro: bool,
}

impl Model {
    /// Reads a name, with or without `models/` or a publisher before it.
    pub(super) fn of(name: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or_default();
        let version = name.strip_prefix("gemini-");
        Self { generation: version.and_then(generation), is_gemini: version.is_some(), is_pro: name.contains("-pro") }
    }

    /// Gemini 3 and later: told to think by level (<https://ai.google.dev/gemini-api/docs/thinking>), and takes media in
    /// the result of a function and a JSON schema beside tools.
    pub(super) fn is_new(self) -> bool {
        self.generation >= Some((3, 0))
    }

    /// Before Gemini 3, as far as the name tells.
    pub(super) fn is_old(self) -> bool {
        self.generation.is_some_and(|generation| generation < (3, 0))
    }

    /// Before Gemini 2.5: cannot be told how to think.
    pub(super) fn is_thoughtless(self) -> bool {
        self.generation.is_some_and(|generation| generation < (2, 5))
    }

    /// The first function call of each step of the current turn must carry a signature. An alias means a new model.
    pub(super) fn checks_signatures(self) -> bool {
        self.is_gemini && !self.is_old()
    }

    /// The first Gemini 3 Pro knows no level between low and high.
    pub(super) fn has_medium(self) -> bool {
        !(self.is_pro && self.generation == Some((3, 0)))
    }
}

/// `2.5-flash` → `(2, 5)`.
fn generation(version: &str) -> Option<(u32, u32)> {
    let number = version.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_generation() {
        for (name, is_new, is_old, checks) in [
            ("gemini-2.5-pro", false, true, false),
            ("models/gemini-2.0-flash-001", false, true, false),
            ("gemini-3-pro-preview", true, false, true),
            ("publishers/google/models/gemini-3.1-flash", true, false, true),
            ("gemini-flash-latest", false, false, true),
            ("gemma-3-27b-it", false, false, false),
            ("", false, false, false),
        ] {
            let model = Model::of(name);
            assert_eq!((model.is_new(), model.is_old(), model.checks_signatures()), (is_new, is_old, checks), "{name}");
        }
        assert!(Model::of("gemini-2.0-flash").is_thoughtless() && !Model::of("gemini-2.5-flash").is_thoughtless());
    }
}
