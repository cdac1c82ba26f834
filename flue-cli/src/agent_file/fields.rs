//! The front matter of an agent file.

use std::fmt;

use flue_core::model::ThinkingLevel;
use flue_core::tool::BUILTIN_TOOLS;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::sandbox_kind::SandboxKind;
use crate::suggest;

/// The front matter. What is absent is left to the command line and its defaults.
#[derive(Debug, Default, PartialEq)]
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
}

/// What is wrong with front matter, and where; lines and columns count from 1.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) why: String,
}

impl Fields {
    /// Reads front matter, which begins on the second line of its file.
    pub(super) fn parse(yaml: &str) -> Result<Self, Malformed> {
        // An empty line in the fence's place makes the parser count as the file does.
        serde_norway::from_str(&format!("\n{yaml}")).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |place| (place.line(), place.column()));
            let why = error.to_string().replace(&format!(" at line {line} column {column}"), "");
            Malformed { line, column, why }
        })
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
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
        while let Some(field) =
            map.next_key_seed(Check("the name of a field", |name: &str| known_field(name, &seen)))?
        {
            seen.push(field);
            match field {
                Field::Name => fields.name = map.next_value()?,
                Field::Description => fields.description = map.next_value()?,
                Field::Model => fields.model = map.next_value()?,
                Field::Sandbox => fields.sandbox = map.next_value()?,
                Field::Cwd => fields.cwd = map.next_value()?,
                Field::Tools => {
                    let tools: Option<Vec<ToolName>> = map.next_value()?;
                    fields.tools = tools.map(|tools| tools.into_iter().map(|tool| tool.0).collect());
                }
                Field::Thinking => fields.thinking = map.next_value()?,
            }
        }
        Ok(fields)
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
}

const FIELDS: [(&str, Field); 7] = [
    ("name", Field::Name),
    ("description", Field::Description),
    ("model", Field::Model),
    ("sandbox", Field::Sandbox),
    ("cwd", Field::Cwd),
    ("tools", Field::Tools),
    ("thinking", Field::Thinking),
];

fn known_field(name: &str, seen: &[Field]) -> Result<Field, String> {
    let names = FIELDS.map(|(name, _)| name);
    let Some((_, field)) = FIELDS.into_iter().find(|(known, _)| *known == name) else {
        let hint = suggest::hint(name, names);
        return Err(format!("unknown field `{name}`{hint} (an agent file has {})", names.join(", ")));
    };
    if seen.contains(&field) { Err(format!("the field `{name}` is there twice")) } else { Ok(field) }
}

impl<'de> Deserialize<'de> for SandboxKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Check("the name of a kind of sandbox", |name: &str| name.parse()).deserialize(deserializer)
    }
}

/// The name of a built-in tool.
struct ToolName(String);

impl<'de> Deserialize<'de> for ToolName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let check = |name: &str| {
            if BUILTIN_TOOLS.contains(&name) {
                return Ok(Self(name.to_owned()));
            }
            let hint = suggest::hint(name, BUILTIN_TOOLS);
            Err(format!("there is no tool `{name}`{hint} (built in are {})", BUILTIN_TOOLS.join(", ")))
        };
        Check("the name of a tool", check).deserialize(deserializer)
    }
}

/// Checks a string while the parser still knows where it stands.
struct Check<F>(&'static str, F);

impl<'de, T, F: FnOnce(&str) -> Result<T, String>> DeserializeSeed<'de> for Check<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, T, F: FnOnce(&str) -> Result<T, String>> Visitor<'de> for Check<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}
