//! The published rules by which images become tokens.

use super::super::family::Family;
use super::super::request::Tally;

/// How a model divides an image.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// OpenAI: a look at the whole for `base` tokens; unless that is enough (`detail: low`), the image is scaled into
    /// 2048×2048, then to 768 on its shorter side, and covered with tiles of 512×512 for `tile` tokens each.
    Tiles { base: u64, tile: u64 },
    /// OpenAI: patches of 32×32, the image scaled until at most so many cover it, each for so many thousandths.
    Patches { most: u64, per_mille: u64, billed_so: bool },
    /// Anthropic: patches of 28×28, the image scaled down to so long a longer side and so many tokens.
    Squares { edge: u64, most: u64 },
    /// Gemini 2: 258 for a small image, otherwise for each tile.
    Crops,
    /// The same for every image.
    Fixed(u64),
}

/// OpenAI's rules by the beginning of a model's name, the longer before the shorter. Source:
/// <https://developers.openai.com/api/docs/guides/images-vision#calculating-costs>. For some newer models the documented
/// factors are higher than what was seen billed (1.2 for gpt-5-mini, 1.5 for gpt-5-nano); the documented ones are used,
/// and count as a guess.
const OPENAI: [(&str, Rule); 20] = [
    ("gpt-4o-mini", Rule::Tiles { base: 2833, tile: 5667 }),
    ("gpt-4o", Rule::Tiles { base: 85, tile: 170 }),
    ("chatgpt-4o", Rule::Tiles { base: 85, tile: 170 }),
    ("gpt-4.1-mini", Rule::Patches { most: 1536, per_mille: 1620, billed_so: true }),
    ("gpt-4.1-nano", Rule::Patches { most: 1536, per_mille: 2460, billed_so: true }),
    ("gpt-4", Rule::Tiles { base: 85, tile: 170 }),
    ("o4-mini", Rule::Patches { most: 1536, per_mille: 1720, billed_so: true }),
    ("codex-mini", Rule::Patches { most: 1536, per_mille: 1720, billed_so: true }),
    ("o1", Rule::Tiles { base: 75, tile: 150 }),
    ("o3", Rule::Tiles { base: 75, tile: 150 }),
    ("gpt-5-mini", Rule::Patches { most: 1536, per_mille: 1620, billed_so: false }),
    ("gpt-5-nano", Rule::Patches { most: 1536, per_mille: 2460, billed_so: false }),
    ("gpt-5.1", Rule::Tiles { base: 70, tile: 140 }),
    ("gpt-5.2", Rule::Patches { most: 1536, per_mille: 1200, billed_so: false }),
    ("gpt-5.3", Rule::Patches { most: 1536, per_mille: 1200, billed_so: false }),
    ("gpt-5.4-nano", Rule::Patches { most: 2500, per_mille: 2460, billed_so: false }),
    ("gpt-5.4-mini", Rule::Patches { most: 2500, per_mille: 1620, billed_so: false }),
    ("gpt-5.", Rule::Patches { most: 2500, per_mille: 1200, billed_so: false }),
    ("gpt-5", Rule::Tiles { base: 70, tile: 140 }),
    ("computer-use", Rule::Tiles { base: 65, tile: 129 }),
];

/// Patches at `detail: original`, which newer models take `auto` for.
const ORIGINAL: u64 = 10_000;
/// What we take for a model of OpenAI that we do not know: seen of gpt-6, whose 12-megapixel photo at `auto` is 14,364.
const OPENAI_UNKNOWN: Rule = Rule::Patches { most: 12_000, per_mille: 1200, billed_so: false };

/// What an image of a size (`None`: nobody here can see it) adds to a prompt.
pub(super) fn of_image(size: Option<(u32, u32)>, detail: Option<&str>, family: Family, model: &str) -> Tally {
    let size = size.map(|(width, height)| (u64::from(width), u64::from(height)));
    match rule(family, model) {
        Rule::Tiles { base, tile } => match size {
            _ if detail == Some("low") => Tally::sure(base),
            Some(size) => Tally::sure(base + tile * tiles(size)),
            None => Tally::guess(base + tile * TILES_MAX),
        },
        // `detail: low` changes nothing for these models.
        Rule::Patches { most, per_mille, billed_so } => {
            let most = if most == 2500 && looks_at_original(detail, model) { ORIGINAL } else { most };
            let patches = size.map_or(most, |size| patches(size, most));
            let tokens = (patches * per_mille).div_ceil(1000);
            if billed_so && size.is_some() { Tally::sure(tokens) } else { Tally::guess(tokens) }
        }
        Rule::Squares { edge, most } => Tally::guess(size.map_or(most, |size| squares(size, edge, most))),
        Rule::Crops => Tally::guess(size.map_or(CROPS_UNSEEN, crops) * 258),
        Rule::Fixed(tokens) => Tally::guess(tokens),
    }
}

fn rule(family: Family, model: &str) -> Rule {
    match family {
        Family::OpenAi => {
            let name = model.rsplit('/').next().unwrap_or(model);
            let name = name.strip_prefix("ft:").unwrap_or(name);
            OPENAI.iter().find(|(beginning, _)| name.starts_with(beginning)).map_or(OPENAI_UNKNOWN, |(_, rule)| *rule)
        }
        // <https://platform.claude.com/docs/en/build-with-claude/vision>
        Family::Claude => Rule::Squares { edge: 1568, most: 1600 },
        Family::NewClaude => Rule::Squares { edge: 2576, most: 4784 },
        // <https://ai.google.dev/gemini-api/docs/image-understanding>
        Family::Gemini => Rule::Crops,
        // <https://ai.google.dev/gemini-api/docs/media-resolution>
        Family::NewGemini => Rule::Fixed(1120),
        // Four tiles of 1,601 at the most: <https://docs.together.ai/docs/vision-overview>.
        Family::Llama => Rule::Fixed(6404),
        // A guess: these and most open models look at patches of 28×28 pixels, up to a few thousand.
        Family::Mistral | Family::Qwen | Family::DeepSeek | Family::Other => Rule::Squares { edge: 1792, most: 4096 },
    }
}

/// `original` is what was asked for, or what `auto` (and nothing) means since gpt-5.5.
fn looks_at_original(detail: Option<&str>, model: &str) -> bool {
    match detail {
        Some("original") => true,
        Some("low" | "high") => false,
        Some(_) | None => !model.contains("gpt-5.4"),
    }
}

/// 768×1536 or 768×2048 at the most.
const TILES_MAX: u64 = 8;

fn tiles(size: (u64, u64)) -> u64 {
    let (width, height) = scaled(size, size.0.max(size.1), 2048);
    let (width, height) = scaled((width, height), width.min(height), 768);
    width.div_ceil(512) * height.div_ceil(512)
}

/// The size after a side has been brought down to at most so many pixels.
fn scaled((width, height): (u64, u64), side: u64, most: u64) -> (u64, u64) {
    if side <= most {
        return (width, height);
    }
    ((width * most / side).max(1), (height * most / side).max(1))
}

/// OpenAI's own computation: shrink to the number of patches, then a little more until one side is whole patches.
fn patches((width, height): (u64, u64), most: u64) -> u64 {
    let whole = width.div_ceil(32) * height.div_ceil(32);
    if whole <= most {
        return whole;
    }
    let (wide, high) = (width as f64 / 32.0, height as f64 / 32.0);
    let factor = (most as f64 / (wide * high)).sqrt();
    let (wide, high) = ((wide * factor).max(1.0), (high * factor).max(1.0));
    let (by_width, by_height) = (wide.floor() / wide, high.floor() / high);
    let (wide, high) = if by_width <= by_height {
        (wide.floor(), (high * by_width - ROUNDING).ceil())
    } else {
        ((wide * by_height - ROUNDING).ceil(), high.floor())
    };
    ((wide * high) as u64).clamp(1, most)
}

/// What a product of fractions may be off by.
const ROUNDING: f64 = 1e-6;

/// The documented width × height / 750, or the patches of 28×28 that usage reports show, whichever is more.
fn squares(size: (u64, u64), edge: u64, most: u64) -> u64 {
    let (width, height) = scaled(size, size.0.max(size.1), edge);
    let patches = width.div_ceil(28) * height.div_ceil(28);
    patches.max((width * height).div_ceil(750)).min(most)
}

/// Tiles of an image that nobody here can see: 1920×1080 makes 6.
const CROPS_UNSEEN: u64 = 6;

/// One for an image within 384×384; otherwise as many as tiles of two thirds of the shorter side, between 256 and 768
/// pixels, cover it.
fn crops((width, height): (u64, u64)) -> u64 {
    if width <= 384 && height <= 384 {
        return 1;
    }
    let tile = (width.min(height) * 2 / 3).clamp(256, 768);
    (width.div_ceil(tile) * height.div_ceil(tile)).min(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_come_out_as_published() {
        for (model, size, detail, tokens) in [
            ("gpt-4o", (1024, 1024), Some("high"), 765),
            ("gpt-4o", (2048, 4096), None, 1105),
            ("gpt-4o", (4096, 8192), Some("low"), 85),
            ("gpt-4.1", (512, 512), None, 255),
            ("openai/gpt-4o-mini", (1024, 1024), None, 25_501),
            ("o1", (1024, 1024), None, 675),
            ("gpt-5", (1024, 1024), None, 630),
            ("gpt-4.1-mini", (1024, 1024), None, 1659),
            ("gpt-4.1-mini", (1800, 2400), None, 2353),
            ("o4-mini", (1800, 2400), None, 2498),
        ] {
            let found = of_image(Some(size), detail, Family::OpenAi, model);
            assert_eq!(found, Tally::sure(tokens), "{model} {size:?}");
        }
    }

    #[test]
    fn what_usage_reports_showed_is_covered_and_not_far_exceeded() {
        // Input tokens of one image less those of the text around it, seen in usage reports:
        // <https://huggingface.co/datasets/JOHNISKING/image-token-cost>.
        for (family, model, size, seen) in [
            (Family::Claude, "claude-haiku-4-5", (256, 256), 100),
            (Family::Claude, "claude-haiku-4-5", (1024, 1024), 1369),
            (Family::Claude, "claude-haiku-4-5", (1920, 1080), 1560),
            (Family::Claude, "claude-haiku-4-5", (4032, 3024), 1596),
            (Family::NewClaude, "claude-opus-5", (1920, 1080), 2691),
            (Family::NewClaude, "claude-opus-5", (4032, 3024), 3928),
            (Family::NewGemini, "gemini-3-pro", (4032, 3024), 1100),
            (Family::OpenAi, "gpt-5.5", (256, 256), 77),
            (Family::OpenAi, "gpt-5.5", (1024, 1024), 1229),
            (Family::OpenAi, "gpt-5.5", (4032, 3024), 11_868),
            (Family::OpenAi, "gpt-6", (4032, 3024), 14_364),
        ] {
            let found = of_image(Some(size), None, family, model).tokens;
            assert!((seen..=seen * 5 / 4).contains(&found), "{model} {size:?}: {found}, seen {seen}");
        }
    }

    #[test]
    fn an_image_that_nobody_sees_weighs_what_the_largest_does() {
        for (family, model) in [
            (Family::OpenAi, "gpt-4o"),
            (Family::OpenAi, "gpt-5-mini"),
            (Family::OpenAi, "gpt-6"),
            (Family::Claude, "claude-3-opus"),
            (Family::NewClaude, "claude-opus-5"),
            (Family::Llama, "llama"),
            (Family::Other, "x"),
        ] {
            let unseen = of_image(None, None, family, model);
            assert!(unseen.guessed);
            for size in [(1, 1), (1, 30_000), (2048, 768), (3000, 4000), (65_535, 65_535), (u32::MAX, u32::MAX)] {
                let seen = of_image(Some(size), None, family, model).tokens;
                assert!((1..=unseen.tokens).contains(&seen), "{model} {size:?}: {seen}, unseen {}", unseen.tokens);
            }
        }
    }
}
