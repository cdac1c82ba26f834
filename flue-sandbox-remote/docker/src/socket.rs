//! Where the engine listens.

use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

/// Where Docker's engine listens unless somebody said otherwise.
const DOCKER: &str = "/var/run/docker.sock";
/// Where Podman's service for everybody listens.
const PODMAN: &str = "/run/podman/podman.sock";
/// Where a user's Podman listens, beneath `XDG_RUNTIME_DIR`.
const PODMAN_OF_USER: &str = "podman/podman.sock";

/// The socket that the environment names, or else the first that is there; Docker's where none is.
pub(crate) fn find() -> Result<PathBuf> {
    choose(|name| std::env::var(name).ok(), Path::exists)
}

fn choose(variable: impl Fn(&str) -> Option<String>, exists: impl Fn(&Path) -> bool) -> Result<PathBuf> {
    if let Some(host) = variable("DOCKER_HOST").filter(|host| !host.is_empty()) {
        return host.strip_prefix("unix://").map(PathBuf::from).ok_or_else(|| {
            let why = "DOCKER_HOST is not a unix:// address; only sockets of this machine are spoken to";
            Error::new(ErrorKind::Unsupported, "connect", why)
        });
    }
    let users = variable("XDG_RUNTIME_DIR").map(|dir| Path::new(&dir).join(PODMAN_OF_USER));
    let mut known = [Some(DOCKER.into()), users, Some(PODMAN.into())].into_iter().flatten();
    Ok(known.find(|path| exists(path)).unwrap_or_else(|| DOCKER.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_first_and_then_what_is_there() {
        let said = |host: &'static str| choose(move |name| (name == "DOCKER_HOST").then(|| host.into()), |_| true);
        assert_eq!(said("unix:///x/y.sock").unwrap(), Path::new("/x/y.sock"));
        let error = said("tcp://user:planted@host:2375").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(!format!("{error:?}").contains("planted"));
        let dir = |name: &str| (name == "XDG_RUNTIME_DIR").then(|| "/run/user/7".to_owned());
        let users = Path::new("/run/user/7/podman/podman.sock");
        assert_eq!(choose(dir, |path| path == users).unwrap(), users);
        assert_eq!(choose(dir, |_| true).unwrap(), Path::new(DOCKER));
        assert_eq!(choose(|_| None, |_| false).unwrap(), Path::new(DOCKER));
    }
}
