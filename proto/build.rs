//! Compiles the contracts with a compiler written in Rust: nobody needs `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=attache");
    let descriptors = protox::compile(["attache/usage/v1/usage.proto"], ["."])?;
    prost_build::Config::new()
        .type_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)] #[serde(default)]")
        .field_attribute("first_token_ms", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("response_model", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("fault", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("tokens", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("caller", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("Caller.team", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("Caller.org", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("Caller.tags", "#[serde(skip_serializing_if = \"std::collections::BTreeMap::is_empty\")]")
        .field_attribute("cost", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("refused_by", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("tokens_counted_here", "#[serde(skip_serializing_if = \"std::ops::Not::not\")]")
        .field_attribute("price_unknown", "#[serde(skip_serializing_if = \"std::ops::Not::not\")]")
        .field_attribute("redactions", "#[serde(skip_serializing_if = \"Vec::is_empty\")]")
        .field_attribute("limits", "#[serde(skip_serializing_if = \"Vec::is_empty\")]")
        .field_attribute("UsageRecord.guards", "#[serde(skip_serializing_if = \"Vec::is_empty\")]")
        .field_attribute("UsageRecord.cache", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("Cache.reason", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("Cache.age_seconds", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("Cache.similarity", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("Cache.saved_tokens", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .field_attribute("Cache.saved_nanos", "#[serde(skip_serializing_if = \"Option::is_none\")]")
        .btree_map(["."])
        .compile_fds(descriptors)?;
    let descriptors = protox::compile(["attache/guard/v1/guard.proto"], ["."])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
