//! `attache`: makes an Envoy that you already run understand LLM traffic.
//!
//! The files follow an exchange: [`server`] takes Envoy's messages, [`exchange`] takes them from the first header to
//! the last byte, [`config`] says what they are to do. [`envoy`] prints the Envoy side.

#![allow(unreachable_pub, reason = "a binary has no outside; `pub` is the seam of a module")]

mod admin;
mod cache;
mod callers;
mod command;
mod config;
mod counting;
mod credentials;
mod decompress;
mod doctor;
mod envoy;
mod exchange;
mod fetch;
mod front;
mod guards;
mod limits;
mod metrics;
mod outbound;
mod redaction;
mod serve;
mod server;
mod store;
mod usage_log;
mod workers;

use attache_core::pattern;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match command::Command::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::complain(&error);
            command::exit_code(&error)
        }
    }
}
