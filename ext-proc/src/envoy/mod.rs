//! Placeholder while the module is written.
use crate::config::Config;
use crate::exchange::Topology;
/// Bootstrap.
pub fn bootstrap(_config: &Config, _topology: Topology) -> serde_json::Value {
    serde_json::Value::Null
}
/// YAML.
pub fn yaml(_value: &serde_json::Value) -> Result<String, String> {
    Ok(String::new())
}
