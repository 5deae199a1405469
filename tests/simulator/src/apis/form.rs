//! Forms, as the real servers read them: every part has a name, fields are texts, files have a file's name.
//! <https://www.rfc-editor.org/rfc/rfc7578>

use memchr::memmem;

use super::Call;
use crate::fault::Fault;
use crate::openai::request::{missing, unknown};

/// A form whose parts are all known.
#[derive(Debug)]
pub(super) struct Form<'a>(Vec<Part<'a>>);

#[derive(Debug)]
struct Part<'a> {
    name: &'a str,
    file_name: Option<&'a str>,
    content: &'a [u8],
}

/// A file that came in a form.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) content: &'a [u8],
}

impl<'a> Form<'a> {
    /// Reads a form that may have these fields and files. A list is `name[]`.
    pub(super) fn read(call: &Call<'a>, known: &[&str]) -> Result<Self, Fault> {
        let broken = || Fault::invalid("Could not parse multipart form");
        let boundary = call.headers.get("content-type").and_then(|value| value.to_str().ok());
        let boundary = boundary.and_then(|kind| kind.split_once("boundary=")).ok_or_else(broken)?.1;
        let boundary = boundary.split(';').next().unwrap_or_default().trim().trim_matches('"');
        let parts = parts(call.body, boundary).ok_or_else(broken)?;
        let stranger = parts.iter().find(|part| !known.contains(&part.name.trim_end_matches("[]")));
        match stranger.filter(|_| call.validates) {
            Some(part) => Err(unknown(part.name)),
            None => Ok(Self(parts)),
        }
    }

    /// A field's text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let part = self.0.iter().find(|part| part.name == name && part.file_name.is_none())?;
        std::str::from_utf8(part.content).ok()
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a str, Fault> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
    }

    /// The files of a name, also where they are sent as a list.
    pub(super) fn files(&self, name: &str) -> Vec<File<'a>> {
        let is_it = |part: &&Part<'a>| part.name.trim_end_matches("[]") == name;
        let file = |part: &Part<'a>| Some(File { name: part.file_name?, content: part.content });
        self.0.iter().filter(is_it).filter_map(file).collect()
    }

    pub(super) fn file(&self, name: &str) -> Result<File<'a>, Fault> {
        self.files(name).pop().filter(|file| !file.content.is_empty()).ok_or_else(|| missing(name))
    }
}

fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    if boundary.is_empty() {
        return None;
    }
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(delimiter.get(2..)?.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let (headers, content) = split(rest, b"\r\n\r\n")?;
        let (content, behind) = split(content, delimiter.as_bytes())?;
        rest = behind;
        parts.push(part(std::str::from_utf8(headers).ok()?, content)?);
    }
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = memmem::find(bytes, at)?;
    let (before, behind) = bytes.split_at_checked(place)?;
    Some((before, behind.get(at.len()..)?))
}

fn part<'a>(headers: &'a str, content: &'a [u8]) -> Option<Part<'a>> {
    let is_disposition =
        |line: &&str| line.get(..20).is_some_and(|name| name.eq_ignore_ascii_case("content-disposition:"));
    let line = headers.split("\r\n").find(is_disposition)?;
    let value = |key: &str| {
        let (_, value) = line.split_once(key)?;
        let value = value.strip_prefix('"').map_or(value, |quoted| quoted.split('"').next().unwrap_or_default());
        Some(value.split(';').next().unwrap_or_default())
    };
    Some(Part { name: value("; name=")?, file_name: value("; filename="), content })
}
