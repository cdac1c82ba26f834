//! The rungs of the sandbox ladder, as the command line and agent files name them.

use std::fmt;
use std::str::FromStr;

use crate::suggest;

/// A kind of sandbox: `--sandbox KIND`, or the field `sandbox` of an agent file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
}

/// Every kind by its name. One that is named by an address will be told by its scheme.
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
        let known = KINDS.iter().find(|(name, _)| *name == text);
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            let hint = suggest::hint(text, names);
            format!("there is no sandbox `{text}`{hint} (there are {})", names.join(", "))
        })
    }
}

impl fmt::Display for SandboxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            assert_eq!((name.parse(), kind.to_string()), (Ok(kind), name.to_owned()));
        }
        let said = |text: &str| text.parse::<SandboxKind>().unwrap_err();
        assert_eq!(
            said("docker"),
            "there is no sandbox `docker` (there are virtual, virtual:contained, local, local:confined, local:overlay, \
             local:copy)"
        );
        assert!(said("vitrual").starts_with("there is no sandbox `vitrual`; did you mean `virtual`? "));
        assert!(said("local:overly").contains("did you mean `local:overlay`?"));
        assert!(said("").starts_with("there is no sandbox ``"));
    }
}
