//! Signatures of function calls: made from the call, so that one that comes back with another call is found out.
//!
//! Not cryptography: it proves that a gateway carried call and signature together and whole, nothing more.

use serde_json::Value;

/// What a signature of this simulator begins with ("SIMULATOR" in base64).
const MARK: &str = "U0lNVUxBVE9S";
/// What stands in for the signature of another model's call.
/// <https://ai.google.dev/gemini-api/docs/thought-signatures#faqs>
const STAND_INS: [&str; 2] = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

pub(super) fn of_call(name: &str, args: &Value) -> String {
    let args = if args.is_null() { "{}".to_owned() } else { args.to_string() };
    format!("{MARK}{:016x}", hash(&format!("{name}{args}")))
}

pub(super) fn of_text(text: &str) -> String {
    format!("{MARK}{:016x}", hash(text))
}

pub(super) fn fits_call(signature: &str, name: &str, args: &Value) -> bool {
    STAND_INS.contains(&signature) || signature == of_call(name, args)
}

/// A signature that stands by itself, or on a text.
pub(super) fn is_ours(signature: &str) -> bool {
    signature.len() == MARK.len() + 16 && signature.starts_with(MARK)
}

/// FNV-1a: the same in every run and on every machine.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
