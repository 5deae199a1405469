//! The command line.

mod cache;
mod embed;
mod guard;
mod presets;
mod prices;
mod redact;
mod rehearse;
pub mod running;
mod table;
mod translate;
mod usage;

use crate::callers::command::Keys;
use crate::config::{self, written};
use crate::doctor::{Doctor, Ill, Unreadable};
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
    /// What has been answered before.
    #[command(subcommand)]
    Cache(cache::Cache),
    /// Check a configuration: exit code 0 if it is good, otherwise what is wrong and where.
    Check(File),
    /// Print the vectors of texts, or prove the model that makes them.
    Embed(embed::Embed),
    /// Look for traps in the configuration of an Envoy, running or written.
    Doctor(Doctor),
    /// Print the Envoy bootstrap for a configuration.
    Envoy {
        #[command(flatten)]
        file: File,
        /// How Envoy and the service stand to each other.
        #[arg(long, value_enum, default_value_t = TopologyName::Sidecar)]
        topology: TopologyName,
        /// The version of Envoy that shall read it. Default: what `envoy.version` says.
        #[arg(long, value_enum, value_name = "VERSION")]
        envoy_version: Option<envoy::Version>,
        /// Who takes it: an Envoy, or a mesh that writes its Envoys' configuration itself.
        #[arg(long = "for", value_enum, value_name = "FORM", default_value_t = Form::Envoy)]
        form: Form,
        /// A file to write to, instead of stdout.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
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
    /// One service beside each Envoy that sees headers only: WASM filters read and make bodies.
    Hybrid,
}

/// Who takes what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// An Envoy: its bootstrap.
    Envoy,
    /// Istio: an EnvoyFilter for a gateway, with replicas of the service in the network.
    IstioGateway,
    /// Istio: an EnvoyFilter for sidecars, with the service in the application's pod.
    IstioSidecar,
    /// Envoy Gateway: an EnvoyPatchPolicy, with replicas of the service in the network.
    EnvoyGateway,
}

impl Form {
    /// What a configuration is in this form. A mesh's forms know where the service is.
    fn of(self, config: &config::Config, topology: Topology) -> Result<String, Anything> {
        let manifest = match self {
            Self::Envoy => return Ok(envoy::yaml(&envoy::bootstrap(config, topology), config.written.envoy.version)?),
            Self::IstioGateway => envoy::envoy_filter(config, envoy::Place::Gateway),
            Self::IstioSidecar => envoy::envoy_filter(config, envoy::Place::Sidecar),
            Self::EnvoyGateway => envoy::patch_policy(config),
        };
        let name = self.to_possible_value();
        let name = name.as_ref().map_or("", clap::builder::PossibleValue::get_name);
        Ok(envoy::manifest(&manifest.ok_or("this configuration's addresses cannot be told to a mesh")?, name)?)
    }
}

type Anything = Box<dyn std::error::Error + Send + Sync>;

impl Command {
    /// Does what was asked.
    ///
    /// # Errors
    /// Anything that a person must read.
    pub fn run(self) -> Result<(), Anything> {
        match self.action {
            Action::Cache(cache) => cache.run(),
            Action::Serve(File { config }) => serve::run(config),
            Action::Check(File { config: path }) => {
                let config = config::load(&path)?;
                let (models, providers) = (config.models.len(), config.providers.len());
                print(&format!("{}: good ({models} models, {providers} providers)\n", path.display()))
            }
            Action::Embed(embed) => embed.run(),
            Action::Doctor(doctor) => {
                let (printed, ill) = doctor.run()?;
                print(&printed)?;
                ill.map_or(Ok(()), |ill| Err(ill.into()))
            }
            Action::Envoy { file: File { config }, topology, envoy_version, form, output } => {
                let topology = match topology {
                    TopologyName::Sidecar => Topology::Sidecar,
                    TopologyName::Shared => Topology::Shared,
                    TopologyName::Hybrid => Topology::Hybrid,
                };
                let mut config = config::load(&config)?;
                config.written.envoy.version = envoy_version.unwrap_or(config.written.envoy.version);
                if let (Topology::Hybrid, Some(unfit)) =
                    (topology, envoy::unfit_for_hybrid(&config, form == Form::Envoy))
                {
                    return Err(unfit.into());
                }
                envoy::missing(&config).iter().for_each(|missing| tell(missing));
                let printed = form.of(&config, topology)?;
                match output {
                    None => print(&printed),
                    Some(path) => {
                        std::fs::write(&path, printed).map_err(|error| format!("{}: {error}", path.display()).into())
                    }
                }
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
    if error.is::<Unreadable>() {
        return ExitCode::from(EXIT_UNREADABLE);
    }
    let objects = error.is::<translate::Lossy>()
        || error.is::<redact::Objection>()
        || error.is::<guard::Stopped>()
        || error.is::<embed::Wrong>();
    if objects { ExitCode::from(EXIT_OBJECTION) } else { ExitCode::FAILURE }
}

/// The exit code of a command that was asked whether something is as it should be, and it is not.
const EXIT_OBJECTION: u8 = 3;

/// The exit code of a command that was to look at something that it could not read.
const EXIT_UNREADABLE: u8 = 2;

/// Tells a person on stderr what is wrong.
pub fn complain(error: &Anything) {
    // Losses have been told by name, findings with all that is to be said.
    if !error.is::<translate::Lossy>() && !error.is::<Ill>() {
        tell(&error.to_string());
    }
}

/// Tells a person something on stderr.
fn tell(message: &str) {
    // Nobody is left to tell when stderr is gone.
    let _told = writeln!(std::io::stderr(), "attache: {message}");
}
