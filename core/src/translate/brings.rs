//! What a request brings along, for who decides where it goes: looked for in one pass over its text, without finding out
//! what it means.

use super::ask::Ask;
use crate::edit::Object;
use crate::text::Str;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Where the conversation stands, in all dialects.
const CONVERSATIONS: [&str; 3] = ["messages", "contents", "input"];
/// Where a conversation holds what somebody else has written: arguments and results of tools, as JSON.
const FOREIGN: [&str; 6] = ["input", "arguments", "args", "parameters", "response", "json"];
/// The types of blocks that are images.
const IMAGES: [&str; 3] = ["image", "image_url", "input_image"];

impl Ask<'_> {
    /// Whether it offers tools, those that the provider runs among them.
    pub fn offers_tools(&self) -> bool {
        let config = self.object.raw("toolConfig").and_then(|config| Object::read(config.as_bytes()).ok());
        let within = config.as_ref().and_then(|config| config.raw("tools"));
        ["tools", "functions"].into_iter().filter_map(|field| self.object.raw(field)).chain(within).any(has_items)
    }

    /// Whether a message, or what a tool answered, holds an image.
    pub fn shows_image(&self) -> bool {
        CONVERSATIONS.into_iter().filter_map(|field| self.object.raw(field)).any(|spoken| {
            let mut json = serde_json::Deserializer::from_str(spoken);
            Image::Anywhere.deserialize(&mut json).unwrap_or(false)
        })
    }
}

fn has_items(list: &str) -> bool {
    serde_json::from_str::<Vec<IgnoredAny>>(list).is_ok_and(|items| !items.is_empty())
}

/// Looks for an image in a value: whether there is one.
#[derive(Clone, Copy)]
enum Image {
    /// In whatever it holds.
    Anywhere,
    /// It names the type of a block.
    Type,
    /// It names a medium's type.
    Mime,
    /// It is one, if it is an object.
    Itself,
}

impl Image {
    /// What a field's value may say; `None` where it says nothing.
    fn within(key: &str) -> Option<Self> {
        match key {
            "type" => Some(Self::Type),
            "mimeType" | "mime_type" => Some(Self::Mime),
            "image" => Some(Self::Itself),
            foreign if FOREIGN.contains(&foreign) => None,
            _ => Some(Self::Anywhere),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Image {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Image {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(match self {
            Self::Type => IMAGES.contains(&text),
            Self::Mime => text.starts_with("image/"),
            Self::Anywhere | Self::Itself => false,
        })
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(within) = list.next_element_seed(Self::Anywhere)? {
            found |= within;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<bool, A::Error> {
        let mut found = matches!(self, Self::Itself);
        while let Some(key) = fields.next_key::<Str<'de>>()? {
            match Self::within(&key) {
                Some(look) => found |= fields.next_value_seed(look)?,
                None => _ = fields.next_value::<IgnoredAny>()?,
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{MediaKind, Part};
    use crate::dialect::{Dialect, fixtures};
    use crate::endpoint::Endpoint;

    #[test]
    fn tools_and_images_are_seen_in_every_dialect() {
        for (path, body, tools, images) in [
            ("/v1/chat/completions", r#"{"model":"m","messages":[],"tools":[ ]}"#, false, false),
            ("/v1/chat/completions", r#"{"model":"m","messages":[],"functions":[{"name":"f"}]}"#, true, false),
            (
                "/v1/chat/completions",
                r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b"}}]}]}"#,
                false,
                true,
            ),
            (
                "/v1/messages",
                r#"{"model":"m","max_tokens":1,"tools":[{"type":"web_search_20250305","name":"web_search"}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":"https://a/b"}}]}]}]}"#,
                true,
                true,
            ),
            (
                "/v1/messages",
                r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"\"type\":\"image\""}]}"#,
                false,
                false,
            ),
            (
                "/v1beta/models/m:generateContent",
                r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}],"tools":[{}]}"#,
                true,
                true,
            ),
            (
                "/model/m/converse",
                r#"{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"AA=="}}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"t","inputSchema":{"json":{}}}}]}}"#,
                true,
                true,
            ),
            (
                "/v1/responses",
                r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"https://a/b"}]}],"tools":null}"#,
                false,
                true,
            ),
            ("/v1/embeddings", r#"{"model":"m","input":"x"}"#, false, false),
            ("/v1/chat/completions", r#"{"model":"m","messages":7}"#, false, false),
        ] {
            let endpoint = Endpoint::of(path, false).unwrap();
            let ask = Ask::read(endpoint, body.as_bytes()).unwrap();
            assert_eq!((ask.offers_tools(), ask.shows_image()), (tools, images), "{path} {body}");
        }
    }

    /// What the scan says of the fixtures is what they mean.
    #[test]
    fn a_look_sees_what_reading_finds() {
        fn any(parts: &[Part<'_>]) -> bool {
            parts.iter().any(|part| match part {
                Part::Media(media) => media.kind == MediaKind::Image,
                Part::ToolResult(result) => any(&result.content),
                Part::Text(_)
                | Part::Thinking { .. }
                | Part::RedactedThinking { .. }
                | Part::ToolCall(_)
                | Part::Refusal(_) => false,
            })
        }
        let mut images = 0;
        for dialect in Dialect::ALL {
            let folder = dialect.as_str();
            for (name, body) in fixtures::files(folder, "requests") {
                let mut endpoint = Endpoint::from(dialect);
                endpoint.model = Some("m".to_owned());
                let Ok(ask) = Ask::read(endpoint, &body) else { continue };
                let Ok(meaning) = ask.meaning() else { continue };
                let found = meaning.messages.iter().any(|message| any(&message.parts));
                assert_eq!(ask.shows_image(), found, "{folder}/{name}");
                images += usize::from(found);
            }
        }
        assert!(images > 5, "{images}");
    }
}
