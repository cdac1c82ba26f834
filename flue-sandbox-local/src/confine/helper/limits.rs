//! Limits of resources.

use rustix::process::{Resource, Rlimit};

use super::tree::Tree;
use super::{At as _, Fault, Finding, Mechanism, Tier};
use crate::confine::plan::Policy;

/// The first kernel that counts process numbers for each namespace by itself. Before it there is one number for the whole
/// machine, which must not be touched.
const OWN_NUMBERS: (u32, u32) = (6, 14);
/// The least that the kernel takes: `RESERVED_PIDS + 1` of its `kernel/pid.c`.
const FEWEST_NUMBERS: u32 = 301;
/// How soon the kernel takes the processes of a command when memory runs out: before the program that runs it.
const EXPENDABLE: &str = "500";

/// Limits how many process numbers the namespace of `proc` has, and so its processes, whoever's they are.
pub(super) fn numbers(proc: &Tree, processes: u32) -> Result<(), String> {
    // Where this is not to be had, nothing is lost but politeness.
    let _ = proc.write("self/oom_score_adj", EXPENDABLE);
    let release = rustix::system::uname();
    if version(&release.release().to_string_lossy()).is_none_or(|version| version < OWN_NUMBERS) {
        return Err(format!("limiting process numbers takes Linux {}.{}", OWN_NUMBERS.0, OWN_NUMBERS.1));
    }
    // The highest number is one less.
    let most = processes.saturating_add(1).max(FEWEST_NUMBERS);
    proc.write("sys/kernel/pid_max", &most.to_string()).map_err(|error| format!("set kernel.pid_max: {error}"))
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Sets the limits of this process, which all that it starts inherit. `numbers` is what [`numbers`] gave, or why it was not
/// asked.
pub(super) fn set(policy: &Policy, numbers: Result<(), String>) -> Result<Finding, Fault> {
    let limits = &policy.limits;
    let cpu = limits.cpu_seconds();
    for (resource, what, soft, hard) in [
        (Resource::Core, "core dumps", 0, 0),
        (Resource::Data, "memory", limits.memory_bytes, limits.memory_bytes),
        (Resource::Fsize, "file sizes", limits.file_bytes, limits.file_bytes),
        (Resource::Nofile, "open files", limits.open_files, limits.open_files),
        // The first only warns.
        (Resource::Cpu, "processor time", cpu, cpu.saturating_add(1)),
    ] {
        limit(resource, soft, hard).at(None, format_args!("limit {what}"))?;
    }
    process_count(policy, numbers)
}

/// By process numbers, or by the user's own count: that one passes over the administrator, and outside a user namespace it
/// counts what else the user runs.
fn process_count(policy: &Policy, numbers: Result<(), String>) -> Result<Finding, Fault> {
    const HERE: Mechanism = Mechanism::ProcessLimit;
    let most = u64::from(policy.limits.processes);
    let user = rustix::process::getuid();
    let counted = !user.is_root();
    if counted {
        let others = if policy.tier == Tier::Landlock { threads_of(user.as_raw()) } else { 0 };
        limit(Resource::Nproc, most.saturating_add(others), most.saturating_add(others)).at(HERE, "limit processes")?;
    }
    match numbers {
        Ok(()) => Ok(Finding::holds(HERE, "by process numbers")),
        Err(_) if counted => Ok(Finding::holds(HERE, "by the user's count")),
        Err(why) => {
            let why = format!("the kernel does not count the administrator's processes, and {why}");
            let fault = Fault { mechanism: Some(HERE), what: why.clone() };
            if policy.waives(HERE) { Ok(Finding::missing(HERE, why)) } else { Err(fault) }
        }
    }
}

fn limit(resource: Resource, soft: u64, hard: u64) -> rustix::io::Result<()> {
    let most = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let (current, maximum) = (Some(soft.min(most)), Some(hard.min(most)));
    rustix::process::setrlimit(resource, Rlimit { current, maximum })
}

/// How many threads this user runs on the machine.
fn threads_of(user: u32) -> u64 {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let threads = |status: String| -> Option<u64> {
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        (field("Uid:")?.parse() == Ok(user)).then_some(field("Threads:")?.parse().ok()?)
    };
    entries.filter_map(|entry| threads(std::fs::read_to_string(entry.path().join("status")).ok()?)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_two_numbers() {
        assert_eq!(version("6.18.44-x1"), Some((6, 18)));
        assert_eq!(version("6.1.0-49-amd64"), Some((6, 1)));
        assert_eq!(version("7.0-rc1"), Some((7, 0)));
        assert_eq!(version("unknown"), None);
    }

    #[test]
    fn this_user_runs_something() {
        assert!(threads_of(rustix::process::getuid().as_raw()) > 0);
    }
}
