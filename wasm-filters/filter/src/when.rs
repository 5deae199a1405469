//! To which exchanges a policy, a guard or a rule applies.

use crate::Question;
use attache_core::pattern::Pattern;
use serde_json::Value;
use std::collections::BTreeMap;

/// `when`, as it is written.
pub(crate) type Written = BTreeMap<String, Value>;

/// What an exchange must look like: all of it.
#[derive(Debug, Default)]
pub(crate) struct When(Vec<Condition>);

/// One of them.
#[derive(Debug)]
enum Condition {
    /// One of the patterns must fit.
    Text(By, Vec<Pattern>),
    /// The client wants a stream, or not.
    Stream(bool),
    /// Tools are offered, or not.
    Tools(bool),
    /// An image is shown, or not.
    Images(bool),
    /// The body has so many bytes or more.
    BytesMin(usize),
    /// The body has so many bytes or fewer.
    BytesMax(usize),
}

/// By which texts exchanges are told apart.
#[derive(Debug)]
enum By {
    Model,
    Front,
    Header(String),
}

impl When {
    /// Reads what is written at this path.
    pub(crate) fn read(written: &Written, at: &str) -> Result<Self, String> {
        let one =
            |(by, value): (&String, &Value)| Condition::read(by, value).map_err(|why| format!("{at}.when.{by}: {why}"));
        written.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Whether every exchange fits.
    pub(crate) fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a request's body decides.
    pub(crate) fn reads_body(&self) -> bool {
        let in_head = |condition: &Condition| matches!(condition, Condition::Text(By::Front | By::Header(_), _));
        !self.0.iter().all(in_head)
    }

    /// The headers by which it tells.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|condition| match condition {
            Condition::Text(By::Header(name), _) => Some(name.as_str()),
            Condition::Text(By::Model | By::Front, _)
            | Condition::Stream(_)
            | Condition::Tools(_)
            | Condition::Images(_)
            | Condition::BytesMin(_)
            | Condition::BytesMax(_) => None,
        })
    }

    pub(crate) fn fits(&self, question: &Question<'_>) -> bool {
        self.0.iter().all(|condition| condition.fits(question))
    }
}

impl Condition {
    fn read(by: &str, value: &Value) -> Result<Self, String> {
        let yes_or_no = || value.as_bool().ok_or("expected true or false");
        let bytes = || whole_number(value).ok_or("expected a number of bytes above 0");
        Ok(match by.split_once(':') {
            None if by == "model" => Self::Text(By::Model, patterns(value)?),
            None if by == "front" => Self::Text(By::Front, patterns(value)?),
            None if by == "stream" => Self::Stream(yes_or_no()?),
            None if by == "tools" => Self::Tools(yes_or_no()?),
            None if by == "images" => Self::Images(yes_or_no()?),
            None if by == "bytes_min" => Self::BytesMin(bytes()?),
            None if by == "bytes_max" => Self::BytesMax(bytes()?),
            Some(("header", name)) if !name.is_empty() => {
                Self::Text(By::Header(name.to_ascii_lowercase()), patterns(value)?)
            }
            _ => {
                return Err(
                    "a filter tells exchanges apart by `model`, `front`, `header:NAME`, `stream`, `tools`, `images`, \
                            `bytes_min` and `bytes_max`; who asks, only Envoy knows: have it write that into a header"
                        .to_owned(),
                );
            }
        })
    }

    fn fits(&self, question: &Question<'_>) -> bool {
        let asked = question.ask;
        match self {
            Self::Text(by, patterns) => {
                let met = |text: &str| patterns.iter().any(|pattern| pattern.matches(text));
                match by {
                    By::Model => met(question.model),
                    By::Front => met(question.endpoint.dialect.as_str()),
                    By::Header(name) => question.headers.get(name).is_some_and(|value| met(&value)),
                }
            }
            // Its length may stand in its head.
            Self::BytesMin(bytes) if question.unread => question.length().is_some_and(|length| length >= *bytes),
            Self::BytesMax(bytes) if question.unread => question.length().is_some_and(|length| length <= *bytes),
            Self::Stream(_) | Self::Tools(_) | Self::Images(_) if question.unread => false,
            Self::Stream(wanted) => asked.is_some_and(|ask| ask.stream) == *wanted,
            Self::Tools(wanted) => asked.is_some_and(|ask| ask.offers_tools()) == *wanted,
            Self::Images(wanted) => asked.is_some_and(|ask| ask.shows_image()) == *wanted,
            Self::BytesMin(bytes) => question.body.len() >= *bytes,
            Self::BytesMax(bytes) => question.body.len() <= *bytes,
        }
    }
}

/// One pattern, or several.
fn patterns(value: &Value) -> Result<Vec<Pattern>, &'static str> {
    let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    if all.is_empty() {
        return Err("there is no pattern");
    }
    let text = |one: &Value| one.as_str().map(Pattern::new).ok_or("expected a text or a list of texts");
    all.iter().map(text).collect()
}

/// A number as JSON has it, and as what was a protobuf `Struct` has it: `8388608.0`.
pub(crate) fn whole_number(value: &Value) -> Option<usize> {
    let number = value.as_u64().or_else(|| {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && (1.0..=4e9).contains(float))?;
        format!("{float:.0}").parse().ok()
    })?;
    usize::try_from(number).ok().filter(|number| *number > 0)
}
