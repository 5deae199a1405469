//! `/v1/images/generations`, `edits` and `variations`: <https://platform.openai.com/docs/api-reference/images>.
//!
//! Two families: `dall-e-*` answer with URLs unless told not to, tell no usage and cannot stream; `gpt-image-*` answer with
//! base64 only. Every image is the same PNG of one pixel.

use serde_json::{Map, Value, json};

use super::form::Form;
use super::{Answer, Call, event, required, set};
use crate::fault::Fault;
use crate::openai::request::{Kind, missing, text_too_long, unknown};
use crate::turn;

const PARAMETERS: [(&str, Kind, bool); 16] = [
    ("prompt", Kind::Text, false),
    ("model", Kind::Text, true),
    ("background", Kind::OneOf(&["transparent", "opaque", "auto"]), true),
    ("input_fidelity", Kind::OneOf(&["high", "low"]), true),
    ("moderation", Kind::OneOf(&["low", "auto"]), true),
    ("n", Kind::Integer(1, 10), true),
    ("output_compression", Kind::Integer(0, 100), true),
    ("output_format", Kind::OneOf(&["png", "webp", "jpeg"]), true),
    ("partial_images", Kind::Integer(0, 3), true),
    ("quality", Kind::OneOf(&["low", "medium", "high", "auto", "standard", "hd"]), true),
    ("response_format", Kind::OneOf(&["url", "b64_json"]), true),
    ("size", Kind::OneOf(&SIZES), true),
    ("stream", Kind::Bool, true),
    ("style", Kind::OneOf(&["vivid", "natural"]), true),
    ("user", Kind::Text, false),
    ("images", Kind::List, false),
];
const SIZES: [&str; 8] =
    ["auto", "1024x1024", "1536x1024", "1024x1536", "256x256", "512x512", "1792x1024", "1024x1792"];
/// What only the newer models take, and what only the older.
const NEW_ONLY: [&str; 8] = [
    "background",
    "input_fidelity",
    "moderation",
    "output_compression",
    "output_format",
    "partial_images",
    "stream",
    "images",
];
const OLD_ONLY: [&str; 2] = ["response_format", "style"];

/// A PNG of one pixel.
pub(super) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

pub(super) fn generate(call: Call<'_>) -> Result<Answer, Fault> {
    let request = call.json(&PARAMETERS)?;
    if let Some(name) = ["input_fidelity", "images"].iter().find(|name| call.validates && request.contains_key(**name))
    {
        return Err(unknown(name));
    }
    let prompt = required(&request, "prompt")?;
    answer(call, &request, "image_generation", turn::tokens(prompt.len()), 0)
}

pub(super) fn edit(call: Call<'_>) -> Result<Answer, Fault> {
    if !call.is_form() {
        let request = call.json(&PARAMETERS)?;
        let images = request.get("images").and_then(Value::as_array).filter(|images| !images.is_empty());
        let images = images.ok_or_else(|| missing("images"))?.len();
        let prompt = required(&request, "prompt")?;
        return answer(call, &request, "image_edit", turn::tokens(prompt.len()), images);
    }
    let names: Vec<&str> = PARAMETERS.iter().map(|(name, ..)| *name).chain(["image", "mask"]).collect();
    let form = Form::read(&call, &names)?;
    let images = form.files("image");
    check_images(&images)?;
    let prompt = form.required("prompt")?;
    answer(call, &fields(&form), "image_edit", turn::tokens(prompt.len()), images.len())
}

pub(super) fn vary(call: Call<'_>) -> Result<Answer, Fault> {
    let form = Form::read(&call, &["image", "model", "n", "response_format", "size", "user"])?;
    check_images(&form.files("image"))?;
    let mut request = fields(&form);
    request.entry("model").or_insert(json!("dall-e-2"));
    answer(call, &request, "", 0, 1)
}

fn check_images(images: &[super::form::File<'_>]) -> Result<(), Fault> {
    if images.is_empty() {
        return Err(missing("image"));
    }
    let known = |content: &[u8]| {
        content.starts_with(b"\x89PNG") || content.starts_with(b"\xff\xd8") || content.get(8..12) == Some(b"WEBP")
    };
    match images.iter().find(|image| !known(image.content)) {
        Some(_) => Err(Fault::invalid("Invalid image file or mode for image, please check your image file.")
            .param("image")
            .code("invalid_image_file")),
        None => Ok(()),
    }
}

/// The fields of a form as the JSON that they stand for.
fn fields(form: &Form<'_>) -> Map<String, Value> {
    let value = |name: &str, text: &str| match PARAMETERS.iter().find(|(known, ..)| *known == name) {
        Some((_, Kind::Bool | Kind::Integer(..), _)) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Some(_) | None => json!(text),
    };
    let names = PARAMETERS.iter().map(|(name, ..)| *name);
    names.filter_map(|name| form.text(name).map(|text| (name.to_owned(), value(name, text)))).collect()
}

fn answer(
    call: Call<'_>,
    request: &Map<String, Value>,
    action: &'static str,
    prompt_tokens: u64,
    images: usize,
) -> Result<Answer, Fault> {
    let model = request.get("model").and_then(Value::as_str).unwrap_or("gpt-image-1");
    let is_old = model.starts_with("dall-e");
    if call.validates {
        crate::openai::request::check_parameters(request, &PARAMETERS)?;
        check_family(model, is_old, request)?;
    }
    let n = request.get("n").and_then(Value::as_u64).unwrap_or(1);
    if is_old {
        let as_base64 = request.get("response_format").and_then(Value::as_str) == Some("b64_json");
        let image = if as_base64 { json!({"b64_json": PNG}) } else { json!({"url": "https://images.invalid/1.png"}) };
        let data: Vec<&Value> = (0..n).map(|_| &image).collect();
        return Ok(Answer::json(&json!({"created": call.created, "data": data})));
    }
    let image_tokens = u64::try_from(images).unwrap_or(0) * 323;
    let usage = call.usage(json!({
        "input_tokens": prompt_tokens + image_tokens, "output_tokens": 272 * n,
        "total_tokens": prompt_tokens + image_tokens + 272 * n,
        "input_tokens_details": {"text_tokens": prompt_tokens, "image_tokens": image_tokens},
    }));
    let said = |name: &str| request.get(name).and_then(Value::as_str).filter(|word| *word != "auto");
    let mut about = json!({
        "background": said("background").unwrap_or("opaque"), "output_format": said("output_format").unwrap_or("png"),
        "quality": said("quality").unwrap_or("low"), "size": said("size").unwrap_or("1024x1024"),
    });
    if request.get("stream").and_then(Value::as_bool) == Some(true) {
        let partial = request.get("partial_images").and_then(Value::as_u64).unwrap_or(0);
        return Ok(Answer::events(events(call, action, &about, partial, usage)));
    }
    set(&mut about, "created", json!(call.created));
    set(&mut about, "data", (0..n).map(|_| json!({"b64_json": PNG})).collect());
    if let Some(usage) = usage {
        set(&mut about, "usage", usage);
    }
    Ok(Answer::json(&about))
}

fn check_family(model: &str, is_old: bool, request: &Map<String, Value>) -> Result<(), Fault> {
    let strangers: &[&str] = if is_old { &NEW_ONLY } else { &OLD_ONLY };
    let set = |name: &&&str| request.get(**name).is_some_and(|value| !value.is_null());
    if let Some(name) = strangers.iter().find(set) {
        return Err(unknown(name));
    }
    let prompt_max = if is_old { 4000 } else { 32_000 };
    let prompt = request.get("prompt").and_then(Value::as_str).map_or(0, |prompt| prompt.chars().count());
    if prompt > prompt_max {
        return Err(text_too_long("prompt", prompt_max, prompt));
    }
    let n = request.get("n").and_then(Value::as_u64).unwrap_or(1);
    if model == "dall-e-3" && n > 1 {
        return Err(Fault::invalid("You must provide n=1 for this model.").param("n"));
    }
    Ok(())
}

fn events(
    call: Call<'_>,
    action: &'static str,
    about: &Value,
    partial: u64,
    usage: Option<Value>,
) -> Vec<crate::sse::Event> {
    let (partial_name, last_name) = match action {
        "image_edit" => ("image_edit.partial_image", "image_edit.completed"),
        _ => ("image_generation.partial_image", "image_generation.completed"),
    };
    let mut all: Vec<_> = (0..partial)
        .map(|index| {
            let mut data = about.clone();
            set(&mut data, "type", json!(partial_name));
            set(&mut data, "b64_json", json!(PNG));
            set(&mut data, "created_at", json!(call.created));
            set(&mut data, "partial_image_index", json!(index));
            event(partial_name, &data, true)
        })
        .collect();
    let mut last = about.clone();
    set(&mut last, "type", json!(last_name));
    set(&mut last, "b64_json", json!(PNG));
    set(&mut last, "created_at", json!(call.created));
    if let Some(usage) = usage {
        set(&mut last, "usage", usage);
    }
    all.push(event(last_name, &last, true));
    all
}
