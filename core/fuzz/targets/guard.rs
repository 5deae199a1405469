//! Any text, cut anyhow: whatever guards find in the whole they find in the stream while it fits into the window, and
//! nothing else; and whatever a schema is, compiling it and judging by it ends.
#![no_main]

use std::sync::OnceLock;

use attache_core::guard::{Guard, Guards, On, WINDOW_BYTES, Way};
use attache_core::stream::Event;
use attache_core::texts::Scope;
use libfuzzer_sys::fuzz_target;

const GUARDS: &[&str] = &[
    r#"{"injection": {}}"#,
    r#"{"unicode": {}}"#,
    r#"{"code": {"deny": ["any"]}}"#,
    r#"{"language": {"allow": ["en"]}}"#,
    r#"{"size": {"chars_max": 100}}"#,
    r#"{"patterns": {"deny_words": ["blue", "project x", "苹果"]}}"#,
    r#"{"patterns": {"deny": ["^we", "(?m)^to", "fold$", "\\bred\\b", "[0-9]{4}"]}}"#,
    r#"{"patterns": {"allow_words": ["fold"], "allow": ["^go"]}}"#,
    r#"{"schema": {"type": "object", "properties": {"a": {"enum": [1, "x"]}}, "required": ["a"]}}"#,
];

fn guards() -> &'static [Guards] {
    static COMPILED: OnceLock<Vec<Guards>> = OnceLock::new();
    COMPILED.get_or_init(|| GUARDS.iter().map(|written| compile(written).expect("compiles")).collect())
}

fn compile(written: &str) -> Result<Guards, String> {
    let guard: Guard = serde_json::from_str(written).map_err(|error| error.to_string())?;
    Guards::new(&[("g".to_owned(), Guard { on: On::Response, ..guard })])
}

fuzz_target!(|data: &[u8]| {
    let [choice, step, text @ ..] = data else { return };
    let text = String::from_utf8_lossy(text);
    if *choice == 255 {
        let _wrong = compile(&text);
        return;
    }
    let guards = &guards()[usize::from(*choice) % GUARDS.len()];
    let whole = guards.texts(Way::Response, &[(Scope::Assistant, &text)]).stop().is_some();
    let mut window = guards.window().expect("it looks at answers");
    let (mut rest, mut size, mut stream) = (&*text, usize::from(*step), false);
    while !rest.is_empty() {
        size = size * 7 % 41 + 1;
        let cut = (size..=rest.len()).find(|&at| rest.is_char_boundary(at)).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(cut);
        stream |= window.watch(&Event::Text { choice: 0, text: piece.into() }).stop().is_some();
        rest = behind;
    }
    stream |= window.end().stop().is_some();
    // Nothing said is no answer of a stream.
    if text.len() <= WINDOW_BYTES && !text.is_empty() {
        assert_eq!(stream, whole, "{text:?}");
    }
});
