//! The subagents of an agent file.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use flue_core::model::ThinkingLevel;
use flue_core::{Narrowing, Subagent};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::check::{Check, Each, field};
use super::values::{Rules, skills, tools};
use crate::policy::policy;
use crate::wiring;

/// How deep subagents may lie in subagents, as tasks may.
const MAX_DEPTH: u32 = flue_core::MAX_TASK_DEPTH;

/// A list of subagents, whose skills lie relative to `base`.
pub(super) fn subagents(base: &Path) -> Each<OneSubagent<'_>> {
    Each("a list of subagents", OneSubagent { base, depth: 1 })
}

/// One subagent.
#[derive(Clone)]
pub(super) struct OneSubagent<'a> {
    base: &'a Path,
    depth: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Description,
    Instructions,
    Model,
    Tools,
    Thinking,
    Policy,
    Skills,
    Narrow,
    Subagents,
}

const FIELDS: [(&str, Field); 10] = [
    ("name", Field::Name),
    ("description", Field::Description),
    ("instructions", Field::Instructions),
    ("model", Field::Model),
    ("tools", Field::Tools),
    ("thinking", Field::Thinking),
    ("policy", Field::Policy),
    ("skills", Field::Skills),
    ("narrow", Field::Narrow),
    ("subagents", Field::Subagents),
];

impl<'de> DeserializeSeed<'de> for OneSubagent<'_> {
    type Value = Subagent;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Subagent, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneSubagent<'_> {
    type Value = Subagent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a subagent with a name and a description")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Subagent, A::Error> {
        if self.depth > MAX_DEPTH {
            return Err(de::Error::custom(format!("subagents lie at most {MAX_DEPTH} deep in each other")));
        }
        let (mut name, mut description) = (String::new(), String::new());
        let mut steps: Vec<Box<dyn FnOnce(Subagent) -> Subagent>> = Vec::new();
        let mut seen = Vec::new();
        let known = |name: &str, seen: &mut Vec<Field>| field("a subagent", FIELDS, seen, name);
        while let Some(field) = map.next_key_seed(Check("the name of a field", |name: &str| known(name, &mut seen)))? {
            match field {
                Field::Name => name = map.next_value()?,
                Field::Description => description = map.next_value()?,
                Field::Instructions => {
                    let text: String = map.next_value()?;
                    steps.push(Box::new(move |subagent| subagent.instructions(text.trim())));
                }
                Field::Model => {
                    let open = |name: &str| wiring::model(Some(name.to_owned())).map_err(|error| format!("{error:#}"));
                    let model = map.next_value_seed(Check("provider/model", open))?;
                    steps.push(Box::new(move |subagent| subagent.model(model)));
                }
                Field::Tools => {
                    let tools = map.next_value_seed(tools())?;
                    steps.push(Box::new(move |subagent| subagent.builtin_tools(tools)));
                }
                Field::Thinking => {
                    let level: ThinkingLevel = map.next_value()?;
                    steps.push(Box::new(move |subagent| subagent.thinking(level)));
                }
                Field::Policy => {
                    if let Some(policy) = policy(Vec::new(), map.next_value_seed(Rules)?) {
                        steps.push(Box::new(move |subagent| subagent.policy(policy)));
                    }
                }
                Field::Skills => {
                    for skill in map.next_value_seed(skills(self.base))? {
                        steps.push(Box::new(move |subagent| subagent.skill(skill)));
                    }
                }
                Field::Narrow => {
                    let narrowing = map.next_value_seed(Narrow)?;
                    steps.push(Box::new(move |subagent| subagent.narrowed(narrowing)));
                }
                Field::Subagents => {
                    let below = OneSubagent { base: self.base, depth: self.depth + 1 };
                    for one in map.next_value_seed(Each("a list of subagents", below))? {
                        steps.push(Box::new(move |subagent| subagent.subagent(one)));
                    }
                }
            }
        }
        let subagent = Subagent::new(name, description);
        subagent.check().map_err(de::Error::custom)?;
        Ok(steps.into_iter().fold(subagent, |subagent, step| step(subagent)))
    }
}

/// How much less than its parent a subagent reaches.
struct Narrow;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Less {
    Root,
    ReadOnly,
    NoExec,
    NoNetwork,
    Env,
}

const LESS: [(&str, Less); 5] = [
    ("root", Less::Root),
    ("read_only", Less::ReadOnly),
    ("no_exec", Less::NoExec),
    ("no_network", Less::NoNetwork),
    ("env", Less::Env),
];

impl<'de> DeserializeSeed<'de> for Narrow {
    type Value = Narrowing;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Narrowing, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Narrow {
    type Value = Narrowing;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what it may not do, such as `read_only: true`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Narrowing, A::Error> {
        let mut narrowing = Narrowing::none();
        let mut seen = Vec::new();
        let known = |name: &str, seen: &mut Vec<Less>| field("`narrow`", LESS, seen, name);
        while let Some(less) = map.next_key_seed(Check("the name of a field", |name: &str| known(name, &mut seen)))? {
            match less {
                Less::Root => narrowing = narrowing.root(map.next_value::<String>()?),
                Less::ReadOnly => narrowing.read_only = map.next_value()?,
                Less::NoExec => narrowing.no_exec = map.next_value()?,
                Less::NoNetwork => narrowing.no_network = map.next_value()?,
                Less::Env => narrowing = narrowing.only_env(map.next_value::<BTreeSet<String>>()?),
            }
        }
        Ok(narrowing)
    }
}
