//! Which price belongs to a provider's model.

use super::{Entry, Price, list, names};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// Prices by name: those that an operator wrote, and those of lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// As an operator wrote them: `provider/model` or a model's name alone.
    own: BTreeMap<String, Arc<Price>>,
    /// By `vendor/model`.
    listed: BTreeMap<String, Arc<Price>>,
}

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut catalogue = Catalogue::default();
    catalogue.list(list::read(include_str!("../../data/prices.json")).expect("a test reads it"));
    catalogue
});

impl Catalogue {
    /// The list prices that come with this crate. They have dates; providers change theirs.
    pub fn built_in() -> Self {
        BUILT_IN.clone()
    }

    /// Adds the entries of a list; they replace what was listed under their names.
    pub fn list(&mut self, entries: Vec<Entry>) {
        for Entry { provider, model, price } in entries {
            self.listed.insert(format!("{provider}/{model}"), Arc::new(price));
        }
    }

    /// Adds a price under the name that an operator wrote.
    pub fn own(&mut self, name: String, price: Price) {
        self.own.insert(name, Arc::new(price));
    }

    /// The price of a model. It is looked for by these names, one after the other; no other name is ever taken for it:
    /// - as it is, then without the mark of its release: `-2024-07-18`, `-20250514`, `@20250514`, `-latest`, `-v1:0`, and
    ///   for Gemini `-001`
    /// - without its own vendor's name in front: `openai/gpt-4o` at OpenAI, `models/gemini-2.5-pro` at Google
    /// - Bedrock in the United States: without `us.`, which changes nothing (`global.` may be cheaper, and other regions have
    ///   prices of their own)
    /// - Vertex: Gemini as at Google; at the global endpoint, Claude as at Anthropic
    /// - OpenRouter passes on its makers' prices: `openai/…`, `anthropic/…`, `google/…`, `x-ai/…`
    ///
    /// For each name what an operator wrote comes before what is listed: `provider/model`, `vendor/model`, `model`, then the
    /// lists.
    ///
    /// `provider` is the configuration's name for who serves it, `vendor` the catalogue's, if it is anyone that the
    /// catalogue knows ([`vendor_of_host`]): nothing is listed for a server that could be anybody's.
    pub fn find(&self, provider: &str, vendor: Option<&str>, model: &str) -> Option<Arc<Price>> {
        let candidates = names::candidates(vendor.unwrap_or_default(), model);
        candidates.iter().find_map(|(vendor, model)| {
            let full = format!("{vendor}/{model}");
            let own = || self.own.get(&format!("{provider}/{model}")).or_else(|| self.own.get(&full));
            own().or_else(|| self.own.get(model)).or_else(|| self.listed.get(&full)).cloned()
        })
    }

    /// Whose models are listed.
    pub fn vendors(&self) -> BTreeSet<&str> {
        self.listed.keys().filter_map(|name| Some(name.split_once('/')?.0)).collect()
    }

    /// Everything in it by name: an operator's own, then the lists'.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Price>)> {
        self.own.iter().chain(&self.listed).map(|(name, price)| (name.as_str(), price))
    }
}

/// Whose API answers at a host; `None` for hosts that could be anybody's. Where the same vendor has other prices at
/// other hosts (OpenAI's, Google's and AWS' regions), only the hosts with the list price are known.
pub fn vendor_of_host(host: &str) -> Option<&'static str> {
    Some(match host {
        "api.openai.com" => "openai",
        "api.anthropic.com" => "anthropic",
        "generativelanguage.googleapis.com" => "google",
        "aiplatform.googleapis.com" => "vertex",
        "api.mistral.ai" => "mistral",
        "api.deepseek.com" => "deepseek",
        "api.x.ai" => "xai",
        "api.cohere.com" | "api.cohere.ai" => "cohere",
        "api.groq.com" => "groq",
        "openrouter.ai" => "openrouter",
        "api.together.xyz" => "together",
        "api.fireworks.ai" => "fireworks",
        "bedrock-runtime.us-east-1.amazonaws.com"
        | "bedrock-runtime.us-east-2.amazonaws.com"
        | "bedrock-runtime.us-west-2.amazonaws.com" => "bedrock",
        _ if host.ends_with("-aiplatform.googleapis.com") => "vertex-regional",
        _ => return None,
    })
}
