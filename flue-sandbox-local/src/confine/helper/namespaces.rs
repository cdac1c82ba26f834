//! Leaving the host's namespaces.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::wait::waitpid;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::process::{DumpableBehavior, Signal};
use rustix::thread::CapabilitySet;

use super::{At as _, Fault, Finding, Layer, Mechanism, part};
use crate::confine::plan;
use crate::sys;

const HERE: Mechanism = Mechanism::Namespaces;
const SEPARATE: CloneFlags = CloneFlags::CLONE_NEWNS
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);
/// How many connections may wait to be accepted.
const BACKLOG: i32 = 64;

/// Which of the two a process is, once the namespaces are there.
pub(super) enum Side {
    /// The helper, when everything inside has gone.
    Outside,
    /// The first process inside, and what was made.
    Inside(Vec<Finding>),
}

/// Makes the namespaces and forks into them. Outside this waits for the end.
pub(super) fn enter(layer: &Layer) -> Result<Side, Fault> {
    part()?;
    layer.enter()?;
    let privileged =
        rustix::thread::capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_ADMIN));
    if privileged {
        unshare(SEPARATE).at(HERE, "make mount, process, network, IPC and host-name namespaces")?;
        // The groups of an administrator open more than the rest of the sandbox expects. In the user namespace of a layer
        // nobody can leave any.
        match nix::unistd::setgroups(&[]) {
            Ok(()) | Err(Errno::EPERM) => {}
            Err(errno) => return Err(errno).at(HERE, "leave the supplementary groups"),
        }
    } else {
        crate::namespace::leave_as_user(SEPARATE).at(HERE, "leave the host's namespaces")?;
    }
    // No process of the same user, confined or not, may look into these two.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).at(HERE, "close itself to others")?;
    if let Some(first) = sys::fork().at(HERE, "fork into the namespaces")? {
        while waitpid(first, None) == Err(Errno::EINTR) {}
        return Ok(Side::Outside);
    }
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).at(HERE, "end with the helper")?;
    raise_loopback().at(HERE, "raise the loopback interface")?;
    let with_user = if privileged { "" } else { "user, " };
    Ok(Side::Inside(vec![Finding::holds(HERE, format!("{with_user}mount, process, network, IPC and host name"))]))
}

impl Layer {
    /// Goes to where the layer lies over the workspace, if there is one.
    pub(super) fn enter(&self) -> Result<(), Fault> {
        for (namespace, kind) in [(&self.user, CloneFlags::CLONE_NEWUSER), (&self.mount, CloneFlags::CLONE_NEWNS)] {
            if let Some(namespace) = namespace {
                setns(namespace, kind).at(None, "enter the overlay's namespaces")?;
            }
        }
        Ok(())
    }
}

/// Listens for the command's connections where it will look for a proxy, and hands the listener to the program: it accepts
/// here, and dials from where it is.
pub(super) fn offer_proxy(port: u16, to: &OwnedFd) -> Result<(), Fault> {
    let listener = listen(port).at(HERE, "listen for the proxy")?;
    plan::send(to.as_fd(), b"l", &[listener.as_fd()]).at(HERE, "hand over the proxy's listener")
}

fn listen(port: u16) -> std::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port)))?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Without it a program cannot reach even itself. `RTM_NEWLINK` of rtnetlink(7), on the first interface of a namespace.
fn raise_loopback() -> std::io::Result<()> {
    const LEN: u32 = 32;
    const NEW_LINK: u16 = 16;
    /// `NLM_F_REQUEST | NLM_F_ACK`.
    const ASK: u16 = 1 | 4;
    const LOOPBACK: u32 = 1;
    /// `IFF_UP`.
    const UP: u32 = 1;
    let header = [&LEN.to_ne_bytes()[..], &NEW_LINK.to_ne_bytes(), &ASK.to_ne_bytes(), &[0; 8]].concat();
    // Family and type of interface, then which, its flags, and which of them to change.
    let link = [&[0; 4][..], &LOOPBACK.to_ne_bytes(), &UP.to_ne_bytes(), &UP.to_ne_bytes()].concat();
    // The protocol that is meant, `NETLINK_ROUTE`, is number 0.
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    rustix::net::send(&socket, &[header, link].concat(), SendFlags::empty())?;
    let mut answer = [0_u8; 64];
    let (_, got) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    // After the header stands the negative number of an error, or 0.
    let code = answer.get(16..20).filter(|_| got >= 20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(std::io::Error::from_raw_os_error(-code)),
        None => Err(std::io::Error::other("the kernel gave no answer")),
    }
}
