//! What answers of the image, speech, transcription and moderation APIs say of their cost.
//!
//! Nobody translates these APIs; their answers pass as they are, and only this is read. Sources: the types of OpenAI's SDK
//! (`ImagesResponse.usage`, `Transcription.usage`, `TranscriptionTextDoneEvent`, `SpeechAudioDoneEvent`,
//! `ImageGenCompletedEvent` in <https://github.com/openai/openai-python/tree/main/src/openai/types>).
//!
//! Convention: `input_tokens` and `output_tokens` are totals, their details parts of them. A moderation says nothing: it
//! is free.

use crate::dialect::wire::{Count, Raw, read, wire};
use crate::frame::sse::Frame;
use crate::text::Str;
use crate::usage::Usage;
use memchr::memmem;

/// What an answer cost, in the units in which it was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Tokens, where the model counts them.
    pub tokens: Option<Usage>,
    /// Length of the sound that was heard, where that is the measure (`whisper-1`).
    pub milliseconds: Option<u64>,
    /// Images that came.
    pub images: u64,
}

impl Told {
    /// Nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

wire! {
    struct Answer<'a> { usage: Counts<'a>, data: Raw<'a>, duration: Raw<'a> }
}

wire! {
    struct Event<'a> { kind "type": Str<'a>, usage: Counts<'a> }
}

wire! {
    struct Counts<'a> {
        kind "type": Str<'a>,
        seconds: Raw<'a>,
        input_tokens: Count,
        output_tokens: Count,
        // Servers that took the names of chat completions.
        prompt_tokens: Count,
        completion_tokens: Count,
        // Images and speech spell it with an s, transcriptions without.
        input_tokens_details: Details<'a>,
        input_token_details: Details<'a>,
        output_tokens_details: Details<'a>,
    }
}

wire! {
    struct Details<'a> { audio_tokens: Count, cached_tokens: Count, reasoning_tokens: Count }
}

/// Reads a whole JSON answer. One that is something else (sound, subtitles) says nothing.
pub fn of_answer(body: &[u8]) -> Told {
    let Ok(answer) = read::<Answer<'_>>(body) else { return Told::default() };
    let images = answer.data.map_or(0, images);
    let mut told = answer.usage.map_or_else(Told::default, |counts| of_counts(&counts));
    told.images = images;
    // Older verbose transcriptions tell the length and no usage.
    if told.milliseconds.is_none() && told.tokens.is_none() {
        told.milliseconds = answer.duration.and_then(milliseconds);
    }
    told
}

/// Reads one event of a stream. Only the last one of an image, a transcription or a speech says something; events full of
/// sound or pixels are passed over without being read.
pub fn of_frame(frame: &Frame<'_>) -> Told {
    const LAST: [&str; 4] =
        ["image_generation.completed", "image_edit.completed", "transcript.text.done", "speech.audio.done"];
    let is_last = |kind: &[u8]| LAST.iter().any(|last| last.as_bytes() == kind);
    if frame.event.is_some_and(|event| !is_last(event)) || memmem::find(&frame.data, b"\"usage\"").is_none() {
        return Told::default();
    }
    let Ok(event) = read::<Event<'_>>(&frame.data) else { return Told::default() };
    let kind = event.kind.as_deref().unwrap_or_default();
    if !is_last(kind.as_bytes()) {
        return Told::default();
    }
    let told = event.usage.map_or_else(Told::default, |counts| of_counts(&counts));
    Told { images: u64::from(kind.starts_with("image_")), ..told }
}

fn of_counts(counts: &Counts<'_>) -> Told {
    let input = counts.input_tokens.or(counts.prompt_tokens);
    let output = counts.output_tokens.or(counts.completion_tokens);
    let detail = |count: Option<Count>| count.unwrap_or_default().0;
    let heard = counts.input_token_details.as_ref().or(counts.input_tokens_details.as_ref());
    let tokens = (input.is_some() || output.is_some()).then(|| Usage {
        input: detail(input),
        cached_input: heard.map_or(0, |details| detail(details.cached_tokens)),
        audio_input: heard.map_or(0, |details| detail(details.audio_tokens)),
        output: detail(output),
        reasoning: counts.output_tokens_details.as_ref().map_or(0, |details| detail(details.reasoning_tokens)),
        audio_output: counts.output_tokens_details.as_ref().map_or(0, |details| detail(details.audio_tokens)),
        ..Usage::default()
    });
    Told { tokens, milliseconds: counts.seconds.and_then(milliseconds), images: 0 }
}

/// How many images are in the `data` of an answer: other APIs have such a field too.
fn images(data: Raw<'_>) -> u64 {
    wire! {
        struct Image<'a> { b64_json: serde::de::IgnoredAny, url: serde::de::IgnoredAny }
    }
    let images: Vec<Image<'_>> = serde_json::from_str(data.get()).unwrap_or_default();
    images.iter().filter(|image| image.b64_json.is_some() || image.url.is_some()).count() as u64
}

/// Seconds, a number or (in older answers) a text, as thousandths, rounded up: what was begun is paid.
fn milliseconds(seconds: Raw<'_>) -> Option<u64> {
    let seconds: f64 = seconds.get().trim_matches('"').parse().ok()?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let milliseconds = (seconds * 1000.0).ceil() as u64;
    (seconds.is_finite() && seconds >= 0.0).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tokens: Option<Usage>, milliseconds: Option<u64>, images: u64) -> Told {
        Told { tokens, milliseconds, images }
    }

    #[test]
    fn whole_answers() {
        let image = Usage { input: 50, output: 4160, ..Usage::default() };
        let heard = Usage { input: 14, audio_input: 10, output: 45, ..Usage::default() };
        for (json, expected) in [
            (
                r#"{"created":1,"data":[{"b64_json":"AA=="},{"url":"https://x"}],"usage":{"total_tokens":4210,"input_tokens":50,"output_tokens":4160,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#,
                told(Some(image), None, 2),
            ),
            (r#"{"created":1,"data":[{"url":"https://x","revised_prompt":null}]}"#, told(None, None, 1)),
            (
                r#"{"text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}}"#,
                told(Some(heard), None, 0),
            ),
            (r#"{"text":"hi","usage":{"type":"duration","seconds":3}}"#, told(None, Some(3000), 0)),
            (r#"{"duration":8.4700001,"text":"hi"}"#, told(None, Some(8471), 0)),
            (r#"{"duration":"2.5","text":"hi"}"#, told(None, Some(2500), 0)),
            (r#"{"id":"modr-1","results":[{"flagged":false}]}"#, Told::default()),
            (r#"{"object":"list","data":[{"id":"file-1","object":"file"}]}"#, Told::default()),
            (r#"{"data":"x","usage":null,"duration":-1}"#, Told::default()),
            ("1\n00:00:00,000 --> 00:00:01,000\nhi", Told::default()),
            ("[]", Told::default()),
        ] {
            assert_eq!(of_answer(json.as_bytes()), expected, "{json}");
        }
    }

    fn frame(event: Option<&'static str>, data: &'static str) -> Told {
        of_frame(&Frame { event: event.map(str::as_bytes), data: data.as_bytes().into(), raw: b"" })
    }

    #[test]
    fn streams() {
        let image = Usage { input: 50, output: 4160, ..Usage::default() };
        let completed = r#"{"type":"image_generation.completed","b64_json":"AA==","usage":{"input_tokens":50,"output_tokens":4160}}"#;
        assert_eq!(frame(Some("image_generation.completed"), completed), told(Some(image), None, 1));
        assert_eq!(frame(None, completed), told(Some(image), None, 1));
        assert_eq!(frame(Some("image_generation.partial_image"), completed), Told::default());
        let partial = r#"{"type":"image_generation.partial_image","b64_json":"AA==","usage":{"input_tokens":1}}"#;
        assert_eq!(frame(None, partial), Told::default());
        let edited = r#"{"type":"image_edit.completed","b64_json":"AA=="}"#;
        assert_eq!(frame(None, edited), Told::default());
        let speech =
            r#"{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}"#;
        let spoken = Usage { input: 14, output: 101, ..Usage::default() };
        assert_eq!(frame(None, speech), told(Some(spoken), None, 0));
        let heard =
            r#"{"type":"transcript.text.done","text":"\"usage\"","usage":{"type":"duration","seconds":0.0001}}"#;
        assert_eq!(frame(None, heard), told(None, Some(1), 0));
        assert_eq!(frame(None, r#"{"type":"transcript.text.delta","delta":"\"usage\""}"#), Told::default());
        assert_eq!(frame(None, "[DONE] \"usage\""), Told::default());
    }
}
