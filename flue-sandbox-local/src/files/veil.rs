//! What file tools leave alone beneath their root because a policy says so.
//!
//! Real paths are compared: the names by which the walk from the root got somewhere, none of them a link.

use flue_core::SandboxPath;

use super::Refusal;

/// The names from the root to something.
pub(super) type Names = [Vec<u8>];

/// What is hidden and what is kept as it is.
#[derive(Debug, Default)]
pub(crate) struct Veil {
    hidden: Vec<Vec<Vec<u8>>>,
    kept: Vec<Vec<Vec<u8>>>,
}

impl Veil {
    /// Of the paths, those beneath `root` count.
    pub(crate) fn new(root: &SandboxPath, hidden: &[SandboxPath], kept: &[SandboxPath]) -> Self {
        let names = |path: &SandboxPath| -> Option<Vec<Vec<u8>>> {
            let inside = path.strip_prefix(root)?;
            Some(inside.split('/').filter(|name| !name.is_empty()).map(|name| name.as_bytes().to_vec()).collect())
        };
        Self { hidden: hidden.iter().filter_map(names).collect(), kept: kept.iter().filter_map(names).collect() }
    }

    /// Refuses what is hidden.
    pub(super) fn look(&self, at: &Names) -> Result<(), Refusal> {
        if self.hidden.iter().any(|hidden| at.starts_with(hidden)) { Err(Refusal::Hidden) } else { Ok(()) }
    }

    /// Refuses to change what is hidden or kept.
    pub(super) fn change(&self, at: &Names) -> Result<(), Refusal> {
        self.look(at)?;
        if self.kept.iter().any(|kept| at.starts_with(kept)) { Err(Refusal::Kept) } else { Ok(()) }
    }

    /// Refuses to remove or replace what is hidden or kept, or has something of that kind in it.
    pub(super) fn replace(&self, at: &Names) -> Result<(), Refusal> {
        self.change(at)?;
        let within = |paths: &[Vec<Vec<u8>>]| paths.iter().any(|path| path.starts_with(at));
        if within(&self.hidden) || within(&self.kept) { Err(Refusal::Kept) } else { Ok(()) }
    }

    /// What is hidden beneath `at`, as it is reached from there.
    pub(super) fn beneath(&self, at: &Names) -> Vec<Vec<Vec<u8>>> {
        self.hidden.iter().filter_map(|hidden| Some(hidden.strip_prefix(at)?.to_vec())).collect()
    }
}
