//! The decisions that a remote sandbox puts on an application.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};

/// The longest key of a workspace, in bytes: a label's value on most providers.
const MAX_KEY_BYTES: usize = 63;

/// Which workspace an agent gets, for how long, with what in it, and what becomes of it.
///
/// ```
/// use std::time::Duration;
/// use flue_sandbox_remote_kit::{AtClose, NetworkPolicy, Workspace};
///
/// let workspace = Workspace::per_session()
///     .time_to_live(Duration::from_secs(3600))
///     .at_close(AtClose::Delete)
///     .network(NetworkPolicy::None)
///     .env("TZ", "UTC");
/// # let _ = workspace;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Workspace {
    /// Whom it belongs to.
    pub scope: Scope,
    /// What happens when there is one already.
    pub reuse: Reuse,
    /// How long it lives unused; `None` for the provider's own limit.
    pub time_to_live: Option<Duration>,
    /// What happens when the sandbox is closed.
    pub at_close: AtClose,
    /// Variables that every command there gets, credentials among them.
    pub env: BTreeMap<String, Secret>,
    /// What commands may reach.
    pub network: NetworkPolicy,
    /// The generation that must be found there, as [`crate::RemoteSandbox::generation`] told it earlier.
    pub generation: Option<String>,
}

/// Whom a workspace belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// All sessions of this agent share one.
    PerAgent(String),
    /// Each id that a harness is started under has its own.
    PerSession,
    /// Everybody who says this name shares it.
    Named(String),
}

/// What happens when a workspace of the same key exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reuse {
    /// It is attached to; otherwise one is made.
    #[default]
    Allowed,
    /// It must exist.
    Required,
    /// It must not exist.
    Never,
}

/// What happens to the machine when its sandbox is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtClose {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is stopped and its files stay.
    Stop,
    /// It is deleted with its files.
    Delete,
}

/// What commands may reach. A provider that cannot enforce it refuses before anything is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkPolicy {
    /// Whatever the provider gives it.
    #[default]
    AsProvided,
    /// Nothing.
    None,
    /// These hosts only.
    AllowList(Vec<String>),
}

impl NetworkPolicy {
    /// Whether this asks for something to be enforced.
    pub fn restricts(&self) -> bool {
        *self != Self::AsProvided
    }
}

impl Workspace {
    /// One for each id that a harness is started under.
    pub fn per_session() -> Self {
        Self::new(Scope::PerSession)
    }

    /// One for all sessions of `agent`.
    pub fn per_agent(agent: impl Into<String>) -> Self {
        Self::new(Scope::PerAgent(agent.into()))
    }

    /// One for everybody who says `name`.
    pub fn named(name: impl Into<String>) -> Self {
        Self::new(Scope::Named(name.into()))
    }

    fn new(scope: Scope) -> Self {
        Self {
            scope,
            reuse: Reuse::default(),
            time_to_live: None,
            at_close: AtClose::default(),
            env: BTreeMap::new(),
            network: NetworkPolicy::default(),
            generation: None,
        }
    }

    /// Says what happens when there is one already.
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// Sets how long it lives unused.
    #[must_use]
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = Some(time);
        self
    }

    /// Says what happens when the sandbox is closed.
    #[must_use]
    pub fn at_close(mut self, at_close: AtClose) -> Self {
        self.at_close = at_close;
        self
    }

    /// Gives every command there a variable. Values are treated as secrets.
    #[must_use]
    pub fn env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(key.into(), Secret::new(value));
        self
    }

    /// Says what commands may reach.
    #[must_use]
    pub fn network(mut self, network: NetworkPolicy) -> Self {
        self.network = network;
        self
    }

    /// Demands that what is found there is of this generation.
    #[must_use]
    pub fn generation(mut self, generation: impl Into<String>) -> Self {
        self.generation = Some(generation.into());
        self
    }

    /// The key by which the workspace of `id` is found again: lower-case letters, digits and `-`, at most 63 bytes. Two names
    /// have two keys: what is lost in spelling is kept in a digest.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty name.
    pub fn key(&self, id: &str) -> Result<String> {
        let (kind, name) = match &self.scope {
            Scope::PerAgent(agent) => ("agent", agent.as_str()),
            Scope::PerSession => ("session", id),
            Scope::Named(name) => ("named", name.as_str()),
        };
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Config, "open", "the workspace has no name; give it one"));
        }
        let digest = format!("{:016x}", fnv(name.as_bytes()));
        let plain =
            name.bytes().map(|byte| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' });
        let room = MAX_KEY_BYTES - kind.len() - digest.len() - 2;
        let plain: String = plain.take(room).map(char::from).collect();
        Ok(format!("{kind}-{plain}-{digest}"))
    }
}

/// FNV-1a of 64 bits (Fowler, Noll, Vo): stable over versions and machines, which the standard hasher is not.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value` from being shown.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_plain_and_apart() {
        let long = "Ünï/🦀 ".repeat(40);
        for name in ["a", "A", "a b", "a-b", "a/b", &long] {
            let key = Workspace::named(name).key("ignored").unwrap();
            assert!(key.len() <= MAX_KEY_BYTES, "{key}");
            assert!(key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{key}");
        }
        let keys: std::collections::BTreeSet<_> =
            ["a b", "a-b", "a/b", "A-b"].iter().map(|name| Workspace::named(*name).key("").unwrap()).collect();
        assert_eq!(keys.len(), 4);
        assert_ne!(Workspace::named("x").key("y").unwrap(), Workspace::per_agent("x").key("y").unwrap());
        assert!(Workspace::per_session().key("").is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", Workspace::per_session().env("TOKEN", "planted-key"));
        assert!(shown.contains("TOKEN") && !shown.contains("planted-key"), "{shown}");
    }
}
