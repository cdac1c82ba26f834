//! The helper: a small process that turns itself into the confinement of one command, and then runs it.
//!
//! It is a fresh process with one thread, so it may do what a program that has threads may not between fork and exec. In the
//! order of things:
//!
//! 1. [`help`] takes over what it was handed: policy, command, descriptors
//! 2. [`namespaces`] leaves the host's namespaces, and forks: the helper stays outside to wait, the child is the first process
//!    of the new ones. In the Landlock tier the helper goes on by itself
//! 3. [`mounts`] arranges the files; [`cover`] says what is not seen of them
//! 4. [`seal`] lays on the [`limits`], [`rules`] of Landlock, no capabilities, and the [`filter`] of system calls
//! 5. [`supervise`] starts the shell, reaps, and ends everything when the shell or the program's interest ends. In the Landlock
//!    tier the helper forks before it takes anything on, so that it cannot be reached from within

mod cover;
mod filter;
mod limits;
mod mounts;
mod namespaces;
mod rules;
mod seal;
mod supervise;
mod tree;

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::net::RecvFlags;
use rustix::process::{DumpableBehavior, Signal};

use super::plan::{self, Fault, Order, Policy, Report, Right};
use super::{Finding, Mechanism, Tier};
use crate::shell::has_terminal;
use crate::sys;

/// How the helper ends when there is nothing to say it to.
const UNUSABLE: i32 = 64;

/// What the helper was handed.
struct Job {
    control: OwnedFd,
    policy: Policy,
    order: Option<Order>,
    proxy: Option<OwnedFd>,
    layer: Layer,
}

/// The namespaces of a layer over the workspace.
#[derive(Default)]
struct Layer {
    user: Option<OwnedFd>,
    mount: Option<OwnedFd>,
}

/// The helper's whole life. Gives the status to exit with.
pub(crate) fn help() -> i32 {
    // Standard input becomes the command's.
    let Ok(control) = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3) else { return UNUSABLE };
    let job = match take(control) {
        Ok(job) => job,
        Err((control, fault)) => {
            // Where nobody listens this is no helper of ours.
            return if say(&control, &Report::Failed(fault)) { 1 } else { UNUSABLE };
        }
    };
    let report = match job.policy.tier {
        Tier::Namespaces => match namespaces::enter(&job.layer) {
            Ok(namespaces::Side::Outside) => return 0,
            Ok(namespaces::Side::Inside(findings)) => inside(&job, findings),
            Err(fault) => Err(fault),
        },
        Tier::Landlock => among_others(&job),
    };
    match report {
        Ok(Some(report)) => drop(say(&job.control, &report)),
        // Nobody wants to know.
        Ok(None) => {}
        Err(fault) => drop(say(&job.control, &Report::Failed(fault))),
    }
    0
}

/// As the first process of the new namespaces.
fn inside(job: &Job, mut findings: Vec<Finding>) -> Result<Option<Report>, Fault> {
    let terminal = job.order.as_ref().and_then(|order| order.terminal.as_deref());
    let arranged = mounts::arrange(&job.policy, terminal.map(Path::new))?;
    if let (Some(port), Some(proxy)) = (job.policy.proxy_port, &job.proxy) {
        namespaces::offer_proxy(port, proxy)?;
    }
    findings.extend(seal::seal(&job.policy, &arranged.hidden, arranged.numbers)?);
    match &job.order {
        Some(order) => supervise::run(order, &job.control),
        None => Ok(Some(Report::Tried(findings))),
    }
}

/// Parts with the program's terminal, where it has one, and with its process group. A session of its own costs more than it
/// seems: on a busy machine the kernel schedules each by itself.
fn part() -> Result<(), Fault> {
    if has_terminal() {
        return rustix::process::setsid().map(drop).at(None, "start a session");
    }
    rustix::process::setpgid(None, None).at(None, "start a process group")
}

/// Among the host's own processes: this one stays as it is, out of reach of the command, and outlives it.
fn among_others(job: &Job) -> Result<Option<Report>, Fault> {
    part()?;
    job.layer.enter()?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).at(None, "close itself to others")?;
    // By which processes are found that it is to end.
    std::fs::metadata("/proc/thread-self/children").at(Mechanism::Landlock, "list children (CONFIG_PROC_CHILDREN)")?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).at(None, "adopt orphans")?;
    if let Some(child) = sys::fork().at(None, "fork")? {
        return supervise::outlive(child, &job.control);
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).at(None, "end with the helper")?;
    let why = "process numbers are the machine's".to_owned();
    let findings = seal::seal(&job.policy, &mounts::hidden(&job.policy), Err(why))?;
    match &job.order {
        Some(order) => supervise::become_it(order),
        None => Ok(Some(Report::Tried(findings))),
    }
}

/// Receives the job.
fn take(control: OwnedFd) -> Result<Job, (OwnedFd, Fault)> {
    let received = plan::receive(control.as_fd(), RecvFlags::empty()).at(None, "receive the job");
    match received.and_then(|(kinds, fds)| Parts::sort(kinds, fds)) {
        Ok(Parts { policy: Some(policy), order, proxy, layer }) => Ok(Job { control, policy, order, proxy, layer }),
        Ok(_) => Err((control, Fault { mechanism: None, what: "the job has no policy in it".into() })),
        Err(fault) => Err((control, fault)),
    }
}

/// What was handed over.
#[derive(Default)]
struct Parts {
    policy: Option<Policy>,
    order: Option<Order>,
    proxy: Option<OwnedFd>,
    layer: Layer,
}

impl Parts {
    fn sort(kinds: Vec<u8>, fds: Vec<OwnedFd>) -> Result<Self, Fault> {
        sys::close_on_exec().at(None, "keep descriptors to itself")?;
        let mut parts = Self::default();
        for (kind, fd) in kinds.into_iter().zip(fds) {
            match Right::of(kind) {
                Some(Right::Policy) => parts.policy = Some(Policy::from_file(fd).at(None, "read the policy")?),
                Some(Right::Order) => parts.order = Some(Order::from_file(fd).at(None, "read the command")?),
                Some(Right::Stdin) => rustix::stdio::dup2_stdin(fd).at(None, "take over the input")?,
                Some(Right::Proxy) => parts.proxy = Some(fd),
                Some(Right::LayerUser) => parts.layer.user = Some(fd),
                Some(Right::LayerMount) => parts.layer.mount = Some(fd),
                None => return Err(Fault { mechanism: None, what: "the job has something unknown in it".into() }),
            }
        }
        Ok(parts)
    }
}

/// Whether it could be said.
fn say(control: &OwnedFd, report: &Report) -> bool {
    let Ok(bytes) = serde_json::to_vec(report) else { return false };
    plan::send(control.as_fd(), &bytes[..bytes.len().min(plan::MESSAGE_BYTES)], &[]).is_ok()
}

/// Says what it was that failed.
trait At<T> {
    fn at(self, mechanism: impl Into<Option<Mechanism>>, what: impl std::fmt::Display) -> Result<T, Fault>;
}

impl<T, E: std::fmt::Display> At<T> for Result<T, E> {
    fn at(self, mechanism: impl Into<Option<Mechanism>>, what: impl std::fmt::Display) -> Result<T, Fault> {
        self.map_err(|error| Fault { mechanism: mechanism.into(), what: format!("{what}: {error}") })
    }
}
