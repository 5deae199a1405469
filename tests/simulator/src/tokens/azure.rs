//! Entra's endpoint for applications, and the metadata service of Azure's machines.
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

use http::Method;
use serde_json::json;

use super::issued::now_ms;
use super::{Answer, Asked, Tokens};

pub(super) fn token(tokens: &Tokens, asked: &Asked<'_>) -> Result<Answer, Answer> {
    asked.must_be_a_form()?;
    if asked.field("grant_type") != "client_credentials" {
        let why = "AADSTS70003: The app requested an unsupported grant type.";
        return Err(Answer::error(400, "unsupported_grant_type", why));
    }
    if asked.field("client_id").is_empty() {
        let why = "AADSTS900144: The request body must contain the following parameter: 'client_id'.";
        return Err(Answer::error(400, "invalid_request", why));
    }
    if !asked.field("scope").ends_with("/.default") {
        let why = "AADSTS1002012: The provided value for scope is not valid. Client credential flows must have a scope value with \
                   /.default suffixed to the resource identifier.";
        return Err(Answer::error(400, "invalid_scope", why));
    }
    let secret = asked.field("client_secret");
    let assertion = asked.field("client_assertion");
    match (secret.is_empty(), assertion.is_empty()) {
        (true, true) => {
            let why = "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return Err(Answer::error(401, "invalid_client", why));
        }
        (false, _) if !tokens.client_secrets.is_empty() && !tokens.client_secrets.iter().any(|good| good == secret) => {
            // The real one does not repeat it either; this one does, so that tests see whether it reaches a log.
            let why = format!("AADSTS7000215: Invalid client secret provided: '{secret}'.");
            return Err(Answer::error(401, "invalid_client", &why));
        }
        (true, false)
            if asked.field("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" =>
        {
            return Err(Answer::error(400, "invalid_request", "AADSTS50012: unknown client_assertion_type"));
        }
        _ => {}
    }
    let seconds = tokens.issuer.seconds;
    Ok(Answer::json(&json!({
        "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": tokens.issuer.issue(),
    })))
}

/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
pub(super) fn metadata(tokens: &Tokens, asked: &Asked<'_>) -> Result<Answer, Answer> {
    asked.must_be(&Method::GET)?;
    if asked.header("metadata") != Some("true") {
        return Err(Answer::error(400, "invalid_request", "Required metadata header not specified"));
    }
    for name in ["api-version", "resource"] {
        if asked.query(name).is_none_or(|value| value.is_empty()) {
            return Err(Answer::error(400, "invalid_request", &format!("Required query variable '{name}' is missing")));
        }
    }
    let seconds = tokens.issuer.seconds;
    // Numbers in quotes, as the real one has them.
    Ok(Answer::json(&json!({
        "access_token": tokens.issuer.issue(),
        "client_id": asked.query("client_id").unwrap_or_default(),
        "expires_in": seconds.to_string(),
        "expires_on": (now_ms() / 1000 + seconds).to_string(),
        "resource": asked.query("resource"),
        "token_type": "Bearer",
    })))
}
