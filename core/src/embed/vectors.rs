//! One vector: a list of numbers, or base64 of their bits.

use crate::dialect::wire::Raw;
use crate::fault::Fault;
use crate::text::Str;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A vector, as it was written.
#[derive(Debug)]
pub(super) enum Vector<'a> {
    /// A JSON list of numbers.
    Numbers(Raw<'a>),
    /// Base64 of 32-bit floats, little-endian.
    Base64(Str<'a>),
}

impl<'a> Vector<'a> {
    /// Reads a vector of either kind.
    pub(super) fn read(json: Raw<'a>) -> Result<Self, Fault> {
        if json.get().starts_with('[') {
            return Ok(Self::Numbers(json));
        }
        serde_json::from_str(json.get())
            .map(Self::Base64)
            .map_err(|_| Fault::upstream("an embedding of the provider is neither a list nor base64"))
    }

    /// The vector as a list of numbers.
    pub(super) fn numbers(&self) -> Result<Cow<'_, RawValue>, Fault> {
        match self {
            Self::Numbers(json) => Ok(Cow::Borrowed(json)),
            Self::Base64(text) => {
                let floats = floats_of_base64(text)?;
                // The shortest spelling that reads as the same 32 bits.
                let json = serde_json::value::to_raw_value(&floats);
                Ok(Cow::Owned(json.expect("a list of numbers is JSON")))
            }
        }
    }

    /// The vector in base64.
    pub(super) fn base64(&self) -> Result<Cow<'_, str>, Fault> {
        match self {
            Self::Base64(text) => Ok(Cow::Borrowed(text)),
            Self::Numbers(json) => {
                let mut bytes = Vec::with_capacity(json.get().len() / 2);
                for float in floats_of_numbers(json.get()) {
                    bytes.extend_from_slice(&float?.to_le_bytes());
                }
                Ok(Cow::Owned(STANDARD.encode(bytes)))
            }
        }
    }
}

/// The numbers of a JSON list. Read as 32-bit floats at once: through 64 bits some would be rounded twice.
fn floats_of_numbers(json: &str) -> impl Iterator<Item = Result<f32, Fault>> {
    let list = json.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or(json);
    let is_empty = list.trim_ascii().is_empty();
    list.split(',')
        .filter(move |_| !is_empty)
        .map(|number| number.trim_ascii().parse().ok().filter(|float: &f32| float.is_finite()).ok_or_else(no_number))
}

fn floats_of_base64(text: &str) -> Result<Vec<f32>, Fault> {
    let bytes = STANDARD.decode(text).map_err(|_| Fault::upstream("an embedding of the provider is no base64"))?;
    let (floats, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(Fault::upstream("an embedding of the provider does not hold whole 32-bit floats"));
    }
    let floats = floats.iter().map(|bytes| f32::from_le_bytes(*bytes));
    floats.map(|float| if float.is_finite() { Ok(float) } else { Err(no_number()) }).collect()
}

fn no_number() -> Fault {
    Fault::upstream("an embedding of the provider holds something that is no number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn documented_values() {
        // 1.0 is 00 00 80 3f, -2.5 is 00 00 20 c0.
        let json = raw("[ 1 , -2.50,\n0.25e1 ]");
        assert_eq!(Vector::read(&json).unwrap().base64().unwrap(), "AACAPwAAIMAAACBA");
        let text = raw("\"AACAPwAAIMA=\"");
        assert_eq!(Vector::read(&text).unwrap().numbers().unwrap().get(), "[1.0,-2.5]");
        assert_eq!(Vector::Numbers(&raw("[]")).base64().unwrap(), "");
        assert_eq!(Vector::Base64("".into()).numbers().unwrap().get(), "[]");
        // Halfway between two 32-bit floats, but for a digit that 64 bits do not hold.
        let halfway = raw("[1.00000017881393432617187499]");
        assert_eq!(Vector::Numbers(&halfway).base64().unwrap(), STANDARD.encode(1.000_000_1_f32.to_le_bytes()));
    }

    #[test]
    fn what_is_no_vector() {
        for json in ["[1,null]", "[[1]]", "[1e99]", "[\"1,2\"]", "[true]", "[[1],[2]]"] {
            assert!(Vector::read(&raw(json)).unwrap().base64().is_err(), "{json}");
        }
        for text in ["AAAA", "*", "AACAfw==", "AADAfw=="] {
            assert!(Vector::Base64(text.into()).numbers().is_err(), "{text}");
        }
        assert!(Vector::read(&raw("{}")).is_err());
    }

    proptest! {
        #[test]
        fn every_bit_survives(floats in prop::collection::vec(any::<f32>().prop_filter("a number", |f| f.is_finite()), 0..40)) {
            let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
            let base64 = STANDARD.encode(bytes);
            let vector = Vector::Base64(base64.as_str().into());
            let numbers = vector.numbers().unwrap().into_owned();
            let again = Vector::read(&numbers).unwrap();
            prop_assert_eq!(again.base64().unwrap(), base64);
        }

        #[test]
        fn nothing_panics(json in "[\\[\\], 0-9eE.+\"a-]{0,30}") {
            if let Ok(json) = RawValue::from_string(json)
                && let Ok(vector) = Vector::read(&json)
            {
                let _ = (vector.numbers().is_ok(), vector.base64().is_ok());
            }
        }
    }
}
