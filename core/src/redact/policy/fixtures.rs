//! Every request that this crate has, with something planted in each of its texts.

use super::*;
use crate::dialect::{Dialect, fixtures};
use crate::redact::config::Redact;

/// What is planted: a number that tells one place from another, and characters that JSON escapes.
const PLANTED: &str = "\"\\\u{e9}\u{1f600}";
const POLICY: &str = r#"{"custom":[{"name":"planted","regex":"Q-[0-9]{4}\"\\\\.."}]}"#;

fn policy(json: &str) -> Policy {
    let config: Redact = serde_json::from_str(json).expect("a policy");
    Policy::new(&config, b"EXAMPLE key, long enough").expect("a policy that compiles")
}

#[test]
fn nothing_that_is_planted_in_any_text_leaves() {
    let (policy, mut planted) = (policy(POLICY), 0);
    for dialect in Dialect::ALL {
        let endpoint = Endpoint::from(dialect);
        for (name, body) in fixtures::files(dialect.as_str(), "requests") {
            let mut visit = |place: &Place, text: &str, splices: &mut Vec<Splice>| {
                if !place.signed && place.form != Form::Number {
                    let at = text.len();
                    splices.push(Splice { range: at..at, text: format!(" Q-{:04}{PLANTED} ", planted % 10_000) });
                    planted += 1;
                }
            };
            let Ok(Some(body)) = texts::request(&endpoint, &body, &mut visit) else { continue };
            let masked = policy.request("a", &endpoint, &body, &Others::new()).expect("it is a request");
            let sent = masked.body.expect("something was planted");
            let shown = String::from_utf8_lossy(&sent);
            // However it were escaped, it would begin like that.
            assert!(!shown.contains("Q-"), "{dialect:?} {name}: {shown}");
            let looked = texts::request(&endpoint, &sent, &mut |_, text, _| assert!(!text.contains("Q-"), "{name}"));
            assert_eq!(looked, Ok(None));
            let again = policy.request("a", &endpoint, &sent, &Others::new()).expect("it is a request");
            assert!(again.body.is_none() && again.vault.is_empty(), "{dialect:?} {name}: twice");
        }
    }
    assert!(planted > 300, "{planted}");
}

#[test]
fn what_nobody_can_read_is_refused_unless_somebody_says_otherwise() {
    let endpoint = Endpoint::from(Dialect::OpenAi);
    for body in [&br#"{"messages":[{"role":"user","content":"Q-0001"#[..], b"\xff\xfe", b"{\"a\":1}}"] {
        let asked = |json: &str| policy(json).request("a", &endpoint, body, &Others::new());
        assert!(matches!(asked("{}"), Err(Refused::Unreadable(_))));
        for json in [r#"{"mode":"monitor"}"#, r#"{"unreadable":"pass"}"#] {
            assert!(asked(json).is_ok_and(|masked| masked.body.is_none()), "{json}");
        }
    }
}
