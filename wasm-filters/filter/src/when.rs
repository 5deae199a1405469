//! To which exchanges a policy or a guard applies.

use crate::Question;
use attache_core::pattern::Pattern;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `when`, as it is written: each with one pattern or several.
pub(crate) type Written = BTreeMap<String, Texts>;

/// One text, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(crate) enum Texts {
    One(String),
    Several(Vec<String>),
}

/// By what exchanges are told apart.
#[derive(Debug)]
enum By {
    Model,
    Front,
    Header(String),
}

/// What an exchange must look like; one pattern of each must fit.
#[derive(Debug, Default)]
pub(crate) struct When(Vec<(By, Vec<Pattern>)>);

impl When {
    /// Reads what is written at this path.
    pub(crate) fn read(written: &Written, at: &str) -> Result<Self, String> {
        let one = |(by, patterns): (&String, &Texts)| {
            let at = format!("{at}.when.{by}");
            let by = By::read(by).map_err(|why| format!("{at}: {why}"))?;
            let patterns: Vec<_> = patterns.all().iter().map(Pattern::new).collect();
            if patterns.is_empty() { Err(format!("{at}: there is no pattern")) } else { Ok((by, patterns)) }
        };
        written.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn fits(&self, question: &Question<'_>) -> bool {
        let fits = |by: &By, patterns: &[Pattern]| {
            let met = |text: &str| patterns.iter().any(|pattern| pattern.matches(text));
            match by {
                By::Model => met(question.model),
                By::Front => met(question.endpoint.dialect.as_str()),
                By::Header(name) => (question.headers)(name).is_some_and(|value| met(&value)),
            }
        };
        self.0.iter().all(|(by, patterns)| fits(by, patterns))
    }
}

impl By {
    fn read(written: &str) -> Result<Self, String> {
        match written.split_once(':') {
            None if written == "model" => Ok(Self::Model),
            None if written == "front" => Ok(Self::Front),
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_ascii_lowercase())),
            _ => Err(
                "a filter tells exchanges apart by `model`, `front` and `header:NAME`; who asks, only Envoy knows: \
                      have it write that into a header"
                    .to_owned(),
            ),
        }
    }
}

impl Texts {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}
