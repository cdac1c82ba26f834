//! Making a policy concrete for one sandbox, and proving that it holds here.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flue_core::{Error, ErrorKind, NetworkReach, Result, SandboxPath};

use super::concrete::concrete;
use super::describe::describe;
use super::environment::environment;
use super::git::Repositories;
use super::launch::Helpers;
use super::plan::{Fault, Policy, Report};
use super::proxy::Proxy;
use super::refusal::refusal;
use super::scratch::Scratch;
use super::{Confinement, Finding, Mechanism, Tier};
use crate::files::Veil;
use crate::overlay::{Layer, Mounted};
use crate::reexec;

/// What holds the commands of one sandbox.
#[derive(Debug)]
pub(crate) struct Confined {
    pub(super) helpers: Helpers,
    pub(super) findings: Vec<Finding>,
    pub(super) notes: Vec<String>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) hosts: Vec<String>,
    pub(super) hidden: Vec<SandboxPath>,
    pub(super) kept: Vec<SandboxPath>,
    /// What was asked for, and what it came to: for those who are to have less.
    pub(super) asked: Confinement,
    pub(super) policy: Policy,
    // Goes last.
    pub(super) _scratch: Scratch,
}

impl Confined {
    /// Has the policy tried over this workspace.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a policy that cannot be, [`ErrorKind::Unsupported`] when the machine does not give what it
    /// asks for.
    pub(crate) fn open(asked: &Confinement, workspace: &SandboxPath, layer: Option<&Arc<Layer>>) -> Result<Self> {
        let named = asked.named_helper().or_else(|| layer.and_then(|layer| layer.mounted()).map(Mounted::helper));
        let helper = reexec::helper(named)?;
        let proxy = if asked.hosts.is_empty() { None } else { Some(Proxy::new(&asked.hosts)?) };
        let scratch = Scratch::new()?;
        let path = Path::new(workspace.as_str());
        let is_kept = |order: &str| asked.protected.contains(&Path::new(".git").join(order));
        let mut repositories = Repositories::of(path, is_kept);
        // Nothing of a layer's repositories reaches the host.
        if layer.is_none() {
            repositories.make_hooks();
        }
        let mut policy = concrete(asked, path, &repositories, scratch.path())?;
        let repositories = Arc::new(repositories);
        let (helpers, findings) = settle(&mut policy, asked, |sheet| Helpers {
            helper: helper.clone(),
            policy: sheet,
            proxy: proxy.clone(),
            layer: layer.cloned(),
            repositories: Arc::clone(&repositories),
        })?;
        check_hidden(&policy)?;
        Ok(Self {
            helpers,
            notes: describe(asked, &policy, &findings),
            findings,
            env: environment(&policy, std::env::var_os("HOME").as_deref().map(Path::new)),
            hosts: asked.hosts.clone(),
            hidden: paths(policy.hidden.iter().cloned()),
            kept: paths(policy.protected.iter().cloned().chain(repositories.all())),
            asked: asked.clone(),
            policy,
            _scratch: scratch,
        })
    }

    /// What starts the commands.
    pub(crate) fn helpers(&self) -> &Helpers {
        &self.helpers
    }

    /// What was found out about each mechanism.
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What a model should know of it.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Variables that commands get unless the caller sets them.
    pub(crate) fn env(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.env.iter().map(|(key, value)| (&**key, &**value))
    }

    /// What file tools leave alone beneath `root`.
    pub(crate) fn veil(&self, root: &SandboxPath) -> Veil {
        Veil::new(root, &self.hidden, &self.kept)
    }

    /// What commands reach.
    pub(crate) fn network(&self) -> NetworkReach {
        if self.hosts.is_empty() { NetworkReach::None } else { NetworkReach::AllowList(self.hosts.clone()) }
    }
}

/// Finds the strongest tier that this machine gives, by having a helper try it.
fn settle(
    policy: &mut Policy,
    asked: &Confinement,
    helpers: impl Fn(OwnedFd) -> Helpers,
) -> Result<(Helpers, Vec<Finding>)> {
    let mut missing = Vec::new();
    loop {
        let sheet = policy.to_file().map_err(|error| unusable("the policy could not be handed over", error))?;
        let helpers = helpers(sheet);
        match helpers.try_out().map_err(|error| unusable("the helper could not be tried", error))? {
            Report::Tried(findings) => return Ok((helpers, [missing, findings].concat())),
            Report::Failed(Fault { mechanism: Some(Mechanism::Namespaces), what }) if policy.tier > asked.min_tier => {
                if !asked.hosts.is_empty() {
                    let why = "hosts can be opened only to commands that have a network of their own, and this machine \
                               gives them none; leave out the hosts, or allow user namespaces";
                    return Err(Error::new(ErrorKind::Unsupported, "open", why).with("why", what));
                }
                missing.push(Finding::missing(Mechanism::Namespaces, what));
                policy.tier = Tier::Landlock;
            }
            Report::Failed(fault) => {
                let others = lacking(policy, &helpers, fault.mechanism);
                return Err(refusal(fault, &others));
            }
            other => return Err(unusable("the helper makes no sense", std::io::Error::other(format!("{other:?}")))),
        }
    }
}

/// What else is missing of what the policy asks for, so that all of it is told at once.
fn lacking(policy: &Policy, helpers: &Helpers, known: Option<Mechanism>) -> Vec<Finding> {
    let anything = Policy { waived: Mechanism::ALL.to_vec(), ..policy.clone() };
    let tried = anything.to_file().and_then(|sheet| helpers.with_policy(sheet).try_out());
    let Ok(Report::Tried(mut findings)) = tried else { return Vec::new() };
    findings.retain(|found| !found.holds && Some(found.mechanism) != known && !policy.waives(found.mechanism));
    findings
}

/// Refuses what the weaker tier cannot hide: rules of Landlock allow all that lies beneath a directory, or nothing of it.
fn check_hidden(policy: &Policy) -> Result<()> {
    let in_reach = |path: &PathBuf| policy.writable.iter().any(|dir| path.starts_with(dir));
    let hidden = policy.hidden.iter().filter_map(|path| path.canonicalize().ok()).find(in_reach);
    match hidden {
        Some(path) if policy.tier == Tier::Landlock => {
            let why = "what is to be hidden lies where commands may write, and without namespaces it cannot be hidden \
                       there; work in a narrower directory, or show it with `Confinement::show`";
            Err(Error::new(ErrorKind::Config, "open", why).with("path", path.display()))
        }
        _ => Ok(()),
    }
}

pub(super) fn paths(paths: impl Iterator<Item = PathBuf>) -> Vec<SandboxPath> {
    // None that is not UTF-8 lies beneath a root that is.
    paths.filter_map(|path| SandboxPath::new(path.to_str()?).ok()).collect()
}

pub(super) fn unusable(what: &'static str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "open", what).with_source(error)
}
