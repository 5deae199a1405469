//! The readable result: one block per load, one line per scenario, medians over the rounds.

use std::fmt::Write;
use std::time::Duration;

use super::cell::{Cell, Key};
use super::memory::Held;
use super::scenario::{Scenario, Workload};

const COLUMNS: &str = "                                     req/s    p50    p99  token  token |   CPU us per exchange     | total  x bare  x no-op |   RSS
                                                    ms     ms    p50    p99 |  envoy  service simulator |    us                 |    MB  errors";

/// All blocks that have a measured line.
pub(crate) fn render(cells: &[Cell], concurrencies: &[usize]) -> String {
    let mut table = String::new();
    for workload in Workload::ALL {
        for &concurrency in concurrencies {
            let lines: String = Scenario::ALL
                .iter()
                .filter_map(|&scenario| line(cells, Key { scenario, workload, concurrency }))
                .collect();
            if !lines.is_empty() {
                let _ = writeln!(table, "{}, concurrency {concurrency}\n{COLUMNS}\n{lines}", workload.name());
            }
        }
    }
    table
}

fn line(cells: &[Cell], key: Key) -> Option<String> {
    let of_key: Vec<&Cell> = cells.iter().filter(|cell| cell.key == key).collect();
    if of_key.is_empty() {
        return None;
    }
    let middle = |value: &dyn Fn(&Cell) -> Option<f64>| median(of_key.iter().filter_map(|cell| value(cell)).collect());
    let ratio_to = |scenario| median(ratios(cells, &of_key, Key { scenario, ..key }));
    let errors: u64 = of_key.iter().map(|cell| cell.report.errors).sum();
    Some(format!(
        "{:<33} {:>8} {:>6} {:>6} {:>6} {:>6} | {:>6} {:>8} {:>9} | {:>5} {:>7} {:>8} | {:>5} {:>7}\n",
        key.scenario.name(),
        number(middle(&|cell| Some(cell.report.per_second)), 0),
        number(middle(&|cell| Some(ms(cell.report.latency.p50))), 2),
        number(middle(&|cell| Some(ms(cell.report.latency.p99))), 2),
        number(middle(&|cell| Some(ms(cell.report.first_token.p50))), 2),
        number(middle(&|cell| Some(ms(cell.report.first_token.p99))), 2),
        number(middle(&|cell| cell.envoy_us), 0),
        number(middle(&|cell| cell.service_us), 0),
        number(middle(&|cell| cell.simulator_us), 0),
        number(middle(&|cell| cell.total_us()), 0),
        number(ratio_to(Scenario::Envoy), 2),
        number(ratio_to(Scenario::Noop), 2),
        number(middle(&|cell| cell.service_resident_bytes.map(|bytes| bytes as f64 / 1e6)), 1),
        errors,
    ))
}

/// Each round is compared with the same round of the other scenario: what disturbs one disturbs its neighbour too.
fn ratios(cells: &[Cell], of_key: &[&Cell], other: Key) -> Vec<f64> {
    let in_round = |round| cells.iter().find(|cell| cell.key == other && cell.round == round);
    of_key
        .iter()
        .filter_map(|cell| Some(cell.total_us()? / in_round(cell.round)?.total_us()?))
        .filter(|ratio| ratio.is_finite())
        .collect()
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The middle value; between the two middle ones when their number is even.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get(values.len().checked_sub(1)? / 2)?;
    Some((upper + lower) / 2.0)
}

pub(crate) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The memory block.
pub(crate) fn render_held(held: &[Held]) -> String {
    let mut table =
        "memory per open stream                open   KB service   KB envoy   completed  errors\n".to_owned();
    for held in held {
        let _ = writeln!(
            table,
            "{:<34} {:>7} {:>12} {:>10} {:>11} {:>7}",
            held.scenario.name(),
            held.open,
            number(held.service_bytes_per_stream.map(|bytes| bytes / 1e3), 1),
            number(held.envoy_bytes_per_stream.map(|bytes| bytes / 1e3), 1),
            held.report.completed,
            held.report.errors,
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
