//! One cell: one kind of thing between one front and one upstream.

use crate::facts::{self, Facts, Told, gone};
use crate::probe;
use attache_core::dialect::{Asked, Dialect, Upstream};
use attache_core::endpoint::{Endpoint, Framing, Hosting};
use attache_core::frame::event_stream::{Mode, Reframe};
use attache_core::frame::sse::{Sse, TooLong};
use attache_core::remote::{Fetched, Wanted};
use attache_core::translate::{Answer, Ask};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Request,
    Response,
    Stream,
    Error,
    Tools,
    Images,
    Schema,
    Reasoning,
    Caching,
}

impl Column {
    pub const ALL: [Self; 9] = [
        Self::Request,
        Self::Response,
        Self::Stream,
        Self::Error,
        Self::Tools,
        Self::Images,
        Self::Schema,
        Self::Reasoning,
        Self::Caching,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Stream => "stream",
            Self::Error => "error",
            Self::Tools => "tools",
            Self::Images => "images",
            Self::Schema => "JSON schema",
            Self::Reasoning => "reasoning",
            Self::Caching => "caching",
        }
    }

    /// The probes that go from the front to the upstream, and those that come back.
    fn probes(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Request => (&["plain.request"], &[]),
            Self::Response => (&[], &["plain.response"]),
            Self::Stream => (&[], &["plain.stream"]),
            Self::Error => (&[], &["429.error", "400.error"]),
            Self::Tools => (&["tools.request"], &["tools.response", "tools.stream"]),
            Self::Images => (&["images.request"], &[]),
            Self::Schema => (&["schema.request"], &[]),
            Self::Reasoning => (&["reasoning.request"], &["reasoning.response", "reasoning.stream"]),
            Self::Caching => (&["caching.request"], &["caching.response"]),
        }
    }
}

/// What was found.
pub enum Cell {
    /// The same dialect: nothing is translated.
    AsItIs,
    /// Everything arrives, but for what is named.
    Works {
        losses: Vec<String>,
        /// The front cannot ask for it, and understands the answers.
        answers_only: bool,
        /// Nothing is lost where media are fetched.
        fetched: bool,
    },
    /// The request cannot be made.
    Refused(String),
    /// The front has no such thing.
    None(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsItIs => f.write_str("as it is"),
            Self::Refused(why) => write!(f, "**refused**: {}", why.replace('|', "\\|")),
            Self::None(why) => write!(f, "none: {why}"),
            Self::Works { losses, answers_only, fetched } => {
                let only = if *answers_only { " (answers)" } else { "" };
                if losses.is_empty() {
                    return write!(f, "works{only}");
                }
                let unless = if *fetched { ", unless fetched" } else { "" };
                write!(f, "loss{only}: `{}`{unless}", losses.join("`, `"))
            }
        }
    }
}

/// What one probe came to: what it lost by name, or why it was refused.
type Outcome = Result<Vec<String>, String>;

impl Cell {
    /// Sends the column's probes through. What is gone without a name goes to `silent`.
    pub fn find(front: Dialect, upstream: Dialect, column: Column, silent: &mut Vec<String>) -> Self {
        let (there, back) = column.probes();
        let asked: Vec<_> = there.iter().map(|name| (*name, probe::read(front, name))).collect();
        let not_asked = asked.iter().find_map(|(_, probe)| probe.as_ref().err().cloned());
        let answers: Vec<_> = back.iter().filter_map(|name| Some((*name, probe::read(upstream, name).ok()?))).collect();
        if let Some(why) = &not_asked
            && (answers.is_empty() || back.iter().all(|name| probe::read(front, name).is_err()))
        {
            return Self::None(why.clone());
        }
        let mut losses: Vec<String> = Vec::new();
        let mut all = |found: Vec<String>| {
            for name in found {
                if !losses.contains(&name) {
                    losses.push(name);
                }
            }
        };
        for (name, body) in asked.iter().filter_map(|(name, probe)| Some((*name, probe.as_ref().ok()?))) {
            match request(front, upstream, name, body, silent) {
                Ok(found) => all(found),
                Err(why) => return Self::Refused(why),
            }
        }
        for (name, body) in answers {
            match answer(front, upstream, name, &body, silent) {
                Ok(found) => all(found),
                Err(why) => return Self::Refused(why),
            }
        }
        if front == upstream {
            return Self::AsItIs;
        }
        let fetched = column == Column::Images && !losses.is_empty() && works_fetched(front, upstream);
        Self::Works { losses, answers_only: not_asked.is_some(), fetched }
    }

    /// Everything arrives, but for these.
    pub fn works(losses: Vec<String>) -> Self {
        Self::Works { losses, answers_only: false, fetched: false }
    }
}

/// Compares what was said with what arrived.
fn judge(what: &str, before: &Facts, after: &Facts, losses: Vec<String>, silent: &mut Vec<String>) -> Outcome {
    let mut gone = gone(before, after);
    // A prompt has no roles: what was said must be in it all the same.
    let in_prompt = |said: &str| after.iter().any(|fact| fact.starts_with("user says ") && fact.contains(said));
    gone.retain(|fact| !fact.split_once(" says ").is_some_and(|(_, said)| in_prompt(said)));
    // The answers of some dialects name no model; who asks knows.
    gone.retain(|fact| !(fact.starts_with("model ") && after.iter().any(|fact| fact == "model ")));
    gone.retain(|fact| !losses.iter().any(|loss| explains(loss, fact)));
    if !gone.is_empty() {
        silent.push(format!("{what}: {gone:?}; there is {after:?}, and the losses {losses:?}"));
    }
    Ok(losses)
}

/// Whether a loss of this name can mean that this is gone.
fn explains(loss: &str, fact: &str) -> bool {
    let words: &[&str] = match fact {
        _ if fact.ends_with("(cached up to here)") => &["cache"],
        _ if fact.contains("signature ") => &["signature", "thinking"],
        _ if fact.contains("thought ") || fact.starts_with("thinks") => &["thinking", "reasoning"],
        _ if fact.contains(" says Image ") => &["image"],
        _ if fact.contains(" says ") => &["role"],
        _ if fact.starts_with("stops at ") => &["stop"],
        _ if fact.starts_with("gives JSON") => &["format"],
        _ if fact.ends_with(" tokens thinking") => &["reasoning"],
        _ if fact.ends_with(" tokens newly cached") => &["cache_write"],
        _ => &[],
    };
    words.iter().any(|word| loss.contains(word))
}

/// An endpoint at which a dialect is asked for an answer.
fn endpoint(dialect: Dialect) -> Endpoint {
    let in_url = matches!(dialect, Dialect::Gemini | Dialect::Converse);
    let model = in_url.then(|| "probe".to_owned());
    Endpoint { model, stream: in_url.then_some(false), ..Endpoint::from(dialect) }
}

/// A model of the upstream that can do what there is: some dialects are spoken by models that cannot.
fn model(upstream: Dialect) -> Upstream {
    Upstream::new(match upstream {
        Dialect::OpenAi | Dialect::Responses => "gpt-5-mini",
        Dialect::Completions => "gpt-3.5-turbo-instruct",
        Dialect::Anthropic => "claude-sonnet-4-5",
        Dialect::Gemini => "gemini-2.5-flash",
        Dialect::Converse => "anthropic.claude-sonnet-4-5-20250929-v1:0",
        Dialect::Cohere => "command-a-reasoning-08-2025",
    })
}

fn request(front: Dialect, upstream: Dialect, name: &str, body: &[u8], silent: &mut Vec<String>) -> Outcome {
    let what = format!("{front:?} to {upstream:?}, {name}");
    let ask = Ask::read(endpoint(front), body).unwrap_or_else(|fault| panic!("{what}: {fault:?}"));
    let target = model(upstream);
    let translated = match ask.translate(upstream, &target, 1_700_000_000) {
        Ok(translated) => translated,
        Err(fault) => return Err(fault.message),
    };
    if front == upstream {
        let named = |name: &str| format!("\"model\": \"{name}\"");
        let expected = String::from_utf8_lossy(body).replacen(&named("probe"), &named(&target.model), 1);
        let made = translated.body.unwrap_or_else(|| body.to_vec());
        assert_eq!(String::from_utf8_lossy(&made), expected, "{what}");
        return Ok(Vec::new());
    }
    let made = translated.body.unwrap();
    let before = ask.meaning().unwrap_or_else(|fault| panic!("{what}: {fault:?}"));
    let after = upstream.decode_request(&made).unwrap_or_else(|fault| {
        panic!("{what}: what was made cannot be read: {fault:?}\n{}", String::from_utf8_lossy(&made))
    });
    let losses = translated.losses.names().map(str::to_owned).collect();
    judge(&what, &facts::of_request(before), &facts::of_request(&after), losses, silent)
}

/// Whether the images arrive when those that are named by URL are fetched.
fn works_fetched(front: Dialect, upstream: Dialect) -> bool {
    let body = probe::read(front, "images.request").unwrap();
    let mut ask = Ask::read(endpoint(front), &body).unwrap();
    let wanted = ask.wants_media(upstream);
    let fetched = |wanted: Wanted| Fetched { url: wanted.url, media_type: "image/png".into(), base64: "AA==".into() };
    let fetched: Vec<_> = wanted.into_iter().map(fetched).collect();
    ask.put_media(&fetched);
    !fetched.is_empty() && ask.translate(upstream, &model(upstream), 0).unwrap().losses.is_empty()
}

/// The way back, with a stream framed as server-sent events so that the front's decoder can read it.
fn way_back(front: Dialect, upstream: Dialect, stream: bool) -> Answer {
    let asked = Asked { stream_usage: true, now: 1_700_000_000, ..Asked::default() };
    let framing = if front == upstream { Framing::of_upstream(upstream, Hosting::Native) } else { Framing::Sse };
    Answer::between(upstream, front, framing, stream, asked)
}

fn answer(front: Dialect, upstream: Dialect, name: &str, body: &[u8], silent: &mut Vec<String>) -> Outcome {
    let what = format!("{upstream:?} back to {front:?}, {name}");
    match name.split_once('.').unwrap() {
        (_, "response") => whole(front, upstream, &what, body, silent),
        (_, "stream") => streamed(front, upstream, &what, body, silent),
        (status, "error") => error(front, upstream, &what, status.parse().unwrap(), body, silent),
        _ => panic!("{name} is no answer"),
    }
}

fn whole(front: Dialect, upstream: Dialect, what: &str, body: &[u8], silent: &mut Vec<String>) -> Outcome {
    let whole = way_back(front, upstream, false).whole(body, &mut |_| {}).map_err(|fault| fault.message)?;
    if front == upstream {
        assert_eq!(whole.body, None, "{what}");
        return Ok(Vec::new());
    }
    let made = whole.body.unwrap();
    let before = upstream.decode_response(body).unwrap_or_else(|fault| panic!("{what}: {fault:?}"));
    let after = front.decode_response(&made).unwrap_or_else(|fault| panic!("{what}: what was made: {fault:?}"));
    let losses = whole.seen.losses.names().map(str::to_owned).collect();
    judge(what, &facts::of_response(&before), &facts::of_response(&after), losses, silent)
}

fn streamed(front: Dialect, upstream: Dialect, what: &str, body: &[u8], silent: &mut Vec<String>) -> Outcome {
    let mut input = body.to_vec();
    if Framing::of_upstream(upstream, Hosting::Native) == Framing::EventStream {
        input.clear();
        let mut reframe = Reframe::new(Mode::Converse, 1 << 20);
        reframe.push(body, &mut input).unwrap();
        reframe.finish(&mut input);
    }
    let (mut stream, mut made) = (way_back(front, upstream, true).stream(false), Vec::new());
    stream.push(&input, &mut made, &mut |_| {});
    stream.end(&mut made, &mut |_| {});
    if let Some(fault) = &stream.seen().fault {
        return Err(fault.message.clone());
    }
    if front == upstream {
        assert_eq!(made, input, "{what}");
        return Ok(Vec::new());
    }
    let (before, after) = (told(upstream, body, what), told(front, &made, what));
    assert!(before.done && after.done, "{what}: has no end");
    let losses = stream.seen().losses.names().map(str::to_owned).collect();
    judge(what, &before.facts(), &after.facts(), losses, silent)
}

/// What a stream of server-sent events says.
fn told(dialect: Dialect, sse: &[u8], what: &str) -> Told {
    let (mut frames, mut decoder, mut told) = (Sse::new(1 << 20), dialect.stream_decoder(), Told::default());
    let mut each = |frame: attache_core::frame::sse::Frame<'_>| {
        let read = decoder.frame(&frame, &mut |event| told.note(&event));
        read.unwrap_or_else(|fault| panic!("{what}: {fault:?} in {}", String::from_utf8_lossy(frame.raw)));
        Ok::<(), TooLong>(())
    };
    frames.push(sse, &mut each).unwrap();
    frames.finish(&mut each).unwrap();
    told
}

fn error(front: Dialect, upstream: Dialect, what: &str, status: u16, body: &[u8], silent: &mut Vec<String>) -> Outcome {
    let answer = way_back(front, upstream, false).error("p", status, body);
    if front == upstream {
        assert_eq!((answer.status, answer.body), (status, None), "{what}");
        return Ok(Vec::new());
    }
    let before = facts::of_fault(&upstream.decode_error(status, body));
    let after = facts::of_fault(&front.decode_error(answer.status, &answer.body.unwrap()));
    assert_eq!(answer.status, status, "{what}");
    judge(what, &before, &after, Vec::new(), silent)
}
