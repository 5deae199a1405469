//! A provider of language models that does what a test tells it: OpenAI's chat completions, Anthropic's messages,
//! Google's generateContent, as strict as the real ones, over real sockets.
//!
//! The way of a request: `server` (socket) → `exchange` (record, script, key) → `openai` or `anthropic` (judge it) →
//! `turn` (what is said) → `openai` or `anthropic` (how it is written) → `pace` (when, and what goes wrong).

mod anthropic;
mod apis;
mod bedrock;
mod cohere;
mod completions;
mod control;
mod exchange;
mod fault;
mod gemini;
mod models;
mod openai;
mod pace;
mod record;
mod responses;
mod schema;
mod script;
mod server;
mod sse;
mod tokens;
mod turn;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tokio::net::TcpListener;

use crate::exchange::Simulator;
use crate::record::Records;
use crate::script::{Script, Scripts};
use crate::tokens::Tokens;

/// A scripted provider: OpenAI chat completions and Anthropic messages.
#[derive(Parser)]
#[command(name = "simulator", version)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What to call it in the line that it prints.
    #[arg(long, default_value = "provider")]
    name: String,
    /// The default script, as JSON.
    #[arg(long, default_value = "{}")]
    script: String,
    /// Certificate chain (PEM). Speaks TLS.
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key (PEM) of the certificate.
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Writes the port that it listens on into this file.
    #[arg(long)]
    port_file: Option<PathBuf>,
    /// A key that is good; without any, every key is. May be given several times.
    #[arg(long)]
    api_key: Vec<String>,
    /// An AWS access key that is good, as `ID:SECRET` or `ID:SECRET:TOKEN`: requests to Bedrock must be signed with it, or
    /// carry an `--api-key` as a bearer. May be given several times.
    #[arg(long, value_parser = bedrock::keys::AccessKey::parse)]
    aws_access_key: Vec<bedrock::keys::AccessKey>,
    #[command(flatten)]
    tokens: tokens::TokenOptions,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), String> {
    let script = Script::parse(options.script.as_bytes())?;
    let tls = match (&options.tls_cert, &options.tls_key) {
        (Some(cert), Some(key)) => Some(server::tls(cert, key)?),
        _ => None,
    };
    let listen = |error| format!("{}: {error}", options.listen);
    let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    if let Some(path) = &options.port_file {
        std::fs::write(path, address.port().to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    announce(&options.name, address);
    let tokens = Tokens::new(options.tokens)?;
    let simulator = Simulator {
        scripts: Scripts::new(script),
        records: Records::new(),
        keys: options.api_key,
        responses: responses::store::Store::default(),
        access_keys: options.aws_access_key,
        tokens,
    };
    server::run(listener, tls, Arc::new(simulator)).await;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "this line is the command's output: callers wait for it")]
fn announce(name: &str, address: SocketAddr) {
    println!("simulator {name} listening on {address}");
}
