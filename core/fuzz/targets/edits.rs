//! Any JSON object is one for `serde_json`, too, and so is every field; edited: still an object, the edit is there, every other field is as it was.
#![no_main]

use attache_core::edit::Object;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fuzz_target!(|data: &[u8]| {
    let Ok(object) = Object::read(data) else { return };
    serde_json::from_slice::<IgnoredAny>(data).expect("an object is JSON");
    for (key, value) in object.fields() {
        serde_json::from_str::<IgnoredAny>(value).unwrap_or_else(|error| panic!("{key}: {error}"));
    }
    let mut edit = object.edit();
    edit.set_str("model", "new \"name\"").set("added", "[1,{\"x\":2}]");
    let text = edit.write();
    let edited = Object::read(&text).expect("an edited object is an object");
    assert_eq!(edited.raw("model"), Some(r#""new \"name\"""#));
    assert_eq!(edited.raw("added"), Some(r#"[1,{"x":2}]"#));
    for key in ["messages", "stream", "", "a", "usage"] {
        assert_eq!(edited.raw(key), object.raw(key));
    }
});
