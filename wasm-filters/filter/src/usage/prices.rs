//! The prices that an operator writes, in the words of Attaché's own price lists.

use attache_core::price::{self, Catalogue};
use serde::Deserialize;
use serde_json::Value;

/// The items of a price list.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Written(Vec<Value>);

impl Written {
    /// A catalogue of them; before them, where `listed`, the list prices that Attaché brings.
    ///
    /// # Errors
    /// What is wrong, with its path.
    pub(super) fn catalogue(self, listed: bool, at: &str) -> Result<Catalogue, String> {
        let mut catalogue = if listed { Catalogue::built_in() } else { Catalogue::default() };
        if !self.0.is_empty() {
            let list = serde_json::json!({ "format": "attache.prices.v1", "prices": self.0 });
            catalogue.list(price::read(&list.to_string()).map_err(|wrong| format!("{at}.{wrong}"))?);
        }
        Ok(catalogue)
    }
}
