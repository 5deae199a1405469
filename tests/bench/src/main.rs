//! `attache-bench`: what does a hop cost? Starts a provider simulator, Envoys and processors on free loopback ports,
//! sends the same traffic through each, in turns, and prints CPU, latency and memory side by side.
#![allow(clippy::print_stdout, reason = "the table is the command's output")]
#![allow(clippy::print_stderr, reason = "progress and what was skipped, for the person who waits")]

mod runner;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use runner::arguments::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Whichever branch ends first, the others are dropped, and with them every process that was started.
    let result = tokio::select! {
        result = runner::run(&arguments) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        () = terminated() => Err("terminated".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("attache-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn terminated() {
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
