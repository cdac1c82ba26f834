//! How much less than a sandbox allows somebody reaches: what is asked for, and what it comes to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FileSystem, Narrowed, NetworkReach, Sandbox, SandboxInfo};
use crate::{Error, ErrorKind, Result, SandboxPath};

/// What narrowings are called in their errors.
pub(super) const OPERATION: &str = "narrow sandbox";

/// How much less than a sandbox allows somebody reaches. There are only words for less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Narrowing {
    /// The directory beneath which files are reached, absolute or relative to the working directory. Paths keep their names.
    pub root: Option<String>,
    /// Files are not changed.
    pub read_only: bool,
    /// No commands run.
    pub no_exec: bool,
    /// Commands reach no network.
    pub no_network: bool,
    /// Commands see only these variables of the sandbox's environment.
    pub env: Option<BTreeSet<String>>,
}

impl Narrowing {
    /// Nothing less.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reaches only files beneath this directory. Their paths stay what they are, so that all who work there call a file by the
    /// same name. Symbolic links are not followed.
    #[must_use]
    pub fn root(mut self, dir: impl Into<String>) -> Self {
        self.root = Some(dir.into());
        self
    }

    /// Changes no files.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Runs no commands.
    #[must_use]
    pub fn no_exec(mut self) -> Self {
        self.no_exec = true;
        self
    }

    /// Has commands reach no network.
    #[must_use]
    pub fn no_network(mut self) -> Self {
        self.no_network = true;
        self
    }

    /// Has commands see only these variables.
    #[must_use]
    pub fn only_env<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.env = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// `sandbox` as far as this lets it be seen: by its own means where it [has them](super::Capabilities::narrow), else
    /// without commands, as [`Narrowed`].
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when commands would reach more than this allows;
    /// [`ErrorKind::NotADirectory`], [`ErrorKind::NotFound`] or [`ErrorKind::PermissionDenied`] for a root that is no directory,
    /// not there, a symbolic link, or outside of what `sandbox` reaches.
    pub async fn apply(&self, sandbox: Arc<dyn Sandbox>) -> Result<Arc<dyn Sandbox>> {
        if sandbox.info().capabilities.narrow {
            return sandbox.narrow(self).await;
        }
        Ok(Arc::new(Narrowed::new(sandbox, self).await?))
    }

    pub(crate) fn check(&self) -> Result<()> {
        match &self.root {
            Some(root) if root.is_empty() => {
                Err(Error::new(ErrorKind::Config, OPERATION, "the root is empty; name a directory"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a sandbox that says this of itself has to narrow itself, because commands run: around them nobody else can.
    pub(crate) fn concerns_commands(&self, info: &SandboxInfo) -> bool {
        let network = self.no_network && info.capabilities.network != NetworkReach::None;
        info.capabilities.exec
            && !self.no_exec
            && (self.root.is_some() || self.read_only || network || self.env.is_some())
    }
}

/// The error of a narrowing that a sandbox cannot hold commands to.
pub(crate) fn cannot_hold(info: &SandboxInfo) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        OPERATION,
        "this sandbox cannot hold commands to less files, network or environment than it has itself; say no_exec too",
    )
    .with("provider", &info.provider)
}

/// What narrowings come to, in terms of one sandbox: what a sandbox that narrows itself is held to.
///
/// Each [narrowing](Bounds::and) of them allows at most what they allow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bounds {
    /// The directory beneath which files are reached; all of them when absent.
    pub root: Option<SandboxPath>,
    /// Files are not changed.
    pub read_only: bool,
    /// No commands run.
    pub no_exec: bool,
    /// Commands reach no network.
    pub no_network: bool,
    /// Commands see only these variables; all of them when absent.
    pub env: Option<BTreeSet<String>>,
}

impl Bounds {
    /// Nothing is held back.
    pub fn none() -> Self {
        Self::default()
    }

    /// What `narrowing` leaves of these in a sandbox that says `info` of itself. Whether the root is there is for
    /// [`Bounds::check_root`] to say.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] when the new root lies outside of the one that there is; those of the root's path.
    pub fn and(&self, narrowing: &Narrowing, info: &SandboxInfo) -> Result<Self> {
        narrowing.check()?;
        let root = match narrowing.root.as_ref().map(|root| info.cwd.join(root)).transpose()? {
            None => self.root.clone(),
            Some(root) => {
                self.check_path(OPERATION, &root)?;
                Some(root)
            }
        };
        let env = match (&self.env, &narrowing.env) {
            (Some(had), Some(asked)) => Some(had & asked),
            (had, asked) => had.as_ref().or(asked.as_ref()).cloned(),
        };
        Ok(Self {
            root,
            read_only: self.read_only || narrowing.read_only,
            no_exec: self.no_exec || narrowing.no_exec,
            no_network: self.no_network || narrowing.no_network,
            env,
        })
    }

    /// Checks that the root, if there is one, is a directory and no link, as `fs` has it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check_root(&self, fs: &dyn FileSystem) -> Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        let found = fs.metadata(root).await?;
        let (kind, why) = if found.is_symlink {
            (ErrorKind::PermissionDenied, "the root is a symbolic link, which may change; name its target")
        } else if found.is_dir() {
            return Ok(());
        } else {
            (ErrorKind::NotADirectory, "the root is not a directory")
        };
        Err(Error::new(kind, OPERATION, why).with("root", root))
    }

    /// What a sandbox says of itself that is held to these and says `info` otherwise.
    pub fn describe(&self, mut info: SandboxInfo) -> SandboxInfo {
        if let Some(root) = &self.root {
            if !info.cwd.is_within(root) {
                info.cwd = root.clone();
            }
            info.notes.push(format!("Only files beneath {root} can be reached."));
        }
        let can = &mut info.capabilities;
        can.exec &= !self.no_exec;
        can.stdin &= can.exec;
        can.live_output &= can.exec;
        can.terminal &= can.exec;
        can.concurrent_exec &= can.exec;
        can.write &= !self.read_only;
        if self.no_network {
            can.network = NetworkReach::None;
        }
        info
    }

    /// Whether commands see this variable.
    pub fn shows(&self, variable: &str) -> bool {
        self.env.as_ref().is_none_or(|names| names.contains(variable))
    }

    /// Refuses a path outside of the root.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] for one.
    pub fn check_path(&self, operation: &'static str, path: &SandboxPath) -> Result<()> {
        match &self.root {
            Some(root) if !path.is_within(root) => {
                let why = "this is outside of what may be reached here";
                Err(Error::new(ErrorKind::PermissionDenied, operation, why).with("path", path).with("root", root))
            }
            _ => Ok(()),
        }
    }

    /// Refuses to change files where they are not changed.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] there.
    pub fn check_change(&self, operation: &'static str, path: &SandboxPath) -> Result<()> {
        if self.read_only {
            let why = "files cannot be changed here";
            return Err(Error::new(ErrorKind::PermissionDenied, operation, why).with("path", path));
        }
        Ok(())
    }

    /// Refuses to run commands where none run.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] there.
    pub fn check_exec(&self) -> Result<()> {
        if self.no_exec { Err(Error::unsupported("exec", "commands cannot be run here")) } else { Ok(()) }
    }
}

impl From<Bounds> for Narrowing {
    /// What narrows a sandbox to these at once.
    fn from(bounds: Bounds) -> Self {
        let Bounds { root, read_only, no_exec, no_network, env } = bounds;
        Self { root: root.map(|root| root.as_str().to_owned()), read_only, no_exec, no_network, env }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capabilities, SandboxLevel};

    fn info() -> SandboxInfo {
        let cwd = SandboxPath::new("/job").unwrap();
        SandboxInfo::new(SandboxLevel::Virtual, "test", cwd, Capabilities::full())
    }

    /// Whether `less` allows nothing that `more` does not.
    fn is_less(less: &Bounds, more: &Bounds) -> bool {
        let root = match (&less.root, &more.root) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(less), Some(more)) => less.is_within(more),
        };
        let env = match (&less.env, &more.env) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(less), Some(more)) => less.is_subset(more),
        };
        let flags =
            [(less.read_only, more.read_only), (less.no_exec, more.no_exec), (less.no_network, more.no_network)];
        root && env && flags.iter().all(|(less, more)| *less || !more)
    }

    #[test]
    fn no_narrowing_of_any_bounds_allows_more() {
        let roots = [None, Some("a"), Some("a/b"), Some("/job/a"), Some(".."), Some("/"), Some("../job/a/../c")];
        let envs: [Option<&[&str]>; 4] = [None, Some(&[]), Some(&["A"]), Some(&["A", "B"])];
        let mut all = Vec::new();
        for (root, env) in roots.into_iter().flat_map(|root| envs.map(|env| (root, env))) {
            for flags in 0..8_u8 {
                let mut narrowing = Narrowing::none();
                narrowing.root = root.map(str::to_owned);
                narrowing.env = env.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
                (narrowing.read_only, narrowing.no_exec, narrowing.no_network) =
                    (flags & 1 > 0, flags & 2 > 0, flags & 4 > 0);
                all.push(narrowing);
            }
        }
        let mut refused = 0;
        for first in &all {
            let one = Bounds::none().and(first, &info()).unwrap();
            for second in &all {
                match one.and(second, &one.describe(info())) {
                    Ok(two) => {
                        assert!(is_less(&two, &one), "{first:?} and {second:?} give {two:?}");
                        assert!(is_less(
                            &two,
                            &Bounds::none().and(&Narrowing { root: None, ..second.clone() }, &info()).unwrap()
                        ));
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
                        refused += 1;
                    }
                }
            }
        }
        assert!(refused > 0, "a root above or beside the first one is refused");
    }

    #[test]
    fn what_is_held_back_is_told() {
        let narrowing = Narrowing::none().root("a").read_only().no_exec().no_network();
        let told = Bounds::none().and(&narrowing, &info()).unwrap().describe(info());
        let can = &told.capabilities;
        assert_eq!((told.cwd.as_str(), can.exec, can.stdin, can.write), ("/job/a", false, false, false));
        assert_eq!(told.notes, ["Only files beneath /job/a can be reached."]);
    }
}
