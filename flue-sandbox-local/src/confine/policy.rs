//! What a confined sandbox is asked to hold its commands to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::hidden::{OF_HOME, OF_SYSTEM};
use super::{Limits, Mechanism, Tier};
use crate::planted::ORDERS;

/// The directory in which git takes orders from [`ORDERS`], on the host, later and unconfined.
const GIT: &str = ".git";

/// What commands are held to by the kernel; given to [`Local::confined`](crate::Local::confined).
///
/// Unless it is told otherwise, a command reads the host's files but not its secrets, writes only in the workspace and in a
/// home and temporary directory of its own, reaches no network and no process but its own, and ends with everything that it
/// started. What cannot be enforced here is an error when the sandbox opens, never a silent gap.
///
/// # Example
///
/// ```
/// use flue_sandbox_local::{Confinement, Limits, Local};
///
/// let policy = Confinement::new()
///     .allow_host("packages.example.com")
///     .allow_host("*.example.org")
///     .hide("notes/private")
///     .limits(Limits::new().with_processes(400));
/// let local = Local::new(".").confined(policy);
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing is confined there"))]
pub struct Confinement {
    pub(super) min_tier: Tier,
    pub(super) write: Vec<PathBuf>,
    pub(super) homes: Vec<PathBuf>,
    pub(super) hidden: Vec<PathBuf>,
    pub(super) protected: Vec<PathBuf>,
    pub(super) hosts: Vec<String>,
    pub(super) limits: Limits,
    pub(super) waived: BTreeSet<Mechanism>,
    pub(super) helper: Option<PathBuf>,
}

impl Confinement {
    /// The strictest: nothing to write but the workspace, no network, and no mechanism waived.
    pub fn new() -> Self {
        Self {
            min_tier: Tier::Namespaces,
            write: Vec::new(),
            homes: Vec::new(),
            hidden: OF_HOME.iter().chain(OF_SYSTEM).map(PathBuf::from).collect(),
            protected: ORDERS.map(|order| Path::new(GIT).join(order)).to_vec(),
            hosts: Vec::new(),
            limits: Limits::new(),
            waived: BTreeSet::new(),
            helper: None,
        }
    }

    /// Sets the weakest tier that will do; [`Tier::Namespaces`] by default. The strongest that the machine gives is used.
    #[must_use]
    pub fn min_tier(mut self, tier: Tier) -> Self {
        self.min_tier = tier;
        self
    }

    /// Goes without a mechanism where the machine does not give it. Where it does, it is used all the same.
    ///
    /// Waiving [`Mechanism::Namespaces`] is the same as [`Confinement::min_tier`] with [`Tier::Landlock`].
    #[must_use]
    pub fn waive(mut self, mechanism: Mechanism) -> Self {
        if mechanism == Mechanism::Namespaces {
            return self.min_tier(Tier::Landlock);
        }
        self.waived.insert(mechanism);
        self
    }

    /// Lets commands write beneath another directory, which must exist; a relative one counts from the workspace. The file
    /// tools still keep to the workspace.
    #[must_use]
    pub fn allow_write(mut self, dir: impl Into<PathBuf>) -> Self {
        self.write.push(dir.into());
        self
    }

    /// Lets commands reach a host by name, through a proxy that is run for them: `example.com` (ports 80 and 443),
    /// `example.com:8443`, `*.example.com` (whatever lies below), `192.0.2.7`, `[2001:db8::7]:8080`.
    ///
    /// Private, loopback, link-local and other special addresses stay closed whatever names lead to them, unless the
    /// address itself is named, or `localhost`.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Hides a directory or file from commands and file tools; a relative path counts from the home directory.
    #[must_use]
    pub fn hide(mut self, path: impl Into<PathBuf>) -> Self {
        self.hidden.push(path.into());
        self
    }

    /// Takes a path off the list of what is hidden, as it is written there. [`Confinement::hidden`] is the list.
    #[must_use]
    pub fn show(mut self, path: impl AsRef<Path>) -> Self {
        self.hidden.retain(|hidden| hidden != path.as_ref());
        self
    }

    /// What is hidden: keys, credentials, browser profiles and shell histories of the home directory (relative paths), and
    /// what only the administrator may read.
    pub fn hidden(&self) -> &[PathBuf] {
        &self.hidden
    }

    /// Adds a home directory whose secrets are hidden, beside that of the environment and of the user's account.
    #[must_use]
    pub fn home(mut self, dir: impl Into<PathBuf>) -> Self {
        self.homes.push(dir.into());
        self
    }

    /// Keeps a part of the workspace from being changed; a relative path counts from there.
    ///
    /// By default that is what git takes orders from later, as the user: `.git/hooks`, `.git/config`, `.git/config.worktree` and
    /// `.git/commondir`, and the same of the repositories of submodules and other checkouts that lie in `.git`. What of it is
    /// not there cannot be kept from being made: of hooks an empty directory is made, the rest is called `….planted-…` once
    /// the command has ended. [`planted`](crate::planted) tells of it, and of other repositories.
    #[must_use]
    pub fn protect(mut self, path: impl Into<PathBuf>) -> Self {
        self.protected.push(path.into());
        self
    }

    /// Takes a path off the list of what [`Confinement::protect`] keeps.
    #[must_use]
    pub fn unprotect(mut self, path: impl AsRef<Path>) -> Self {
        self.protected.retain(|protected| protected != path.as_ref());
        self
    }

    /// Sets how much of the machine a command may take.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Starts commands by this program instead of the one that runs: `flue-sandbox-helper`, or any whose `main` begins with
    /// [`init`](crate::init). It must be of this crate's version.
    #[must_use]
    pub fn helper(mut self, program: impl Into<PathBuf>) -> Self {
        self.helper = Some(program.into());
        self
    }

    pub(crate) fn named_helper(&self) -> Option<&Path> {
        self.helper.as_deref()
    }
}

impl Default for Confinement {
    fn default() -> Self {
        Self::new()
    }
}
