//! Any whole answer or error of a provider, towards every front.
#![no_main]

mod common;

use attache_core::edit::Object;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((choice, body)) = data.split_first() else { return };
    let answer = common::answer(*choice, body.len() % 2 == 0);
    if let Ok(whole) = answer.whole(body, &mut |_| {})
        && let Some(made) = whole.body.filter(|_| !whole.is_stream)
    {
        Object::read(&made).expect("an answer that was made is a JSON object");
    }
    let error = answer.error("p", 400 + u16::from(*choice), body);
    assert!((400..600).contains(&error.status) || error.body.is_none());
    if let Some(made) = error.body {
        Object::read(&made).expect("an error that was made is a JSON object");
    }
});
