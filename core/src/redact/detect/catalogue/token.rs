//! What lets somebody in whoever they are: signed tokens and private keys.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::Edge;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "jwt",
        label: "JWT",
        about: "Signed or encrypted JSON web token whose header says an algorithm",
        group: "secret",
        shape: r"e[yw][A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*)?",
        edge: Edge::Token,
        bytes_max: 8 << 10,
        check: token,
        source: "https://www.rfc-editor.org/rfc/rfc7519",
        found: &[
            concat!(
                "Bearer ⟦eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJFWEFNUExFIiwiaWF0IjoxNTE2MjM5MDIyfQ",
                ".y8YjdEyl7uSk0aIcZnlAtPpfJlFkY6QEM9j8iBUl6W0⟧."
            ),
            concat!(
                "令牌⟦eyJhbGciOiJSUzI1NiIsImtpZCI6IkVYQU1QTEUifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIn0",
                ".uGBh-XfXejzK0-TVKSxxQrJaYtrA9dWdu0CQxMPfzJk⟧。"
            ),
            concat!("id_token=⟦eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0", ".eyJzdWIiOiJFWEFNUExFIn0.⟧"),
        ],
        not_found: &[
            concat!("eyJ0eXAiOiJKV1QifQ", ".eyJzdWIiOiJFWEFNUExFIn0.HWpyHEExCdeyA5NpMD692D0B--6BeyRMEzz7mVRjVKU"),
            concat!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", ".eyJzdWIiOiJFWEFNUExFIn0"),
            "eyelashes.and.brows",
            concat!("XeyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", ".eyJzdWIiOiJFWEFNUExFIn0.y8YjdEyl7uSk0aIcZnlAtPpfJlFk"),
        ],
        ..PERSONAL
    },
    Detector {
        entity: "private_key",
        label: "PRIVATEKEY",
        about: "Private key in PEM, OpenSSH's or PGP's armour, of at most 16 KB; without its end as far as it looks like one",
        group: "secret",
        shape: r"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----(?:(?:-{0,2}[^-])+-{0,2}-----END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----|(?:(?:[\t-\r ]|\\[nr])*[A-Za-z0-9+/=]{16,})+)",
        edge: Edge::None,
        bytes_max: 16 << 10,
        source: "https://www.rfc-editor.org/rfc/rfc7468",
        found: &[
            concat!("key:\n⟦-----BEGIN PRIVATE", " KEY-----\nRVhBTVBMRQ==\n-----END PRIVATE", " KEY-----⟧\n"),
            concat!(
                r"私钥⟦-----BEGIN RSA PRIVATE",
                r" KEY-----\nProc-Type: 4,ENCRYPTED\n\nRVhBTVBMRQ==\n-----END RSA PRIVATE",
                r" KEY-----⟧\n"
            ),
            concat!(
                "⟦-----BEGIN OPENSSH PRIVATE",
                " KEY-----\nRVhBTVBMRVhBTVBMRVhBTVBMRVhBTVBMRVhBTVBM\nRVhBTVBMRVhBTVBM⟧\n... and so on"
            ),
        ],
        not_found: &[
            concat!("-----BEGIN PUBLIC", " KEY-----\nRVhBTVBMRQ==\n-----END PUBLIC", " KEY-----"),
            concat!("it begins with -----BEGIN PRIVATE", " KEY----- and ends likewise"),
            concat!("-----BEGIN CERTIFICATE", "-----\nRVhBTVBMRQ==\n-----END CERTIFICATE-----"),
        ],
        ..PERSONAL
    },
];

fn token(candidate: &str) -> Option<Range<usize>> {
    let header = URL_SAFE_NO_PAD.decode(candidate.split('.').next()?).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    all_if(candidate, header.get("alg").is_some_and(Value::is_string))
}
