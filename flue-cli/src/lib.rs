//! The guide of Flue, as pages of this documentation: what to choose, and ten minutes for each rung of the ladder. The program
//! `flue` is beside it in this crate.
//!
//! The pages are in `docs/`, and their programs are compiled and run with the tests.

/// Pages to read in order.
#[cfg(all(unix, feature = "local", feature = "virtual", feature = "scripted", feature = "anthropic"))]
pub mod guide {
    #[doc = include_str!("../docs/sandboxes.md")]
    pub mod sandboxes {}

    #[doc = include_str!("../docs/guide/virtual.md")]
    pub mod with_virtual {}

    #[doc = include_str!("../docs/guide/local.md")]
    pub mod with_local {}

    #[doc = include_str!("../docs/guide/confined.md")]
    pub mod with_confinement {}

    #[cfg(feature = "docker")]
    #[doc = include_str!("../docs/guide/remote.md")]
    pub mod elsewhere {}
}
