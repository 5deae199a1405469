//! What several targets need.

use attache_core::dialect::{Dialect, Upstream};
use attache_core::endpoint::Endpoint;
use attache_core::translate::{Answer, Ask};

/// All dialects.
pub const DIALECTS: [Dialect; 7] = [
    Dialect::OpenAi,
    Dialect::Anthropic,
    Dialect::Responses,
    Dialect::Completions,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
];

/// A front and an upstream; what is left of `choice` goes up to 5.
pub fn pair(choice: u8) -> (Dialect, Dialect, u8) {
    let choice = usize::from(choice);
    let rest = u8::try_from(choice / 49).expect("it is small");
    (DIALECTS[choice % 7], DIALECTS[choice / 7 % 7], rest)
}

/// One of the ways back.
#[allow(dead_code, reason = "each target takes what it needs")]
pub fn answer(choice: u8, stream: bool) -> Answer {
    let (front, upstream, rest) = pair(choice);
    let usage = if rest & 1 != 0 { r#","stream_options":{"include_usage":true}"# } else { "" };
    let chat = format!(
        r#"{{"model":"m","max_tokens":9,"stream":{stream},"messages":[{{"role":"user","content":"x"}}]{usage}}}"#
    );
    let chat = Ask::read(Dialect::OpenAi, chat.as_bytes()).expect("it is a request");
    let made = |ask: &Ask<'_>, to| ask.translate(to, &Upstream::new("m"), 1).expect("every dialect can say it");
    if front == Dialect::OpenAi {
        return made(&chat, upstream).answer;
    }
    let body = made(&chat, front).body.expect("it is another dialect");
    // Of some dialects the URL tells the model and that a stream is wanted.
    let endpoint = Endpoint { model: Some("m".to_owned()), stream: Some(stream), ..front.into() };
    made(&Ask::read(endpoint, &body).expect("it is a request"), upstream).answer
}
