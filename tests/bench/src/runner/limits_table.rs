//! What keys, limits and a budget add to the same exchange without them.

use std::fmt::Write;

use super::cell::{Cell, Key};
use super::scenario::{Scenario, Workload};
use super::table::{median, ms, number};

/// A block of whatever was measured; empty without any.
pub(crate) fn render(cells: &[Cell], concurrencies: &[usize]) -> String {
    let mut added = String::new();
    for workload in Workload::ALL {
        for &concurrency in concurrencies {
            for scenario in Scenario::LIMITED {
                added.extend(line(cells, Key { scenario, workload, concurrency }));
            }
        }
    }
    if added.is_empty() {
        return added;
    }
    format!("added to `{}`                 service us   Redis us   p50 ms   p99 ms\n{added}", Scenario::Same.name())
}

/// Round by round: neighbours in time are compared.
fn line(cells: &[Cell], key: Key) -> Option<String> {
    let same = Key { scenario: Scenario::Same, ..key };
    let of = |key: Key, round: u32| cells.iter().find(|cell| cell.key == key && cell.round == round);
    let pairs: Vec<(&Cell, &Cell)> =
        cells.iter().filter(|cell| cell.key == key).filter_map(|cell| Some((cell, of(same, cell.round)?))).collect();
    if pairs.is_empty() {
        return None;
    }
    let added = |value: &dyn Fn(&Cell) -> Option<f64>| {
        median(pairs.iter().filter_map(|(cell, same)| Some(value(cell)? - value(same)?)).collect())
    };
    let mut line = String::new();
    let name = format!("{} c={} {}", key.workload.name(), key.concurrency, key.scenario.name());
    let _ = writeln!(
        line,
        "{name:<48} {:>9} {:>10} {:>8} {:>8}",
        number(added(&|cell| cell.service_us), 1),
        number(median(pairs.iter().filter_map(|(cell, _)| cell.store_us).collect()), 1),
        number(added(&|cell| Some(ms(cell.report.latency.p50))), 2),
        number(added(&|cell| Some(ms(cell.report.latency.p99))), 2),
    );
    Some(line)
}
