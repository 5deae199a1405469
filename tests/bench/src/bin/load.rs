//! `load`: the load generator by itself, against any chat endpoint on this machine.
#![allow(clippy::print_stdout, reason = "the report is the command's output")]

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use attache_bench::exchange::{Expect, Target};
use attache_bench::hold::Hold;
use attache_bench::load::Load;
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::json;

/// Closed-loop chat load over HTTP/1.1; prints one line of JSON.
#[derive(Parser)]
struct Arguments {
    /// Where to connect; loopback only.
    #[arg(long)]
    address: SocketAddr,
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// The request body; a short chat by default.
    #[arg(long)]
    body: Option<PathBuf>,
    /// What the response is.
    #[arg(long, value_enum, default_value_t = Kind::Json)]
    expect: Kind,
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Keep connections busy for a while.
    Loop {
        #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
        concurrency: u16,
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
    },
    /// Open slow streams, hold them and wait for their end.
    Hold {
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        streams: u16,
        #[arg(long, default_value_t = 200)]
        per_second: u32,
        /// How long the streams may take to end.
        #[arg(long, default_value_t = 60)]
        timeout_seconds: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Json,
    OpenaiEvents,
    AnthropicEvents,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if !arguments.address.ip().is_loopback() {
        return Err("the address must be on loopback: this tool is not for other people's machines".into());
    }
    let (expect, stream) = match arguments.expect {
        Kind::Json => (Expect::Json, false),
        Kind::OpenaiEvents => (Expect::OpenAiEvents, true),
        Kind::AnthropicEvents => (Expect::AnthropicEvents, true),
    };
    let body = match arguments.body {
        Some(path) => std::fs::read_to_string(path)?,
        None => json!({
            "model": "bench", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]
        })
        .to_string(),
    };
    let target = Target::post(arguments.address, &arguments.path, &[], &body, expect);
    match arguments.mode {
        Mode::Loop { concurrency, seconds } => {
            let load = Load::start(&target, usize::from(concurrency));
            let report = load.measure(Duration::from_secs(seconds)).await;
            load.finish().await;
            println!("{}", report.to_json());
        }
        Mode::Hold { streams, per_second, timeout_seconds } => {
            let timeout = Duration::from_secs(timeout_seconds);
            let hold = Hold::start(&target, usize::from(streams), per_second);
            let open = hold.all_open(timeout).await;
            let report = hold.finish(timeout).await;
            println!(
                "{}",
                json!({
                    "opened": open, "completed": report.completed, "errors": report.errors,
                    "last_error": report.last_error,
                })
            );
        }
    }
    Ok(())
}
