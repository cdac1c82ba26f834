//! What a model is told of its confinement.

use std::path::PathBuf;

use super::plan::Policy;
use super::{Confinement, Finding, Tier};

/// The facts, one sentence each, as they are on this machine.
pub(super) fn describe(asked: &Confinement, policy: &Policy, findings: &[Finding]) -> Vec<String> {
    let mut notes = vec![files(policy), network(&asked.hosts), limits(policy)];
    let alone = policy.tier == Tier::Namespaces;
    if !asked.protected.is_empty() {
        let whose = if alone { "Neither commands nor file tools" } else { "File tools do not" };
        notes.push(format!("{whose} change {}.", list(&asked.protected)));
    }
    notes.push(if alone {
        "Commands see no processes but their own, and open no socket files; they cannot raise their privileges."
            .to_owned()
    } else {
        "This machine gives commands no namespaces: they see the names of hidden files and of other processes, and can \
         change modes and times of the user's files."
            .to_owned()
    });
    let missing = findings.iter().filter(|finding| !finding.holds);
    notes.extend(
        missing.map(|finding| format!("Not enforced on this machine: {} ({}).", finding.mechanism, finding.detail)),
    );
    notes
}

fn files(policy: &Policy) -> String {
    let read = match &policy.only {
        Some(only) => format!("they read the programs of its system, and beneath {}", only.dir.display()),
        None => "they read its files, but not keys, credentials, histories and what else is hidden".to_owned(),
    };
    let write = match &policy.writable[..] {
        [] => String::new(),
        dirs => format!("beneath {}, ", list(dirs)),
    };
    format!(
        "Commands are real processes on the user's own machine, held by the kernel: {read}; they write only {write}in $HOME \
         and in $TMPDIR, and those two are the sandbox's own and go with it. File tools keep to the workspace."
    )
}

fn network(hosts: &[String]) -> String {
    if hosts.is_empty() {
        return "Commands reach no network.".to_owned();
    }
    format!(
        "Commands reach only these hosts, over HTTP and HTTPS, through the proxy that HTTP_PROXY and HTTPS_PROXY name: {}.",
        hosts.join(", ")
    )
}

fn limits(policy: &Policy) -> String {
    let limits = &policy.limits;
    format!(
        "A command has at most {} processes, and each of them {} MiB of memory, files of {} MiB and {} s of processor time.",
        limits.processes,
        limits.memory_bytes >> 20,
        limits.file_bytes >> 20,
        limits.cpu_seconds(),
    )
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}
