//! Where machines of AWS find temporary keys: the instance's metadata (version 2, with its session token), the container
//! endpoint, and the token service for web identities. The keys are always the same; their session token expires.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>

use std::time::{Duration, SystemTime};

use http::Method;
use serde_json::json;

use super::{Answer, Asked, Tokens};

/// The keys that are handed out.
pub(crate) const ACCESS_KEY_ID: &str = "ASIASIMULATOR";
pub(crate) const SECRET_ACCESS_KEY: &str = "simulator/secret+access+key";
const ROLE: &str = "simulator-role";

pub(super) fn metadata(tokens: &Tokens, asked: &Asked<'_>) -> Result<Answer, Answer> {
    let path = asked.parts.uri.path().trim_end_matches('/');
    if path == "/latest/api/token" {
        asked.must_be(&Method::PUT)?;
        let seconds =
            asked.header("x-aws-ec2-metadata-token-ttl-seconds").and_then(|seconds| seconds.parse::<u64>().ok());
        let fits = seconds.is_some_and(|seconds| (1..=21_600).contains(&seconds));
        return if fits { Ok(Answer::text(200, &tokens.issuer.issue())) } else { Err(Answer::text(400, "")) };
    }
    asked.must_be(&Method::GET)?;
    if !asked.header("x-aws-ec2-metadata-token").is_some_and(|token| tokens.issuer.accepts(token)) {
        return Err(Answer::text(401, ""));
    }
    match path.strip_prefix("/latest/meta-data/iam/security-credentials") {
        Some("") => Ok(Answer::text(200, ROLE)),
        Some(role) if role.trim_start_matches('/') == ROLE => Ok(keys(tokens, "Code", "Success")),
        _ => Err(Answer::text(404, "")),
    }
}

pub(super) fn container(tokens: &Tokens, asked: &Asked<'_>) -> Result<Answer, Answer> {
    asked.must_be(&Method::GET)?;
    Ok(keys(tokens, "RoleArn", "arn:aws:iam::123456789012:role/simulator-role"))
}

fn keys(tokens: &Tokens, more: &str, value: &str) -> Answer {
    Answer::json(&json!({
        more: value,
        "Type": "AWS-HMAC",
        "AccessKeyId": ACCESS_KEY_ID,
        "SecretAccessKey": SECRET_ACCESS_KEY,
        "Token": tokens.issuer.issue(),
        "Expiration": expiration(tokens),
    }))
}

/// `AssumeRoleWithWebIdentity`: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>.
pub(super) fn web_identity(tokens: &Tokens, asked: &Asked<'_>) -> Result<Answer, Answer> {
    asked.must_be_a_form()?;
    let complete = ["RoleArn", "RoleSessionName", "WebIdentityToken"].iter().all(|name| !asked.field(name).is_empty());
    if asked.field("Action") != "AssumeRoleWithWebIdentity" || !complete {
        let code = "<Code>InvalidParameterValue</Code><Message>not this</Message>";
        return Err(Answer::text(
            400,
            &format!("<ErrorResponse><Error><Type>Sender</Type>{code}</Error></ErrorResponse>"),
        ));
    }
    let (token, expiration) = (tokens.issuer.issue(), expiration(tokens));
    Ok(Answer::text(
        200,
        &format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{ACCESS_KEY_ID}</AccessKeyId>\
             <SecretAccessKey>{SECRET_ACCESS_KEY}</SecretAccessKey><SessionToken>{token}</SessionToken>\
             <Expiration>{expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
             </AssumeRoleWithWebIdentityResponse>"
        ),
    ))
}

/// When keys expire that are issued now, as AWS writes it.
fn expiration(tokens: &Tokens) -> String {
    let expires = SystemTime::now() + Duration::from_secs(tokens.issuer.seconds);
    humantime::format_rfc3339_seconds(expires).to_string()
}
