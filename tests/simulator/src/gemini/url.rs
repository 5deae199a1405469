//! What a URL asks for: `/v1beta/models/{model}:{method}`, and Vertex AI's longer form of it.

/// A call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) house: House,
    pub(crate) model: String,
    pub(crate) method: String,
    /// Server-sent events instead of a growing JSON array.
    pub(crate) sse: bool,
    /// The key in the query.
    pub(crate) key: Option<String>,
}

/// Who serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum House {
    /// The Gemini API: an API key.
    Studio,
    /// Vertex AI: a bearer token.
    Vertex,
}

impl Call {
    /// `None` for any other URL.
    pub(crate) fn of(path: &str, query: Option<&str>) -> Option<Self> {
        let tail = path.strip_prefix('/')?.split_once('/')?;
        if !matches!(tail.0, "v1" | "v1beta" | "v1beta1") {
            return None;
        }
        let (house, call) = match tail.1.strip_prefix("models/") {
            Some(call) => (House::Studio, call),
            None => (House::Vertex, vertex(tail.1)?),
        };
        let (model, method) = call.split_once(':')?;
        if model.is_empty() || model.contains('/') {
            return None;
        }
        let value = |name: &str| {
            let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
        };
        let (sse, key) = (value("alt").as_deref() == Some("sse"), value("key"));
        Some(Self { house, model: model.to_owned(), method: method.to_owned(), sse, key })
    }

    /// Gemini 3 and later.
    pub(crate) fn is_new(&self) -> bool {
        self.model.strip_prefix("gemini-").and_then(|version| version.chars().next()).is_some_and(|major| major >= '3')
    }
}

/// `projects/{}/locations/{}/publishers/google/models/{model}:{method}`
fn vertex(tail: &str) -> Option<&str> {
    let (place, call) = tail.split_once("/publishers/google/models/")?;
    let place: Vec<&str> = place.split('/').collect();
    let named = matches!(place.as_slice(), ["projects", project, "locations", location] if !project.is_empty() && !location.is_empty());
    named.then_some(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let call =
            Call::of("/v1beta/models/gemini-3-pro:streamGenerateContent", Some("alt=sse&key=k")).expect("a call");
        assert_eq!((call.house, call.sse, call.key.as_deref(), call.is_new()), (House::Studio, true, Some("k"), true));
        let path = "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent";
        let call = Call::of(path, None).expect("a call");
        assert_eq!((call.house, call.model.as_str(), call.is_new()), (House::Vertex, "gemini-2.5-flash", false));
        for path in [
            "/v1/models",
            "/v1/models/x",
            "/v2/models/x:y",
            "/v1/projects/p/publishers/google/models/x:y",
            "/v1/projects/p/locations/l/publishers/anthropic/models/x:rawPredict",
        ] {
            assert_eq!(Call::of(path, None), None, "{path}");
        }
    }
}
