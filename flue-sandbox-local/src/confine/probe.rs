//! What this machine can hold commands with.

use flue_core::SandboxPath;

use super::open::Confined;
use super::scratch::Scratch;
use super::{Confinement, Finding, Mechanism, Tier};

/// Tries what this machine can hold commands with: one finding for each [`Mechanism`].
///
/// Takes some milliseconds and a process or two; [`init`](crate::init) must have been called. [`Confinement::probe`] does
/// it with another helper.
pub fn probe() -> Vec<Finding> {
    Confinement::new().probe()
}

impl Confinement {
    /// Tries what this machine can hold commands with, whatever this policy asks for: one finding for each [`Mechanism`].
    pub fn probe(&self) -> Vec<Finding> {
        let mut anything = self.clone().min_tier(Tier::Landlock);
        anything.waived.extend(Mechanism::ALL);
        let found = Scratch::new().and_then(|scratch| {
            let workspace = SandboxPath::new(scratch.path().to_string_lossy())?.join("home")?;
            Confined::open(&anything, &workspace, None)
        });
        match found {
            Ok(confined) => confined.findings().to_vec(),
            Err(error) => Mechanism::ALL.map(|mechanism| Finding::missing(mechanism, format!("{error:#}"))).to_vec(),
        }
    }
}
