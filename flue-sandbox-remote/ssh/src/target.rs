//! Where a machine is, and how one proves to be who one is.

use std::path::PathBuf;

use flue_core::{Error, ErrorKind, Result, SandboxPath};

/// The port of SSH (RFC 4251).
const PORT: u16 = 22;

/// A machine, a user, and what is needed to be let in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// Its port; 22 unless said.
    pub port: Option<u16>,
    /// The user there; the one of this program unless said.
    pub user: Option<String>,
    /// The files of private keys, tried in this order; `id_ed25519`, `id_ecdsa` and `id_rsa` of `~/.ssh` unless said.
    pub identities: Option<Vec<PathBuf>>,
    /// Whether no other keys of the agent are tried than those of `identities`.
    pub identities_only: bool,
    /// The agent that is asked for keys.
    pub agent: Agent,
    /// The files of host keys; `known_hosts` and `known_hosts2` of `~/.ssh`, and `ssh_known_hosts` and `ssh_known_hosts2` of
    /// `/etc/ssh`, unless said.
    pub known_hosts: Option<Vec<PathBuf>>,
    /// The name by which the host stands there; its own unless said.
    pub host_key_alias: Option<String>,
}

/// A program that holds keys, and signs with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Agent {
    /// The one that the variable `SSH_AUTH_SOCK` names.
    #[default]
    Usual,
    /// The one that listens there.
    At(PathBuf),
    /// None.
    Nobody,
}

impl Target {
    /// The machine `host`, on the usual port, as the user of the same name.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            user: None,
            identities: None,
            identities_only: false,
            agent: Agent::default(),
            known_hosts: None,
            host_key_alias: None,
        }
    }

    /// Reads `ssh://[user@]host[:port][/dir]`, and gives the directory apart.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for anything else, and for a password, which does not belong where others read it.
    pub fn parse(address: &str) -> Result<(Self, Option<SandboxPath>)> {
        let wrong = |why: &'static str| Error::new(ErrorKind::Config, "read an SSH address", why);
        let rest = address
            .strip_prefix("ssh://")
            .ok_or_else(|| wrong("the address does not have the form ssh://[user@]host[:port][/dir]"))?;
        let (authority, dir) = match rest.find('/') {
            Some(at) => (&rest[..at], Some(SandboxPath::new(&rest[at..])?)),
            None => (rest, None),
        };
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        // The text is not shown: what follows the colon is a secret.
        if user.is_some_and(|user| user.contains(':')) {
            return Err(wrong("the address has a password in it; use a key, from the agent or a file"));
        }
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        if host.is_empty() || user.is_some_and(str::is_empty) {
            return Err(wrong("the address has no host, or an empty user"));
        }
        let mut target = Self::new(host);
        if let Some(port) = port {
            target.port = Some(port.parse().map_err(|_| wrong("the port is not a number up to 65535"))?);
        }
        target.user = user.map(str::to_owned);
        Ok((target, dir))
    }

    /// The user there.
    pub(crate) fn user(&self) -> Result<String> {
        self.user.clone().or_else(local_user).ok_or_else(|| {
            Error::new(ErrorKind::Config, "connect", "no user is named; say ssh://user@host").with("host", &self.host)
        })
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(PORT)
    }

    /// The machine as errors name it.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port())
    }

    /// The names under which files of host keys have it: with its port, and then, where that is not the usual one, without.
    pub(crate) fn known_names(&self) -> (String, Option<String>) {
        let host = self.host.to_ascii_lowercase();
        match (&self.host_key_alias, self.port()) {
            (Some(alias), _) => (alias.to_ascii_lowercase(), None),
            (None, PORT) => (host, None),
            (None, port) => (format!("[{host}]:{port}"), Some(host)),
        }
    }
}

/// The user of this program: as the system has it, or else as `USER` says.
pub(crate) fn local_user() -> Option<String> {
    #[cfg(unix)]
    if let Ok(Some(user)) = nix::unistd::User::from_uid(nix::unistd::getuid()) {
        return Some(user.name);
    }
    std::env::var("USER").ok()
}

/// The home directory of that user.
pub(crate) fn home_dir() -> Option<PathBuf> {
    std::env::home_dir()
}

/// A file beneath `~/.ssh`.
pub(crate) fn home_file(name: &str) -> Option<PathBuf> {
    home_dir().map(|home| home.join(".ssh").join(name))
}

/// Where host keys stand when no files are named: the user's, and the system's.
pub(crate) fn default_known_hosts() -> (Vec<PathBuf>, Vec<PathBuf>) {
    let own = ["known_hosts", "known_hosts2"].into_iter().filter_map(home_file).collect();
    (own, ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(PathBuf::from).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let (target, dir) = Target::parse("ssh://dev@build.example:2222/srv/my work").unwrap();
        assert_eq!((&*target.host, target.port, target.user.as_deref()), ("build.example", Some(2222), Some("dev")));
        assert_eq!(dir.unwrap().as_str(), "/srv/my work");
        let (target, dir) = Target::parse("ssh://[2001:db8::1]:22").unwrap();
        assert_eq!((&*target.host, target.port, target.user, dir), ("2001:db8::1", Some(22), None, None));
    }

    #[test]
    fn others_are_refused_and_passwords_never_shown() {
        for address in ["build.example", "ssh://", "ssh://@h", "ssh://u@", "ssh://h:x", "http://h", "ssh://u:planted@h"]
        {
            let error = Target::parse(address).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{address}");
            assert!(!format!("{error:?}").contains("planted"), "{error:?}");
        }
    }
}
