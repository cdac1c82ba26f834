//! Landlock: which files a process may open, and whom it may signal.
//!
//! Rules only ever allow, for a file or for all beneath a directory, and go with the file wherever it is moved. So what is
//! hidden is left out by allowing everything beside it, and what the host puts in its place while a command runs is closed,
//! too.

use std::fs::FileType;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use rustix::fs::{CWD, Mode, OFlags};

use super::{At as _, Fault, Finding, Mechanism, Tier, mounts};
use crate::confine::plan::Policy;
use crate::sys;

const HERE: Mechanism = Mechanism::Landlock;
/// The newest interface that was tried with these rules: Linux 6.15.
const NEWEST: ABI = ABI::V7;
/// The first that keeps files from being cut to nothing by their path (Linux 6.2).
const OLDEST: i32 = 3;
/// The first that keeps signals and abstract sockets from other processes (Linux 6.12): among the host's own it has to.
const OLDEST_AMONG_OTHERS: i32 = 6;

/// Applies the rules to this process.
pub(super) fn apply(policy: &Policy, hidden: &[PathBuf]) -> Result<Finding, Fault> {
    let oldest = if policy.tier == Tier::Landlock { OLDEST_AMONG_OTHERS } else { OLDEST };
    let missing = match sys::landlock_version() {
        Ok(version) if version >= oldest => {
            rule(policy, hidden, version)?;
            return Ok(Finding::holds(HERE, format!("version {version} of its interface")));
        }
        Ok(version) => format!("version {version} of its interface, and it takes {oldest}: update the kernel"),
        Err(errno) => {
            format!("the kernel has none ({errno}): boot one with `landlock` in its list of security modules")
        }
    };
    if policy.waives(HERE) {
        return Ok(Finding::missing(HERE, missing));
    }
    Err(Fault { mechanism: Some(HERE), what: missing })
}

fn rule(policy: &Policy, hidden: &[PathBuf], version: i32) -> Result<(), Fault> {
    let abi = if version < NEWEST as i32 { ABI::from(version) } else { NEWEST };
    let mut rules = Rules { set: create(policy, abi).at(HERE, "make a set of rules")?, abi };
    let all = AccessFs::from_all(abi);
    let mut closed = hidden.to_vec();
    for path in policy.writable.iter().chain([&policy.scratch]) {
        rules.allow(path, all)?;
    }
    match policy.tier {
        Tier::Namespaces => {
            rules.allow(Path::new("/dev"), all)?;
            // These are the command's own, mounted from below the scratch directory.
            for path in mounts::TEMPORARY.map(Path::new).into_iter().filter(|path| path.is_dir()) {
                rules.allow(path, all & !AccessFs::MakeChar & !AccessFs::MakeBlock)?;
            }
        }
        Tier::Landlock => {
            let device = (AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev) & all;
            for name in mounts::DEVICES.into_iter().chain(["ptmx", "pts"]) {
                rules.allow(&Path::new("/dev").join(name), device | AccessFs::ReadDir)?;
            }
            closed.extend(["/dev", mounts::RUNTIME].into_iter().chain(mounts::TEMPORARY).map(PathBuf::from));
            for path in mounts::RUNTIME_KEPT {
                rules.allow(Path::new(path), READ)?;
            }
        }
    }
    // So that directories on the way to what is hidden can be listed. What is hidden gives away its names by that, but where
    // namespaces are, it is covered.
    rules.allow(Path::new("/"), AccessFs::ReadDir.into())?;
    rules.allow_beside(Path::new("/"), &closed)?;
    let status = rules.set.restrict_self().at(HERE, "apply the rules")?;
    if status.ruleset == RulesetStatus::FullyEnforced {
        return Ok(());
    }
    Err(Fault { mechanism: Some(HERE), what: "the kernel does not enforce all of the rules".into() })
}

fn create(policy: &Policy, abi: ABI) -> Result<RulesetCreated, landlock::RulesetError> {
    let set =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi))?;
    let set = if abi >= ABI::V6 { set.scope(Scope::AbstractUnixSocket)?.scope(Scope::Signal)? } else { set };
    // In a network of its own a command may talk to itself; among others the filter leaves no sockets either.
    let alone = policy.tier == Tier::Namespaces;
    let set = if alone || abi < ABI::V4 { set } else { set.handle_access(AccessNet::from_all(abi))? };
    set.create()
}

const READ: BitFlags<AccessFs> = landlock::make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});

struct Rules {
    set: RulesetCreated,
    abi: ABI,
}

impl Rules {
    /// Allows this on a file, or on all that lies beneath a directory. Links and what does not exist are passed over.
    fn allow(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), Fault> {
        match std::fs::symlink_metadata(path) {
            Ok(facts) => self.allow_kind(path, facts.file_type(), access),
            Err(_) => Ok(()),
        }
    }

    fn allow_kind(&mut self, path: &Path, kind: FileType, access: BitFlags<AccessFs>) -> Result<(), Fault> {
        // A link would be its target, whatever that is.
        if kind.is_symlink() {
            return Ok(());
        }
        let (only, access) = if kind.is_dir() {
            (OFlags::DIRECTORY, access)
        } else {
            (OFlags::empty(), access & AccessFs::from_file(self.abi))
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC | only;
        let Ok(file) = rustix::fs::openat(CWD, path, flags, Mode::empty()) else { return Ok(()) };
        let added = (&mut self.set).add_rule(PathBeneath::new(file, access)).map(drop);
        added.at(HERE, format_args!("add a rule for {}", path.display()))
    }

    /// Allows reading all that lies beneath `dir` but not what is `closed`.
    fn allow_beside(&mut self, dir: &Path, closed: &[PathBuf]) -> Result<(), Fault> {
        if closed.iter().any(|path| dir.starts_with(path)) {
            return Ok(());
        }
        if !closed.iter().any(|path| path.starts_with(dir)) {
            return self.allow(dir, READ);
        }
        // What may not be listed is not opened by the command either, but for what lies beneath and has a known name.
        let Ok(entries) = std::fs::read_dir(dir) else { return Ok(()) };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.allow_beside(&entry.path(), closed)?,
                Ok(kind) if !closed.contains(&entry.path()) => self.allow_kind(&entry.path(), kind, READ)?,
                _ => {}
            }
        }
        Ok(())
    }
}
