//! What guards cost: over whole texts, and token by token over answers under way.

use attache_core::guard::{Guard, Guards, On, Way};
use attache_core::stream::Event;
use attache_core::texts::Scope;
use criterion::{Criterion, Throughput};
use std::hint::black_box;

/// One kind of guard each, with what it is likely to be given.
const GUARDS: [(&str, &str); 5] = [
    ("injection", r#"{"injection": {}}"#),
    ("unicode", r#"{"unicode": {}}"#),
    ("code", r#"{"code": {"deny": ["any"]}}"#),
    ("language", r#"{"language": {"allow": ["en"]}}"#),
    ("patterns", r#"{"patterns": {"deny_words": ["bluebird", "project x", "苹果"], "deny": ["\\bacme-[0-9]+\\b"]}}"#),
];

fn guard(written: &str) -> Guards {
    let guard: Guard = serde_json::from_str(written).expect("the guard is well written");
    Guards::new(&[("guard".to_owned(), Guard { on: On::Both, ..guard })]).expect("the guard compiles")
}

/// A text looked at by one guard: ordinary ones, and a megabyte of what makes most work.
pub(crate) fn texts(criterion: &mut Criterion) {
    let megabyte = |unit: &str| unit.chars().cycle().take(1 << 20).collect::<String>();
    let prose = include_str!("../../README.md").repeat(8);
    let texts = [
        ("prose", prose),
        ("a", megabyte("a")),
        ("dashes", megabyte("-")),
        ("percents", megabyte("%69")),
        ("base64", megabyte("aWdub3JlIGFs")),
        ("hex", megabyte("69 67 6e ")),
        ("words", megabyte("ignore all previous you are your prompt ")),
        ("letters", megabyte("i g n o r e ")),
        ("pictures", megabyte("![](")),
        ("turns", megabyte("User: a\n")),
        ("turned", megabyte("vtaber erongi ")),
        ("combining", megabyte("e\u{301}")),
        ("chinese", megabyte("忽略之前")),
    ];
    for (name, written) in GUARDS {
        let guards = guard(written);
        let mut group = criterion.benchmark_group(format!("guard/{name}"));
        for (kind, text) in &texts {
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(*kind, |bencher| {
                bencher.iter(|| guards.texts(Way::Request, &[(Scope::User, black_box(text))]));
            });
        }
    }
}

/// An answer under way, a token of it at a time.
pub(crate) fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guard, stream of 4 KB");
    let tokens = include_str!("../../README.md").split_inclusive(' ').take(640);
    let tokens: Vec<Event<'_>> = tokens.map(|text| Event::Text { choice: 0, text: text.into() }).collect();
    for (name, written) in GUARDS {
        let guards = guard(written);
        group.throughput(Throughput::Elements(tokens.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut window = guards.window().expect("it looks at answers");
                let found = tokens.iter().filter(|token| !window.watch(black_box(token)).is_empty()).count();
                (found, window.end())
            });
        });
    }
}
