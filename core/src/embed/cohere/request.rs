//! Requests: texts, images, or inputs of both.

use crate::dialect::wire::{BadJson, is_media_type, read, wire};
use crate::embed::Target;
use crate::embed::request::{Encoding, Field, Input, Names, Piece, Purpose, Request, Truncate};
use crate::embed::response::written;
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde::Serialize;
use serde::de::IgnoredAny;

static NAMES: Names = Names {
    inputs: "texts",
    encodings: "embedding_types",
    dimensions: "output_dimension",
    purpose: "input_type",
    title: "",
    truncate: "truncate",
    tokens_max: "max_tokens",
    normalize: "",
    user: "",
};

wire! {
    struct Body<'a> {
        model: IgnoredAny,
        input_type: Str<'a>,
        texts: Vec<Str<'a>>,
        images: Vec<Str<'a>>,
        inputs: Vec<InputFields<'a>>,
        max_tokens: u64,
        output_dimension: u64,
        embedding_types: Vec<Str<'a>>,
        truncate: Str<'a>,
    }
}

wire! {
    struct InputFields<'a> { content: Vec<PieceFields<'a>> }
}

wire! {
    struct PieceFields<'a> { kind "type": Str<'a>, text: Str<'a>, image_url: Url<'a> }
}

wire! {
    struct Url<'a> { url: Str<'a> }
}

pub(in crate::embed) fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let body: Body<'_> = read(body).map_err(BadJson::of_request)?;
    let mut request = Request::new(&NAMES);
    body.unknown.iter().for_each(|name| request.losses.add_unknown("", name));
    request.purpose = Purpose::noted(body.input_type.as_deref(), NAMES.purpose, &mut request.losses);
    request.dimensions = body.output_dimension;
    request.tokens_max = body.max_tokens;
    request.truncate = body.truncate.map(|word| truncate(&word)).transpose()?;
    for name in body.embedding_types.unwrap_or_default() {
        request.encodings.push(Encoding::read(&name, &Encoding::COHERE, NAMES.encodings)?);
    }
    let kinds = [body.texts.is_some(), body.images.is_some(), body.inputs.is_some()];
    if kinds.into_iter().filter(|given| *given).count() > 1 {
        return Err(Fault::invalid("texts: only one of texts, images and inputs may be given").with_param("texts"));
    }
    request.inputs = body.texts.unwrap_or_default().into_iter().map(Input::Text).collect();
    for uri in body.images.unwrap_or_default() {
        request.inputs.push(Input::Pieces(vec![image(uri, "images")?]));
    }
    for fields in body.inputs.unwrap_or_default() {
        let content = fields.content.filter(|content| !content.is_empty());
        let content = content.ok_or_else(|| {
            Fault::invalid("inputs.content: an input needs one part at least").with_param("inputs.content")
        })?;
        request.inputs.push(Input::of(content.into_iter().map(piece).collect::<Result<_, _>>()?));
    }
    Ok(request)
}

fn truncate(word: &str) -> Result<Truncate, Fault> {
    match word {
        "NONE" => Ok(Truncate::Refuse),
        "START" => Ok(Truncate::Start),
        "END" => Ok(Truncate::End),
        _ => Err(Fault::invalid("truncate: expected one of NONE, START, END").with_param("truncate")),
    }
}

fn piece(fields: PieceFields<'_>) -> Result<Piece<'_>, Fault> {
    match (fields.text, fields.image_url.and_then(|image| image.url)) {
        (Some(text), None) => Ok(Piece::Text(text)),
        (None, Some(uri)) => image(uri, "inputs.content.image_url"),
        (None, None) | (Some(_), Some(_)) => {
            Err(Fault::invalid("inputs.content: each part is a text or an image_url").with_param("inputs.content"))
        }
    }
}

/// An image out of its `data:image/png;base64,…`.
fn image<'a>(uri: Str<'a>, field: &'static str) -> Result<Piece<'a>, Fault> {
    let places = uri.strip_prefix("data:").and_then(|rest| {
        let (media_type, data) = rest.split_once(";base64,")?;
        Some((uri.len() - rest.len(), media_type.len(), uri.len() - data.len()))
    });
    let parts =
        places.and_then(|(start, length, data)| Some((uri.part(start..start + length)?, uri.part(data..uri.len())?)));
    let (media_type, data) =
        parts.filter(|(media_type, _)| media_type.starts_with("image/") && is_media_type(media_type)).ok_or_else(
            || Fault::invalid(format!("{field}: expected an image as a data URI, in base64")).with_param(field),
        )?;
    Ok(Piece::Image { media_type, data })
}

#[derive(Serialize)]
struct BodyOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    input_type: &'static str,
    #[serde(flatten)]
    inputs: InputsOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
    embedding_types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncate: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum InputsOut<'a> {
    Texts(Vec<&'a str>),
    Images(Vec<String>),
    Inputs(Vec<InputOut<'a>>),
}

#[derive(Serialize)]
struct InputOut<'a> {
    content: Vec<PieceOut<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum PieceOut<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: UrlOut },
}

#[derive(Serialize)]
struct UrlOut {
    url: String,
}

/// Writes a request; `model` is `None` where it stands in the URL.
pub(in crate::embed) fn encode(
    request: &Request<'_>,
    target: &Target<'_>,
    model: Option<&str>,
    losses: &mut Losses,
) -> Result<Vec<u8>, Fault> {
    request.lose_all_but(&[Field::Dimensions, Field::Purpose, Field::Truncate, Field::TokensMax], losses);
    let inputs = inputs(request)?;
    let default = if matches!(inputs, InputsOut::Images(_)) { Purpose::Image } else { target.purpose };
    let (input_type, is_exact) = request.purpose.unwrap_or(default).cohere();
    if request.purpose.is_some() && !is_exact {
        losses.add(request.names.purpose);
    }
    let mut embedding_types: Vec<&'static str> = Vec::new();
    for name in request.encodings.iter().map(|encoding| sent(*encoding)) {
        if !embedding_types.contains(&name) {
            embedding_types.push(name);
        }
    }
    if embedding_types.is_empty() {
        embedding_types.push("float");
    }
    let body = BodyOut {
        model,
        input_type,
        inputs,
        max_tokens: request.tokens_max,
        output_dimension: request.dimensions,
        embedding_types,
        truncate: request.truncate.map(|truncate| match truncate {
            Truncate::Refuse => "NONE",
            Truncate::Start => "START",
            Truncate::End => "END",
        }),
    };
    Ok(written(&body))
}

/// Base64 is made here: that of these models is documented only as "the floats' bytes".
fn sent(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Base64 => "float",
        Encoding::Float
        | Encoding::Int8
        | Encoding::Uint8
        | Encoding::Binary
        | Encoding::Ubinary
        | Encoding::TitanBinary => encoding.as_str(),
    }
}

/// The inputs in the plainest form that holds them: older models take no `inputs`.
fn inputs<'a>(request: &'a Request<'_>) -> Result<InputsOut<'a>, Fault> {
    let mut texts = Vec::new();
    let mut images = Vec::new();
    for input in &request.inputs {
        match input {
            Input::Text(text) => texts.push(text.as_str()),
            Input::Pieces(pieces) => {
                if let [Piece::Image { media_type, data }] = pieces.as_slice() {
                    images.push(data_uri(media_type, data));
                }
            }
            Input::Tokens(_) => return Err(refused(request, "tokens")),
        }
    }
    if texts.len() == request.inputs.len() {
        return Ok(InputsOut::Texts(texts));
    }
    if images.len() == request.inputs.len() {
        return Ok(InputsOut::Images(images));
    }
    let part = |piece: &'a Piece<'_>| match piece {
        Piece::Text(text) => Ok(PieceOut::Text { text }),
        Piece::Image { media_type, data } => {
            Ok(PieceOut::ImageUrl { image_url: UrlOut { url: data_uri(media_type, data) } })
        }
        Piece::Foreign(what) => Err(refused(request, what)),
    };
    let input = |input: &'a Input<'_>| {
        let content = match input {
            Input::Text(text) => vec![PieceOut::Text { text }],
            Input::Pieces(pieces) => pieces.iter().map(part).collect::<Result<_, _>>()?,
            Input::Tokens(_) => return Err(refused(request, "tokens")),
        };
        Ok(InputOut { content })
    };
    Ok(InputsOut::Inputs(request.inputs.iter().map(input).collect::<Result<_, Fault>>()?))
}

fn refused(request: &Request<'_>, what: &str) -> Fault {
    Fault::invalid(format!("{}: this model takes no {what}", request.names.inputs)).with_param(request.names.inputs)
}

fn data_uri(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}
