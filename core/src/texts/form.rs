//! Forms (`multipart/form-data`): their fields, and files that are text.

use super::walk::{bare, edited};
use super::{Place, Splice, Unreadable, Visit};
use crate::form;

/// Fields that hold the protocol's own words.
const WORDS: [&str; 17] = [
    "model",
    "response_format",
    "language",
    "size",
    "quality",
    "style",
    "background",
    "moderation",
    "output_format",
    "input_fidelity",
    "n",
    "temperature",
    "stream",
    "purpose",
    "include[]",
    "timestamp_granularities[]",
    "chunking_strategy",
];

/// Whether a body looks like a form.
pub(super) fn is_form(body: &[u8]) -> bool {
    boundary(body).is_some()
}

/// Visits the texts of a form.
pub(super) fn request(body: &[u8], place: Place, visit: &mut Visit<'_>) -> Result<Option<Vec<u8>>, Unreadable> {
    let unreadable = |why: &str| Unreadable(why.to_owned());
    let boundary = boundary(body).ok_or_else(|| unreadable("the form has no boundary"))?;
    let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
    let form = form::Form::read(&content_type, body).map_err(|fault| Unreadable(fault.message))?;
    let mut edits: Vec<Splice> = Vec::new();
    for (name, is_file, content) in form.parts().filter(|(name, ..)| !WORDS.contains(name)) {
        let bytes = body.get(content.clone()).unwrap_or_default();
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => text,
            Ok(_) | Err(_) if is_file => continue,
            Ok(_) | Err(_) => return Err(Unreadable(format!("a field of the form is no text: {name}"))),
        };
        let changes = bare(text, place, visit);
        edits.extend(changes.into_iter().map(|change| Splice {
            range: content.start + change.range.start..content.start + change.range.end,
            text: change.text,
        }));
    }
    let ends_it = format!("--{boundary}");
    if edits.iter().any(|edit| edit.text.contains(&ends_it)) {
        return Err(unreadable("a replacement holds the form's own boundary"));
    }
    Ok((!edits.is_empty()).then(|| edited(body, &edits)))
}

/// The boundary, which is all of the first line.
fn boundary(body: &[u8]) -> Option<&str> {
    let end = memchr::memmem::find(body.get(..body.len().min(128))?, b"\r\n")?;
    std::str::from_utf8(body.get(..end)?).ok()?.strip_prefix("--").map(str::trim_end).filter(|name| !name.is_empty())
}
