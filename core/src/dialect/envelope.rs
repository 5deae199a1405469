//! Anthropic's messages in the envelopes of the clouds: a version in the body, the model in the URL.
//!
//! Bedrock: <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html>,
//! Vertex AI: <https://docs.anthropic.com/en/api/claude-on-vertex-ai>.

use super::Dialect;
use crate::edit::{Edit, Object, quoted};
use crate::endpoint::Hosting;

const VERSION: &str = "anthropic_version";
const BETA: &str = "anthropic_beta";
const BEDROCK: &str = r#""bedrock-2023-05-31""#;
const VERTEX: &str = r#""vertex-2023-10-16""#;

/// A body that was just written, in the envelope of its house. `betas`: what the header `anthropic-beta` says.
pub(crate) fn packed(body: Vec<u8>, dialect: Dialect, to: Hosting, betas: Option<&str>) -> Vec<u8> {
    if dialect != Dialect::Anthropic || matches!(to, Hosting::Native | Hosting::AzureDeployment) {
        return body;
    }
    let Ok(object) = Object::read(&body) else { return body };
    let mut edit = object.edit();
    let stream = object.raw("stream") == Some("true");
    moved(&mut edit, &object, Hosting::Native, to, "", stream, betas);
    edit.write()
}

/// Moves a client's body from one envelope to another.
pub(crate) fn moved(
    edit: &mut Edit<'_, '_>,
    object: &Object<'_>,
    from: Hosting,
    to: Hosting,
    model: &str,
    stream: bool,
    betas: Option<&str>,
) {
    match to {
        Hosting::Native | Hosting::AzureDeployment => {
            edit.set_str("model", model);
            if from == Hosting::Bedrock || from == Hosting::Vertex {
                edit.remove(VERSION).remove(BETA);
                if stream {
                    edit.set("stream", "true");
                }
            }
        }
        Hosting::Bedrock => {
            edit.remove("model").remove("stream");
            if from != to {
                edit.set(VERSION, BEDROCK);
            }
            if let Some(betas) = betas.filter(|_| object.raw(BETA).is_none()) {
                let betas: Vec<_> =
                    betas.split(',').map(str::trim).filter(|beta| !beta.is_empty()).map(quoted).collect();
                edit.set(BETA, &format!("[{}]", betas.join(",")));
            }
        }
        Hosting::Vertex => {
            edit.remove("model");
            if from != to {
                edit.set(VERSION, VERTEX).remove(BETA);
            }
            if stream {
                edit.set("stream", "true");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_move_between_houses() {
        use Hosting::{Bedrock, Native, Vertex};
        let native = r#"{"model":"a","stream":true,"max_tokens":1,"x":1.50}"#;
        let bedrock = r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["b"],"max_tokens":1,"x":1.50}"#;
        for (body, from, to, betas, expected) in [
            (native, Native, Native, None, r#"{"model":"m","stream":true,"max_tokens":1,"x":1.50}"#),
            (
                native,
                Native,
                Bedrock,
                Some("b, c"),
                r#"{"max_tokens":1,"x":1.50,"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["b","c"]}"#,
            ),
            (
                native,
                Native,
                Vertex,
                Some("b"),
                r#"{"stream":true,"max_tokens":1,"x":1.50,"anthropic_version":"vertex-2023-10-16"}"#,
            ),
            (bedrock, Bedrock, Native, None, r#"{"max_tokens":1,"x":1.50,"model":"m","stream":true}"#),
            (bedrock, Bedrock, Bedrock, None, bedrock),
            (
                bedrock,
                Bedrock,
                Vertex,
                None,
                r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":1,"x":1.50,"stream":true}"#,
            ),
        ] {
            let object = Object::read(body.as_bytes()).unwrap();
            let mut edit = object.edit();
            moved(&mut edit, &object, from, to, "m", true, betas);
            assert_eq!(String::from_utf8(edit.write()).unwrap(), expected, "{from:?} → {to:?}");
        }
    }
}
