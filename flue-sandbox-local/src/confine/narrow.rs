//! Holding the commands of a confined sandbox to less.

use std::ffi::OsStr;
use std::path::PathBuf;

use flue_core::{Bounds, Error, ErrorKind, Result};

use super::describe::describe;
use super::environment::environment;
use super::launch::Helpers;
use super::open::{Confined, paths, unusable};
use super::plan::{Only, Report};
use super::refusal::refusal;
use super::scratch::Scratch;
use super::{Confinement, Tier};

const OPERATION: &str = "narrow sandbox";

/// Variables that a confined command needs as they are: they say where its own files and its way to the network are.
const OWN: [&str; 12] = [
    "HOME",
    "TMPDIR",
    "TMP",
    "TEMP",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

impl Confined {
    /// Whether commands can be held to less here. Rules of Landlock alone do not keep modes and times of files from being
    /// changed, nor their names from being seen.
    pub(crate) fn can_narrow(&self) -> bool {
        self.policy.tier == Tier::Namespaces
    }

    /// The same, held to `bounds`, with a home and temporary files of its own. Has it tried.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when the machine does not give it any more.
    pub(crate) fn narrow(&self, bounds: &Bounds) -> Result<Self> {
        if !self.can_narrow() {
            let why = "without namespaces, commands cannot be held to less; say no_exec too";
            return Err(Error::new(ErrorKind::Unsupported, OPERATION, why));
        }
        let mut policy = self.policy.clone();
        if let Some(root) = &bounds.root {
            let dir = PathBuf::from(root.as_str());
            let before = policy.only.take();
            let mut instead_of = std::mem::replace(&mut policy.writable, vec![dir.clone()]);
            instead_of.append(&mut policy.readable);
            instead_of.extend(before.into_iter().flat_map(|only| only.instead_of.into_iter().chain([only.dir])));
            policy.only = Some(Only { dir, instead_of });
        }
        if bounds.read_only {
            policy.readable.append(&mut policy.writable);
        }
        let mut asked = Confinement { hosts: self.hosts.clone(), ..self.asked.clone() };
        if bounds.no_network {
            asked.hosts.clear();
            policy.proxy_port = None;
        }
        let scratch = Scratch::new()?;
        policy.scratch = scratch.path().to_owned();
        let sheet = policy.to_file().map_err(|error| unusable("the policy could not be handed over", error))?;
        let proxy = if bounds.no_network { None } else { self.helpers.proxy.clone() };
        let helpers = Helpers { proxy, ..self.helpers.with_policy(sheet) };
        let findings = match helpers.try_out().map_err(|error| unusable("the helper could not be tried", error))? {
            Report::Tried(findings) => findings,
            Report::Failed(fault) => return Err(refusal(fault, &[])),
            other => return Err(unusable("the helper makes no sense", std::io::Error::other(format!("{other:?}")))),
        };
        // What tools keep in the user's home is not seen from one directory.
        let home = std::env::var_os("HOME").map(PathBuf::from).filter(|_| policy.only.is_none());
        let mut env = environment(&policy, home.as_deref());
        env.retain(|(key, _)| is_own(key) || key.to_str().is_some_and(|key| bounds.shows(key)));
        Ok(Self {
            helpers,
            notes: describe(&asked, &policy, &findings),
            findings,
            env,
            hosts: asked.hosts.clone(),
            hidden: paths(policy.hidden.iter().cloned()),
            kept: paths(policy.protected.iter().cloned()),
            asked,
            policy,
            _scratch: scratch,
        })
    }
}

fn is_own(key: &OsStr) -> bool {
    OWN.iter().any(|own| key == *own)
}
