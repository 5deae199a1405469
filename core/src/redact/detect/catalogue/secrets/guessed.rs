//! Secrets of nobody in particular, by the name of their field and by how little of a word they have.

use super::{Detector, SECRET};
use crate::redact::detect::{Edge, Tier};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "generic_secret",
        label: "SECRET",
        about: "What looks drawn by lot behind `api_key=`, `secret:`, `token=` and the like; no UUID",
        tier: Tier::Likely,
        shape: r#"(?:(?i:api_?-?key|access_?-?key|secret_?-?key|private_?-?key|signing_?-?key|encryption_?-?key|auth_?-?token|access_?-?token|refresh_?-?token|secret|token|credential)|密钥|令牌)["']?[ ]{0,3}(?:[:=]|:=|=>|:|=)[ ]{0,3}["'`]?[A-Za-z0-9+/=_.~-]{16,256}"#,
        edge: Edge::None,
        bytes_max: 300,
        check: lot,
        source: "https://en.wikipedia.org/wiki/R%C3%A9nyi_entropy",
        found: &[
            concat!("api_key = \"⟦k8Zq2EXAMPLE", "v7Lw4Rb9Ys1Nc⟧\""),
            concat!("X-Api-Key: ⟦0f3c9a7e51b84", "d26c08e7f19a3d5b642⟧"),
            concat!("{\"client_secret\":\"⟦Wd3kRz5EXAMPLE", "Tq2Yv7Bn4Mx9C⟧\"}"),
        ],
        not_found: &[
            "api_key = \"your-api-key-goes-here\"",
            "token: 01234567-89ab-4cde-8f01-23456789abcd",
            "secret = process.env.CLIENT_SECRET_FROM_VAULT",
            "token=11111111111111112222",
        ],
        ..SECRET
    },
    Detector {
        entity: "password",
        label: "PASSWORD",
        about: "What stands behind `password:`, `pwd=` and the like, if a letter and a digit or another sign are in it",
        tier: Tier::Likely,
        shape: r#"(?:(?i:password|passwd|passphrase|passwort|mot de passe|pwd|pass)|contraseña|密码|密碼|口令|パスワード|비밀번호)(?:["']?[ ]{0,3}(?:[:=]|:=|=>|:|=)[ ]{0,3}["'`]?| is "?| lautet |是|为)[0-9A-Za-z!#%&*+./:=?@^_|~\\-]{6,64}"#,
        edge: Edge::None,
        bytes_max: 128,
        check: password,
        source: "https://pages.nist.gov/800-63-4/sp800-63b.html",
        found: &["password: ⟦hunter2!EXAMPLE⟧", "\"pwd\": \"⟦Tr0ub4dor&3⟧\"", "密码是⟦EXAMPLE-8842x⟧。"],
        not_found: &["password: required", "password=${DB_PASSWORD}", "the password is wrong again", "pwd=/home/ann"],
        ..SECRET
    },
    Detector {
        entity: "bearer_token",
        label: "BEARER",
        about: "What looks drawn by lot behind `Bearer`, `Basic` or `Token` in a header",
        tier: Tier::Likely,
        shape: r#"(?i:authorization["']?[ ]{0,2}[:=][ ]{0,2}["']?(?:bearer|basic|token)|bearer) [A-Za-z0-9._~+/-]{16,800}={0,2}"#,
        edge: Edge::None,
        bytes_max: 840,
        check: lot_behind_blank,
        source: "https://www.rfc-editor.org/rfc/rfc6750#section-2.1",
        found: &[
            concat!("Authorization: Bearer ⟦k8Zq2EXAMPLE", "v7Lw4Rb9Ys1Nc⟧"),
            concat!("-H 'authorization: Basic ⟦dXNlcjpFWEFN", "UExFLXBhc3N3b3Jk⟧'"),
            concat!("bearer ⟦Wd3kRz5EXAMPLE", "Tq2Yv7Bn4Mx9C⟧"),
        ],
        not_found: &["Authorization: Bearer YOUR_ACCESS_TOKEN", "bearer of-the-good-old-news", "Bearer <token>"],
        ..SECRET
    },
];

/// Where the value begins: behind the name, what assigns, and a quotation mark.
fn value(candidate: &str) -> Option<usize> {
    let assigned = candidate.find(['=', ':', ':'])?;
    let rest = candidate.get(assigned..)?;
    let more = rest.find(|character: char| !"=>:: \"'`".contains(character))?;
    Some(assigned + more)
}

fn lot(candidate: &str) -> Option<Range<usize>> {
    let start = value(candidate)?;
    drawn_by_lot(candidate.get(start..)?).then_some(start..candidate.len())
}

fn lot_behind_blank(candidate: &str) -> Option<Range<usize>> {
    let start = candidate.rfind(' ')? + 1;
    drawn_by_lot(candidate.get(start..)?).then_some(start..candidate.len())
}

/// Letters and digits, and so many different ones that two places picked by chance seldom hold the same: with n characters of
/// which c₁, c₂, … are the same, n² / Σc² is how many kinds that is worth. English has some nine, hexadecimal digits sixteen,
/// where there are enough of them to show.
fn drawn_by_lot(value: &str) -> bool {
    const KINDS_MIN: usize = 8;
    let both = value.bytes().any(|byte| byte.is_ascii_digit()) && value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let kinds = (0..=u8::MAX).map(|kind| value.bytes().filter(|byte| *byte == kind).count());
    let same: usize = kinds.map(|count| count * count).sum();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    both && digits * 12 >= value.len()
        && value.len() * value.len() >= same * KINDS_MIN
        && value.len() > 15
        && !uuid(value)
}

/// Eight, four, four, four and twelve hexadecimal digits, or the beginning of that: a name, not a secret.
fn uuid(value: &str) -> bool {
    let hexadecimal = value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    hexadecimal && value.split('-').map(str::len).take(3).eq([8, 4, 4])
}

/// No path, no name of a variable, no word.
fn password(candidate: &str) -> Option<Range<usize>> {
    let said = ["是", "为", " is ", " lautet "];
    let behind = |word: &&str| candidate.find(*word).map(|at| at + word.len());
    let start = value(candidate).or_else(|| said.iter().find_map(behind))?;
    let quoted = candidate.get(start..)?;
    let start = start + (quoted.len() - quoted.trim_start_matches('"').len());
    let own = candidate.get(start..)?.trim_end_matches(['.', '!', '?', ':']);
    let letter = own.bytes().any(|byte| byte.is_ascii_alphabetic());
    let digit = own.bytes().any(|byte| byte.is_ascii_digit());
    let sign = own.bytes().any(|byte| b"!@#%^&*+=?~".contains(&byte));
    let path = own.starts_with(['/', '.']) || own.contains("://");
    (own.len() > 5 && letter && (digit || sign) && !path).then_some(start..start + own.len())
}
