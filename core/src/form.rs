//! Forms (`multipart/form-data`): looked at where they lie, so that a recording of 20 MB is not copied to read a model's name.
//!
//! Follows <https://www.rfc-editor.org/rfc/rfc7578> and RFC 2046, and is stricter: whatever two readers could understand in
//! two ways is refused, since the provider must see the same fields as we do. So nothing but blanks may stand before the
//! first and after the last boundary, a line that only begins like the boundary is an error, as are encoded parts, names
//! in extended notation and headers without end.
//!
//! Never looks into files, and never changes a byte but those of the field that is set.

use crate::fault::Fault;
use memchr::memmem::{self, Finder};
use std::ops::Range;

/// Most parts of one form.
pub const PARTS_MAX: usize = 512;
/// Most bytes of one part's headers.
const HEADERS_BYTES_MAX: usize = 8 << 10;
/// Longest boundary: <https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1>.
const BOUNDARY_BYTES_MAX: usize = 70;
/// What is longer is no small field.
const FIELD_BYTES_MAX: usize = 256 << 10;

/// A form, with the place of each of its parts.
#[derive(Debug)]
pub struct Form<'a> {
    body: &'a [u8],
    boundary: String,
    parts: Vec<Part<'a>>,
    /// Where the closing boundary begins.
    end: usize,
}

/// A part of a [`Form`].
#[derive(Debug)]
struct Part<'a> {
    name: &'a str,
    is_file: bool,
    content: Range<usize>,
}

impl<'a> Form<'a> {
    /// Whether a request with this `content-type` is a form.
    pub fn is_type(content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("multipart/form-data")
    }

    /// Looks through a form, in time that grows with its length and nothing else.
    ///
    /// # Errors
    /// A [`Fault`] that says what is wrong, for a `content-type` or a body that is no form, or not one for certain.
    pub fn read(content_type: &str, body: &'a [u8]) -> Result<Self, Fault> {
        let boundary = boundary(content_type)?;
        let delimiter = format!("\r\n--{boundary}");
        let opening = delimiter.get(2..).unwrap_or_default().as_bytes();
        let mut rest = Rest { body, at: 0 };
        rest.skip_blanks();
        if !rest.skip(opening) {
            return Err(invalid("it does not begin with its boundary"));
        }
        let finder = Finder::new(delimiter.as_bytes());
        let mut parts = Vec::new();
        let mut end = rest.at.saturating_sub(opening.len());
        while !rest.ends_here()? {
            if parts.len() == PARTS_MAX {
                return Err(invalid(&format!("it has more than {PARTS_MAX} parts")));
            }
            let headers = rest.headers()?;
            let length = finder.find(rest.left()).ok_or_else(|| invalid("it breaks off before its last boundary"))?;
            let content = rest.at..rest.at + length;
            let (name, is_file) = disposition(headers)?;
            parts.push(Part { name, is_file, content });
            end = rest.at + length + 2;
            rest.at += length + delimiter.len();
        }
        Ok(Self { body, boundary, parts, end })
    }

    /// A small text field; `None` for a file, for one that is not there, and for one that is no text. Of several of one
    /// name it is the last.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        let part = self.parts.iter().rev().find(|part| part.name == name && !part.is_file)?;
        let content = self.body.get(part.content.clone())?;
        std::str::from_utf8(content).ok().filter(|text| text.len() <= FIELD_BYTES_MAX)
    }

    /// Every part in its order: its name, whether it is a file, and where its content lies in the body.
    pub fn parts(&self) -> impl Iterator<Item = (&'a str, bool, Range<usize>)> {
        self.parts.iter().map(|part| (part.name, part.is_file, part.content.clone()))
    }

    /// How many bytes all files have.
    pub fn file_bytes(&self) -> usize {
        self.parts.iter().filter(|part| part.is_file).map(|part| part.content.len()).sum()
    }

    /// The form with this field, and every other byte as it was. Of several of one name all are set: the provider may read
    /// either.
    ///
    /// # Errors
    /// A [`Fault`] where the value holds the client's own boundary, which would end it.
    pub fn with_field(&self, name: &str, value: &str) -> Result<Vec<u8>, Fault> {
        if memmem::find(value.as_bytes(), format!("--{}", self.boundary).as_bytes()).is_some() {
            return Err(invalid(&format!("its boundary is a part of `{name}`")));
        }
        let mut out = Vec::with_capacity(self.body.len() + value.len() + name.len() + 128);
        let mut from = 0;
        let mut found = false;
        for part in self.parts.iter().filter(|part| part.name == name) {
            found = true;
            out.extend_from_slice(self.body.get(from..part.content.start).unwrap_or_default());
            out.extend_from_slice(value.as_bytes());
            from = part.content.end;
        }
        if !found {
            out.extend_from_slice(self.body.get(..self.end).unwrap_or_default());
            out.extend_from_slice(self.added(name, value).as_bytes());
            from = self.end;
        }
        out.extend_from_slice(self.body.get(from..).unwrap_or_default());
        Ok(out)
    }

    /// A part that stands before the closing boundary.
    fn added(&self, name: &str, value: &str) -> String {
        // As browsers write it: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.
        let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        format!("--{}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n", self.boundary)
    }
}

/// What has not been looked at yet.
struct Rest<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn left(&self) -> &'a [u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.left().starts_with(bytes);
        self.at += if is_next { bytes.len() } else { 0 };
        is_next
    }

    fn skip_blanks(&mut self) {
        self.at += self.left().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    /// Behind a boundary: whether it was the last one. If not, its line is passed.
    fn ends_here(&mut self) -> Result<bool, Fault> {
        if self.skip(b"--") {
            self.skip_blanks();
            return if self.left().is_empty() { Ok(true) } else { Err(invalid("something follows its last boundary")) };
        }
        self.at += self.left().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if self.skip(b"\r\n") { Ok(false) } else { Err(invalid("a line begins like its boundary and goes on")) }
    }

    /// A part's headers, the blank line behind them passed.
    fn headers(&mut self) -> Result<&'a [u8], Fault> {
        let left = self.left();
        let near = left.get(..HEADERS_BYTES_MAX).unwrap_or(left);
        let end = memmem::find(near, b"\r\n\r\n").ok_or_else(|| invalid("the headers of a part do not end"))?;
        self.at += end + 4;
        Ok(left.get(..end).unwrap_or_default())
    }
}

/// The boundary that a `content-type` tells.
fn boundary(content_type: &str) -> Result<String, Fault> {
    if !Form::is_type(content_type) {
        return Err(invalid("its content-type is not multipart/form-data"));
    }
    let parameters = content_type.split_once(';').map_or("", |(_, parameters)| parameters);
    let mut found = None;
    for parameter in Parameters(parameters) {
        let (name, value) = parameter.map_err(|()| invalid("its content-type cannot be read"))?;
        if name.eq_ignore_ascii_case("boundary") && found.replace(value).is_some() {
            return Err(invalid("its content-type has two boundaries"));
        }
    }
    let boundary = found.unwrap_or_default();
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX || boundary.ends_with(' ') {
        return Err(invalid("its content-type has no boundary of 1 to 70 characters"));
    }
    if !boundary.bytes().all(is_good) {
        return Err(invalid("its boundary has characters that a boundary cannot have"));
    }
    Ok(boundary.to_owned())
}

/// The name that a part's headers give it, and whether it is a file.
fn disposition(headers: &[u8]) -> Result<(&str, bool), Fault> {
    let headers = std::str::from_utf8(headers).map_err(|_| invalid("the headers of a part are not UTF-8"))?;
    let mut disposition = None;
    for line in headers.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or_else(|| invalid("a part has a header without a colon"))?;
        if line.starts_with([' ', '\t']) || name.ends_with([' ', '\t']) || line.contains(['\r', '\n', '\0']) {
            return Err(invalid("a part has a header that is not on one line"));
        }
        if name.eq_ignore_ascii_case("content-disposition") && disposition.replace(value.trim()).is_some() {
            return Err(invalid("a part has two names"));
        }
        let is_plain = |how: &str| ["7bit", "8bit", "binary"].iter().any(|plain| how.eq_ignore_ascii_case(plain));
        if name.eq_ignore_ascii_case("content-transfer-encoding") && !is_plain(value.trim()) {
            return Err(invalid("a part is encoded; send it as it is"));
        }
    }
    let named = disposition.ok_or_else(|| invalid("a part has no content-disposition"))?;
    let (kind, parameters) = named.split_once(';').unwrap_or((named, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(invalid("a part is no form-data"));
    }
    let (mut name, mut is_file) = (None, false);
    for parameter in Parameters(parameters) {
        let (key, value) = parameter.map_err(|()| invalid("the name of a part cannot be read"))?;
        match key.to_ascii_lowercase().as_str() {
            "name" if name.is_some() => return Err(invalid("a part has two names")),
            "name" if value.contains('\\') => return Err(invalid("a part has a backslash in its name")),
            "name" => name = Some(value),
            "name*" => return Err(invalid("a part has a name in extended notation")),
            "filename" | "filename*" => is_file = true,
            _ => {}
        }
    }
    name.map(|name| (name, is_file)).ok_or_else(|| invalid("a part has no name"))
}

/// The `; name="value"` of a header, one after the other.
struct Parameters<'a>(&'a str);

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<(&'a str, &'a str), ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_start_matches([' ', '\t', ';']);
        self.0 = "";
        if text.is_empty() {
            return None;
        }
        let Some((name, rest)) = text.split_once('=') else { return Some(Err(())) };
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => match unquoted(quoted) {
                Some(value) => value,
                None => return Some(Err(())),
            },
            None => {
                let (value, rest) = rest.split_at_checked(rest.find(';').unwrap_or(rest.len())).unwrap_or((rest, ""));
                (value.trim_end(), rest)
            }
        };
        // Only the next parameter may follow.
        let rest = rest.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(';') {
            return Some(Err(()));
        }
        self.0 = rest;
        Some(Ok((name.trim(), value)))
    }
}

/// A quoted text whose opening quote has been read, and what follows it. `None` also for one with a backslash before a
/// quote: some readers end it there, and others do not.
fn unquoted(text: &str) -> Option<(&str, &str)> {
    text.split_once('"').filter(|(value, _)| !value.ends_with('\\'))
}

fn invalid(what: &str) -> Fault {
    Fault::invalid(format!("the form cannot be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TYPE: &str = "multipart/form-data; boundary=xx";

    const FORM: &str = "--xx\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
        --xx \r\ncontent-disposition: form-data; name=file; filename=\"C:\\a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n\
        \r\n--x\r\nmodel\0\r\n--xx\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--xx--\r\n";

    fn read(body: &str) -> Form<'_> {
        Form::read(TYPE, body.as_bytes()).unwrap()
    }

    #[test]
    fn fields_are_found_and_set() {
        let form = read(FORM);
        assert_eq!(form.field("model"), Some("whisper-1"));
        assert_eq!(form.field("empty"), Some(""));
        assert_eq!((form.field("file"), form.field("stream"), form.file_bytes()), (None, None, 13));
        let set = form.with_field("model", "other").unwrap();
        assert_eq!(String::from_utf8(set).unwrap(), FORM.replace("whisper-1", "other"));
        let added = form.with_field("a\"b", "true").unwrap();
        let part = "--xx\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\ntrue\r\n--xx--\r\n";
        assert_eq!(String::from_utf8(added).unwrap(), FORM.replace("--xx--\r\n", part));
        assert!(form.with_field("model", "a--xxb").is_err());
    }

    #[test]
    fn a_name_that_stands_twice_is_set_twice() {
        let part =
            |name: &str, value: &str| format!("--xx\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n");
        let body = |one: &str, two: &str| {
            format!("{}{}--xx--", part("name=\"model\"", one), part("filename=\"f\"; name=\"model\"", two))
        };
        let before = body("a", "b");
        let form = read(&before);
        assert_eq!(form.field("model"), Some("a"));
        assert_eq!(String::from_utf8(form.with_field("model", "c").unwrap()).unwrap(), body("c", "c"));
    }

    #[test]
    fn a_form_without_parts() {
        let form = read("\r\n--xx--");
        assert_eq!(form.field("model"), None);
        let added = form.with_field("m", "v").unwrap();
        let added = String::from_utf8(added).unwrap();
        assert_eq!(added, "\r\n--xx\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\nv\r\n--xx--");
        assert_eq!(read(&added).field("m"), Some("v"));
    }

    #[test]
    fn boundaries() {
        for content_type in
            ["multipart/form-data; boundary=xx", "Multipart/Form-Data;charset=utf-8;Boundary=\"xx\" ;x=y"]
        {
            assert!(Form::read(content_type, b"--xx--").is_ok(), "{content_type}");
        }
        for (content_type, message) in [
            ("application/json", "not multipart"),
            ("multipart/form-data", "no boundary"),
            ("multipart/form-data; boundary=", "no boundary"),
            ("multipart/form-data; boundary=\"xx", "cannot be read"),
            ("multipart/form-data; boundary", "cannot be read"),
            ("multipart/form-data; boundary=xx; boundary=yy", "two boundaries"),
            ("multipart/form-data; boundary=\"x x \"", "no boundary"),
            ("multipart/form-data; boundary=\"x\"x", "cannot be read"),
            ("multipart/form-data; boundary=a{b", "characters"),
            (&format!("multipart/form-data; boundary={}", "x".repeat(71)), "no boundary"),
        ] {
            let fault = Form::read(content_type, b"--xx--").unwrap_err();
            assert!(fault.message.contains(message), "{content_type}: {}", fault.message);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let named = "--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n";
        let many = format!("{named}\r\n\r\n").repeat(PARTS_MAX + 1);
        let long =
            format!("--xx\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n", "a".repeat(HEADERS_BYTES_MAX));
        for (body, message) in [
            ("", "does not begin"),
            ("hello\r\n--xx--", "does not begin"),
            ("--xx", "begins like its boundary"),
            ("--xxx\r\n", "begins like its boundary"),
            ("--xx--\r\nmore", "follows its last"),
            ("--xx\r\n", "headers of a part do not end"),
            ("--xx\r\n\r\n\r\n--xx--", "breaks off"),
            ("--xx\r\n\r\n\r\n\r\n--xx--", "without a colon"),
            (&format!("{named}\r\nvalue"), "breaks off"),
            (&format!("{named}\r\nvalue\n--xx--"), "breaks off"),
            (&format!("{named}\r\nvalue\r\n--xxy"), "begins like its boundary"),
            (&format!("{named}{named}\r\nv\r\n--xx--"), "without a colon"),
            (&format!("{named}Content-Disposition: form-data; name=b\r\n\r\nv\r\n--xx--"), "two names"),
            (&format!("{named}Content-Transfer-Encoding: base64\r\n\r\nv\r\n--xx--"), "encoded"),
            (&format!("{named} folded: x\r\n\r\nv\r\n--xx--"), "not on one line"),
            ("--xx\r\nContent-Type: text/plain\r\n\r\nv\r\n--xx--", "no content-disposition"),
            ("--xx\r\nContent-Disposition: attachment; name=a\r\n\r\nv\r\n--xx--", "no form-data"),
            ("--xx\r\nContent-Disposition: form-data\r\n\r\nv\r\n--xx--", "no name"),
            ("--xx\r\nContent-Disposition: form-data; name=a; NAME=b\r\n\r\nv\r\n--xx--", "two names"),
            ("--xx\r\nContent-Disposition: form-data; name*=utf-8''a\r\n\r\nv\r\n--xx--", "extended"),
            ("--xx\r\nContent-Disposition: form-data; name=\"a\r\n\r\nv\r\n--xx--", "cannot be read"),
            ("--xx\r\nContent-Disposition: form-data; name=\"mod\\el\"\r\n\r\nv\r\n--xx--", "backslash"),
            (
                "--xx\r\nContent-Disposition: form-data; name=a; filename=\"a\\\";x\"\r\n\r\nv\r\n--xx--",
                "cannot be read",
            ),
            (&many, "more than"),
            (&long, "do not end"),
        ] {
            let fault = Form::read(TYPE, body.as_bytes()).unwrap_err();
            assert!(fault.message.contains(message), "{body}: {}", fault.message);
            assert_eq!(fault.status, 400);
        }
    }

    /// A body that begins boundaries all the time takes no longer than another one.
    #[test]
    fn almost_boundaries_cost_nothing() {
        let content = "\r\n--x\r\n-".repeat(1 << 19);
        let body = format!("--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{content}\r\n--xx--");
        assert_eq!(read(&body).parts.len(), 1);
    }

    proptest! {
        #[test]
        fn what_is_set_is_read_and_the_rest_stays(
            parts in prop::collection::vec(("[a-c]{1,2}", any::<bool>(), prop::collection::vec(any::<u8>(), 0..20)), 0..6),
            name in "[a-d]{1,2}",
            value in "[a-z\r\n-]{0,12}",
        ) {
            let mut body = Vec::new();
            for (name, is_file, content) in &parts {
                let file = if *is_file { "; filename=\"f\"" } else { "" };
                body.extend_from_slice(format!("--B0\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes());
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--B0--\r\n");
            let content_type = "multipart/form-data; boundary=B0";
            let form = Form::read(content_type, &body).unwrap();
            prop_assert_eq!(form.parts.len(), parts.len());
            let set = form.with_field(&name, &value).unwrap();
            let again = Form::read(content_type, &set).unwrap();
            let was_there = form.parts.iter().any(|part| part.name == name);
            prop_assert_eq!(again.parts.len(), parts.len() + usize::from(!was_there));
            for (part, old) in again.parts.iter().zip(form.parts.iter().map(Some).chain([None])) {
                let content = &set[part.content.clone()];
                match old {
                    Some(old) if old.name != name => prop_assert_eq!(content, &body[old.content.clone()]),
                    Some(_) | None => prop_assert_eq!(content, value.as_bytes()),
                }
            }
        }

        #[test]
        fn nothing_panics(content_type in "multipart/form-data; ?boundary=\"?[xy]{0,2}\"?", body in "(--|\r\n|x|y|Content-Disposition: form-data; name=|\"|a|:| ){0,40}") {
            if let Ok(form) = Form::read(&content_type, body.as_bytes()) {
                let set = form.with_field("model", "m").unwrap();
                let read = Form::read(&content_type, &set).unwrap();
                prop_assert!(read.parts.iter().any(|part| part.name == "model"));
            }
        }
    }
}
