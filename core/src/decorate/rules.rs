//! What is written, compiled: every template read, every variable known before the first request.

use super::config::{Decorator, Said, Templates, Text, Variable, Variables};
use super::template::Template;
use super::{Decoration, Line, Speaker};
use crate::fault::Fault;
use crate::pattern::Pattern;
use std::collections::BTreeMap;

/// Most bytes of a text.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Most messages on one side of a conversation.
const MESSAGES_MAX: usize = 64;
/// Most bytes of a variable's value that an operator may allow.
const VALUE_BYTES_MAX: usize = 8 << 10;
/// The code of a request whose header cannot become a part of a prompt.
const CODE: &str = "prompt_variable";

/// All decorators of a configuration.
#[derive(Debug)]
pub struct Decorators {
    all: Vec<Compiled>,
    variables: BTreeMap<String, Value>,
}

#[derive(Debug, Default)]
struct Compiled {
    replaces_system: bool,
    system_before: Option<Template>,
    system_after: Option<Template>,
    before: Vec<(Speaker, Template)>,
    after: Vec<(Speaker, Template)>,
}

#[derive(Debug)]
struct Value {
    header: String,
    default: Option<String>,
    one_of: Vec<Pattern>,
    bytes_max: usize,
}

impl Decorators {
    /// Compiles them.
    ///
    /// # Errors
    /// What is wrong, with its path; a decorator's path is its place in the list: `[0].system.prepend`.
    pub fn new(all: &[Decorator], templates: &Templates, variables: &Variables) -> Result<Self, String> {
        for (name, text) in templates {
            read(text, variables).map_err(|why| format!("templates.{name}: {why}"))?;
        }
        let compile = |(place, one): (usize, &Decorator)| {
            Compiled::new(one, templates, variables).map_err(|why| format!("[{place}].{why}"))
        };
        Ok(Self {
            all: all.iter().enumerate().map(compile).collect::<Result<_, _>>()?,
            variables: variables
                .iter()
                .map(|(name, one)| {
                    Ok((name.clone(), Value::new(one).map_err(|why| format!("variables.{name}.{why}"))?))
                })
                .collect::<Result<_, String>>()?,
        })
    }

    /// What these of them add to one request, in their order: each around what those before it did.
    ///
    /// # Errors
    /// A [`Fault`] for a header that a variable needs and that is missing, or may not say what it says.
    pub fn fill(
        &self,
        places: impl IntoIterator<Item = usize>,
        header: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Decoration, Fault> {
        let value = |name: &str| match self.variables.get(name) {
            Some(variable) => variable.of(header),
            None => Ok(String::new()),
        };
        let mut sum = Decoration::default();
        for one in places.into_iter().filter_map(|place| self.all.get(place)) {
            sum = sum.then(one.fill(&value)?);
        }
        Ok(sum)
    }
}

impl Compiled {
    fn new(written: &Decorator, templates: &Templates, variables: &Variables) -> Result<Self, String> {
        let Decorator { system, messages } = written;
        let read = |at: &str, text: &Text| {
            let words = match text {
                Text::Words(words) => words,
                Text::Named { template } => {
                    templates.get(template).ok_or_else(|| format!("{at}: there is no template `{template}`"))?
                }
            };
            read(words, variables).map_err(|why| format!("{at}: {why}"))
        };
        let one = |at: &str, text: &Option<Text>| text.as_ref().map(|text| read(at, text)).transpose();
        let several = |at: &str, said: &[Said]| {
            if said.len() > MESSAGES_MAX {
                return Err(format!("{at}: there are {} messages; expected {MESSAGES_MAX} at most", said.len()));
            }
            let line = |(place, said): (usize, &Said)| {
                Ok((said.role, read(&format!("{at}[{place}].content"), &said.content)?))
            };
            said.iter().enumerate().map(line).collect::<Result<Vec<_>, String>>()
        };
        let replaces_system = system.replace.is_some();
        if replaces_system && (system.prepend.is_some() || system.append.is_some()) {
            return Err("system: `replace` leaves nothing to prepend or append to".to_owned());
        }
        let compiled = Self {
            replaces_system,
            system_before: one("system.prepend", &system.prepend)?.or(one("system.replace", &system.replace)?),
            system_after: one("system.append", &system.append)?,
            before: several("messages.prepend", &messages.prepend)?,
            after: several("messages.append", &messages.append)?,
        };
        let nothing = compiled.system_before.is_none() && compiled.system_after.is_none();
        if nothing && compiled.before.is_empty() && compiled.after.is_empty() {
            return Err("system: nothing is added; expected `system` or `messages`".to_owned());
        }
        Ok(compiled)
    }

    fn fill(&self, value: &dyn Fn(&str) -> Result<String, Fault>) -> Result<Decoration, Fault> {
        // An operator's way to add nothing: a variable whose default is empty.
        let one = |template: &Option<Template>| {
            let text = template.as_ref().map(|template| template.fill(value)).transpose()?;
            Ok::<_, Fault>(text.filter(|text| !text.is_empty()).into_iter().collect())
        };
        let lines = |said: &[(Speaker, Template)]| {
            said.iter()
                .map(|(speaker, template)| Ok(Line { speaker: *speaker, text: template.fill(value)? }))
                .filter(|line| line.as_ref().map_or(true, |line| !line.text.is_empty()))
                .collect::<Result<Vec<_>, Fault>>()
        };
        Ok(Decoration {
            replaces_system: self.replaces_system,
            system_before: one(&self.system_before)?,
            system_after: one(&self.system_after)?,
            before: lines(&self.before)?,
            after: lines(&self.after)?,
        })
    }
}

/// A text whose variables are all known.
fn read(text: &str, variables: &Variables) -> Result<Template, String> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err(format!("the text has {} bytes; expected 1 to {TEXT_BYTES_MAX}", text.len()));
    }
    let template = Template::read(text)?;
    let unknown = template.variables().find(|name| !variables.contains_key(*name)).map(str::to_owned);
    match unknown {
        Some(name) => Err(format!("there is no variable `{name}`: write it in `variables`, with its header")),
        None => Ok(template),
    }
}

impl Value {
    fn new(written: &Variable) -> Result<Self, String> {
        let Variable { header, default, one_of, bytes_max } = written;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if header.is_empty() || !header.bytes().all(token) {
            return Err(format!("header: `{header}` is no header's name"));
        }
        if *bytes_max == 0 || *bytes_max > VALUE_BYTES_MAX {
            return Err(format!("bytes_max: {bytes_max} is not between 1 and {VALUE_BYTES_MAX}"));
        }
        if default.as_ref().is_some_and(|default| default.len() > VALUE_BYTES_MAX) {
            return Err(format!("default: it is longer than {VALUE_BYTES_MAX} bytes"));
        }
        let one_of = one_of.iter().map(Pattern::new).collect();
        Ok(Self { header: header.to_ascii_lowercase(), default: default.clone(), one_of, bytes_max: *bytes_max })
    }

    /// Its value in a request.
    fn of(&self, header: &dyn Fn(&str) -> Option<String>) -> Result<String, Fault> {
        let name = &self.header;
        let fault = |what: &str| {
            let message = format!("the header `{name}` {what}: it becomes a part of the prompt here");
            Err(Fault::invalid(message).with_code(CODE))
        };
        let Some(value) = header(name) else {
            return self.default.clone().map_or_else(|| fault("is missing"), Ok);
        };
        if value.len() > self.bytes_max {
            return fault(&format!("is longer than {} bytes", self.bytes_max));
        }
        if value.chars().any(char::is_control) {
            return fault("holds a control character");
        }
        if !self.one_of.is_empty() && !self.one_of.iter().any(|pattern| pattern.matches(&value)) {
            return fault("says what it may not");
        }
        Ok(value)
    }
}
