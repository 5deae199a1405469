//! Things that stand in a URL themselves: `data:image/png;base64,…`, <https://www.rfc-editor.org/rfc/rfc2397>.

use crate::dialect::wire::is_media_type;
use crate::text::Str;
use serde::{Serialize, Serializer};

/// What a text is as a data URL.
pub(super) enum DataUrl<'a> {
    /// `data:image/png;base64,…`
    Base64 { media_type: Str<'a>, data: Str<'a> },
    /// A data URL in another encoding.
    Other,
    /// No data URL.
    None(Str<'a>),
}

impl<'a> DataUrl<'a> {
    /// Takes it apart without copying where the text is borrowed.
    pub(super) fn read(text: Str<'a>) -> Self {
        const SCHEME: &str = "data:";
        let Some((scheme, rest)) = text.split_at_checked(SCHEME.len()) else { return Self::None(text) };
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Self::None(text);
        }
        let Some((head, _)) = rest.split_once(',') else { return Self::Other };
        let Some(described) = strip_base64(head) else { return Self::Other };
        let media_type = SCHEME.len()..SCHEME.len() + described.split(';').next().unwrap_or_default().len();
        let data = SCHEME.len() + head.len() + 1..text.len();
        match (text.part(media_type), text.part(data)) {
            (Some(media_type), Some(data)) if media_type.is_empty() => {
                Self::Base64 { media_type: Str::from("text/plain"), data }
            }
            (Some(media_type), Some(data)) if is_media_type(&media_type) => Self::Base64 { media_type, data },
            _ => Self::Other,
        }
    }
}

/// `image/png;base64` → `image/png`.
fn strip_base64(head: &str) -> Option<&str> {
    let (described, encoding) = head.rsplit_once(';')?;
    encoding.trim().eq_ignore_ascii_case("base64").then_some(described)
}

/// A URL on its way out, or the thing itself as a data URL.
#[derive(Clone, Copy, Debug)]
pub(super) enum Url<'b> {
    /// Somewhere on the network.
    Web(&'b str),
    /// The thing itself, base64-encoded.
    Data { media_type: &'b str, data: &'b str },
}

impl Serialize for Url<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Web(url) => serializer.serialize_str(url),
            Self::Data { media_type, data } => serializer.collect_str(&format_args!("data:{media_type};base64,{data}")),
        }
    }
}
