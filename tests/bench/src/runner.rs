//! One run: start everything, send the same traffic along every way in turns, print the tables.

pub(crate) mod arguments;
mod bootstrap;
mod cell;
mod child;
mod lab;
mod limits_table;
mod memory;
mod redis;
mod rules;
mod scenario;
mod starts;
mod table;
mod usage;

use std::error::Error;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use arguments::{Arguments, Programs};
use cell::{Cell, Key};
use lab::Lab;
use memory::Held;
use scenario::{Scenario, Workload};
use starts::Start;

/// Measures what `arguments` ask for and prints the tables.
///
/// # Errors
/// When a program is missing or does not start, or the JSON file cannot be written.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let programs = arguments.programs()?;
    allow_many_sockets();
    let scenarios = available(&programs);

    let (cells, starts) = measure_cells(arguments, &programs, &scenarios).await?;
    println!("\n{}", heading(arguments));
    println!("{}", table::render(&cells, arguments.concurrencies()));
    println!("{}", limits_table::render(&cells, arguments.concurrencies()));
    println!("{}", starts::render(&starts));
    let held = hold_streams(arguments, &programs, &scenarios).await?;
    if !held.is_empty() {
        println!("{}", table::render_held(&held));
    }

    if let Some(path) = &arguments.json {
        let cells: Vec<_> = cells.iter().map(Cell::to_json).collect();
        let held: Vec<_> = held.iter().map(Held::to_json).collect();
        let starts: Vec<_> = starts.iter().copied().map(Start::to_json).collect();
        std::fs::write(path, format!("{:#}\n", json!({ "cells": cells, "starts": starts, "held": held })))?;
    }
    complain_about_errors(&cells);
    Ok(())
}

/// A thousand streams are two thousand sockets in Envoy; children inherit our limit.
fn allow_many_sockets() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it is not allowed, opening that many streams fails later and says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn available(programs: &Programs) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for scenario in Scenario::ALL {
        if scenario.needs_attache() && !programs.has_attache() {
            eprintln!("skipped: {}: {} is not built", scenario.name(), programs.attache.display());
        } else if !scenario.wasm().into_iter().all(|filter| programs.has_wasm(filter)) {
            eprintln!("skipped: {}: `make wasm` builds it", scenario.name());
        } else if scenario.needs_redis() && programs.redis.is_none() {
            eprintln!("skipped: {}: there is no redis-server", scenario.name());
        } else {
            scenarios.push(scenario);
        }
    }
    scenarios
}

/// Round by round, load by load, scenario by scenario: neighbours in time are what is compared.
async fn measure_cells(
    arguments: &Arguments,
    programs: &Programs,
    scenarios: &[Scenario],
) -> Result<(Vec<Cell>, Vec<Start>), Box<dyn Error>> {
    let keys: Vec<Key> = keys(arguments, scenarios);
    let mut cells = Vec::new();
    if keys.is_empty() {
        return Ok((cells, Vec::new()));
    }
    let wanted = |scenario: &Scenario| keys.iter().any(|key| key.scenario == *scenario);
    let wanted: Vec<Scenario> = scenarios.iter().copied().filter(wanted).collect();
    let lab = Lab::start(programs, &wanted, scenario::SCRIPT).await?;
    let window = Duration::from_secs_f64(arguments.seconds());
    for round in 1..=arguments.rounds() {
        for &key in &keys {
            let Some(route) = lab.route(key.scenario) else { continue };
            eprintln!("round {round}/{}: {}", arguments.rounds(), key.name());
            cells.push(cell::measure(key, round, route, window).await);
        }
    }
    Ok((cells, lab.starts()))
}

fn keys(arguments: &Arguments, scenarios: &[Scenario]) -> Vec<Key> {
    let mut keys = Vec::new();
    for workload in Workload::ALL {
        for &concurrency in arguments.concurrencies() {
            keys.extend(scenarios.iter().map(|&scenario| Key { scenario, workload, concurrency }));
        }
    }
    keys.retain(|key| arguments.wants(&key.name()));
    keys
}

async fn hold_streams(
    arguments: &Arguments,
    programs: &Programs,
    scenarios: &[Scenario],
) -> Result<Vec<Held>, Box<dyn Error>> {
    let mut all = Vec::new();
    if arguments.hold == 0 || arguments.quick {
        return Ok(all);
    }
    for &scenario in scenarios {
        let name = format!("hold {}", scenario.name());
        if scenario == Scenario::Direct || !arguments.wants(&name) {
            continue;
        }
        eprintln!("{name}: {} streams", arguments.hold);
        all.extend(memory::hold(programs, scenario, usize::from(arguments.hold)).await?);
    }
    Ok(all)
}

fn heading(arguments: &Arguments) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "median of {} rounds of {} s; {cores} cores; Envoy with one worker",
        arguments.rounds(),
        arguments.seconds()
    )
}

fn complain_about_errors(cells: &[Cell]) {
    for cell in cells {
        if let Some(error) = &cell.report.last_error {
            eprintln!("{} (round {}): {} errors, last: {error}", cell.key.name(), cell.round, cell.report.errors);
        }
    }
}
