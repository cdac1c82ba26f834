//! Making a policy concrete: real paths instead of what the caller wrote.

use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

use super::git::Repositories;
use super::plan::{Policy, VERSION};
use super::{Confinement, Tier};

/// Where the proxy listens, in a network where nothing else does.
const PROXY_PORT: u16 = 3128;

/// The policy for this workspace and its repositories, with the strongest tier.
///
/// # Errors
/// [`ErrorKind::Config`] for a policy that cannot be.
pub(super) fn concrete(
    asked: &Confinement,
    workspace: &Path,
    repositories: &Repositories,
    scratch: &Path,
) -> Result<Policy> {
    if workspace == Path::new("/") {
        let why = "the whole machine cannot be the workspace of confined commands; name a directory";
        return Err(Error::new(ErrorKind::Config, "open", why));
    }
    let mut writable = asked.write.iter().map(|dir| allowed(&workspace.join(dir))).collect::<Result<Vec<_>>>()?;
    writable.push(workspace.to_owned());
    writable.sort();
    writable.dedup_by(|later, earlier| later.starts_with(earlier));
    let (mut hidden, of_home): (Vec<PathBuf>, Vec<PathBuf>) =
        asked.hidden.iter().cloned().partition(|path| path.is_absolute());
    hidden.extend(homes(asked).iter().flat_map(|home| of_home.iter().map(|path| home.join(path))));
    let hidden = with_targets(hidden);
    if let Some(path) = writable.iter().find(|dir| hidden.iter().any(|hidden| dir.starts_with(hidden))) {
        let why = "commands are to write where everything is hidden from them; work elsewhere, or show it with \
                   `Confinement::show`";
        return Err(Error::new(ErrorKind::Config, "open", why).with("path", path.display()));
    }
    let named = asked.protected.iter().map(|path| workspace.join(path));
    let protected = named.chain(repositories.there()).collect();
    Ok(Policy {
        version: VERSION.to_owned(),
        tier: Tier::Namespaces,
        writable,
        readable: Vec::new(),
        protected: with_targets(protected),
        hidden,
        only: None,
        scratch: scratch.to_owned(),
        limits: asked.limits,
        waived: asked.waived.iter().copied().collect(),
        proxy_port: (!asked.hosts.is_empty()).then_some(PROXY_PORT),
    })
}

/// These paths and, where links are on the way, what they lead to now: a command may replace a link, and what it led to is to
/// be held all the same.
fn with_targets(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let targets: Vec<PathBuf> = paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
    paths.extend(targets);
    paths.sort();
    paths.dedup();
    paths
}

/// A directory that may be written in besides the workspace.
fn allowed(dir: &Path) -> Result<PathBuf> {
    let refused = |why: &'static str| Error::new(ErrorKind::Config, "open", why).with("path", dir.display());
    let real = dir.canonicalize().map_err(|error| {
        refused("a directory that commands are allowed to write in cannot be found").with_source(error)
    })?;
    if !real.is_dir() {
        return Err(refused("commands can be allowed to write in directories, and this is none"));
    }
    if real == Path::new("/") {
        return Err(refused("commands cannot be allowed to write everywhere"));
    }
    Ok(real)
}

/// The home directories whose secrets are hidden: that of the environment, which may be somebody's idea, and that of the
/// account.
fn homes(asked: &Confinement) -> Vec<PathBuf> {
    let of_environment = std::env::var_os("HOME").map(PathBuf::from);
    let mut homes: Vec<PathBuf> = asked.homes.iter().cloned().chain(of_environment).chain(home_of_account()).collect();
    homes.retain(|home| home.is_absolute());
    homes.sort();
    homes.dedup();
    homes
}

fn home_of_account() -> Option<PathBuf> {
    let user = rustix::process::getuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let home = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| match fields[..] {
        [_, _, id, _, _, home, ..] if id == user => Some(home.to_owned()),
        _ => None,
    });
    home.map(PathBuf::from)
}
