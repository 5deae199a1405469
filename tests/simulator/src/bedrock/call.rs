//! Which operation a URL asks for: `/model/{id}/converse`, the id percent-encoded.

/// An operation of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Converse,
    ConverseStream,
    Invoke,
    InvokeStream,
}

impl Operation {
    pub(crate) fn streams(self) -> bool {
        matches!(self, Self::ConverseStream | Self::InvokeStream)
    }
}

/// A model and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) model: String,
    pub(crate) operation: Operation,
}

impl Call {
    /// `None` for a path that is none of this API.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (model, operation) = path.strip_prefix("/model/")?.rsplit_once('/')?;
        let operation = match operation {
            "converse" => Operation::Converse,
            "converse-stream" => Operation::ConverseStream,
            "invoke" => Operation::Invoke,
            "invoke-with-response-stream" => Operation::InvokeStream,
            _ => return None,
        };
        let model = decoded(model)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
        (!model.is_empty() && model.chars().all(fits)).then_some(Self { model, operation })
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            // A slash of the model's own name is encoded.
            b'/' => return None,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_the_model() {
        let call = |model: &str, operation| Some(Call { model: model.into(), operation });
        for (path, expected) in [
            ("/model/amazon.nova-lite-v1%3A0/converse", call("amazon.nova-lite-v1:0", Operation::Converse)),
            ("/model/a.b:0/converse-stream", call("a.b:0", Operation::ConverseStream)),
            ("/model/arn%3Aaws%3Ax%2Fy/invoke", call("arn:aws:x/y", Operation::Invoke)),
            ("/model/a/invoke-with-response-stream", call("a", Operation::InvokeStream)),
            ("/model/a/b/converse", None),
            ("/model//converse", None),
            ("/model/a%2/converse", None),
            ("/model/a%20b/converse", None),
            ("/model/a/chat", None),
            ("/v1/messages", None),
        ] {
            assert_eq!(Call::of(path), expected, "{path}");
        }
    }
}
