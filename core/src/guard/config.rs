//! What an operator writes of a guard: the same block for every host. Its name, when it acts and the guards that ask
//! somebody else are the host's own.

use crate::texts::Scope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A guard: where it looks, what it does, and exactly one kind of rule.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// What it looks at.
    pub on: On,
    /// Whether it acts on what it finds, or only says so.
    pub mode: Mode,
    /// What happens when it cannot decide: a body that nobody can read, a call that does not come back.
    pub fail: Fail,
    /// What the client gets instead.
    pub then: Then,
    /// Whose words it looks at; all, when none are named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// Words and regular expressions that may not, or must, be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patterns: Option<Patterns>,
    /// Characters that hide text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unicode: Option<Unicode>,
    /// Signs of an attempt to talk the model out of its instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injection: Option<Injection>,
    /// How much there may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// In which languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Which code may not be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The JSON schema that the answer must satisfy (whole answers: a stream is judged at its end).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}

impl Guard {
    /// The kinds of rule that are written: exactly one, unless the host's own asks somebody else.
    pub fn kinds(&self) -> Vec<&'static str> {
        let written = [
            ("patterns", self.patterns.is_some()),
            ("unicode", self.unicode.is_some()),
            ("injection", self.injection.is_some()),
            ("size", self.size.is_some()),
            ("language", self.language.is_some()),
            ("code", self.code.is_some()),
            ("schema", self.schema.is_some()),
        ];
        written.into_iter().filter_map(|(kind, is)| is.then_some(kind)).collect()
    }
}

/// What a guard looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// What is asked.
    #[default]
    Request,
    /// What is answered.
    Response,
    /// Both.
    Both,
}

impl On {
    /// Whether it looks at what is asked.
    pub fn request(self) -> bool {
        match self {
            Self::Request | Self::Both => true,
            Self::Response => false,
        }
    }

    /// Whether it looks at what is answered.
    pub fn response(self) -> bool {
        match self {
            Self::Response | Self::Both => true,
            Self::Request => false,
        }
    }
}

/// Whether a guard acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It stops what it finds.
    #[default]
    Enforce,
    /// It only says what it finds.
    Monitor,
}

/// What happens when a guard cannot decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fail {
    /// As if it had found something.
    #[default]
    Closed,
    /// As if it had found nothing.
    Open,
}

/// What the client gets instead of what was stopped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// An error of this status (400 to 499) in the client's dialect.
    Status(u16),
    /// An ordinary answer with this text.
    Message(String),
    /// The answer of another model. For requests only.
    Use(String),
}

impl Default for Then {
    fn default() -> Self {
        Self::Status(400)
    }
}

/// Words and regular expressions. All are looked for in the text as it stands and in its normalised form.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Patterns {
    /// Regular expressions of which none may match.
    pub deny: Vec<String>,
    /// Words and phrases of which none may stand in the text as whole words, whatever their case.
    pub deny_words: Vec<String>,
    /// When any of `allow` and `allow_words` is given, each text must match at least one of them.
    pub allow: Vec<String>,
    /// As `allow`, for words and phrases.
    pub allow_words: Vec<String>,
    /// What these match is cut out before `deny` and `deny_words` look: exceptions.
    pub except: Vec<String>,
}

/// Characters that hide text. Each is looked for unless switched off.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Unicode {
    /// Characters without a shape of their own (zero-width spaces and joiners, soft hyphens, fillers): how many are one
    /// too many. Joiners inside emoji, and inside scripts that need them, do not count. 0 switches it off.
    pub invisible: u32,
    /// Controls of the writing direction that override it or are never closed.
    pub bidi: bool,
    /// Tag characters (U+E0000 to U+E007F) outside flags.
    pub tags: bool,
    /// Variation selectors that select nothing: runs of two or more, which can carry bytes.
    pub variation: bool,
    /// Combining marks on one character: how many are one too many. 0 switches it off.
    pub combining: u32,
    /// Words of Latin letters mixed with look-alikes of other scripts: how many are one too many. 0 switches it off.
    pub mixed: u32,
}

impl Default for Unicode {
    fn default() -> Self {
        Self { invisible: 3, bidi: true, tags: true, variation: true, combining: 5, mixed: 3 }
    }
}

/// Rules that add up to a score.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Injection {
    /// The score from which on a text is stopped.
    pub threshold: f64,
    /// What the score of tool results and retrieved documents is multiplied with.
    pub tool_results: f64,
    /// Rules by name that do not count.
    pub off: Vec<String>,
}

impl Default for Injection {
    fn default() -> Self {
        Self { threshold: 1.0, tool_results: 2.0, off: Vec::new() }
    }
}

/// How much there may be. What is not named is not limited.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Size {
    /// Characters (Unicode scalar values) of all texts together.
    pub chars_max: Option<u64>,
    /// Characters of a single text.
    pub text_chars_max: Option<u64>,
    /// Texts: messages count one for each piece of text in them.
    pub texts_max: Option<u64>,
    /// Messages in a request.
    pub messages_max: Option<u64>,
    /// Tools defined in a request.
    pub tools_max: Option<u64>,
}

/// In which languages a text may be.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Language {
    /// ISO 639-1 codes. A text whose language is not certain passes.
    pub allow: Vec<String>,
}

/// Code that may not be there.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Code {
    /// Languages by name, or `any`.
    pub deny: Vec<String>,
}
