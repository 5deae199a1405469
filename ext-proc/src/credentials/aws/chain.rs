//! Keys from where AWS puts them: environment, profile, web identity, container, instance metadata, in the order of the
//! standard chain, which is `aws-config`'s. Everything is read anew each time: files change.

use super::super::endpoint::until;
use super::super::renewed::{Issued, Issuer};
use super::web::Web;
use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime_api::client::identity::Identity;
use std::error::Error;
use std::time::Duration;

/// How long keys without an end are used before it is looked whether they have changed.
const UNENDING: Duration = Duration::from_secs(5 * 60);

/// The chain.
#[derive(Debug)]
pub struct Chain {
    /// For the token service.
    pub region: String,
    /// The profile, where it is not the environment's choice.
    pub profile: Option<String>,
}

impl Issuer for Chain {
    type Item = Identity;

    async fn issue(&self) -> Result<Issued<Identity>, String> {
        let region = Region::new(self.region.clone());
        let config = ProviderConfig::without_region().with_region(Some(region.clone())).with_http_client(Web);
        let chain = DefaultCredentialsChain::builder().configure(config).region(region);
        let chain = match &self.profile {
            Some(profile) => chain.profile_name(profile),
            None => chain,
        };
        let keys = chain.build().await.provide_credentials().await.map_err(|error| told(&error))?;
        let lifetime = keys.expiry().map_or(UNENDING, |expiry| until(Some(expiry)));
        Ok(Issued { item: Identity::from(keys), lifetime })
    }
}

/// Why there are no keys: the last cause says it, the first ones only that it is so. Never what was answered.
fn told(error: &dyn Error) -> String {
    let mut told = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push(error.to_string());
        cause = error.source();
    }
    told.dedup();
    format!("AWS's credentials chain: {}", told.join(": "))
}
