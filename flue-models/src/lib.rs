#![doc = include_str!("../README.md")]

mod backend;
mod known;
mod open;
mod provider;

#[cfg(feature = "wrap")]
pub use flue_models_wrap as wrap;

pub use self::known::{KnownModel, KnownModels, known_models};
pub use self::open::{Models, OpenOptions, open};
pub use self::provider::{Provider, providers};

/// The workspace's own README, whose example runs as a test.
#[cfg(all(doctest, feature = "scripted"))]
#[doc = include_str!("../../README.md")]
struct WorkspaceReadme;
