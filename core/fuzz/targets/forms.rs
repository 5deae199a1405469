//! Any form: what is set is read again, and a second look finds the same.
#![no_main]

use attache_core::form::Form;
use libfuzzer_sys::fuzz_target;

const TYPE: &str = "multipart/form-data; boundary=xx";

fuzz_target!(|data: &[u8]| {
    // The type of the first line, or a plain one: most bytes are no boundary.
    let (kind, body) = match data.iter().position(|byte| *byte == b'\n') {
        Some(at) if data.first() == Some(&b'm') => data.split_at(at),
        _ => (TYPE.as_bytes(), data),
    };
    let Ok(kind) = std::str::from_utf8(kind) else { return };
    let Ok(form) = Form::read(kind, body) else { return };
    assert!(form.file_bytes() <= body.len());
    let Ok(set) = form.with_field("model", "a new name") else { return };
    let again = Form::read(kind, &set).expect("a form whose field was set is a form");
    if form.field("model").is_some() {
        assert_eq!(again.field("model"), Some("a new name"));
    }
    for name in ["stream", "prompt", "", "file"] {
        assert_eq!(again.field(name), form.field(name));
    }
    assert_eq!(again.with_field("model", "a new name").expect("the value fits still"), set);
});
