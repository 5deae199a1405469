//! `cache.embedder`: what was written → who makes vectors of questions.

use super::Problem;
use super::compiled::duration;
use super::provider::Provider;
use super::written::cache;
use crate::cache::semantic::embedder::Kind;
use crate::cache::semantic::{Embedder, Model, Remote};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

/// Most threads.
const THREADS_MAX: u16 = 256;

/// Compiles it; reads the model's files.
pub(super) fn compile(
    written: &cache::Embedder,
    providers: &BTreeMap<String, Arc<Provider>>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<Embedder>> {
    let at = "cache.embedder";
    let before = problems.len();
    let timeout = duration(&written.timeout, &format!("{at}.timeout"), problems);
    let half = || available_parallelism().map_or(1, |all| u16::try_from(all.get() / 2).unwrap_or(THREADS_MAX)).max(1);
    let threads = written.threads.unwrap_or_else(half);
    let numbers = [
        ("threads", u32::from(threads), u32::from(THREADS_MAX)),
        ("queue", u32::from(written.queue), u32::from(u16::MAX)),
        ("entries_max", written.entries_max, 100_000_000),
    ];
    for (name, number, most) in numbers {
        if !(1..=most).contains(&number) {
            problems.push(Problem::at(format!("{at}.{name}"), format!("{number} is not within 1 to {most}")));
        }
    }
    let kind = kind(written, providers, at, problems);
    let (queue, entries_max) = (usize::from(written.queue), written.entries_max as usize);
    let (kind, timeout) = (kind?, timeout?);
    (problems.len() == before).then(|| Arc::new(Embedder::new(kind, timeout, usize::from(threads), queue, entries_max)))
}

fn kind(
    written: &cache::Embedder,
    providers: &BTreeMap<String, Arc<Provider>>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Option<Kind> {
    match (&written.path, &written.provider, &written.model) {
        (Some(path), None, None) if !path.is_empty() => {
            let model = Model::load(Path::new(path));
            let model = model.map_err(|problem| problems.push(Problem::at(format!("{at}.path"), problem)));
            model.ok().map(Kind::InProcess)
        }
        (None, Some(provider), Some(model)) if !model.is_empty() => {
            let Some(found) = providers.get(provider) else {
                let known: Vec<_> = providers.keys().map(String::as_str).collect();
                let message = format!("no provider `{provider}`; there is: {}", known.join(", "));
                problems.push(Problem::at(format!("{at}.provider"), message));
                return None;
            };
            Some(Kind::Remote(Remote::new(found.clone(), model.clone(), usize::from(written.queue))))
        }
        _ => {
            let message = "expected { path: FOLDER } for a model in this process, or { provider: NAME, model: NAME }";
            problems.push(Problem::at(at, message));
            None
        }
    }
}
