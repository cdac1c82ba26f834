//! Values that agents and subagents have alike: tools, rules, skills.

use std::fmt;
use std::path::Path;

use flue_core::Skill;
use flue_core::tool::BUILTIN_TOOLS;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::check::{Check, Each};
use super::skill;
use crate::policy::{Pattern, Rule, Verdict};
use crate::suggest;

type CheckText<T> = Check<fn(&str) -> Result<T, String>>;

impl<F: Clone> Clone for Check<F> {
    fn clone(&self) -> Self {
        Self(self.0, self.1.clone())
    }
}

/// A list of built-in tools.
pub(super) fn tools() -> Each<CheckText<String>> {
    let check: fn(&str) -> Result<String, String> = |name| {
        if BUILTIN_TOOLS.contains(&name) {
            return Ok(name.to_owned());
        }
        let hint = suggest::hint(name, BUILTIN_TOOLS);
        Err(format!("there is no tool `{name}`{hint} (built in are {})", BUILTIN_TOOLS.join(", ")))
    };
    Each("a list of tools", Check("the name of a tool", check))
}

/// A list of directories of skills, relative to `base`.
pub(super) fn skills(base: &Path) -> Each<SkillDir<'_>> {
    Each("a list of directories", SkillDir(base))
}

/// A directory of a skill, relative to this one.
#[derive(Clone)]
pub(super) struct SkillDir<'a>(&'a Path);

impl<'de> DeserializeSeed<'de> for SkillDir<'_> {
    type Value = Skill;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Skill, D::Error> {
        Check("the directory of a skill", |dir: &str| skill::load(&self.0.join(dir))).deserialize(deserializer)
    }
}

/// Rules: names of tools, and what becomes of their calls.
#[derive(Clone)]
pub(super) struct Rules;

impl<'de> DeserializeSeed<'de> for Rules {
    type Value = Vec<Rule>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Rule>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rules {
    type Value = Vec<Rule>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rules such as `bash: ask`")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<Rule>, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Rule>, A::Error> {
        let mut rules: Vec<Rule> = Vec::new();
        while let Some(pattern) = map.next_key_seed(Check("the name of a tool", |name: &str| {
            let pattern = Pattern::parse(name)?;
            let is_there = rules.iter().any(|(other, _)| *other == pattern);
            if is_there { Err(format!("the rule for `{name}` is there twice")) } else { Ok(pattern) }
        }))? {
            let verdict = map.next_value_seed(Check("allow, ask or deny", Verdict::parse))?;
            rules.push((pattern, verdict));
        }
        Ok(rules)
    }
}
