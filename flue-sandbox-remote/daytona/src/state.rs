//! What a machine is doing, by the provider's word for it.

/// What can be done with a machine in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It takes calls.
    Runs,
    /// Its files are kept; starting brings it back.
    Rests,
    /// It passes into another state by itself. So does what this version does not know.
    Passes,
    /// It failed, and does nothing by itself.
    Failed,
    /// It is gone, or about to be.
    Gone,
}

impl State {
    /// The states of the interface of 0.226.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "started" => Self::Runs,
            "stopped" | "archived" | "paused" => Self::Rests,
            "error" | "build_failed" => Self::Failed,
            "destroyed" | "destroying" => Self::Gone,
            _ => Self::Passes,
        }
    }

    /// Whether what ran in a machine in the state `name` runs no more.
    pub(crate) fn is_dead(name: &str) -> bool {
        // On the way to rest is as good as there.
        Self::named(name) != Self::Runs && Self::named(name) != Self::Passes
            || matches!(name, "stopping" | "archiving" | "pausing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_passes_and_is_not_dead() {
        assert_eq!(State::named("hibernating"), State::Passes);
        assert!(!State::is_dead("hibernating") && !State::is_dead("started") && !State::is_dead("starting"));
        for dead in ["stopping", "stopped", "archived", "paused", "error", "build_failed", "destroying", "destroyed"] {
            assert!(State::is_dead(dead), "{dead}");
        }
    }
}
