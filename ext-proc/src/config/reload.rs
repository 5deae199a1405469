//! Reload: when the file changes, or one that holds its secrets or prices, or SIGHUP comes, a good configuration replaces
//! the running one at once for new exchanges; a bad one is reported and the old one keeps running.

use super::{Config, written};
use crate::counting;
use crate::credentials;
use crate::envoy;
use crate::exchange::Topology;
use crate::metrics::Metrics;
use crate::redaction;
use arc_swap::ArcSwap;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Editors and config maps write a file in several steps; wait until it is quiet for this long.
const QUIET: Duration = Duration::from_millis(150);

/// Watches the files and SIGHUP for as long as the process lives.
///
/// # Errors
/// When the signal handler cannot be set up. What cannot be watched is logged: SIGHUP still works.
pub async fn watch(path: PathBuf, running: Arc<ArcSwap<Config>>, metrics: Arc<Metrics>) -> std::io::Result<()> {
    let (changed, mut changes) = mpsc::channel::<()>(1);
    let mut hangup = signal(SignalKind::hangup())?;
    let mut _watcher = watch_folders(&path, &running.load(), &changed);
    let mut complaint = None;
    let mut seen = None;
    loop {
        let reason = tokio::select! {
            Some(()) = hangup.recv() => Reason::Hangup,
            Some(()) = changes.recv() => {
                tokio::time::sleep(QUIET).await;
                while changes.try_recv().is_ok() {}
                Reason::Files
            }
        };
        let now = contents(&path, &running.load());
        // To compile what is as it was takes long. What is wrong may lack a file that nobody watches.
        if reason == Reason::Hangup || complaint.is_some() || seen != Some(now) {
            complaint = reload(&path, &running, &metrics, reason, complaint.as_deref()).await;
            seen = Some(now);
        }
        // Anew, since links may lead elsewhere now, secrets stand in other files, and folders be others under the same name.
        _watcher = watch_folders(&path, &running.load(), &changed);
    }
}

/// Watches the folders of the configuration, its secrets and its price lists. Folders, not files: files are replaced by renaming, in
/// Kubernetes by swapping a link.
fn watch_folders(path: &Path, config: &Config, changed: &mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let changed = changed.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full channel means that a reload is due anyway.
            let _due = changed.try_send(());
        }
    });
    let complain = |folder: &Path, error: &notify::Error| {
        tracing::warn!(folder = %folder.display(), %error, "cannot watch the configuration; use SIGHUP");
    };
    let mut watcher = watcher.inspect_err(|error| complain(Path::new(""), error)).ok()?;
    for folder in files(path, config).flat_map(|file| folders(&file)).collect::<BTreeSet<_>>() {
        if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
            complain(&folder, &error);
        }
    }
    Some(watcher)
}

/// The configuration, its secrets and its price lists.
fn files<'a>(path: &Path, config: &'a Config) -> impl Iterator<Item = PathBuf> + use<'a> {
    let others = config.written.secret_files().chain(config.written.prices.files.iter().map(String::as_str));
    others.map(PathBuf::from).chain([path.to_owned()])
}

/// A hash of what the files hold: other files in their folders change too, a log with every line.
fn contents(path: &Path, config: &Config) -> [u8; 32] {
    let mut hash = Sha256::new();
    for file in files(path, config) {
        hash.update(std::fs::read(file).map_or_else(|_| [0; 32], |bytes| Sha256::digest(bytes).into()));
    }
    hash.finalize().into()
}

/// The folder in which a file is named, and the one in which it is.
fn folders(file: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let named = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let real = file.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned));
    [Some(named), real].into_iter().flatten()
}

/// Why to look at the configuration again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// Something changed in a watched folder.
    Files,
    /// Somebody wants it.
    Hangup,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files changed",
            Self::Hangup => "SIGHUP",
        }
    }
}

/// Reloads; what is wrong then, if anything. `before` is what was wrong the last time.
async fn reload(
    path: &Path,
    running: &ArcSwap<Config>,
    metrics: &Arc<Metrics>,
    reason: Reason,
    before: Option<&str>,
) -> Option<String> {
    let (shown, why) = (path.display(), reason.as_str());
    let file = path.to_owned();
    // Policies take their time to compile; exchanges do not wait for that.
    let loaded = tokio::task::spawn_blocking(move || super::load(&file)).await;
    let Ok(loaded) = loaded.inspect_err(|error| tracing::error!(%error, "configuration not reloaded")) else {
        return None;
    };
    match loaded {
        // Who sends a signal reads what came of it.
        Ok(config) if reason == Reason::Files && written_alike(&config, &running.load()) => None,
        Ok(config) => {
            counting::prepare(&config);
            credentials::prepare(&config, Some(&running.load()), metrics);
            redaction::prepare(&config);
            let old = running.swap(Arc::new(config));
            metrics.config_reloads.with_label_values(&["ok"]).inc();
            tracing::info!(path = %shown, reason = why, "configuration reloaded");
            warn_of_what_waits(&old, &running.load());
            None
        }
        Err(invalid) => {
            let complaint = invalid.to_string();
            // Said once: a log file in a watched folder would feed on its own lines otherwise.
            if reason == Reason::Files && before == Some(complaint.as_str()) {
                return Some(complaint);
            }
            metrics.config_reloads.with_label_values(&["bad"]).inc();
            tracing::error!(path = %shown, reason = why, "configuration not reloaded, the old one keeps running:\n{complaint}");
            Some(complaint)
        }
    }
}

/// Not everything can change while the process runs, and not everything is this process's to change.
fn warn_of_what_waits(old: &Config, new: &Config) {
    let text = |part: serde_json::Result<String>| part.unwrap_or_default();
    let (before, after) = (&old.written, &new.written);
    let memory = |written: &written::Config| written.cache.as_ref().map(|cache| (cache.store, cache.memory_bytes_max));
    let parts = [
        ("service", serde_json::to_string(&before.service), serde_json::to_string(&after.service)),
        ("store", serde_json::to_string(&before.store), serde_json::to_string(&after.store)),
        ("cache.memory_bytes_max", serde_json::to_string(&memory(before)), serde_json::to_string(&memory(after))),
        ("usage", serde_json::to_string(&before.usage), serde_json::to_string(&after.usage)),
        ("log", serde_json::to_string(&before.log), serde_json::to_string(&after.log)),
    ];
    for (part, before, after) in parts {
        if text(before) != text(after) {
            tracing::warn!(part, "this part of the configuration takes effect when attache is started again");
        }
    }
    if after.limits.body_bytes_max > before.limits.body_bytes_max {
        tracing::warn!("larger bodies than before are taken when attache is started again");
    }
    if envoy::bootstrap(old, Topology::Sidecar) != envoy::bootstrap(new, Topology::Sidecar) {
        tracing::warn!("Envoy has to follow: print its configuration again with `attache envoy`");
    }
}

/// Whether nothing changed, credentials, price lists and key sets included.
fn written_alike(new: &Config, old: &Config) -> bool {
    use secrecy::ExposeSecret;
    let secrets = |config: &Config| -> Vec<String> {
        let all = config.providers.values().flat_map(|provider| &provider.headers);
        let all = all.map(|(_, secret)| secret).chain(&config.admin_token);
        all.map(|secret| secret.expose_secret().to_owned()).collect()
    };
    let callers = |config: &Config| config.callers.as_ref().map(|rules| rules.material);
    let text = |config: &Config| serde_json::to_string(&config.written).unwrap_or_default();
    let credentials = new.providers.len() == old.providers.len()
        && new
            .providers
            .values()
            .zip(old.providers.values())
            .all(|(new, old)| new.credentials.same_as(&old.credentials));
    let (prices, callers) = (new.prices == old.prices, callers(new) == callers(old));
    let redact = new.redact.iter().map(|policy| policy.material).eq(old.redact.iter().map(|policy| policy.material));
    let guards = new.guards.material == old.guards.material;
    let key = |config: &Config| config.cache.as_ref().map(|cache| cache.material);
    let policies = redact && guards && key(new) == key(old);
    text(new) == text(old) && secrets(new) == secrets(old) && credentials && prices && callers && policies
}
