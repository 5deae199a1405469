//! Texts as the numbers of a model's vocabulary (WordPiece).

use super::{NotEncoded, Unreadable};
use tokenizers::Tokenizer;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

/// Most bytes for a token: a text that is longer is not even cut into them.
const TOKEN_BYTES_MAX: usize = 32;

/// How a model cuts text.
#[derive(Clone, Copy, Debug)]
pub enum Vocabulary<'a> {
    /// A `tokenizer.json`.
    Json(&'a [u8]),
    /// A `vocab.txt` of BERT.
    Text {
        /// The file.
        file: &'a [u8],
        /// The model knows no capitals and no accents (`do_lower_case` in `tokenizer_config.json`).
        lower_case: bool,
    },
}

impl Vocabulary<'_> {
    pub(super) fn tokenizer(self) -> Result<Tokenizer, Unreadable> {
        match self {
            Self::Json(file) => from_json(file),
            Self::Text { file, lower_case } => from_text(file, lower_case),
        }
        .map_err(|error| Unreadable::Vocabulary(error.to_string()))
    }
}

fn from_json(file: &[u8]) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(file)?;
    // Sentence encoders ship with both. A cut text would be found by its beginning only, and what fills it is work.
    tokenizer.with_truncation(None)?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

fn from_text(file: &[u8], lower_case: bool) -> tokenizers::Result<Tokenizer> {
    let vocabulary = WordPiece::read_bytes(file)?;
    let special = |token: &str| {
        let number = vocabulary.get(token).copied().ok_or_else(|| format!("there is no {token} in the vocabulary"))?;
        Ok::<_, tokenizers::Error>((token.to_owned(), number))
    };
    let ends = BertProcessing::new(special("[SEP]")?, special("[CLS]")?);
    special("[UNK]")?;
    let words = WordPiece::builder().vocab(vocabulary).unk_token("[UNK]".to_owned()).build()?;
    let mut tokenizer = Tokenizer::new(words);
    tokenizer.with_normalizer(Some(BertNormalizer::new(true, true, None, lower_case)))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_post_processor(Some(ends));
    Ok(tokenizer)
}

/// The numbers of a text, its beginning and end included.
pub(super) fn tokens(tokenizer: &Tokenizer, text: &str, most: usize) -> Result<Vec<u32>, NotEncoded> {
    if text.len() > most * TOKEN_BYTES_MAX {
        return Err(NotEncoded::TooLong { most });
    }
    let encoding = tokenizer.encode_fast(text, true).map_err(|_| NotEncoded::Uncut)?;
    let tokens = encoding.get_ids();
    if tokens.len() > most { Err(NotEncoded::TooLong { most }) } else { Ok(tokens.to_vec()) }
}
