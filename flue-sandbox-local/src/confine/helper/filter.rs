//! The filter of system calls.
//!
//! Everything is allowed but what changes the confinement itself, reaches into other processes or the kernel, or opens a
//! way out that no file rule and no namespace covers. Refused calls give `EPERM`, so that programs go on as they do where
//! such a call is not permitted.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::{At as _, Fault, Finding, Mechanism, Tier};
use crate::confine::plan::Policy;

const HERE: Mechanism = Mechanism::Seccomp;

/// Calls that nothing in a sandbox needs.
const REFUSED: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Kernel memory, tracing, keys.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_lookup_dcookie,
    // Asks the kernel to do calls that are then not filtered.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Makes a process in new namespaces; see clone(2).
const NEW_NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];
/// `open_tree_attr(2)`, since Linux 6.15; the same on all machines.
const OPEN_TREE_ATTR: i64 = 467;
/// What of a socket's type is not a flag (`SOCK_TYPE_MASK`).
const TYPE_MASK: u64 = 0xf;
/// The bit that marks a call of the x32 interface, whose numbers a filter of the usual ones does not know.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Applies the filters to this process.
pub(super) fn apply(policy: &Policy) -> Result<Finding, Fault> {
    let installed = programs(policy.tier)
        .and_then(|programs| programs.iter().try_for_each(|program| seccompiler::apply_filter(program)));
    match installed {
        Ok(()) => Ok(Finding::holds(HERE, "system calls are filtered")),
        Err(error) if policy.waives(HERE) => Ok(Finding::missing(HERE, error.to_string())),
        Err(error) => Err(error).at(HERE, "filter system calls"),
    }
}

type Built<T> = Result<T, seccompiler::Error>;

/// All filters; the kernel runs every one, and the strictest answer counts.
fn programs(tier: Tier) -> Built<Vec<BpfProgram>> {
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    // Its flags lie behind a pointer, where no filter sees them; without it programs use `clone`.
    let absent = SeccompAction::Errno(libc::ENOSYS as u32);
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok(vec![
        compile(refused(tier)?, refuse)?,
        compile(clone3, absent)?,
        #[cfg(target_arch = "x86_64")]
        refuse_x32(),
    ])
}

fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, action: SeccompAction) -> Built<BpfProgram> {
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, SeccompAction::Allow, action, machine)?.try_into()?)
}

/// What is refused, by the number of the call: always, or where one of its rules holds.
fn refused(tier: Tier) -> Built<BTreeMap<i64, Vec<SeccompRule>>> {
    let mut rules: BTreeMap<_, _> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let namespaces = NEW_NAMESPACES.map(|flag| rule(&[is_set(0, flag as u64)]));
    rules.insert(libc::SYS_clone, namespaces.into_iter().collect::<Built<_>>()?);
    // These write into a terminal as if the user had typed.
    let typing = [libc::TIOCSTI, libc::TIOCLINUX].map(|request| rule(&[is(1, request)]));
    rules.insert(libc::SYS_ioctl, typing.into_iter().collect::<Built<_>>()?);
    // A datagram socket could be sent from to any socket file of the host, also when it was made as one of a pair; `SOCK_RAW`
    // is another name for it.
    let pairs = (0..=TYPE_MASK).filter(|kind| ![libc::SOCK_STREAM as u64, libc::SOCK_SEQPACKET as u64].contains(kind));
    rules.insert(libc::SYS_socketpair, pairs.map(|kind| rule(&[is_type(kind)])).collect::<Built<_>>()?);
    let sockets = match tier {
        Tier::Landlock => {
            // Among others: the limits of none but the caller.
            rules.insert(libc::SYS_prlimit64, vec![rule(&[is_not(0, 0)])?]);
            Vec::new()
        }
        Tier::Namespaces => sockets()?,
    };
    rules.insert(libc::SYS_socket, sockets);
    Ok(rules)
}

/// In a network of its own: only the internet's, only streams and datagrams of the usual protocols, and the questions that
/// programs ask of the kernel about interfaces. Sockets of files would lead to the host's, those of virtual machines too.
fn sockets() -> Built<Vec<SeccompRule>> {
    let no_netlink = is_not(0, libc::AF_NETLINK as u64);
    let usual = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP, libc::IPPROTO_ICMP, libc::IPPROTO_ICMPV6];
    let unusual = usual.iter().map(|protocol| is_not(2, *protocol as u64));
    let families = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK].map(|family| is_not(0, family as u64));
    let kinds = (0..=TYPE_MASK).filter(|kind| ![libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64].contains(kind));
    let mut rules = vec![
        rule(&families),
        rule(&[is(0, libc::AF_NETLINK as u64), is_not(2, libc::NETLINK_ROUTE as u64)]),
        rule(&unusual.chain([no_netlink.clone()]).collect::<Vec<_>>()),
    ];
    rules.extend(kinds.map(|kind| rule(&[no_netlink.clone(), is_type(kind)])));
    rules.into_iter().collect()
}

/// Which argument is compared, how, and with what. All of them are 32 bits wide.
type Condition = (u8, SeccompCmpOp, u64);

/// Holds when all conditions do.
fn rule(conditions: &[Condition]) -> Built<SeccompRule> {
    let condition = |(argument, operator, value): &Condition| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
    };
    Ok(SeccompRule::new(conditions.iter().map(condition).collect::<Result<_, _>>()?)?)
}

fn is(argument: u8, value: u64) -> Condition {
    (argument, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Condition {
    (argument, SeccompCmpOp::Ne, value)
}

fn is_set(argument: u8, flag: u64) -> Condition {
    (argument, SeccompCmpOp::MaskedEq(flag), flag)
}

fn is_type(kind: u64) -> Condition {
    (1, SeccompCmpOp::MaskedEq(TYPE_MASK), kind)
}

/// Refuses calls of the x32 interface.
#[cfg(target_arch = "x86_64")]
fn refuse_x32() -> BpfProgram {
    use seccompiler::sock_filter;
    let step = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    vec![
        // The number of the call is the first field of `seccomp_data`.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_fit_the_kernel() {
        for tier in [Tier::Landlock, Tier::Namespaces] {
            for program in programs(tier).unwrap() {
                // `BPF_MAXINSNS`.
                assert!((4..4096).contains(&program.len()), "{}", program.len());
            }
        }
    }
}
