//! A client's request → the hub.

use super::prompt::Prompt;
use crate::chat::{Message, Part, Request, Role};
use crate::dialect::openai::json;
use crate::dialect::wire::{OneOrMany, Raw, wire};
use crate::fault::Fault;
use crate::loss::Losses;
use crate::text::Str;
use serde_json::Number;

wire! {
    struct Params<'a> {
        model: Str<'a>,
        prompt: Prompt<'a>,
        suffix: Str<'a>,
        echo: bool,
        best_of: u64,
        n: u64,
        max_tokens: u64,
        temperature: Number,
        top_p: Number,
        presence_penalty: Number,
        frequency_penalty: Number,
        seed: Number,
        stop: OneOrMany<'a, Str<'a>>,
        logprobs: u64,
        logit_bias: Raw<'a>,
        stream: bool,
        stream_options: StreamOptions<'a>,
        user: Str<'a>,
        // Not OpenAI's, but widely sent.
        top_k: Number,
    }
}
wire! { struct StreamOptions<'a> { include_usage: bool, _include_obfuscation "include_obfuscation": bool } }

/// Reads a client's request.
///
/// # Errors
/// A [`Fault`] that names the field, for a body that is no completion request, and for a prompt that cannot be asked of a
/// model that chats.
pub fn decode(body: &[u8]) -> Result<Request<'_>, Fault> {
    let params: Params<'_> = json::read_request(body)?;
    let mut losses = Losses::default();
    note_what_is_lost(&params, &mut losses);
    let missing = |field: &'static str, what: &str| {
        Fault::invalid(format!("{field} is missing: expected {what}")).with_param(field)
    };
    let is_not_zero = |number: &Number| number.as_f64() != Some(0.0);
    let model = params.model.ok_or_else(|| missing("model", "the name of a model"))?;
    let prompt = match params.prompt {
        Some(Prompt::Text(text)) => text,
        Some(Prompt::Several) => return Err(unsayable("several prompts; send them one by one")),
        Some(Prompt::Tokens) => return Err(unsayable("tokens; send it as text")),
        Some(Prompt::Nothing) | None => return Err(missing("prompt", "the text to complete")),
    };
    let said = Message { role: Role::User, name: None, parts: vec![Part::Text(prompt.into())] };
    let options = params.stream_options.unwrap_or_default();
    for field in &options.unknown {
        losses.add_unknown("stream_options", field);
    }
    Ok(Request {
        model,
        messages: vec![said],
        max_tokens: params.max_tokens,
        temperature: params.temperature,
        top_p: params.top_p,
        top_k: params.top_k,
        presence_penalty: params.presence_penalty.filter(is_not_zero),
        frequency_penalty: params.frequency_penalty.filter(is_not_zero),
        seed: params.seed,
        stop: match params.stop {
            Some(OneOrMany::One(one)) => vec![one],
            Some(OneOrMany::Many(many)) => many,
            None => Vec::new(),
        },
        n: params.n.filter(|n| *n != 1),
        logprobs: params.logprobs,
        stream: params.stream.unwrap_or(false),
        stream_usage: options.include_usage.unwrap_or(false),
        user: params.user,
        losses,
        ..Request::default()
    })
}

fn unsayable(what: &str) -> Fault {
    let message = format!("prompt holds {what}: this model's provider speaks another API, which takes one text");
    Fault::invalid(message).with_param("prompt")
}

/// Names the parameters that have no place in the hub, unless they say what holds anyway.
fn note_what_is_lost(params: &Params<'_>, losses: &mut Losses) {
    let n = params.n.unwrap_or(1);
    let lost = [
        ("suffix", params.suffix.as_ref().is_some_and(|suffix| !suffix.is_empty())),
        ("echo", params.echo == Some(true)),
        ("best_of", params.best_of.is_some_and(|best_of| best_of > n)),
        ("logit_bias", params.logit_bias.is_some_and(|bias| !json::is(bias, "{}"))),
    ];
    for (field, _) in lost.iter().filter(|(_, lost)| *lost) {
        losses.add(field);
    }
    for field in &params.unknown {
        losses.add_unknown("", field);
    }
}
