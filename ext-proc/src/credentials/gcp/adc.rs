//! Application default credentials: where Google's tools put them, in their order.
//! <https://cloud.google.com/docs/authentication/application-default-credentials>

use super::Source;
use std::path::PathBuf;

/// Google's metadata server.
const METADATA_HOST: &str = "metadata.google.internal";

/// The places to look at, as the environment says.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `GOOGLE_APPLICATION_CREDENTIALS`: a file, and then nothing else.
    pub file: Option<String>,
    /// The folder of gcloud: `CLOUDSDK_CONFIG`, or `~/.config/gcloud`.
    pub gcloud: Option<PathBuf>,
    /// `GCE_METADATA_HOST`.
    pub metadata_host: Option<String>,
}

impl Places {
    /// Reads the environment.
    pub fn of(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".config/gcloud"));
        Self {
            file: set("GOOGLE_APPLICATION_CREDENTIALS"),
            gcloud: set("CLOUDSDK_CONFIG").map(PathBuf::from).or_else(home),
            metadata_host: set("GCE_METADATA_HOST"),
        }
    }

    /// The credentials that are there now.
    ///
    /// # Errors
    /// For a file that is there and is none.
    pub(super) fn find(&self) -> Result<Source, String> {
        let named = self.file.as_ref().map(PathBuf::from);
        let of_gcloud = || self.gcloud.as_ref().map(|folder| folder.join("application_default_credentials.json"));
        let file = named.or_else(|| of_gcloud().filter(|file| file.exists()));
        let Some(file) = file else {
            return Ok(Source::Metadata { host: self.metadata_host.clone().unwrap_or(METADATA_HOST.to_owned()) });
        };
        let text = std::fs::read_to_string(&file);
        let text = text.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        Source::parse(&text).map_err(|problem| format!("{}: {problem}", file.display()))
    }
}
