//! Media that a client names by URL are fetched for a provider that takes bytes only, where the model allows it.
//!
//! A client chooses the URL, so this is a door into the network behind the gateway if it is not watched. What holds here:
//! the name is looked up once and the connection goes to the very address that was checked ([`address`]), so that a name
//! that changes its mind reaches nothing; a redirect is a new URL that is checked like the first; the size is counted while
//! it is read; nothing of the client's (headers, cookies, keys) is sent; and what comes back must be what it says it is.

pub mod address;
mod hop;
pub mod rules;
mod url;

pub use rules::Rules;

use attache_core::chat::MediaKind;
use attache_core::dialect::Dialect;
use attache_core::fault::{Fault, FaultKind};
use attache_core::remote::{Fetched, Wanted, media_type};
use attache_core::translate::Ask;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hop::{Answered, Hop};
use hyper_rustls::ConfigBuilderExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use url::Url;

/// Most redirects that are followed for one medium.
const REDIRECTS_MAX: usize = 3;

/// Fetches media. Cheap to clone; connections are not kept, since the next request may have other rules.
#[derive(Clone, Debug)]
pub struct Fetcher {
    tls: Arc<rustls::ClientConfig>,
}

impl Fetcher {
    /// A fetcher that trusts the system's CAs.
    ///
    /// # Errors
    /// When the system has no CA certificates.
    pub fn new() -> std::io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(std::io::Error::other)?;
        Ok(Self { tls: Arc::new(builder.with_native_roots()?.with_no_client_auth()) })
    }

    /// Fetches all media that a request needs, side by side.
    ///
    /// # Errors
    /// A [`Fault`] for the client, which names the host of the first URL that could not be had and nothing else of it:
    /// paths and queries of such URLs are often secrets.
    pub async fn fetch(&self, rules: &Rules, wanted: Vec<Wanted>) -> Result<Vec<Fetched>, Fault> {
        if wanted.len() > rules.count_max {
            let message = format!(
                "the request names {} files by URL that the model's provider takes as bytes only; at most {} are fetched",
                wanted.len(),
                rules.count_max
            );
            return Err(Fault::invalid(message).with_code(FAULT_CODE));
        }
        let bytes_left = AtomicUsize::new(rules.bytes_max);
        let all = futures_util::future::try_join_all(wanted.into_iter().map(|one| self.one(rules, one, &bytes_left)));
        match tokio::time::timeout(rules.timeout, all).await {
            Ok(fetched) => fetched,
            Err(_) => {
                let message =
                    format!("the files that the request names by URL did not come within {:?}", rules.timeout);
                Err(Fault::invalid(message).with_code(FAULT_CODE))
            }
        }
    }

    async fn one(&self, rules: &Rules, wanted: Wanted, bytes_left: &AtomicUsize) -> Result<Fetched, Fault> {
        let url = Url::parse(&wanted.url)
            .map_err(|why| Fault::invalid(format!("a URL in the request {why}")).with_code(FAULT_CODE))?;
        let fail = |why: String| {
            let message = format!("a file at `{}` could not be fetched for the model's provider: it {why}", url.host);
            Fault::invalid(message).with_code(FAULT_CODE)
        };
        let (declared, bytes) = self.follow(rules, url.clone(), bytes_left).await.map_err(fail)?;
        let media_type = media_type(wanted.kind, &declared, &bytes).map_err(fail)?;
        Ok(Fetched { url: wanted.url, media_type, base64: STANDARD.encode(bytes) })
    }

    /// Goes where redirects lead, checking each place anew. The `content-type` and the bytes of what is there.
    async fn follow(&self, rules: &Rules, url: Url, left: &AtomicUsize) -> Result<(String, Vec<u8>), String> {
        let mut url = url;
        for _ in 0..=REDIRECTS_MAX {
            rules.check(&url)?;
            match (Hop { rules, tls: &self.tls, url: &url }).ask(left).await? {
                Answered::Medium { declared, bytes } => return Ok((declared, bytes)),
                Answered::Elsewhere(location) => {
                    let next = url.join(&location)?;
                    if url.is_https && !next.is_https {
                        return Err("redirects from https to http".to_owned());
                    }
                    url = next;
                }
            }
        }
        Err(format!("redirects more than {REDIRECTS_MAX} times"))
    }
}

/// Fetches what a request names by URL and an upstream of this dialect takes as bytes only, where `rules` allow it.
///
/// # Errors
/// As [`Fetcher::fetch`].
pub async fn complete(
    ask: &mut Ask<'_>,
    dialect: Dialect,
    rules: Option<&Rules>,
    fetcher: Option<&Fetcher>,
) -> Result<(), Fault> {
    let Some(rules) = rules else { return Ok(()) };
    let wanted = ask.wants_media(dialect);
    if wanted.is_empty() {
        return Ok(());
    }
    let no_authority =
        || Fault::new(FaultKind::Server, "the gateway can fetch no files: its system has no CA certificates");
    let fetched = fetcher.ok_or_else(no_authority)?.fetch(rules, wanted).await?;
    ask.put_media(&fetched);
    Ok(())
}

/// Puts in what [`complete`] would, but for the bytes: for one who only wants to know whether the rest can be said, and what
/// is lost.
pub fn promise(ask: &mut Ask<'_>, dialect: Dialect, rules: Option<&Rules>) {
    if rules.is_none() {
        return;
    }
    let fetched = ask.wants_media(dialect).into_iter().map(|Wanted { url, kind }| {
        let media_type = match kind {
            MediaKind::Image => "image/png",
            MediaKind::Document => "application/pdf",
            MediaKind::Audio => "audio/wav",
            MediaKind::Video => "video/mp4",
        };
        Fetched { url, media_type: media_type.to_owned(), base64: String::new() }
    });
    ask.put_media(&fetched.collect::<Vec<_>>());
}

/// The code of every fault here, for machines.
const FAULT_CODE: &str = "media_fetch_failed";

/// Takes `bytes` from what is left of a request's budget.
fn take(left: &AtomicUsize, bytes: usize) -> Result<(), String> {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
    taken.map(|_| ()).map_err(|_| "is too large: the model's limit for fetched files is reached".to_owned())
}

#[cfg(test)]
mod tests;
