//! The hub's request: what the APIs ask in common.

use crate::dialect::wire::Raw;
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::Deserialize;

/// A request for embeddings.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) inputs: Vec<Input<'a>>,
    /// How many numbers a vector should have.
    pub(super) dimensions: Option<u64>,
    /// The encodings that were named.
    pub(super) encodings: Vec<Encoding>,
    pub(super) purpose: Option<Purpose>,
    /// The title of the document that the inputs are of.
    pub(super) title: Option<Str<'a>>,
    /// What becomes of inputs that are too long.
    pub(super) truncate: Option<Truncate>,
    /// From how many tokens on an input is too long.
    pub(super) tokens_max: Option<u64>,
    /// Vectors of length 1.
    pub(super) normalize: Option<bool>,
    pub(super) user: Option<Str<'a>>,
    /// How the client's dialect spells all that.
    pub(super) names: &'static Names,
    pub(super) losses: Losses,
}

impl Request<'_> {
    pub(super) fn new(names: &'static Names) -> Self {
        Self {
            inputs: Vec::new(),
            dimensions: None,
            encodings: Vec::new(),
            purpose: None,
            title: None,
            truncate: None,
            tokens_max: None,
            normalize: None,
            user: None,
            names,
            losses: Losses::default(),
        }
    }

    /// Notes as lost whatever was asked for and is not among what is carried.
    pub(super) fn lose_all_but(&self, carried: &[Field], losses: &mut Losses) {
        for field in Field::ALL {
            if self.says(field) && !carried.contains(&field) {
                losses.add(self.names.of(field));
            }
        }
    }

    fn says(&self, field: Field) -> bool {
        match field {
            Field::Dimensions => self.dimensions.is_some(),
            Field::Purpose => self.purpose.is_some(),
            Field::Title => self.title.is_some(),
            Field::Truncate => self.truncate.is_some(),
            Field::TokensMax => self.tokens_max.is_some(),
            Field::Normalize => self.normalize.is_some(),
            Field::User => self.user.is_some(),
        }
    }
}

/// What a request may say beside its inputs and encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Dimensions,
    Purpose,
    Title,
    Truncate,
    TokensMax,
    Normalize,
    User,
}

impl Field {
    const ALL: [Self; 7] =
        [Self::Dimensions, Self::Purpose, Self::Title, Self::Truncate, Self::TokensMax, Self::Normalize, Self::User];
}

/// How a dialect spells what a request says. Empty: it has no word for it.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) inputs: &'static str,
    pub(super) encodings: &'static str,
    pub(super) dimensions: &'static str,
    pub(super) purpose: &'static str,
    pub(super) title: &'static str,
    pub(super) truncate: &'static str,
    pub(super) tokens_max: &'static str,
    pub(super) normalize: &'static str,
    pub(super) user: &'static str,
}

impl Names {
    fn of(&self, field: Field) -> &'static str {
        match field {
            Field::Dimensions => self.dimensions,
            Field::Purpose => self.purpose,
            Field::Title => self.title,
            Field::Truncate => self.truncate,
            Field::TokensMax => self.tokens_max,
            Field::Normalize => self.normalize,
            Field::User => self.user,
        }
    }
}

/// What one vector is made of.
#[derive(Debug)]
pub(super) enum Input<'a> {
    Text(Str<'a>),
    /// The numbers of tokens, as JSON: what they mean only the model's own provider knows.
    Tokens(Raw<'a>),
    /// Several pieces that make one vector.
    Pieces(Vec<Piece<'a>>),
}

/// A part of an input.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Text(Str<'a>),
    /// An image in base64.
    Image {
        media_type: Str<'a>,
        data: Str<'a>,
    },
    /// Something that no other API takes (a file of the provider, a video), by its name.
    Foreign(&'static str),
}

/// A part of a request that costs tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// A text.
    Text(&'a str),
    /// So many tokens that the client has made itself.
    Tokens(u64),
    /// An image or another medium.
    Medium,
}

impl<'a> Input<'a> {
    /// Of several pieces one input; of one text its text.
    pub(super) fn of(mut pieces: Vec<Piece<'a>>) -> Self {
        match pieces.pop() {
            Some(Piece::Text(text)) if pieces.is_empty() => Self::Text(text),
            last => {
                pieces.extend(last);
                Self::Pieces(pieces)
            }
        }
    }

    pub(super) fn said(&self, each: &mut dyn FnMut(Said<'_>)) {
        match self {
            Self::Text(text) => each(Said::Text(text)),
            Self::Tokens(numbers) => each(Said::Tokens(count(numbers))),
            Self::Pieces(pieces) => pieces.iter().for_each(|piece| match piece {
                Piece::Text(text) => each(Said::Text(text)),
                Piece::Image { .. } | Piece::Foreign(_) => each(Said::Medium),
            }),
        }
    }

    /// The input as one text, for APIs that take nothing else. Several texts are lines of it, which is noted.
    ///
    /// # Errors
    /// A [`Fault`] for anything but text: an input that is left out has no vector.
    pub(super) fn as_text(&self, names: &Names, losses: &mut Losses) -> Result<Str<'_>, Fault> {
        let refused = |what: &str| {
            Err(Fault::invalid(format!("{}: this model takes texts only, and no {what}", names.inputs))
                .with_param(names.inputs))
        };
        match self {
            Self::Text(text) => Ok(text.reborrow()),
            Self::Tokens(_) => refused("tokens"),
            Self::Pieces(pieces) => {
                let mut lines = Vec::with_capacity(pieces.len());
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => lines.push(text.as_str()),
                        Piece::Image { .. } => return refused("images"),
                        Piece::Foreign(what) => return refused(what),
                    }
                }
                losses.add(names.inputs);
                Ok(Str::from(lines.join("\n")))
            }
        }
    }
}

/// How many numbers are in a list of them.
fn count(numbers: Raw<'_>) -> u64 {
    let commas = numbers.get().bytes().filter(|byte| *byte == b',').count();
    let is_empty = numbers.get().bytes().all(|byte| matches!(byte, b'[' | b']' | b' ' | b'\t' | b'\r' | b'\n'));
    if is_empty { 0 } else { commas as u64 + 1 }
}

/// How the numbers of a vector are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Float,
    Base64,
    Int8,
    Uint8,
    /// A bit for each number, eight in a signed byte.
    Binary,
    /// The same in unsigned bytes.
    Ubinary,
    /// Titan's own `binary`.
    TitanBinary,
}

impl Encoding {
    pub(super) const COHERE: [Self; 6] =
        [Self::Float, Self::Int8, Self::Uint8, Self::Binary, Self::Ubinary, Self::Base64];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Base64 => "base64",
            Self::Int8 => "int8",
            Self::Uint8 => "uint8",
            Self::Binary | Self::TitanBinary => "binary",
            Self::Ubinary => "ubinary",
        }
    }

    /// One of these by its name.
    ///
    /// # Errors
    /// A [`Fault`] for any other name: the client could not read what it would get instead.
    pub(super) fn read(name: &str, known: &[Self], field: &'static str) -> Result<Self, Fault> {
        known.iter().copied().find(|encoding| encoding.as_str() == name).ok_or_else(|| {
            let known: Vec<&str> = known.iter().map(|encoding| encoding.as_str()).collect();
            Fault::invalid(format!("{field}: expected one of {}", known.join(", "))).with_param(field)
        })
    }
}

/// What vectors are for: models make other ones for a question than for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A document that is to be found.
    Document,
    /// A query that finds documents.
    Query,
    /// Sorting by class.
    Classification,
    /// Finding groups.
    Clustering,
    /// Telling how alike two texts are.
    Similarity,
    /// A question that finds its answer.
    Question,
    /// A claim that finds what speaks for or against it.
    Fact,
    /// A description that finds code.
    Code,
    /// An image (Cohere's older models want to be told).
    Image,
}

impl Purpose {
    const ALL: [Self; 9] = [
        Self::Document,
        Self::Query,
        Self::Classification,
        Self::Clustering,
        Self::Similarity,
        Self::Question,
        Self::Fact,
        Self::Code,
        Self::Image,
    ];

    /// The purpose that any of the dialects spells so (also NVIDIA's and Voyage's `passage`, `document` and `query`).
    pub fn read(name: &str) -> Option<Self> {
        let same = |spelled: &str| spelled.eq_ignore_ascii_case(name);
        match name {
            "document" | "passage" => Some(Self::Document),
            "query" => Some(Self::Query),
            _ => Self::ALL
                .into_iter()
                .find(|purpose| same(purpose.cohere().0) && purpose.cohere().1 || purpose.gemini().is_some_and(same)),
        }
    }

    /// Cohere's `input_type`, and whether it says the same.
    pub(super) fn cohere(self) -> (&'static str, bool) {
        match self {
            Self::Document => ("search_document", true),
            Self::Query => ("search_query", true),
            Self::Classification => ("classification", true),
            Self::Clustering => ("clustering", true),
            Self::Image => ("image", true),
            Self::Similarity => ("clustering", false),
            Self::Question | Self::Fact | Self::Code => ("search_query", false),
        }
    }

    /// Google's task type.
    pub(super) fn gemini(self) -> Option<&'static str> {
        match self {
            Self::Document => Some("RETRIEVAL_DOCUMENT"),
            Self::Query => Some("RETRIEVAL_QUERY"),
            Self::Classification => Some("CLASSIFICATION"),
            Self::Clustering => Some("CLUSTERING"),
            Self::Similarity => Some("SEMANTIC_SIMILARITY"),
            Self::Question => Some("QUESTION_ANSWERING"),
            Self::Fact => Some("FACT_VERIFICATION"),
            Self::Code => Some("CODE_RETRIEVAL_QUERY"),
            Self::Image => None,
        }
    }

    /// Reads a client's word for it; an unknown one is noted as lost.
    pub(super) fn noted(name: Option<&str>, field: &'static str, losses: &mut Losses) -> Option<Self> {
        let name = name.filter(|name| *name != "TASK_TYPE_UNSPECIFIED")?;
        let purpose = Self::read(name);
        if purpose.is_none() {
            losses.add(field);
        }
        purpose
    }
}

/// What becomes of an input that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truncate {
    /// It is refused.
    Refuse,
    /// Its beginning is dropped.
    Start,
    /// Its end is dropped.
    End,
}

/// A part of a body that was set aside as JSON.
pub(super) fn part<'a, T: Deserialize<'a>>(json: Raw<'a>, field: &'static str) -> Result<T, Fault> {
    serde_json::from_str(json.get())
        .map_err(|error| Fault::invalid(format!("{field}: {}", crate::edit::told(&error))).with_param(field))
}

/// What all members of a batch say alike.
///
/// # Errors
/// A [`Fault`] when they differ: other APIs ask once for the whole request.
pub(super) fn agreed<T: PartialEq>(
    mut each: impl Iterator<Item = Option<T>>,
    field: &'static str,
) -> Result<Option<T>, Fault> {
    let first = each.next().flatten();
    if each.all(|other| other == first) {
        return Ok(first);
    }
    let message = format!("{field}: this model takes one for all inputs, and they differ; send them one by one");
    Err(Fault::invalid(message).with_param(field))
}
