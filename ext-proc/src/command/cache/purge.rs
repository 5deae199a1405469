//! `attache cache purge`.

use super::super::{Anything, print, running};
use crate::cache::now_ms;
use crate::cache::purge::Wish;
use crate::config;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Have the running service forget answers, and with a shared Redis all others, too: those to which all of this applies.
#[derive(Debug, clap::Args)]
pub struct Purge {
    /// The configuration file.
    #[arg(long, default_value = "attache.yaml")]
    config: PathBuf,
    /// The rule under which it is kept.
    #[arg(long)]
    rule: Option<String>,
    /// The model that was asked for.
    #[arg(long)]
    model: Option<String>,
    /// Whose it is: `caller/key:NAME`, `team/NAME`, `route/RULE`, `shared`.
    #[arg(long)]
    tenant: Option<String>,
    /// How its key begins, in hexadecimal digits.
    #[arg(long)]
    key: Option<String>,
    /// What was stored at least so long ago: 90s, 1h, 7d.
    #[arg(long)]
    older_than: Option<String>,
    /// Everything.
    #[arg(long)]
    all: bool,
}

impl Purge {
    pub(super) fn run(self) -> Result<(), Anything> {
        let Self { config, rule, model, tenant, key, older_than, all } = self;
        let config = config::load(&config)?;
        let wish = Wish { all, rule, model, tenant, key, older_than };
        wish.filter(now_ms() / 1000)?;
        let Some(token) = &config.admin_token else {
            return Err(
                "only the admin token opens it; write `service: { admin_token: \"${ATTACHE_ADMIN_TOKEN}\" }`".into()
            );
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(async {
            let address = running::service(&config).await;
            let address = address.ok_or_else(|| super::nobody(&config))?;
            running::ask(address, Some(token), "POST", "/cache/purge", &json!(wish)).await
        })?;
        let gone = done.get("purged").and_then(Value::as_u64).unwrap_or_default();
        print(&format!("purged; {gone} answers went from the service's memory\n"))
    }
}
