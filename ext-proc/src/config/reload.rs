//! Reload: when the file changes or SIGHUP comes, a good configuration replaces the running one at once for new
//! exchanges; a bad one is reported and the old one keeps running.

use super::Config;
use crate::metrics::Metrics;
use arc_swap::ArcSwap;
use notify::{RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Editors and config maps write a file in several steps; wait until it is quiet for this long.
const QUIET: Duration = Duration::from_millis(150);

/// Watches the file and SIGHUP for as long as the process lives.
///
/// # Errors
/// When the signal handler cannot be set up. A file that cannot be watched is logged: SIGHUP still works.
pub async fn watch(path: PathBuf, running: Arc<ArcSwap<Config>>, metrics: Arc<Metrics>) -> std::io::Result<()> {
    let (changed, mut changes) = mpsc::channel::<()>(1);
    let _watcher = watch_folder(&path, changed).inspect_err(
        |error| tracing::warn!(path = %path.display(), %error, "cannot watch the configuration; use SIGHUP"),
    );
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        let reason = tokio::select! {
            Some(()) = hangup.recv() => "SIGHUP",
            Some(()) = changes.recv() => {
                tokio::time::sleep(QUIET).await;
                while changes.try_recv().is_ok() {}
                "file changed"
            }
        };
        reload(&path, &running, &metrics, reason);
    }
}

/// The folder is watched, not the file: files are replaced by renaming, in Kubernetes by swapping a link.
fn watch_folder(path: &Path, changed: mpsc::Sender<()>) -> notify::Result<impl Watcher> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full channel means that a reload is due anyway.
            let _due = changed.try_send(());
        }
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

fn reload(path: &Path, running: &ArcSwap<Config>, metrics: &Metrics, reason: &str) {
    match super::load(path) {
        Ok(config) if written_alike(&config, &running.load()) => {}
        Ok(config) => {
            running.store(Arc::new(config));
            metrics.config_reloads.with_label_values(&["ok"]).inc();
            tracing::info!(path = %path.display(), reason, "configuration reloaded");
        }
        Err(invalid) => {
            metrics.config_reloads.with_label_values(&["bad"]).inc();
            let path = path.display();
            tracing::error!(%path, reason, "configuration not reloaded, the old one keeps running:\n{invalid}");
        }
    }
}

/// Whether nothing changed, credentials included: other files in the folder change too.
fn written_alike(new: &Config, old: &Config) -> bool {
    use secrecy::ExposeSecret;
    let secrets = |config: &Config| -> Vec<String> {
        let all = config.providers.values().flat_map(|provider| provider.credentials.iter().chain(&provider.headers));
        all.map(|(_, secret)| secret.expose_secret().to_owned()).collect()
    };
    let text = |config: &Config| serde_json::to_string(&config.written).unwrap_or_default();
    text(new) == text(old) && secrets(new) == secrets(old)
}
