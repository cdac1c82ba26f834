//! The rungs of the sandbox ladder, as the command line and agent files name them.

use std::fmt;
use std::str::FromStr;

use crate::suggest;

/// A kind of sandbox: `--sandbox KIND`, or the field `sandbox` of an agent file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum SandboxKind {
    /// Files in memory and an emulated shell, in this process.
    #[default]
    Virtual,
    /// The same in a process of its own, which can do nothing else.
    VirtualContained,
    /// This machine, as the user.
    Local,
    /// This machine, with commands that the kernel holds to the directory.
    LocalConfined,
    /// This machine; changes in the directory that is worked in are kept aside.
    LocalOverlay,
    /// This machine; a copy of the directory is worked in.
    LocalCopy,
    /// Another machine, or a container.
    Remote(RemoteKind),
}

/// The address of a remote sandbox: a scheme, a colon, and what the provider makes of the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteKind {
    /// One of [`SCHEMES`].
    pub(crate) scheme: &'static str,
    /// What is behind the colon.
    pub(crate) rest: String,
}

/// How addresses of remote sandboxes begin, and how they are written.
pub(crate) const SCHEMES: [(&str, &str); 2] = [("docker", "docker:IMAGE"), ("ssh", "ssh://[USER@]HOST[:PORT]/DIR")];

impl RemoteKind {
    /// Reads an address; `None` where `text` begins with none of the schemes.
    fn parse(text: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let (scheme, form) = SCHEMES.into_iter().find(|(known, _)| *known == scheme)?;
        Some(match rest {
            "" => Err(format!("`{text}` does not say which; write {form}")),
            rest => Ok(Self { scheme, rest: rest.to_owned() }),
        })
    }

    /// Reads what names a provider: an address, or its scheme alone.
    ///
    /// # Errors
    /// What is wrong with it.
    #[cfg(any(feature = "docker", feature = "ssh"))]
    pub(crate) fn of_provider(text: &str) -> Result<Self, String> {
        if let Some((scheme, _)) = SCHEMES.into_iter().find(|(known, _)| *known == text && *known != "ssh") {
            return Ok(Self { scheme, rest: String::new() });
        }
        let forms = SCHEMES.map(|(_, form)| form);
        Self::parse(text)
            .unwrap_or_else(|| Err(format!("there is no provider `{text}` (there are {})", forms.join(", "))))
    }
}

/// Every kind by its name, besides those that are named by an address.
pub(crate) const KINDS: [(&str, SandboxKind); 6] = [
    ("virtual", SandboxKind::Virtual),
    ("virtual:contained", SandboxKind::VirtualContained),
    ("local", SandboxKind::Local),
    ("local:confined", SandboxKind::LocalConfined),
    ("local:overlay", SandboxKind::LocalOverlay),
    ("local:copy", SandboxKind::LocalCopy),
];

impl FromStr for SandboxKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = KINDS.map(|(name, _)| name);
        if let Some(remote) = RemoteKind::parse(text) {
            return remote.map(Self::Remote);
        }
        let known = KINDS.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, kind)| kind).ok_or_else(|| {
            let hint = suggest::hint(text, names);
            let forms = SCHEMES.map(|(_, form)| form);
            format!("there is no sandbox `{text}`{hint} (there are {}, {})", names.join(", "), forms.join(", "))
        })
    }
}

impl fmt::Display for SandboxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Remote(remote) = self {
            return write!(f, "{}:{}", remote.scheme, remote.rest);
        }
        let name = KINDS.iter().find(|(_, kind)| kind == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_names_and_slips_get_a_hint() {
        for (name, kind) in KINDS {
            assert_eq!((name.parse().as_ref(), kind.to_string()), (Ok(&kind), name.to_owned()));
        }
        let said = |text: &str| text.parse::<SandboxKind>().unwrap_err();
        assert_eq!(
            said("nowhere"),
            "there is no sandbox `nowhere` (there are virtual, virtual:contained, local, local:confined, local:overlay, \
             local:copy, docker:IMAGE, ssh://[USER@]HOST[:PORT]/DIR)"
        );
        assert!(said("vitrual").starts_with("there is no sandbox `vitrual`; did you mean `virtual`? "));
        assert!(said("local:overly").contains("did you mean `local:overlay`?"));
        for address in ["docker:debian:12", "ssh://me@build.example:2222/srv"] {
            let kind = address.parse::<SandboxKind>().unwrap();
            assert!(matches!(kind, SandboxKind::Remote(_)));
            assert_eq!(kind.to_string(), address);
        }
        assert_eq!(said("docker"), "`docker` does not say which; write docker:IMAGE");
        assert_eq!(said("docker:"), "`docker:` does not say which; write docker:IMAGE");
        #[cfg(any(feature = "docker", feature = "ssh"))]
        assert!(RemoteKind::of_provider("docker").is_ok() && RemoteKind::of_provider("ssh").is_err());
        assert!(said("").starts_with("there is no sandbox ``"));
    }
}
