//! `attache keys`: stored keys, through the running service where there is one, otherwise straight in the store.

use super::Callers;
use super::manage::{Create, Rotate, Undone};
use crate::command::running;
use crate::config::written::Dialect;
use crate::config::written::callers::Allow;
use crate::config::{self, Config};
use crate::metrics::Metrics;
use crate::store::Store;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

type Anything = Box<dyn std::error::Error + Send + Sync>;

/// Stored keys: make, list, rotate, disable, enable, remove.
#[derive(Debug, clap::Args)]
pub struct Keys {
    #[command(subcommand)]
    action: Action,
    /// The configuration file.
    #[arg(long, default_value = "attache.yaml", global = true)]
    config: PathBuf,
    /// How to print what came of it.
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key. It is printed this once.
    Create {
        /// The caller's name, for limits, records and people.
        #[arg(long)]
        name: String,
        /// The team that it belongs to.
        #[arg(long)]
        team: Option<String>,
        /// When it ends: 30d from now on, or 2027-01-01T00:00:00Z. Default: never.
        #[arg(long)]
        expires: Option<String>,
        /// What its requests are marked with: KEY=VALUE. Can be repeated.
        #[arg(long = "tag", value_parser = tag, value_name = "KEY=VALUE")]
        tags: Vec<(String, String)>,
        /// A model that it may use, such as `fast` or `openai/*`. Can be repeated. Default: all.
        #[arg(long = "model", value_name = "MODEL")]
        models: Vec<String>,
        /// A provider that may serve it. Can be repeated. Default: all.
        #[arg(long = "provider", value_name = "PROVIDER")]
        providers: Vec<String>,
        /// A dialect that it may speak. Can be repeated. Default: all.
        #[arg(long = "front", value_enum, value_name = "DIALECT")]
        fronts: Vec<FrontName>,
    },
    /// List all keys, with nothing that is secret.
    List,
    /// Give a key's caller a new one. It is printed this once.
    Rotate {
        /// The key's name or id.
        key: String,
        /// How long the old one still counts: 24h.
        #[arg(long, default_value = "0s")]
        overlap: String,
        /// When the new one ends. Default: when the old one would have.
        #[arg(long)]
        expires: Option<String>,
    },
    /// Let a key count no more, until it is enabled again.
    Disable {
        /// The key's name or id.
        key: String,
    },
    /// Let a key count again.
    Enable {
        /// The key's name or id.
        key: String,
    },
    /// Remove a key for good.
    Remove {
        /// The key's name or id.
        key: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FrontName {
    /// OpenAI chat completions.
    Openai,
    /// OpenAI responses.
    Responses,
    /// OpenAI legacy completions.
    Completions,
    /// Anthropic messages.
    Anthropic,
    /// Google Gemini.
    Gemini,
    /// Amazon Bedrock Converse.
    Converse,
    /// Cohere.
    Cohere,
}

fn tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Keys {
    /// Does it; what to print.
    ///
    /// # Errors
    /// Anything that a person must read.
    pub fn run(self) -> Result<String, Anything> {
        let config = config::load(&self.config)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(async {
            match running::service(&config).await {
                Some(address) => self.action.through(address, &config).await,
                None => self.action.straight(config).await,
            }
        })?;
        Ok(match self.format {
            Format::Json => format!("{}\n", serde_json::to_string_pretty(&done)?),
            Format::Text => self.action.text(&done),
        })
    }
}

impl Action {
    fn wish(&self) -> Option<Create> {
        let Self::Create { name, team, expires, tags, models, providers, fronts } = self else { return None };
        let list = |names: &[String]| (!names.is_empty()).then(|| names.to_vec());
        let fronts = fronts.iter().map(|front| match front {
            FrontName::Openai => Dialect::Openai,
            FrontName::Responses => Dialect::Responses,
            FrontName::Completions => Dialect::Completions,
            FrontName::Anthropic => Dialect::Anthropic,
            FrontName::Gemini => Dialect::Gemini,
            FrontName::Converse => Dialect::Converse,
            FrontName::Cohere => Dialect::Cohere,
        });
        let fronts: Vec<_> = fronts.collect();
        let fronts = (!fronts.is_empty()).then_some(fronts);
        let allow = Allow { models: list(models), providers: list(providers), fronts };
        let (team, expires, tags) = (team.clone(), expires.clone(), tags.iter().cloned().collect());
        Some(Create { name: name.clone(), team, expires, tags, allow })
    }

    fn rotation(&self) -> Option<Rotate> {
        let Self::Rotate { overlap, expires, .. } = self else { return None };
        Some(Rotate { overlap: Some(overlap.clone()), expires: expires.clone() })
    }

    /// Through the running service: what it knows at once, it must be told.
    async fn through(&self, address: SocketAddr, config: &Config) -> Result<Value, Anything> {
        let Some(token) = &config.admin_token else {
            let message = format!(
                "attache serves at {address}, but without `service.admin_token` its keys cannot be managed; \
                 write `service: {{ admin_token: \"${{ATTACHE_ADMIN_TOKEN}}\" }}` and start it again"
            );
            return Err(message.into());
        };
        let (method, path, body) = match self {
            Self::Create { .. } => ("POST", "/keys".to_owned(), json!(self.wish())),
            Self::List => ("GET", "/keys".to_owned(), Value::Null),
            Self::Rotate { key, .. } => ("POST", format!("/keys/{}/rotate", segment(key)), json!(self.rotation())),
            Self::Disable { key } => ("POST", format!("/keys/{}/disable", segment(key)), Value::Null),
            Self::Enable { key } => ("POST", format!("/keys/{}/enable", segment(key)), Value::Null),
            Self::Remove { key } => ("DELETE", format!("/keys/{}", segment(key)), Value::Null),
        };
        running::ask(address, Some(token), method, &path, &body).await
    }

    /// Straight in the store, since no service runs that would have to know.
    async fn straight(&self, config: Config) -> Result<Value, Anything> {
        let callers = open(&config).await?;
        let now = SystemTime::now();
        let done = match self {
            Self::Create { .. } => callers.create(self.wish().unwrap_or_default(), &config, now).await,
            Self::List => callers.list(&config, now).await,
            Self::Rotate { key, .. } => callers.rotate(key, self.rotation().unwrap_or_default(), now).await,
            Self::Disable { key } => callers.set_disabled(key, true, now).await,
            Self::Enable { key } => callers.set_disabled(key, false, now).await,
            Self::Remove { key } => callers.remove(key).await,
        };
        callers.store.flush().await;
        done.map_err(|Undone { message, .. }| message.into())
    }

    /// What a person reads. A new key stands alone in its line, so that a script can take it.
    fn text(&self, done: &Value) -> String {
        let text = |name: &str| done.get(name).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Create { .. } | Self::Rotate { .. } => format!("{}\n", text("key")),
            Self::List => table(done.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()),
            Self::Disable { .. } => format!("{} is disabled\n", text("name")),
            Self::Enable { .. } => format!("{} is enabled\n", text("name")),
            Self::Remove { .. } => format!("{} is removed\n", text("name")),
        }
    }
}

/// Opens the store that the configuration names.
async fn open(config: &Config) -> Result<Callers, Anything> {
    let written = &config.written.store;
    let in_a_file = written.memory.as_ref().is_some_and(|memory| memory.file.is_some());
    if !in_a_file && written.redis.is_none() {
        let admin = &config.written.service.admin;
        let message = format!(
            "no attache serves at {admin}, and with `store: memory` keys live in its memory alone; start `attache serve`, or \
             keep keys in a file (`store: {{ memory: {{ file: PATH }} }}`) or in Redis"
        );
        return Err(message.into());
    }
    let metrics = Arc::new(Metrics::new()?);
    // Nothing moves while keys are managed.
    let (moved, _) = tokio::sync::mpsc::channel(1);
    let store = Store::open(written, metrics.clone(), moved).await?;
    Ok(Callers::new(store, metrics))
}

/// A path segment; what a name cannot hold is nobody's name, and so not found.
fn segment(key: &str) -> String {
    let fits = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-' | '@' | ':');
    key.chars().map(|char| if fits(&char) { char } else { '_' }).collect()
}

fn table(keys: &[Value]) -> String {
    let mut rows = vec![["NAME", "ID", "KEY", "TEAM", "EXPIRES", "STATE"].map(str::to_owned)];
    rows.extend(keys.iter().map(row));
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..6).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(key: &Value) -> [String; 6] {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let is = |name: &str| key.get(name).and_then(Value::as_bool).unwrap_or(false);
    let beginnings = key.get("keys").and_then(Value::as_array).into_iter().flatten();
    let beginnings: Vec<_> =
        beginnings.filter_map(|key| key.get("beginning")?.as_str()).map(|beginning| format!("{beginning}…")).collect();
    let state = match (is("disabled"), is("expired")) {
        (true, _) => "disabled",
        (false, true) => "expired",
        (false, false) => "good",
    };
    let shown = if beginnings.is_empty() { "in the configuration".to_owned() } else { beginnings.join(" ") };
    [text("name"), text("id"), shown, text("team"), text("expires"), state.to_owned()]
}
