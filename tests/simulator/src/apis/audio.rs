//! `/v1/audio/speech`, `transcriptions` and `translations`: <https://platform.openai.com/docs/api-reference/audio>.
//!
//! A recording is heard at 16,000 bytes a second; what is heard is the script's text, or how long the recording is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::form::{File, Form};
use super::{Answer, Call, event, required, set};
use crate::fault::Fault;
use crate::openai::request::{Kind, missing, text_too_long, wrong_value};
use crate::sse::Event;
use crate::turn::{pieces, tokens};

const SPEECH: [(&str, Kind, bool); 7] = [
    ("model", Kind::Text, false),
    ("input", Kind::Text, false),
    ("voice", Kind::Own, false),
    ("instructions", Kind::Text, true),
    ("response_format", Kind::OneOf(&["mp3", "opus", "aac", "flac", "wav", "pcm"]), true),
    ("speed", Kind::Number(0, 4), true),
    ("stream_format", Kind::OneOf(&["sse", "audio"]), true),
];
const VOICES: [&str; 13] =
    ["alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"];
const INPUT_CHARS_MAX: usize = 4096;
const HEARD_BYTES_A_SECOND: usize = 16_000;
const FILE_BYTES_MAX: usize = 25 << 20;
const KINDS: [&str; 9] = ["flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm"];
const FORMATS: [&str; 5] = ["json", "text", "srt", "verbose_json", "vtt"];

pub(super) fn speak(call: Call<'_>) -> Result<Answer, Fault> {
    let request = call.json(&SPEECH)?;
    let (model, input) = (required(&request, "model")?, required(&request, "input")?);
    let streams = request.get("stream_format").and_then(Value::as_str) == Some("sse");
    if call.validates {
        let chars = input.chars().count();
        if chars > INPUT_CHARS_MAX {
            return Err(text_too_long("input", INPUT_CHARS_MAX, chars));
        }
        check_voice(request.get("voice").ok_or_else(|| missing("voice"))?)?;
        if streams && model.starts_with("tts-1") {
            return Err(Fault::invalid("stream_format 'sse' is not supported for this model.").param("stream_format"));
        }
    }
    let sound: Vec<u8> = input.bytes().cycle().take(call.script.text_bytes.unwrap_or(input.len() * 64)).collect();
    if streams {
        return Ok(Answer::events(spoken(call, input, &sound)));
    }
    let kind = match request.get("response_format").and_then(Value::as_str) {
        Some("opus") => "audio/opus",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("wav") => "audio/wav",
        Some("pcm") => "audio/pcm",
        Some(_) | None => "audio/mpeg",
    };
    Ok(Answer::of(kind, sound))
}

fn check_voice(voice: &Value) -> Result<(), Fault> {
    let is_known = voice.as_str().is_some_and(|name| VOICES.contains(&name));
    let is_own = voice.get("id").is_some_and(Value::is_string);
    if is_known || is_own { Ok(()) } else { Err(wrong_value("voice", voice, &VOICES)) }
}

fn spoken(call: Call<'_>, input: &str, sound: &[u8]) -> Vec<Event> {
    let delta = |sound: &[u8]| event("", &json!({"type": "speech.audio.delta", "audio": STANDARD.encode(sound)}), true);
    let count = call.script.chunks.unwrap_or(4).max(1);
    let mut events: Vec<Event> = sound.chunks(sound.len().div_ceil(count).max(1)).map(delta).collect();
    let (heard, said) = (tokens(input.len()), tokens(sound.len()));
    let mut done = json!({"type": "speech.audio.done"});
    if let Some(usage) = call.usage(json!({"input_tokens": heard, "output_tokens": said, "total_tokens": heard + said}))
    {
        set(&mut done, "usage", usage);
    }
    events.push(event("", &done, false));
    events
}

/// What was heard in a recording.
struct Heard {
    text: String,
    seconds: usize,
    /// The model counts tokens; others count seconds.
    by_tokens: bool,
}

pub(super) fn transcribe(call: Call<'_>) -> Result<Answer, Fault> {
    let known = [
        "file",
        "model",
        "chunking_strategy",
        "include",
        "known_speaker_names",
        "known_speaker_references",
        "language",
        "prompt",
        "response_format",
        "stream",
        "temperature",
        "timestamp_granularities",
    ];
    let form = Form::read(&call, &known)?;
    let model = form.required("model")?;
    let heard = hear(call, &form.file("file")?, !model.starts_with("whisper"))?;
    let format = form.text("response_format").unwrap_or("json");
    if call.validates && heard.by_tokens && !matches!(format, "json" | "text") {
        let message =
            format!("response_format '{format}' is not compatible with model '{model}'. Use 'json' or 'text' instead.");
        return Err(Fault::invalid(message).param("response_format").code("unsupported_value"));
    }
    // whisper-1 ignores the wish.
    if form.text("stream") == Some("true") && heard.by_tokens {
        return Ok(Answer::events(heard_events(call, &heard)));
    }
    written(call, &heard, format, "transcribe")
}

pub(super) fn translate(call: Call<'_>) -> Result<Answer, Fault> {
    let form = Form::read(&call, &["file", "model", "prompt", "response_format", "temperature"])?;
    let model = form.required("model")?;
    if call.validates && !model.starts_with("whisper") {
        let message = format!("Invalid model: {model}. The model must be one of: whisper-1.");
        return Err(Fault::invalid(message).param("model"));
    }
    let heard = hear(call, &form.file("file")?, false)?;
    written(call, &heard, form.text("response_format").unwrap_or("json"), "translate")
}

fn hear(call: Call<'_>, file: &File<'_>, by_tokens: bool) -> Result<Heard, Fault> {
    if call.validates {
        let kind = file.name.rsplit_once('.').map_or("", |(_, kind)| kind);
        if !KINDS.contains(&kind.to_ascii_lowercase().as_str()) {
            let message = format!("Unrecognized file format. Supported formats: {KINDS:?}").replace('"', "'");
            return Err(Fault::invalid(message));
        }
        if file.content.len() > FILE_BYTES_MAX {
            let message =
                format!("Maximum content size limit ({FILE_BYTES_MAX}) exceeded ({} bytes read)", file.content.len());
            return Err(Fault { status: 413, ..Fault::invalid(message) });
        }
    }
    let seconds = file.content.len().div_ceil(HEARD_BYTES_A_SECOND);
    let text = call.script.text.clone().unwrap_or_else(|| format!("A recording of {seconds} seconds."));
    Ok(Heard { text, seconds, by_tokens })
}

fn usage(call: Call<'_>, heard: &Heard) -> Option<Value> {
    let (audio, said) = (u64::try_from(heard.seconds).unwrap_or(0) * 10, tokens(heard.text.len()));
    call.usage(if heard.by_tokens {
        json!({
            "type": "tokens", "input_tokens": audio, "output_tokens": said, "total_tokens": audio + said,
            "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
        })
    } else {
        json!({"type": "duration", "seconds": heard.seconds})
    })
}

fn written(call: Call<'_>, heard: &Heard, format: &str, task: &str) -> Result<Answer, Fault> {
    let Heard { text, seconds, .. } = heard;
    let times = |comma: char| {
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        format!("00:00:00{comma}000 --> 00:{minutes:02}:{seconds:02}{comma}000")
    };
    let mut json = match format {
        "json" => json!({"text": text}),
        "verbose_json" => json!({
            "task": task, "language": "english", "duration": seconds, "text": text,
            "segments": [{
                "id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": text, "tokens": [50364], "temperature": 0.0,
                "avg_logprob": -0.3, "compression_ratio": 1.2, "no_speech_prob": 0.01,
            }],
        }),
        "text" => return Ok(Answer::of("text/plain; charset=utf-8", format!("{text}\n"))),
        "srt" => return Ok(Answer::of("text/plain; charset=utf-8", format!("1\n{}\n{text}\n\n", times(',')))),
        "vtt" => return Ok(Answer::of("text/plain; charset=utf-8", format!("WEBVTT\n\n{}\n{text}\n\n", times('.')))),
        other => return Err(wrong_value("response_format", &json!(other), &FORMATS)),
    };
    if let Some(usage) = usage(call, heard) {
        set(&mut json, "usage", usage);
    }
    Ok(Answer::json(&json))
}

fn heard_events(call: Call<'_>, heard: &Heard) -> Vec<Event> {
    let text = heard.text.as_str();
    let delta = |piece: &str| event("", &json!({"type": "transcript.text.delta", "delta": piece}), true);
    let mut events: Vec<Event> =
        pieces(text, call.script.chunks).into_iter().filter_map(|range| text.get(range)).map(delta).collect();
    let mut done = json!({"type": "transcript.text.done", "text": text});
    if let Some(usage) = usage(call, heard) {
        set(&mut done, "usage", usage);
    }
    events.push(event("", &done, false));
    events
}
