//! The command line, and where the programs are.

use std::env;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::redis;
use super::scenario::WasmFilter;

/// Measures what Envoy, an external processor and Attaché add to an exchange: all in one run, side by side.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Default: $ENVOY, then `envoy` on PATH, then .venv/bin/envoy in the repository.
    #[arg(long)]
    envoy: Option<PathBuf>,
    /// Default: `attache` beside this program, then target/release/attache. Its scenarios are skipped when it is missing.
    #[arg(long)]
    attache: Option<PathBuf>,
    /// Default: `simulator` beside this program, then target/release/simulator.
    #[arg(long)]
    simulator: Option<PathBuf>,
    /// Default: `noop-ext-proc` beside this program, then target/release/noop-ext-proc.
    #[arg(long)]
    noop: Option<PathBuf>,
    /// How long one cell of the table is measured in each round.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// How often everything is repeated; the table shows medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// One short round with less concurrency: does it all work?
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only cells whose name contains one of these, separated by `|`, for instance "stream", "envoy + no-op" or "c=16";
    /// "hold" is the memory part.
    #[arg(long)]
    pub(crate) only: Option<String>,
    /// Streams to hold open when memory per stream is measured; 0 leaves that part out.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub(crate) hold: u16,
    /// Also write everything, each round by itself, to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.1..=60.0).contains(&seconds) { Ok(seconds) } else { Err("expected 0.1 to 60".to_owned()) }
}

impl Arguments {
    pub(crate) fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    pub(crate) fn seconds(&self) -> f64 {
        if self.quick { self.seconds.min(1.0) } else { self.seconds }
    }

    pub(crate) fn concurrencies(&self) -> &'static [usize] {
        if self.quick { &[1, 16] } else { &[1, 16, 64] }
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.split('|').any(|only| name.contains(only)))
    }

    /// # Errors
    /// When a program that every run needs is not there, with what to do about it.
    pub(crate) fn programs(&self) -> Result<Programs, String> {
        let given = |path: &Option<PathBuf>, name| path.clone().unwrap_or_else(|| built(name));
        let programs = Programs {
            envoy: self.envoy.clone().or_else(find_envoy).ok_or("no envoy: give --envoy PATH or set ENVOY")?,
            attache: given(&self.attache, "attache"),
            simulator: given(&self.simulator, "simulator"),
            noop: given(&self.noop, "noop-ext-proc"),
            wasm: wasm_folder(),
            redis: redis::find(repository()),
        };
        for needed in [&programs.envoy, &programs.simulator, &programs.noop] {
            if !needed.is_file() {
                return Err(format!("{} is not there: `make bench` builds what it needs", needed.display()));
            }
        }
        Ok(programs)
    }
}

/// The executables of one run.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) envoy: PathBuf,
    pub(crate) attache: PathBuf,
    pub(crate) simulator: PathBuf,
    pub(crate) noop: PathBuf,
    /// Where the WASM filters are; what is not there is not measured.
    pub(crate) wasm: PathBuf,
    /// None: limits in Redis are not measured.
    pub(crate) redis: Option<PathBuf>,
}

impl Programs {
    pub(crate) fn has_attache(&self) -> bool {
        self.attache.is_file()
    }

    pub(crate) fn has_wasm(&self, filter: WasmFilter) -> bool {
        self.wasm.join(filter.name()).with_extension("wasm").is_file()
    }
}

fn built(name: &str) -> PathBuf {
    let beside = env::current_exe().ok().map(|path| path.with_file_name(name)).filter(|path| path.is_file());
    beside.unwrap_or_else(|| repository().join("target/release").join(name))
}

/// As `make wasm` leaves them, beside this program's own folder.
fn wasm_folder() -> PathBuf {
    let program = env::current_exe().ok();
    let target =
        program.as_deref().and_then(|program| program.ancestors().nth(2)).map(|target| target.join("wasm-filters"));
    target.filter(|folder| folder.is_dir()).unwrap_or_else(|| repository().join("target/wasm-filters"))
}

fn find_envoy() -> Option<PathBuf> {
    if let Some(path) = env::var_os("ENVOY") {
        return Some(PathBuf::from(path));
    }
    let on_path = env::var_os("PATH")
        .and_then(|path| env::split_paths(&path).map(|folder| folder.join("envoy")).find(|path| path.is_file()));
    on_path.or_else(|| Some(repository().join(".venv/bin/envoy")).filter(|path| path.is_file()))
}

fn repository() -> &'static Path {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.ancestors().nth(2).unwrap_or(folder)
}
