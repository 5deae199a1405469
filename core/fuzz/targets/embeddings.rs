//! Any request for embeddings or ranking and any answer, between any two shapes: what is made is JSON, and reads again.
#![no_main]

use attache_core::edit::Object;
use attache_core::{embed, rerank};
use libfuzzer_sys::fuzz_target;

fn shape(choice: u8) -> embed::Shape {
    use embed::Shape::{Cohere, CohereBedrock, Gemini, GeminiBatch, OpenAi, Titan, Vertex};
    [OpenAi, Gemini, GeminiBatch, Vertex, Cohere, Titan, CohereBedrock, OpenAi][usize::from(choice & 7)]
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let (front, upstream) = (shape(*choice), shape(choice >> 3));
    embed::texts(front, body, &mut |_| {});
    let _ = embed::usage(upstream, body);
    let target = embed::Target::new("m");
    if let Ok((encoded, asked)) = embed::encode(front, upstream, body, &target) {
        embed::encode(upstream, upstream, &encoded.body, &target).expect("a request that was made is a request");
        let _ = embed::answer(front, upstream, &asked, "m", body);
    }
    let one = format!("{front:?}");
    let asked = embed::encode(embed::Shape::OpenAi, embed::Shape::OpenAi, br#"{"input":"a"}"#, &target);
    if let Ok((_, asked)) = asked
        && let Ok((made, ..)) = embed::answer(front, upstream, &asked, &one, body)
    {
        Object::read(&made).expect("an answer that was made is a JSON object");
    }
    use rerank::Shape::{Cohere, Jina};
    let pick = |bit: u8| if choice & bit == 0 { Cohere } else { Jina };
    if let Ok((encoded, asked)) = rerank::encode(pick(1), pick(2), body, "m") {
        Object::read(&encoded.body).expect("a request that was made is a JSON object");
        let _ = rerank::answer(pick(1), pick(2), &asked, "m", body);
    }
});
