use crate::{Filter, Guard, ModelRouter, Prompt, Redact, Translate, Usage};

/// The configurations on the page, each in a block of its own.
fn blocks() -> Vec<&'static str> {
    let page = include_str!("../../../../docs/wasm.md");
    page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn what_the_page_shows_is_taken() {
    let mut seen = Vec::new();
    for block in blocks() {
        let list = block.split('"').nth(1).unwrap_or_default();
        let read = match list {
            "redact" => Redact::read(block.as_bytes()).err(),
            "guards" => Guard::read(block.as_bytes()).err(),
            "routes" => ModelRouter::read(block.as_bytes()).err(),
            "prompt" => Prompt::read(block.as_bytes()).err(),
            "translate" => Translate::read(block.as_bytes()).err(),
            "usage" => Usage::read(block.as_bytes()).err(),
            _ => panic!("no filter reads {block}"),
        };
        assert_eq!(read, None, "{block}");
        seen.push(list);
    }
    seen.sort_unstable();
    assert_eq!(seen, ["guards", "prompt", "redact", "routes", "routes", "translate", "translate", "usage"]);
}
