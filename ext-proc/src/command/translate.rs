//! `attache translate`: what a request, an answer, a recorded stream or an error is in another dialect, and what is lost on
//! the way. Nothing is sent and no configuration is read.

use super::{Anything, print_bytes, tell};
use attache_core::dialect::{Asked, Dialect, Upstream};
use attache_core::endpoint::{Endpoint, Framing};
use attache_core::fault::Fault;
use attache_core::loss::Losses;
use attache_core::translate::{Answer, Ask};
use clap::ValueEnum;
use std::fmt;
use std::io::Read;
use std::time::SystemTime;

/// The largest input that is read, in bytes.
const INPUT_BYTES_MAX: u64 = 1 << 30;

/// Print what stands on standard input in another dialect, and on standard error what is lost. Exit code 0; 3 where
/// something is lost and `--refuse-losses` is given; 1 for what cannot be read.
#[derive(Debug, clap::Args)]
pub struct Translate {
    /// The dialect of the input: openai, responses, completions, anthropic, gemini, converse or cohere.
    #[arg(long, value_name = "DIALECT", value_parser = dialect)]
    from: Dialect,
    /// The dialect of the output.
    #[arg(long, value_name = "DIALECT", value_parser = dialect)]
    to: Dialect,
    /// What the input is. A request goes from a client to a provider; all else comes back the other way.
    #[arg(long, value_enum, default_value_t = Kind::Request)]
    kind: Kind,
    /// A request's model: the provider's own name for it. Default: the name in the request, `model` where it has none.
    #[arg(long)]
    model: Option<String>,
    /// A request for a stream, in dialects whose URL says so (gemini, converse).
    #[arg(long)]
    stream: bool,
    /// How an output stream is framed. Default: as the dialect does it.
    #[arg(long, value_enum)]
    framing: Option<Frames>,
    /// The HTTP status with which an error came.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u16).range(400..=599))]
    status: u16,
    /// How what is lost is told on standard error.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    losses: Form,
    /// Print nothing and exit with 3 where something is lost.
    #[arg(long)]
    refuse_losses: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A client's request.
    Request,
    /// A provider's whole answer.
    Response,
    /// A provider's recorded stream.
    Stream,
    /// A provider's error answer.
    Error,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Frames {
    /// Server-sent events.
    Sse,
    /// Messages of an AWS event-stream.
    EventStream,
    /// A JSON array.
    JsonArray,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// For people: a line for each thing, nothing where there is nothing to tell.
    Text,
    /// For programs: one line, a JSON object.
    Json,
}

/// Something is lost, and that was not wanted.
#[derive(Debug)]
pub struct Lossy;

impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the other dialect cannot say all of it")
    }
}

impl std::error::Error for Lossy {}

/// What came of it.
#[derive(Default)]
struct Made {
    output: Vec<u8>,
    losses: Losses,
    /// Where a request goes, below the provider's base URL.
    path: Option<String>,
    /// With which HTTP status an error goes.
    status: Option<u16>,
    /// What went wrong in a stream.
    fault: Option<Fault>,
}

impl Translate {
    /// Translates standard input.
    ///
    /// # Errors
    /// [`Lossy`], and anything that a person must read.
    pub fn run(&self) -> Result<(), Anything> {
        let mut input = Vec::new();
        std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut input)?;
        let mut made = match self.kind {
            Kind::Request => self.request(&input),
            Kind::Response => self.response(&input),
            Kind::Stream => Ok(self.recorded(&input)),
            Kind::Error => Ok(self.error(&input)),
        }
        .map_err(|fault| format!("{}: {}", fault.kind.as_str(), fault.message))?;
        self.report(&made)?;
        if self.refuse_losses && !made.losses.is_empty() {
            return Err(Box::new(Lossy));
        }
        if !matches!(self.kind, Kind::Stream) && !made.output.ends_with(b"\n") {
            made.output.push(b'\n');
        }
        print_bytes(&made.output)
    }

    fn request(&self, input: &[u8]) -> Result<Made, Fault> {
        let in_url = matches!(self.from, Dialect::Gemini | Dialect::Converse);
        let endpoint = Endpoint {
            model: in_url.then(|| self.model.clone().unwrap_or_else(|| "model".to_owned())),
            stream: in_url.then_some(self.stream),
            ..Endpoint::from(self.from)
        };
        let ask = Ask::read(endpoint, input)?;
        let model = self.model.clone().unwrap_or_else(|| ask.model.as_str().to_owned());
        let translated = ask.translate(self.to, &Upstream::new(model), now())?;
        let output = translated.body.unwrap_or_else(|| input.to_vec());
        let path = Some(translated.path.into_owned());
        Ok(Made { output, path, losses: translated.losses, ..Made::default() })
    }

    fn response(&self, input: &[u8]) -> Result<Made, Fault> {
        let whole = self.answer(false).whole(input, &mut |_| {})?;
        let output = whole.body.unwrap_or_else(|| input.to_vec());
        Ok(Made { output, losses: whole.seen.losses, ..Made::default() })
    }

    fn recorded(&self, input: &[u8]) -> Made {
        let (mut stream, mut output) = (self.answer(true).stream(false), Vec::new());
        stream.push(input, &mut output, &mut |_| {});
        stream.end(&mut output, &mut |_| {});
        let seen = stream.seen().clone();
        Made { output, losses: seen.losses, fault: seen.fault, ..Made::default() }
    }

    fn error(&self, input: &[u8]) -> Made {
        let answer = self.answer(false).error(self.from.as_str(), self.status, input);
        Made { output: answer.body.unwrap_or_else(|| input.to_vec()), status: Some(answer.status), ..Made::default() }
    }

    /// The way back to a client that asked for all there is.
    fn answer(&self, stream: bool) -> Answer {
        let framing = self.framing.map_or(Endpoint::from(self.to).framing, |framing| match framing {
            Frames::Sse => Framing::Sse,
            Frames::EventStream => Framing::EventStream,
            Frames::JsonArray => Framing::JsonArray,
        });
        let asked = Asked { stream_usage: true, now: now(), ..Asked::default() };
        Answer::between(self.from, self.to, framing, stream, asked)
    }

    /// Tells on standard error what is not in the body.
    fn report(&self, made: &Made) -> Result<(), Anything> {
        match self.losses {
            Form::Json => {
                let mut told = serde_json::Map::new();
                told.insert("losses".to_owned(), made.losses.names().collect());
                told.extend(made.path.clone().map(|path| ("path".to_owned(), path.into())));
                told.extend(made.status.map(|status| ("status".to_owned(), status.into())));
                told.extend(made.fault.as_ref().map(|fault| ("fault".to_owned(), fault.message.clone().into())));
                tell_line(&serde_json::to_string(&told)?);
            }
            Form::Text => {
                made.path.iter().for_each(|path| tell_line(&format!("path: {path}")));
                made.status.iter().for_each(|status| tell_line(&format!("status: {status}")));
                made.losses.names().for_each(|name| tell_line(&format!("lost: {name}")));
                made.fault.iter().for_each(|fault| tell(&fault.message));
            }
        }
        Ok(())
    }
}

fn tell_line(line: &str) {
    use std::io::Write;
    // Nobody is left to tell when stderr is gone.
    let _told = writeln!(std::io::stderr(), "{line}");
}

fn dialect(name: &str) -> Result<Dialect, String> {
    Dialect::named(name).ok_or_else(|| {
        let all: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.as_str()).collect();
        format!("there is {}", all.join(", "))
    })
}

/// Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
