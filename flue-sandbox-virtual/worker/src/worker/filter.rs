//! System calls: what the worker does not need does not exist for it.
//!
//! The list says what is left: memory, threads, time, and the descriptors that are open. No call that takes a path, makes a
//! socket to anywhere, starts a program, or looks at or signals another process. What is not on it fails with `ENOSYS`, as on
//! a kernel that does not have it: libraries then take what the older ones have, now and in their later releases.

use std::collections::BTreeMap;

use flue_core::{Error, ErrorKind, Result};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Calls that are harmless whatever their arguments.
const HARMLESS: &[i64] = &[
    // What is open.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_close,
    libc::SYS_ppoll,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Threads and their signals.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    // Time and chance.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
];

/// The same, where the architecture has them.
#[cfg(target_arch = "x86_64")]
const HARMLESS_HERE: &[i64] = &[libc::SYS_epoll_wait, libc::SYS_poll, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const HARMLESS_HERE: &[i64] = &[];

/// Lets this thread, and those that it starts, make no other calls from now on.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where the kernel or the architecture has no filters.
pub(super) fn install() -> Result<()> {
    let program = program().map_err(|error| refused(&error))?;
    seccompiler::apply_filter(&program).map_err(|error| refused(&error))
}

fn refused(error: &dyn std::error::Error) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "open",
        "this system does not filter the worker's system calls; Contained::best_effort goes on without",
    )
    .with_source(error.to_string())
}

fn program() -> std::result::Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let otherwise = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(allowed()?, otherwise, SeccompAction::Allow, arch)?.try_into()
}

fn allowed() -> std::result::Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let harmless = HARMLESS.iter().chain(HARMLESS_HERE).map(|call| (*call, Vec::new()));
    let mut allowed: BTreeMap<i64, Vec<SeccompRule>> = harmless.collect();
    let own = u64::from(std::process::id());
    // Threads, not processes. `clone3` has its flags in memory, where no filter sees them.
    let thread = number(libc::CLONE_THREAD);
    allowed.insert(libc::SYS_clone, vec![SeccompRule::new(vec![masked(0, thread, thread)?])?]);
    // Ends of this process.
    allowed.insert(libc::SYS_kill, vec![SeccompRule::new(vec![equal(0, own)?])?]);
    allowed.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![equal(0, own)?])?]);
    // Limits of this process, which cannot be raised any more.
    allowed.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![equal(0, 0)?])?]);
    // Names of threads and of memory.
    allowed.insert(libc::SYS_prctl, any_of(0, &[libc::PR_SET_NAME, libc::PR_SET_VMA])?);
    // Flags and copies of descriptors, not who is signalled about them.
    let flags = [libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL];
    allowed.insert(libc::SYS_fcntl, any_of(1, &flags)?);
    // A pair of sockets that reach each other only. Those for datagrams can be turned to others.
    let pair = vec![equal(0, number(libc::AF_UNIX))?, masked(1, 0xf, number(libc::SOCK_STREAM))?];
    allowed.insert(libc::SYS_socketpair, vec![SeccompRule::new(pair)?]);
    Ok(allowed)
}

/// A constant of the kernel, none of which is negative.
fn number(constant: i32) -> u64 {
    u64::from(constant.unsigned_abs())
}

fn equal(argument: u8, value: u64) -> std::result::Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> std::result::Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}

fn any_of(argument: u8, values: &[i32]) -> std::result::Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| SeccompRule::new(vec![equal(argument, number(*value))?])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a thread can do once it is filtered; the other threads of the tests are not.
    #[test]
    fn only_what_is_needed_can_be_done() {
        let filtered = std::thread::spawn(|| {
            install().unwrap();
            let refused = |what: &str, result: std::io::Result<()>| {
                let error = result.expect_err(what);
                assert_eq!(error.raw_os_error(), Some(libc::ENOSYS), "{what}: {error}");
            };
            refused("read a file", std::fs::read("/etc/hostname").map(drop));
            refused("write a file", std::fs::write("/tmp/flue-filter", "x"));
            refused("look at a file", std::fs::metadata("/etc/hostname").map(drop));
            refused("list a directory", std::fs::read_dir("/").map(drop));
            refused("remove a file", std::fs::remove_file("/tmp/flue-filter"));
            refused("reach the network", std::net::TcpStream::connect("127.0.0.1:1").map(drop));
            refused("send a datagram", std::net::UdpSocket::bind("127.0.0.1:0").map(drop));
            refused("reach a socket", std::os::unix::net::UnixStream::connect("/run/x").map(drop));
            refused("make a socket for datagrams", std::os::unix::net::UnixDatagram::pair().map(drop));
            refused("start a program", std::process::Command::new("/bin/true").spawn().map(drop));
            let init = rustix::process::Pid::INIT;
            refused(
                "signal a process",
                rustix::process::kill_process(init, rustix::process::Signal::CONT).map_err(Into::into),
            );
            refused("leave the directory", std::env::set_current_dir("/"));
            refused("look at a process", rustix::process::getpgid(None).map(drop).map_err(Into::into));

            let thread = std::thread::spawn(|| vec![1_u8; 8 << 20].iter().map(|byte| u64::from(*byte)).sum::<u64>());
            assert_eq!(thread.join().unwrap(), 8 << 20);
            std::thread::sleep(std::time::Duration::from_millis(1));
            let (mut one, mut other) = std::os::unix::net::UnixStream::pair().unwrap();
            std::io::Write::write_all(&mut one, b"x").unwrap();
            std::io::Read::read_exact(&mut other, &mut [0]).unwrap();
        });
        filtered.join().unwrap();
    }
}
