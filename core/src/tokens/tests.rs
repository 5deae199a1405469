//! Our tokens are tiktoken's.

use super::class::{LETTER, LINE, MARK, NUMBER, OTHER, SPACE, Table};
use super::split::{LOOKS, Text};
use super::*;
use fancy_regex::Regex;
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tiktoken_rs::CoreBPE;

const ALL: [Encoding; 4] = [Encoding::O200k, Encoding::Cl100k, Encoding::P50k, Encoding::R50k];

#[test]
fn the_corpus_has_the_tokens_of_tiktoken() {
    for (name, text) in corpus() {
        for encoding in ALL {
            check_text(encoding, &text, &name);
            // Every tail and every head: the end of a text and its beginning have rules of their own.
            let cuts = text.char_indices().map(|(place, _)| place).step_by(7);
            for (head, tail) in cuts.filter_map(|cut| text.split_at_checked(cut)).take(150) {
                check_text(encoding, head, &name);
                check_text(encoding, tail, &name);
            }
        }
    }
}

#[test]
fn what_looks_like_a_special_token_is_ordinary_text() {
    for encoding in ALL {
        assert!(encoding.count("<|endoftext|>") > 3, "{encoding:?}");
        assert!(encoding.encode("<|endoftext|><|im_start|>").iter().all(|token| *token != 50_256 && *token < 199_998));
    }
}

#[test]
fn runs_of_one_character_have_the_tokens_of_tiktoken() {
    let runs = [
        " ", "\n", "\t", "\r\n", "a", "A", "0", "-", "=", "é", "中", "あ", "\u{a0}", "\u{3000}", "\u{301}", "😀",
        " \n", "'s",
    ];
    for encoding in ALL {
        for run in runs {
            for length in (1..40).chain([63, 64, 65, 79, 80, 81, 99, 127, 128, 129, 200, 300]) {
                let text = run.repeat(length);
                check_text(encoding, &text, run);
                check_text(encoding, &format!("x{text}y"), run);
            }
        }
    }
}

#[test]
fn no_character_is_looked_at_more_than_a_few_times() {
    let mut runs: Vec<String> =
        [" ", "a", "A", "0", "\n", "中", "!", "あA", "\u{301}A", " a", "\r\n ", "ab'", "'", "A\u{301}", "/\n", "' "]
            .map(|run| run.repeat(200_000 / run.len()))
            .to_vec();
    runs.extend([
        format!("あ{}", "A".repeat(200_000)),
        format!("{}x", " ".repeat(200_000)),
        format!("\n{}x", "\t".repeat(200_000)),
    ]);
    for encoding in ALL {
        for text in &runs {
            LOOKS.set(0);
            pieces(encoding, text);
            let (looks, characters) = (LOOKS.get(), text.chars().count() as u64);
            let start = text.chars().take(2).collect::<String>();
            assert!(looks <= 6 * characters + 10, "{encoding:?} {start:?}: {looks} looks at {characters}");
        }
    }
}

#[test]
fn a_long_piece_is_merged_in_time_that_grows_with_its_length_only() {
    // Quadratic work would take a hundred times as long; sixty leaves room for a busy machine.
    for encoding in ALL {
        for run in [" ", "a", "A", "ab", "aB", "中", "😀", "\u{301}", "!", "'", "=-"] {
            let (short, long) = (run.repeat(100_000 / run.len()), run.repeat(1_000_000 / run.len()));
            encoding.count(&short);
            let before = Instant::now();
            let few = encoding.count(&short);
            let at_most = before.elapsed() * 60 + Duration::from_millis(300);
            let before = Instant::now();
            let many = encoding.count(&long);
            assert!(before.elapsed() < at_most, "{encoding:?} {run:?}");
            assert!(many.abs_diff(few * 10) <= many / 100 + 64, "{encoding:?} {run:?}: {few} and {many}");
        }
    }
}

#[test]
fn names_have_the_encodings_that_tiktoken_knows() {
    use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};
    for name in [
        "o1",
        "o1-mini",
        "o3",
        "o3-mini-2025-01-31",
        "o4-mini",
        "gpt-5",
        "gpt-5-mini",
        "gpt-5.4-pro",
        "gpt-4.1",
        "gpt-4.1-nano",
        "gpt-4.5-preview",
        "chatgpt-4o-latest",
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "gpt-4o-mini",
        "gpt-oss-120b",
        "codex-mini-latest",
        "gpt-4",
        "gpt-4-0314",
        "gpt-4-turbo",
        "gpt-3.5-turbo",
        "gpt-3.5",
        "gpt-3.5-turbo-16k",
        "gpt-35-turbo",
        "davinci-002",
        "babbage-002",
        "text-embedding-ada-002",
        "text-embedding-3-small",
        "text-embedding-3-large",
        "text-davinci-003",
        "text-davinci-002",
        "text-davinci-001",
        "davinci",
        "ada",
        "code-davinci-002",
        "code-cushman-001",
        "text-davinci-edit-001",
        "text-search-ada-doc-001",
        "gpt2",
        "gpt-2",
        "ft:gpt-4o:org::id",
        "ft:gpt-3.5-turbo:org:name:id",
        "ft:davinci-002:org",
        "claude-3-opus",
        "gemini-2.5-pro",
        "llama-3",
        "",
        "gpt",
        "o",
        "adaptive",
        "foo",
    ] {
        let expected = get_tokenizer(name).map(|tokenizer| match tokenizer {
            Tokenizer::O200kBase | Tokenizer::O200kHarmony => Encoding::O200k,
            Tokenizer::Cl100kBase => Encoding::Cl100k,
            Tokenizer::P50kBase | Tokenizer::P50kEdit => Encoding::P50k,
            Tokenizer::R50kBase | Tokenizer::Gpt2 => Encoding::R50k,
        });
        assert_eq!(Encoding::of_model(name), expected, "{name}");
    }
    for (name, encoding) in [
        ("openai/gpt-4o", Encoding::O200k),
        ("openrouter/openai/o3:free", Encoding::O200k),
        ("openai.gpt-oss-20b-1:0", Encoding::O200k),
        ("gpt-oss:20b", Encoding::O200k),
        ("o4-pro", Encoding::O200k),
        ("azure/gpt-35-turbo", Encoding::Cl100k),
    ] {
        assert_eq!(Encoding::of_model(name), Some(encoding), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 600 } else { 20_000 }))]

    #[test]
    fn random_text_has_the_tokens_of_tiktoken(text in mixed_text()) {
        for encoding in ALL {
            let expected = reference(encoding).encode_ordinary(&text);
            prop_assert_eq!(encoding.count(&text), expected.len() as u64);
            prop_assert_eq!(encoding.encode(&text), expected);
        }
    }

    #[test]
    fn random_text_is_cut_where_the_patterns_cut_it(text in mixed_text()) {
        for encoding in ALL {
            prop_assert_eq!(pieces(encoding, &text), reference_pieces(encoding, &text), "{:?}", encoding);
        }
    }
}

#[track_caller]
fn check_text(encoding: Encoding, text: &str, name: &str) {
    let expected = reference(encoding).encode_ordinary(text);
    assert_eq!(encoding.encode(text), expected, "{name}: {encoding:?} of {text:?}");
    assert_eq!(encoding.count(text), expected.len() as u64, "{name}: {encoding:?} of {text:?}");
}

/// Short texts in which characters of every class that a pattern names meet, in any order.
fn mixed_text() -> impl Strategy<Value = String> {
    let common = prop::sample::select(vec![
        " ",
        "  ",
        "\n",
        "\r",
        "\r\n",
        "\t",
        "'",
        "'s",
        "'LL",
        "'Re",
        "'ſ",
        "a",
        "the",
        "The",
        "THE",
        "é",
        "ß",
        "Ǆ",
        "ǅ",
        "ǆ",
        "ʰ",
        "ª",
        "中",
        "あ",
        "ا",
        "ה",
        "क",
        "\u{93f}",
        "\u{301}",
        "\u{20dd}",
        "0",
        "12",
        "٣",
        "½",
        "Ⅷ",
        "!",
        "/",
        "//",
        "-",
        "<|",
        "|>",
        "endoftext",
        "😀",
        "\u{200d}",
        "\u{fe0f}",
        "\u{a0}",
        "\u{3000}",
        "\u{85}",
        "\u{2028}",
        "\u{b}",
        "\u{0}",
        "\u{378}",
        "K",
        "ſ",
        "İ",
    ]);
    let piece = prop_oneof![
        8 => common.prop_map(str::to_owned),
        2 => any::<char>().prop_map(String::from),
        1 => (0..0x3100_u32).prop_map(|code| char::from_u32(code).map(String::from).unwrap_or_default()),
        1 => "[a-zA-Z]{1,12}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

pub(super) fn corpus() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/tokens");
    let files =
        std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("a readable folder").path());
    let corpus: Vec<_> = files
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("a fixture is text")))
        .collect();
    assert!(corpus.len() > 10);
    corpus
}

fn reference(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::O200k => tiktoken_rs::o200k_base_singleton(),
        Encoding::Cl100k => tiktoken_rs::cl100k_base_singleton(),
        Encoding::P50k => tiktoken_rs::p50k_base_singleton(),
        Encoding::R50k => tiktoken_rs::r50k_base_singleton(),
    }
}

fn pieces(encoding: Encoding, text: &str) -> Vec<(usize, usize)> {
    let mut pieces = Vec::new();
    let piece = |_: &[u8], start, end| pieces.push((start, end));
    match encoding {
        Encoding::O200k => Text::new(text).pieces(Text::o200k, piece),
        Encoding::Cl100k => Text::new(text).pieces(Text::cl100k, piece),
        Encoding::P50k | Encoding::R50k => Text::new(text).pieces(Text::gpt2, piece),
    }
    pieces
}

fn reference_pieces(encoding: Encoding, text: &str) -> Vec<(usize, usize)> {
    static O200K: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(tiktoken_rs::O200K_BASE_PAT_STR).expect("a valid pattern"));
    static CL100K: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";
        Regex::new(pattern).expect("a valid pattern")
    });
    static GPT2: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s";
        Regex::new(pattern).expect("a valid pattern")
    });
    let regex = match encoding {
        Encoding::O200k => &O200K,
        Encoding::Cl100k => &CL100K,
        Encoding::P50k | Encoding::R50k => &GPT2,
    };
    regex.find_iter(text).map(|found| found.expect("a short text")).map(|found| (found.start(), found.end())).collect()
}

#[test]
fn the_classes_leave_no_character_out() {
    let all = LETTER | MARK | NUMBER | SPACE | LINE | OTHER;
    for character in '\0'..=char::MAX {
        assert_eq!((Table::get().of_char(u32::from(character)) & all).count_ones(), 1, "{character:?}");
    }
}
