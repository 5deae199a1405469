//! A place in Envoy's configuration: what stands there, and how to get there.
//!
//! Nothing here can fail. What is missing is null, what has another type than expected counts as missing: Envoy has
//! taken the configuration, or will say itself what is wrong with it.

use serde_json::Value;
use std::fmt;

static NOTHING: Value = Value::Null;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct At<'a> {
    value: &'a Value,
    place: Place,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the steps begin at, in words: `listener gateway`; nothing for the file itself.
    origin: String,
    steps: Vec<Step>,
}

/// One step into a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field.
    Key(String),
    /// An element.
    Index(usize),
}

impl<'a> At<'a> {
    /// A whole document, or a part of one that has a name of its own.
    pub fn of(value: &'a Value, origin: impl Into<String>) -> Self {
        Self { value, place: Place { origin: origin.into(), steps: Vec::new() } }
    }

    /// The place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What stands here, whatever it is.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// A field; null where there is none.
    pub fn get(&self, key: &str) -> Self {
        let mut place = self.place.clone();
        place.steps.push(Step::Key(key.to_owned()));
        Self { value: self.value.get(key).unwrap_or(&NOTHING), place }
    }

    /// A field of a field of …
    pub fn dig<const N: usize>(&self, keys: [&str; N]) -> Self {
        keys.into_iter().fold(self.clone(), |at, key| at.get(key))
    }

    /// The elements of a list.
    pub fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        let step = |(i, value)| {
            let mut place = self.place.clone();
            place.steps.push(Step::Index(i));
            Self { value, place }
        };
        items.iter().enumerate().map(step).collect()
    }

    /// The fields of an object.
    pub fn fields(&self) -> Vec<(&'a str, Self)> {
        let fields = self.value.as_object().into_iter().flatten();
        fields.map(|(key, _)| (key.as_str(), self.get(key))).collect()
    }

    /// Whether there is anything.
    pub fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        self.value == &Value::Bool(true)
    }

    /// A text.
    pub fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    /// A number, which JSON of protobuf may also write as a text.
    pub fn number(&self) -> Option<f64> {
        self.value.as_f64().or_else(|| self.text().parse().ok())
    }

    /// A duration as JSON of protobuf writes it (`1.5s`), in seconds.
    pub fn seconds(&self) -> Option<f64> {
        self.text().strip_suffix('s')?.parse().ok()
    }

    /// Whether this is a message of the type, by the last part of its name.
    pub fn is_a(&self, message: &str) -> bool {
        self.get("@type").text().rsplit(['.', '/']).next() == Some(message)
    }

    /// What stands here, for a person: numbers, switches and short words. Anything longer could hold a secret.
    pub fn shown(&self) -> String {
        match self.value {
            Value::Null => "not set".to_owned(),
            Value::Bool(_) | Value::Number(_) => self.value.to_string(),
            Value::String(text) if is_plain(text) => text.clone(),
            Value::String(_) | Value::Array(_) | Value::Object(_) => "set otherwise".to_owned(),
        }
    }
}

/// A duration, an enum's name, a cluster's name: nothing that could be a key.
fn is_plain(text: &str) -> bool {
    let is_duration = text.strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok());
    let is_constant = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    is_duration || is_constant
}

impl Place {
    /// A place that only has a name, such as a counter.
    pub fn named(name: impl Into<String>) -> Self {
        Self { origin: name.into(), steps: Vec::new() }
    }

    /// The steps from the origin.
    #[cfg(test)]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        for (i, step) in self.steps.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                // Names with dots in them (the keys of typed extensions) stay one step.
                Step::Key(key) if key.contains('.') => write!(f, "[\"{key}\"]")?,
                Step::Key(key) if i == 0 && self.origin.is_empty() => f.write_str(key)?,
                Step::Key(key) if i == 0 => write!(f, ": {key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}
