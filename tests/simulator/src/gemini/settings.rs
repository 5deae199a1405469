//! `generationConfig`, the safety settings and the tier.

use serde_json::Value;

use super::error::{field, invalid};
use super::tools::check_schema;
use super::url::Call;
use crate::fault::Fault;

/// # Errors
/// The refusal of the API.
pub(super) fn check(body: &Value, call: &Call) -> Result<(), Fault> {
    let config = &body["generationConfig"];
    let ranges = [
        ("temperature", "temperature", 0.0, 2.0),
        ("topP", "top_p", 0.0, 1.0),
        ("topK", "top_k", 1.0, 1000.0),
        ("candidateCount", "candidate_count", 1.0, 8.0),
        ("maxOutputTokens", "max_output_tokens", 1.0, 65_536.0),
        ("presencePenalty", "presence_penalty", -2.0, 2.0),
        ("frequencyPenalty", "frequency_penalty", -2.0, 2.0),
        ("logprobs", "logprobs", 0.0, 20.0),
    ];
    for (name, spelled, least, most) in ranges {
        if config[name].as_f64().is_some_and(|value| !(least..=most).contains(&value)) {
            let path = format!("generation_config.{spelled}");
            return Err(field(&path, &format!("{spelled} must be in the range [{least:.1}, {most:.1}].")));
        }
    }
    if config["stopSequences"].as_array().is_some_and(|stops| stops.len() > 5) {
        return Err(field("generation_config.stop_sequences", "the number of stop_sequences must not exceed 5."));
    }
    if config.get("logprobs").is_some() && config["responseLogprobs"] != Value::Bool(true) {
        return Err(invalid("Logprobs is only valid when response_logprobs is set to true."));
    }
    check_form(config)?;
    check_thinking(&config["thinkingConfig"], call)?;
    let tier = body["serviceTier"].as_str().unwrap_or("standard").to_ascii_lowercase();
    if !matches!(tier.as_str(), "unspecified" | "standard" | "flex" | "priority") {
        let message = format!("Invalid value at 'service_tier' (type.googleapis.com/ServiceTier), \"{tier}\"");
        return Err(invalid(message).param("service_tier"));
    }
    for setting in body["safetySettings"].as_array().into_iter().flatten() {
        let category = setting["category"].as_str().unwrap_or_default();
        if !category.starts_with("HARM_CATEGORY_") {
            let message = format!(
                "Invalid value at 'safety_settings[0].category' (type.googleapis.com/HarmCategory), \"{category}\""
            );
            return Err(invalid(message));
        }
    }
    Ok(())
}

fn check_form(config: &Value) -> Result<(), Fault> {
    let kind = config["responseMimeType"].as_str().unwrap_or_default();
    if !matches!(kind, "" | "text/plain" | "application/json" | "text/x.enum") {
        let allowed = "allowed mimetypes are `text/plain`, `application/json`, `application/xml`, `application/yaml` and `text/x.enum`.";
        return Err(field("generation_config.response_mime_type", allowed));
    }
    let has_schema = config.get("responseSchema").is_some() || config.get("responseJsonSchema").is_some();
    if has_schema && matches!(kind, "" | "text/plain") {
        return Err(field(
            "generation_config.response_schema",
            "response schema is only allowed when response_mime_type is `application/json` or `text/x.enum`.",
        ));
    }
    if let Some(schema) = config.get("responseSchema") {
        if config.get("responseJsonSchema").is_some() {
            return Err(invalid("response_schema and response_json_schema are mutually exclusive."));
        }
        check_schema(schema, "generation_config.response_schema")?;
    }
    Ok(())
}

/// <https://ai.google.dev/gemini-api/docs/thinking#set-budget>
fn check_thinking(config: &Value, call: &Call) -> Result<(), Fault> {
    if config.is_null() {
        return Ok(());
    }
    let model = call.model.as_str();
    if ["gemini-1", "gemini-2.0"].iter().any(|old| model.starts_with(old)) {
        return Err(invalid("Thinking is not enabled for this model"));
    }
    let level = config["thinkingLevel"].as_str().map(str::to_ascii_uppercase);
    let budget = config["thinkingBudget"].as_i64();
    if level.is_some() && budget.is_some() {
        return Err(invalid("You can only set only one of thinking budget and thinking level."));
    }
    if let Some(level) = level {
        if !call.is_new() && model.starts_with("gemini-2") {
            return Err(invalid("Thinking level is not supported for this model."));
        }
        let is_pro = model.contains("-pro");
        let known = matches!(level.as_str(), "LOW" | "HIGH")
            || (level == "MEDIUM" && !model.starts_with("gemini-3-pro"))
            || (level == "MINIMAL" && !is_pro);
        if !known {
            return Err(invalid(format!("Thinking level {level} is not supported for this model.")));
        }
    }
    let Some(budget) = budget.filter(|budget| *budget != -1) else { return Ok(()) };
    let (least, most) = match model {
        _ if call.is_new() => (0, 65_536),
        _ if model.contains("2.5-pro") => (128, 32_768),
        _ if model.contains("2.5-flash-lite") && budget != 0 => (512, 24_576),
        _ => (0, 24_576),
    };
    if budget == 0 && model.contains("2.5-pro") {
        return Err(invalid("Budget 0 is invalid. This model only works in thinking mode."));
    }
    if (least..=most).contains(&budget) {
        return Ok(());
    }
    let message = format!("The thinking budget {budget} is invalid. Please choose a value between {least} and {most}.");
    Err(invalid(message))
}
