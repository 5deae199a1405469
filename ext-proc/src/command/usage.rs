//! `attache usage`: the usage log, summed up.

mod report;

use super::{Anything, print, tell};
use crate::config;
use clap::ValueEnum;
use report::{Key, Report};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest line that is read, in bytes. Records are a hundred times smaller.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Sum up the usage log: exchanges, tokens and cost by caller, team, model, provider, day.
#[derive(Debug, clap::Args)]
pub struct Usage {
    /// The configuration that says where the log is (`usage.to`) and what currencies are worth. Default: attache.yaml,
    /// where no file is named.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The log, or `-` for standard input. May be given several times.
    #[arg(long)]
    file: Vec<PathBuf>,
    /// What a row stands for: any of caller, team, org, model, provider, day, tag:NAME, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "caller,model")]
    by: Vec<Key>,
    /// Only exchanges from here on: 2026-01-31, 2026-01-31T12:00:00Z, or a time ago such as 24h. In UTC.
    #[arg(long)]
    since: Option<Moment>,
    /// Only exchanges before this.
    #[arg(long)]
    until: Option<Moment>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For spreadsheets. Amounts of money are exact.
    Csv,
    /// For programs. Amounts of money are strings, exact.
    Json,
}

impl Usage {
    pub(super) fn run(self) -> Result<(), Anything> {
        let config = match (&self.config, self.file.is_empty()) {
            (Some(path), _) => Some(config::load(path)?),
            (None, true) => Some(config::load("attache.yaml".as_ref())?),
            (None, false) => None,
        };
        let files = match &config {
            Some(config) if self.file.is_empty() => vec![log_of(config)?],
            _ => self.file,
        };
        let now = SystemTime::now();
        let span = Span {
            since: self.since.map(|since| since.unix_ms(now)),
            until: self.until.map(|until| until.unix_ms(now)),
        };
        let mut report = Report::new(self.by);
        for file in files {
            let (input, shown): (Box<dyn Read>, _) = if file.as_os_str() == "-" {
                (Box::new(std::io::stdin()), "standard input".to_owned())
            } else {
                let open = std::fs::File::open(&file);
                let open = open.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
                (Box::new(open), file.display().to_string())
            };
            read(BufReader::new(input), &span, &mut report).map_err(|error| format!("cannot read {shown}: {error}"))?;
        }
        if report.broken > 0 {
            tell(&format!("{} lines are no usage records and were skipped", report.broken));
        }
        let rows = report.sorted(config.as_ref().map(|config| &config.prices));
        print(&match self.format {
            Format::Table => report.table(&rows, true).text(),
            Format::Csv => report.table(&rows, false).csv(),
            Format::Json => format!("{}\n", serde_json::to_string_pretty(&report.json(&rows))?),
        })
    }
}

/// Where a configuration writes its usage.
fn log_of(config: &config::Config) -> Result<PathBuf, Anything> {
    match config.written.usage.to.0.as_str() {
        to @ ("stdout" | "off") => {
            Err(format!("the configuration writes usage to no file (`usage.to` is {to}); name the log with --file")
                .into())
        }
        path => Ok(path.into()),
    }
}

/// From when until when, in milliseconds since 1970.
#[derive(Debug, Default)]
struct Span {
    since: Option<u64>,
    until: Option<u64>,
}

impl Span {
    fn holds(&self, unix_ms: u64) -> bool {
        self.since.is_none_or(|since| unix_ms >= since) && self.until.is_none_or(|until| unix_ms < until)
    }
}

/// Adds every line of a log. At no time more than one line is in memory.
fn read(mut log: impl BufRead, span: &Span, report: &mut Report) -> std::io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = log.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') && read as u64 == LINE_BYTES_MAX {
            report.broken += 1;
            log.skip_until(b'\n')?;
            continue;
        }
        if !line.trim_ascii().is_empty() {
            report.line(&line, |unix_ms| span.holds(unix_ms));
        }
    }
}

/// A point in time as a person writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    At(SystemTime),
    Ago(Duration),
}

impl Moment {
    fn unix_ms(self, now: SystemTime) -> u64 {
        let time = match self {
            Self::At(time) => Some(time),
            Self::Ago(duration) => now.checked_sub(duration),
        };
        let since_1970 = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }
}

impl std::str::FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let midnight = format!("{text}T00:00:00Z");
        let date = humantime::parse_rfc3339(&midnight).or_else(|_| humantime::parse_rfc3339_weak(text));
        date.map(Self::At).or_else(|_| humantime::parse_duration(text).map(Self::Ago)).map_err(|_| {
            format!("`{text}` is no time; expected something like 2026-01-31, 2026-01-31T12:00:00Z or 24h")
        })
    }
}

#[cfg(test)]
mod tests;
