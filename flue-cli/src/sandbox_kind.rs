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
    /// That of one of [`SCHEMES`].
    pub(crate) scheme: &'static str,
    /// What is behind the colon.
    pub(crate) rest: String,
}

/// How the addresses of one provider are written.
pub(crate) struct Scheme {
    pub(crate) name: &'static str,
    pub(crate) form: &'static str,
    /// The feature of this crate that builds it in.
    feature: &'static str,
    /// A sandbox can be had without saying which.
    sandbox_alone: bool,
    /// The provider's sandboxes can be looked after without saying which.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "none is looked after"))]
    provider_alone: bool,
}

/// The providers that an address can name.
pub(crate) const SCHEMES: [Scheme; 6] = [
    Scheme { name: "cloudflare", form: "cloudflare", feature: "cloudflare", sandbox_alone: true, provider_alone: true },
    Scheme {
        name: "daytona",
        form: "daytona[:SNAPSHOT]",
        feature: "daytona",
        sandbox_alone: true,
        provider_alone: true,
    },
    Scheme { name: "docker", form: "docker:IMAGE", feature: "docker", sandbox_alone: false, provider_alone: true },
    Scheme { name: "e2b", form: "e2b[:TEMPLATE]", feature: "e2b", sandbox_alone: true, provider_alone: true },
    Scheme { name: "k8s", form: "k8s:POOL", feature: "kubernetes", sandbox_alone: false, provider_alone: true },
    Scheme {
        name: "ssh",
        form: "ssh://[USER@]HOST[:PORT]/DIR",
        feature: "ssh",
        sandbox_alone: false,
        provider_alone: false,
    },
];

fn forms() -> String {
    SCHEMES.map(|scheme| scheme.form).join(", ")
}

impl RemoteKind {
    /// Reads an address; `None` where `text` begins with none of the schemes.
    fn parse(text: &str, alone: impl FnOnce(&Scheme) -> bool) -> Option<Result<Self, String>> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let scheme = SCHEMES.iter().find(|scheme| scheme.name == name)?;
        if rest.is_empty() && !alone(scheme) {
            return Some(Err(format!("`{text}` does not say which; write {}", scheme.form)));
        }
        Some(Ok(Self { scheme: scheme.name, rest: rest.to_owned() }))
    }

    /// How an address of that scheme is written, if its provider can be asked without one.
    #[cfg(feature = "remote")]
    pub(crate) fn form_alone(scheme: &str) -> Option<&'static str> {
        SCHEMES.iter().find(|known| known.name == scheme && known.provider_alone).map(|known| known.form)
    }

    /// Reads what names a provider: an address, or its scheme alone where that is enough.
    ///
    /// # Errors
    /// What is wrong with it.
    #[cfg(feature = "remote")]
    pub(crate) fn of_provider(text: &str) -> Result<Self, String> {
        Self::parse(text, |scheme| scheme.provider_alone)
            .unwrap_or_else(|| Err(format!("there is no provider `{text}` (there are {})", forms())))
    }
}

impl SandboxKind {
    /// The feature of this crate that builds it in.
    pub(crate) fn feature(&self) -> &'static str {
        match self {
            Self::Virtual | Self::VirtualContained => "virtual",
            Self::Local | Self::LocalConfined | Self::LocalOverlay | Self::LocalCopy => "local",
            Self::Remote(remote) => {
                SCHEMES.iter().find(|scheme| scheme.name == remote.scheme).map_or("remote", |scheme| scheme.feature)
            }
        }
    }
}

impl fmt::Display for RemoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rest.as_str() {
            "" => f.write_str(self.scheme),
            rest => write!(f, "{}:{rest}", self.scheme),
        }
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
        if let Some(remote) = RemoteKind::parse(text, |scheme| scheme.sandbox_alone) {
            return remote.map(Self::Remote);
        }
        let known = KINDS.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, kind)| kind).ok_or_else(|| {
            // What is behind the colon may stand for the whole.
            let part = names.into_iter().find(|name| name.split_once(':').is_some_and(|(_, part)| part == text));
            let hint = part.map_or_else(|| suggest::hint(text, names), |name| format!("; did you mean `{name}`?"));
            format!("there is no sandbox `{text}`{hint} (there are {}, {})", names.join(", "), forms())
        })
    }
}

impl fmt::Display for SandboxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Remote(remote) = self {
            return remote.fmt(f);
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
             local:copy, cloudflare, daytona[:SNAPSHOT], docker:IMAGE, e2b[:TEMPLATE], k8s:POOL, \
             ssh://[USER@]HOST[:PORT]/DIR)"
        );
        assert!(said("vitrual").starts_with("there is no sandbox `vitrual`; did you mean `virtual`? "));
        assert!(said("confined").contains("did you mean `local:confined`?"));
        assert!(said("local:overly").contains("did you mean `local:overlay`?"));
        for address in ["docker:debian:12", "ssh://me@build.example:2222/srv", "e2b", "e2b:mine", "cloudflare"] {
            let kind = address.parse::<SandboxKind>().unwrap();
            assert!(matches!(kind, SandboxKind::Remote(_)));
            assert_eq!(kind.to_string(), address);
        }
        assert_eq!("k8s:pool".parse::<SandboxKind>().unwrap().feature(), "kubernetes");
        assert_eq!(said("docker"), "`docker` does not say which; write docker:IMAGE");
        assert_eq!(said("docker:"), "`docker:` does not say which; write docker:IMAGE");
        #[cfg(feature = "remote")]
        assert!(RemoteKind::of_provider("docker").is_ok() && RemoteKind::of_provider("ssh").is_err());
        assert!(said("").starts_with("there is no sandbox ``"));
    }
}
