//! The public keys of those who issue tokens: JSON Web Key Sets (RFC 7517).

use crate::config::written::callers::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::Value;

/// The largest set, in bytes.
pub const BYTES_MAX: usize = 256 << 10;
/// Most keys of a set; those behind do not count.
const KEYS_MAX: usize = 100;

/// A set of keys.
#[derive(Debug, Default)]
pub struct KeySet(Vec<Key>);

/// A public key, and what it may verify.
#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The one algorithm that the key says it is for.
    algorithm: Option<String>,
    material: Material,
}

/// What belongs to which family of algorithms: an RSA key is never tried as anything else.
#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// What a set says to a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right.
    Right,
    /// It is not.
    Wrong,
    /// The key that it names is not in the set.
    UnknownKey,
}

impl KeySet {
    /// Reads a set. Keys that are not for signatures, or of a kind that is not known here, are passed over.
    ///
    /// # Errors
    /// What is wrong with it, for the log.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > BYTES_MAX {
            return Err(format!("larger than {BYTES_MAX} bytes"));
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
        let listed = value.get("keys").and_then(Value::as_array).ok_or("no key set: there is no list `keys` in it")?;
        let keys: Vec<_> = listed.iter().take(KEYS_MAX).filter_map(Key::read).collect();
        if keys.is_empty() {
            return Err("holds no public key for signatures (RSA from 2048 bits, P-256, P-384 or Ed25519)".to_owned());
        }
        Ok(Self(keys))
    }

    /// Judges a signature by the key that the token names. A token that names none must leave no choice.
    pub fn verify(&self, id: Option<&str>, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Verdict {
        let mut fitting = self.0.iter().filter(|key| key.fits(algorithm) && (id.is_none() || key.id.as_deref() == id));
        let (key, another) = (fitting.next(), fitting.next());
        match (key, another) {
            (None, _) => Verdict::UnknownKey,
            (Some(key), None) if key.verifies(algorithm, message, signature) => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

impl Key {
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok());
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let point = |size: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            // Uncompressed, as SEC 1 writes it.
            (x.len() == size && y.len() == size).then(|| [&[4], &*x, &*y].concat())
        };
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                // Some issuers write a leading zero, which ring takes for a mistake.
                let n: Vec<u8> = n.into_iter().skip_while(|byte| *byte == 0).collect();
                (n.len() >= 256).then_some(Material::Rsa { n, e })?
            }
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x")?),
            _ => return None,
        };
        Some(Self { id: text("kid").map(str::to_owned), algorithm: text("alg").map(str::to_owned), material })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        let of_this_family = match self.material {
            Material::Rsa { .. } => matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512),
            Material::P256(_) => algorithm == ES256,
            Material::P384(_) => algorithm == ES384,
            Material::Ed25519(_) => algorithm == EdDSA,
        };
        let said = self.algorithm.as_deref();
        // RFC 9864 gives Ed25519 a name of its own.
        let also = said == Some("Ed25519") && algorithm == EdDSA;
        of_this_family && (said.is_none_or(|said| said == format!("{algorithm:?}")) || also)
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Rsa { n, e } => {
                let parameters = match algorithm {
                    Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
                    Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
                    Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA => return false,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::P384(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
            Material::Ed25519(x) => UnparsedPublicKey::new(&signature::ED25519, x).verify(message, signature),
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_set_is_explained() {
        for (text, expected) in [
            ("", "not JSON: EOF while parsing a value at line 1 column 0"),
            ("[]", "no key set: there is no list `keys` in it"),
            (r#"{ "keys": [] }"#, NO_KEY),
            (r#"{ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }"#, NO_KEY),
            (r#"{ "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB" }] }"#, NO_KEY),
            (r#"{ "keys": [{ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }, 7, null, {}] }"#, NO_KEY),
        ] {
            assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), expected, "{text}");
        }
        assert!(KeySet::parse(&vec![b' '; BYTES_MAX + 1]).is_err());
    }

    const NO_KEY: &str = "holds no public key for signatures (RSA from 2048 bits, P-256, P-384 or Ed25519)";
}
