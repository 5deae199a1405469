//! Streams veiled with policies as operators write them, and with the detectors of the catalogue.

use super::super::*;
use super::told::{self, Heard, Line};
use crate::redact::detect::catalogue;
use crate::redact::{Others, Redact};
use crate::texts::Splice;
use crate::texts::literal::escape;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const KEY: &[u8] = b"EXAMPLE key, long enough";
const CUSTOM: &str = r#""custom":[{"name":"employee","regex":"E-[0-9]{1,4}"}]"#;

fn policy(rest: &str) -> Arc<Policy> {
    let config: Redact = serde_json::from_str(&format!("{{{CUSTOM}{rest}}}")).unwrap();
    Arc::new(Policy::new(&config, KEY).unwrap())
}

static MASKS: LazyLock<Arc<Policy>> = LazyLock::new(|| policy(""));

/// Policies that look at what the model says itself.
static READS: LazyLock<Vec<Arc<Policy>>> = LazyLock::new(|| {
    let policies = [
        r#","response":"redact""#,
        r#","response":"mask""#,
        r#","response":"partial","tiers":["certain","likely"]"#,
        r#","response":"hash","restore":{"tool_calls":false}"#,
        r#","response":{"assistant":"redact"},"restore":{"server_tools":true}"#,
    ];
    policies.into_iter().map(policy).collect()
});

/// One of the examples of the catalogue, with the words around it.
fn example() -> impl Strategy<Value = String> {
    let all: Vec<String> =
        catalogue::all().flat_map(|row| row.found.iter().map(|text| text.replace(['⟦', '⟧'], ""))).collect();
    prop::sample::select(all).prop_filter("long ones make slow tests", |text| text.len() < 120)
}

/// A piece of a text: something that is found, something that looks like it, or anything else.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => example(),
        2 => "E-[0-9]{1,2}",
        1 => Just("[EMPLOYEE-0123456789AB]".to_owned()),
        1 => Just("[EMPLOYEE-".to_owned()),
        1 => Just("[EMPLOYEE]".to_owned()),
        3 => r#"[a-c \[\]"\\é字😀-]{1,4}"#,
        2 => Just(" ".to_owned()),
    ]
}

/// A text: fragments, and placeholders of the exchange by number.
fn text() -> impl Strategy<Value = Vec<Result<String, usize>>> {
    prop::collection::vec(prop_oneof![3 => fragment().prop_map(Ok), 1 => (0usize..8).prop_map(Err)], 0..8)
}

/// What the exchange masks.
fn secrets() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof![example(), "E-[0-9]{1,3}", Just("E-1 E-10".to_owned())], 0..5)
}

/// An exchange whose request holds these texts: what the provider gets, and the vault.
fn asked(policy: &Policy, texts: &[String]) -> (Vec<String>, Vault) {
    let messages: Vec<Value> = texts.iter().map(|text| json!({"role":"user","content":text})).collect();
    let body = json!({"model":"m","messages":messages}).to_string();
    let masked = policy.request("a", &Endpoint::from(Dialect::OpenAi), body.as_bytes(), &Others::new()).unwrap();
    let sent: Value = serde_json::from_slice(masked.body.as_deref().unwrap_or(body.as_bytes())).unwrap();
    let of = |message: &Value| message["content"].as_str().unwrap().to_owned();
    (sent["messages"].as_array().unwrap().iter().map(of).collect(), masked.vault)
}

/// A text of an answer, with the placeholders of this exchange.
fn told_of(vault: &Vault, text: &[Result<String, usize>]) -> String {
    let known: Vec<&str> = vault.placeholders().collect();
    let placeholder = |number: usize| known.get(number % known.len().max(1)).copied().unwrap_or("[A-1]");
    text.iter().map(|part| part.as_deref().unwrap_or_else(|number| placeholder(*number))).collect()
}

/// A JSON text with this text in it, some of its characters escaped.
fn arguments(text: &str, escaped: bool) -> String {
    let letter = |letter: char| {
        let mut units = [0; 2];
        let mut coded =
            || letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
        if escaped && (letter as u32).is_multiple_of(3) {
            coded()
        } else {
            escape(letter.encode_utf8(&mut [0; 4])).into_owned()
        }
    };
    let literal: String = text.chars().map(letter).collect();
    format!(r#"{{"{literal}": ["{literal}", 536904399, 1], "b" :{{"c":null,"d":"{literal}"}}}}"#)
}

/// A text in pieces of so many characters, over and over.
fn split(text: &str, lengths: &[usize]) -> Vec<String> {
    let (mut pieces, mut letters, mut lengths) = (Vec::new(), text.chars().peekable(), lengths.iter().cycle());
    while letters.peek().is_some() {
        pieces.push(letters.by_ref().take((*lengths.next().unwrap()).max(1)).collect());
    }
    pieces
}

fn place(line: Line) -> Place {
    let (scope, signed) = match line {
        Line::Call | Line::ServerCall => (Scope::ToolCalls, false),
        Line::Signed => (Scope::Assistant, true),
        Line::Thought | Line::Text | Line::Second => (Scope::Assistant, false),
    };
    Place { signed, server_tool: line == Line::ServerCall, ..Place::of(scope) }
}

/// What a text becomes if it is looked at whole.
fn expected(policy: &Policy, vault: &Vault, line: Line, text: &str) -> String {
    let mut visit = |place: &Place, text: &str, splices: &mut Vec<Splice>| {
        let findings = policy.answer_detectors().map(|all| all.find(text)).unwrap_or_default();
        splices.extend(policy.answer_splices(vault, place, text, &findings, &mut Tally::default()).unwrap());
    };
    match line {
        Line::Call | Line::ServerCall => {
            texts::arguments(text, place(line), &mut visit).unwrap_or_else(|| text.to_owned())
        }
        Line::Thought | Line::Signed | Line::Text | Line::Second => {
            let mut splices = Vec::new();
            visit(&place(line), text, &mut splices);
            grown::spliced(text, &splices)
        }
    }
}

/// An answer with one text on every line.
struct Told {
    dialect: Dialect,
    lines: Vec<(Line, String)>,
    stream: Vec<u8>,
}

impl Told {
    fn new(dialect: Dialect, texts: &[String], escaped: bool, lengths: &[usize]) -> Self {
        let mut texts = texts.iter().cycle();
        let mut said = |line: &Line| {
            let text = texts.next().cloned().unwrap_or_default();
            let json = matches!(line, Line::Call | Line::ServerCall);
            (*line, if json { arguments(&text, escaped) } else { text })
        };
        let lines: Vec<(Line, String)> = told::lines(dialect).iter().map(&mut said).collect();
        let pieces: Vec<_> = lines.iter().map(|(line, text)| (*line, split(text, lengths))).collect();
        Self { dialect, stream: told::stream(dialect, &pieces), lines }
    }

    /// What it becomes.
    fn expected(&self, policy: &Policy, vault: &Vault) -> BTreeMap<Line, String> {
        let all = self.lines.iter().map(|(line, text)| (*line, expected(policy, vault, *line, text)));
        all.filter(|(_, text)| !text.is_empty()).collect()
    }

    fn heard(&self, stream: &[u8]) -> Heard {
        let lines: Vec<Line> = self.lines.iter().map(|(line, _)| *line).collect();
        told::heard(self.dialect, &lines, stream)
    }

    fn veiled(&self, policy: &Arc<Policy>, vault: &Vault, stream: &[u8], cut: usize) -> Vec<u8> {
        let endpoint = Endpoint { framing: Framing::Sse, ..Endpoint::from(self.dialect) };
        let Some(veil) = Veil::new(Arc::clone(policy), vault.clone(), &endpoint) else { return stream.to_vec() };
        let (mut veiled, mut out) = (veil.stream(), Vec::new());
        stream.chunks(cut.max(1)).for_each(|chunk| veiled.push(chunk, &mut out));
        veiled.end(&mut out);
        out
    }
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(Dialect::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Placeholders that come back in an answer, in any pieces, are what was said.
    #[test]
    fn mask_and_restore_is_identity(
        texts in prop::collection::vec(prop::collection::vec(fragment(), 0..6), 1..4),
        dialect in dialect(), escaped: bool, lengths in prop::collection::vec(1usize..9, 1..4), cut in 1usize..400,
    ) {
        let texts: Vec<String> = texts.iter().map(|parts| parts.concat()).collect();
        let (sent, vault) = asked(&MASKS, &texts);
        let told = Told::new(dialect, &sent, escaped, &lengths);
        let heard = told.heard(&told.veiled(&MASKS, &vault, &told.stream, cut));
        for ((line, _), text) in told.lines.iter().zip(texts.iter().cycle()) {
            let json = matches!(line, Line::Call | Line::ServerCall);
            let kept = matches!(line, Line::Signed | Line::ServerCall);
            let mut texts = texts.iter().zip(&sent);
            let text = if kept { texts.find(|(one, _)| *one == text).unwrap().1 } else { text };
            let said = heard.texts.get(line).cloned().unwrap_or_default();
            if json {
                let wanted: Value = serde_json::from_str(&arguments(text, escaped)).unwrap();
                prop_assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), wanted, "{:?} {:?}", dialect, line);
            } else {
                prop_assert_eq!(&said, text, "{:?} {:?}", dialect, line);
            }
        }
    }

    /// What the model says itself is what it would be if each text came whole, however it comes; and copies agree.
    #[test]
    fn any_split_and_any_cut_is_the_whole_text(
        secrets in secrets(), texts in prop::collection::vec(text(), 4), which in 0usize..5,
        dialect in dialect(), escaped: bool, lengths in prop::collection::vec(1usize..9, 1..4), cut in 1usize..400,
    ) {
        let policy = READS.get(which).unwrap();
        let (_, vault) = asked(policy, &secrets);
        let texts: Vec<String> = texts.iter().map(|text| told_of(&vault, text)).collect();
        let told = Told::new(dialect, &texts, escaped, &lengths);
        let out = told.veiled(policy, &vault, &told.stream, cut);
        let (heard, expected) = (told.heard(&out), told.expected(policy, &vault));
        prop_assert_eq!(&heard.texts, &expected, "{:?}", dialect);
        for (event, line, copy) in &heard.copies {
            prop_assert_eq!(Some(copy), expected.get(line), "{}", event);
        }
        // Of what changed, no probability of a token tells.
        for (line, text) in &told.lines {
            let changed = expected.get(line).is_some_and(|now| now != text);
            prop_assert!(!changed || text.len() < 4 || !heard.tokens.contains(text.as_str()), "{}", heard.tokens);
        }
    }

    /// Wherever the stream breaks off, what was heard is the beginning of what would have been; nothing raw is in it.
    #[test]
    fn an_abort_anywhere_lets_nothing_out(
        secrets in secrets(), texts in prop::collection::vec(text(), 4), which in 0usize..5,
        dialect in dialect(), escaped: bool, lengths in prop::collection::vec(1usize..9, 1..4), at in 0.0f64..1.0, fails: bool,
    ) {
        let policy = READS.get(which).unwrap();
        let (_, vault) = asked(policy, &secrets);
        let texts: Vec<String> = texts.iter().map(|text| told_of(&vault, text)).collect();
        let told = Told::new(dialect, &texts, escaped, &lengths);
        let at = (told.stream.len() as f64 * at) as usize;
        let mut broken = told.stream.get(..at).unwrap().to_vec();
        if fails {
            let mut error = Vec::new();
            let fault = Fault::upstream("the provider is gone");
            let _said = dialect.stream_encoder(crate::dialect::Asked::default()).event(&crate::stream::Event::Error(fault), &mut error);
            broken.extend_from_slice(b"\n\n");
            broken.extend(error);
        }
        let (heard, expected) = (told.heard(&told.veiled(policy, &vault, &broken, 64)), told.expected(policy, &vault));
        for (line, text) in &heard.texts {
            let whole = expected.get(line).cloned().unwrap_or_default();
            prop_assert!(whole.starts_with(text.as_str()), "{dialect:?} {line:?}: {text:?} of {whole:?}");
        }
    }

    #[test]
    fn without_anything_to_find_every_byte_passes(
        texts in prop::collection::vec("[a-e .é字\\]A-E]{0,40}", 4), dialect in dialect(), cut in 1usize..400,
        lengths in prop::collection::vec(1usize..9, 1..4),
    ) {
        let (sent, _) = asked(&MASKS, &texts);
        prop_assert_eq!(&sent, &texts);
        let (_, vault) = asked(&MASKS, &["E-1".to_owned()]);
        let told = Told::new(dialect, &texts, false, &lengths);
        let out = told.veiled(&MASKS, &vault, &told.stream, cut);
        prop_assert_eq!(String::from_utf8(out), String::from_utf8(told.stream));
    }

    #[test]
    fn redacting_twice_is_redacting_once(
        texts in prop::collection::vec(prop::collection::vec(fragment(), 0..6), 1..4), which in 0usize..5,
        action in prop::sample::select(vec!["mask", "redact", "hash", "partial", "synthetic"]),
    ) {
        static ALL: LazyLock<BTreeMap<&str, Arc<Policy>>> = LazyLock::new(|| {
            let all = ["mask", "redact", "hash", "partial", "synthetic"];
            all.into_iter().map(|action| (action, policy(&format!(r#","request":"{action}""#)))).collect()
        });
        let policy = ALL.get(action).unwrap();
        let texts: Vec<String> = texts.iter().map(|parts| parts.concat()).collect();
        let (once, _) = asked(policy, &texts);
        prop_assert_eq!(&asked(policy, &once).0, &once, "{} of {:?}", which, texts);
    }
}

/// What an answer's rules keep back of ordinary prose, on average, after each token of four characters.
#[test]
fn of_prose_less_than_a_token_is_held() {
    let prose = include_str!("../../../../fixtures/tokens/english.txt");
    let endpoint = Endpoint::from(Dialect::OpenAi);
    let veil = Veil::new(Arc::clone(READS.first().unwrap()), Vault::of("a"), &endpoint).unwrap();
    let (mut stream, mut held, mut tokens) = (veil.stream(), 0, 0);
    for token in split(prose, &[4]).iter().take(2000) {
        let event = json!({"choices":[{"index":0,"delta":{"content":token}}]});
        stream.push(format!("data: {event}\n\n").as_bytes(), &mut Vec::new());
        held += stream.flow.held_bytes();
        tokens += 1;
    }
    println!("{} bytes of a token", held as f64 / tokens as f64);
    assert!(held < 4 * tokens, "{held} bytes after {tokens} tokens");
}
