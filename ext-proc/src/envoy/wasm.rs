//! The filters of the hybrid: WASM in the proxy that reads bodies for the service, and makes them.
//!
//! Their configuration is out of the same attache.yaml, target by target, and holds no secret: what a provider asks to be
//! shown, the service sets.

use super::{extension, typed};
use crate::config::Config;
use crate::config::compiled::{Model, Provider, Target};
use crate::config::written::LossPolicy;
use attache_core::dialect::{ThinkingStyle, Upstream};
use attache_core::endpoint::Hosting;
use attache_core::head::OF_A_DIALECT;
use attache_core::hybrid::any_of;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the filter that tells the service what is asked for.
const ROUTER: &str = "model-router";

/// Before the exchange stage: it reads the body, and tells what is asked for.
pub(super) fn router(config: &Config) -> Value {
    let rules = json!({ "routes": [], "facts": true, "body_bytes_max": config.written.limits.body_bytes_max });
    filter(config, "attache_facts", ROUTER, &rules)
}

/// In a provider's cluster: makes the request for it as the service has planned, and brings the answer back.
pub(super) fn translate(config: &Config, provider: &Provider) -> Value {
    let rules = json!({
        "translate": targets(config, provider),
        "planned": true,
        "per_attempt": true,
        "body_bytes_max": config.written.limits.body_bytes_max,
    });
    filter(config, "attache_translate", "translate", &rules)
}

/// The provider's targets by the names that plans call them.
fn targets(config: &Config, provider: &Provider) -> Vec<Value> {
    let models: BTreeMap<&String, &Arc<Model>> = config.models.iter().collect();
    let all = models.values().flat_map(|model| model.targets.iter().map(move |target| (target, model.losses)));
    let own = all.filter(|(target, _)| target.provider.name == provider.name);
    let mut targets: Vec<Value> = own.map(|(target, losses)| of_target(target, losses)).collect();
    if provider.expose || provider.other_endpoints || targets.is_empty() {
        targets.push(made(provider, &any_of(&provider.name), &provider.upstream(""), LossPolicy::Allow));
    }
    targets
}

fn of_target(target: &Target, losses: LossPolicy) -> Value {
    made(&target.provider, &target.name, &target.upstream, losses)
}

fn made(provider: &Provider, name: &str, upstream: &Upstream, losses: LossPolicy) -> Value {
    let scheme = if provider.tls { "https" } else { "http" };
    let url = format!("{scheme}://{}{}", provider.authority, provider.base_path);
    let also: Vec<&str> = provider.speaks.iter().skip(1).map(|dialect| dialect.as_str()).collect();
    let thinking = match upstream.thinking {
        ThinkingStyle::Budget => "budget",
        ThinkingStyle::Adaptive => "adaptive",
    };
    let query = form_urlencoded::parse(provider.query.as_deref().unwrap_or_default().as_bytes());
    let query: Map<String, Value> = query.map(|(name, value)| (name.into_owned(), json!(value))).collect();
    let usual = Upstream::new("");
    let mut fields = json!({
        "name": &*provider.name,
        "target": name,
        "dialect": provider.primary().as_str(),
        "url": url,
        "losses": losses,
    });
    let unusual = [
        ("also", !also.is_empty(), json!(also)),
        ("hosting", provider.hosting != Hosting::Native, json!(hosting(provider.hosting))),
        ("query", !query.is_empty(), Value::Object(query)),
        ("headers", of_dialect(provider).next().is_some(), Value::Object(of_dialect(provider).collect())),
        ("quirks", *provider.quirks != Default::default(), json!(*provider.quirks)),
        (
            "max_tokens_default",
            upstream.max_tokens_default != usual.max_tokens_default,
            json!(upstream.max_tokens_default),
        ),
        ("thinking", upstream.thinking != usual.thinking, json!(thinking)),
        ("sampling", !upstream.sampling, json!(false)),
        ("reasoning", !upstream.reasoning, json!(false)),
    ];
    if let Value::Object(fields) = &mut fields {
        let unusual = unusual.into_iter().filter(|(_, is_unusual, _)| *is_unusual);
        fields.extend(unusual.map(|(name, _, value)| (name.to_owned(), value)));
    }
    fields
}

/// The provider's headers that belong to a dialect, not to an account.
fn of_dialect(provider: &Provider) -> impl Iterator<Item = (String, Value)> {
    let known = |name: &str| OF_A_DIALECT.iter().any(|(_, of)| *of == name);
    let headers = provider.headers.iter().filter(move |(name, _)| known(name));
    headers.map(|(name, value)| (name.clone(), json!(value.expose_secret())))
}

fn hosting(hosting: Hosting) -> &'static str {
    match hosting {
        Hosting::Native => "native",
        Hosting::AzureDeployment => "azure_deployment",
        Hosting::Bedrock => "bedrock",
        Hosting::Vertex => "vertex",
    }
}

/// A filter with its rules. All of one kind share their VMs.
fn filter(config: &Config, name: &str, kind: &str, rules: &Value) -> Value {
    let folder = config.written.envoy.wasm.trim_end_matches('/');
    let text = json!({ "value": rules.to_string() });
    extension(
        name,
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        json!({ "config": {
            "name": name,
            // Headers wait until the body is known. Without this line no body ever comes.
            "allow_on_headers_stop_iteration": true,
            // A filter that broke is started again; until then requests are refused. Failing open they would go unread.
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {
                "vm_id": kind,
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": format!("{folder}/{kind}.wasm") } },
            },
            "configuration": typed("google.protobuf.StringValue", text),
        } }),
    )
}
