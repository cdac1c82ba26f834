//! The front matter of an agent file.

use std::fmt;
use std::path::Path;

use flue_core::model::ThinkingLevel;
use flue_core::{Skill, Subagent};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::check::{Check, field};
use super::subagent::subagents;
use super::values::{Rules, skills, tools};
use crate::policy::Rule;
use crate::sandbox_kind::SandboxKind;

/// The front matter. What is absent is left to the command line and its defaults.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    /// `provider/model`.
    pub(crate) model: Option<String>,
    pub(crate) sandbox: Option<SandboxKind>,
    /// The directory to work in, in the sandbox.
    pub(crate) cwd: Option<String>,
    /// Names of built-in tools.
    pub(crate) tools: Option<Vec<String>>,
    pub(crate) thinking: Option<ThinkingLevel>,
    /// Which tool calls run.
    pub(crate) policy: Vec<Rule>,
    pub(crate) skills: Vec<Skill>,
    pub(crate) subagents: Vec<Subagent>,
}

/// What is wrong with front matter, and where; lines and columns count from 1.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) why: String,
}

impl Fields {
    /// Reads front matter, which begins on the second line of its file. Paths in it are relative to `base`.
    pub(super) fn parse(yaml: &str, base: &Path) -> Result<Self, Malformed> {
        // An empty line in the fence's place makes the parser count as the file does.
        let text = format!("\n{yaml}");
        FieldsSeed { base }.deserialize(serde_norway::Deserializer::from_str(&text)).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |place| (place.line(), place.column()));
            let why = error.to_string().replace(&format!(" at line {line} column {column}"), "");
            Malformed { line, column, why }
        })
    }
}

struct FieldsSeed<'a> {
    base: &'a Path,
}

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_> {
    type Value = Fields;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldsSeed<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fields such as `model: provider/model`")
    }

    fn visit_none<E: de::Error>(self) -> Result<Fields, E> {
        Ok(Fields::default())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Fields, E> {
        Ok(Fields::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        let mut seen = Vec::new();
        let known = |name: &str, seen: &mut Vec<Field>| field("an agent file", FIELDS, seen, name);
        while let Some(field) = map.next_key_seed(Check("the name of a field", |name: &str| known(name, &mut seen)))? {
            match field {
                Field::Name => fields.name = map.next_value()?,
                Field::Description => fields.description = map.next_value()?,
                Field::Model => fields.model = map.next_value()?,
                Field::Sandbox => fields.sandbox = map.next_value()?,
                Field::Cwd => fields.cwd = map.next_value()?,
                Field::Tools => fields.tools = map.next_value_seed(Optional(tools()))?,
                Field::Thinking => fields.thinking = map.next_value()?,
                Field::Policy => fields.policy = map.next_value_seed(Rules)?,
                Field::Skills => fields.skills = map.next_value_seed(skills(self.base))?,
                Field::Subagents => fields.subagents = map.next_value_seed(subagents(self.base))?,
            }
        }
        Ok(fields)
    }
}

/// What a seed makes, or nothing of nothing.
struct Optional<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Optional<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Optional<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or nothing")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Description,
    Model,
    Sandbox,
    Cwd,
    Tools,
    Thinking,
    Policy,
    Skills,
    Subagents,
}

const FIELDS: [(&str, Field); 10] = [
    ("name", Field::Name),
    ("description", Field::Description),
    ("model", Field::Model),
    ("sandbox", Field::Sandbox),
    ("cwd", Field::Cwd),
    ("tools", Field::Tools),
    ("thinking", Field::Thinking),
    ("policy", Field::Policy),
    ("skills", Field::Skills),
    ("subagents", Field::Subagents),
];

impl<'de> Deserialize<'de> for SandboxKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Check("the name of a kind of sandbox", |name: &str| name.parse()).deserialize(deserializer)
    }
}
