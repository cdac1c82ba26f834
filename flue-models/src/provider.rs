//! What is built in, and what it would take to use it.

use crate::backend::BACKENDS;

/// A provider that is built in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provider {
    /// What stands before the slash: `anthropic`.
    pub name: &'static str,
    /// The variables that its key may come from, in the order in which they are looked at.
    pub key_variables: Vec<&'static str>,
    /// The variables that name where else credentials are, a file or a profile, looked at after the keys.
    pub file_variables: Vec<&'static str>,
    /// The first of both that is set and not empty; `default profile` where credentials are without any.
    pub key_set: Option<&'static str>,
    /// Whether it answers nobody without a key.
    pub key_required: bool,
    /// The variable that overrides its address.
    pub url_variable: Option<&'static str>,
    /// Other variables that have to be set.
    pub other_variables: Vec<&'static str>,
    /// The names of its models, where they are few and fixed.
    pub models: Vec<&'static str>,
}

impl Provider {
    /// Whether its models open as things are.
    pub fn is_ready(&self) -> bool {
        (!self.key_required || self.key_set.is_some()) && self.other_variables.iter().all(is_set)
    }

    #[cfg(any(
        feature = "anthropic",
        feature = "bedrock",
        feature = "google",
        feature = "openai",
        feature = "scripted"
    ))]
    pub(crate) fn new(name: &'static str, key_variables: Vec<&'static str>) -> Self {
        Self {
            name,
            key_set: key_variables.iter().copied().find(is_set),
            key_required: !key_variables.is_empty(),
            key_variables,
            file_variables: Vec::new(),
            url_variable: None,
            other_variables: Vec::new(),
            models: Vec::new(),
        }
    }

    #[cfg(any(feature = "bedrock-sigv4", feature = "vertex"))]
    pub(crate) fn or_file(self, variables: &[&'static str]) -> Self {
        let key_set = self.key_set.or_else(|| variables.iter().copied().find(is_set));
        Self { file_variables: variables.to_vec(), key_set, ..self }
    }

    #[cfg(feature = "vertex")]
    pub(crate) fn needs(self, variables: &[&'static str]) -> Self {
        Self { other_variables: variables.to_vec(), ..self }
    }
}

fn is_set(variable: &&str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.trim().is_empty())
}

/// The providers that are built in. Looks at which keys are set, and never shows them.
pub fn providers() -> Vec<Provider> {
    BACKENDS.iter().filter_map(|backend| backend.built_in.as_ref()).flat_map(|built_in| (built_in.list)()).collect()
}
