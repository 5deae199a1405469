//! The command line.

mod guard;
mod presets;
mod prices;
mod redact;
mod rehearse;
mod table;
mod translate;
mod usage;

use crate::callers::command::Keys;
use crate::config::{self, written};
use crate::exchange::Topology;
use crate::{envoy, serve};
use clap::{Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Makes an Envoy that you already run understand LLM traffic.
#[derive(Debug, Parser)]
#[command(name = "attache", version)]
pub struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Serve Envoy's external processing filter.
    Serve(File),
    /// Check a configuration: exit code 0 if it is good, otherwise what is wrong and where.
    Check(File),
    /// Print the Envoy bootstrap for a configuration.
    Envoy {
        #[command(flatten)]
        file: File,
        /// How Envoy and the service stand to each other.
        #[arg(long, value_enum, default_value_t = TopologyName::Sidecar)]
        topology: TopologyName,
    },
    /// Say what guards make of a text, a request or an answer.
    Guard(guard::Guard),
    /// Manage the keys of callers that live in the store.
    Keys(Keys),
    /// Print the JSON Schema of the configuration.
    Schema,
    /// List the providers that are known already (`preset: NAME`), or say everything about one.
    Presets {
        /// The preset's name.
        name: Option<String>,
    },
    /// What models cost.
    #[command(subcommand)]
    Prices(prices::Prices),
    /// Print a text or a request as a provider would read it, or what a policy finds in it.
    Redact(redact::Redact),
    /// Say what would become of a request: allowed? which limits, what would it cost?
    Test(rehearse::Test),
    /// Print a request, an answer, a recorded stream or an error in another dialect, and what is lost on the way.
    Translate(translate::Translate),
    /// Sum up the usage log: exchanges, tokens and cost by caller, team, model, provider, day.
    Usage(usage::Usage),
}

#[derive(Debug, clap::Args)]
struct File {
    /// The configuration file.
    #[arg(long, default_value = "attache.yaml")]
    config: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TopologyName {
    /// One service beside each Envoy.
    Sidecar,
    /// Replicas of the service behind a load balancer.
    Shared,
}

type Anything = Box<dyn std::error::Error + Send + Sync>;

impl Command {
    /// Does what was asked.
    ///
    /// # Errors
    /// Anything that a person must read.
    pub fn run(self) -> Result<(), Anything> {
        match self.action {
            Action::Serve(File { config }) => serve::run(config),
            Action::Check(File { config: path }) => {
                let config = config::load(&path)?;
                let (models, providers) = (config.models.len(), config.providers.len());
                print(&format!("{}: good ({models} models, {providers} providers)\n", path.display()))
            }
            Action::Envoy { file: File { config }, topology } => {
                let topology = match topology {
                    TopologyName::Sidecar => Topology::Sidecar,
                    TopologyName::Shared => Topology::Shared,
                };
                print(&envoy::yaml(&envoy::bootstrap(&config::load(&config)?, topology))?)
            }
            Action::Guard(guard) => guard.run(),
            Action::Keys(keys) => print(&keys.run()?),
            Action::Schema => {
                let schema = schemars::schema_for!(written::Config);
                print(&format!("{}\n", serde_json::to_string_pretty(&schema)?))
            }
            Action::Presets { name: None } => print(&presets::list()),
            Action::Presets { name: Some(name) } => {
                let told =
                    presets::one(&name).ok_or_else(|| format!("no preset `{name}`; `attache presets` lists them"));
                print(&told?)
            }
            Action::Prices(prices) => prices.run(),
            Action::Redact(redact) => redact.run(),
            Action::Test(test) => test.run(),
            Action::Translate(translate) => translate.run(),
            Action::Usage(usage) => usage.run(),
        }
    }
}

/// Writes a command's output. A reader that has gone away (`| head`) is no error.
fn print(text: &str) -> Result<(), Anything> {
    print_bytes(text.as_bytes())
}

/// Writes a command's output that may be no text.
fn print_bytes(bytes: &[u8]) -> Result<(), Anything> {
    let mut out = std::io::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The exit code for what a person was told.
pub fn exit_code(error: &Anything) -> ExitCode {
    let objects = error.is::<translate::Lossy>() || error.is::<redact::Objection>() || error.is::<guard::Stopped>();
    if objects { ExitCode::from(EXIT_OBJECTION) } else { ExitCode::FAILURE }
}

/// The exit code of a command that was asked whether something is as it should be, and it is not.
const EXIT_OBJECTION: u8 = 3;

/// Tells a person on stderr what is wrong.
pub fn complain(error: &Anything) {
    // Losses have been told by name.
    if !error.is::<translate::Lossy>() {
        tell(&error.to_string());
    }
}

/// Tells a person something on stderr.
fn tell(message: &str) {
    // Nobody is left to tell when stderr is gone.
    let _told = writeln!(std::io::stderr(), "attache: {message}");
}
