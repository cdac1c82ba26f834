//! What passes between the program and the helper that it starts for each command.
//!
//! They share a socket, which is the helper's standard input when it starts. The first message hands over descriptors, one
//! for each byte of it: see [`Right`]. After that the program may say [`TERMINATE`], and what closes the socket ends the
//! command; the helper says one [`Report`].

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Error as IoError, ErrorKind, Result as IoResult, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::{Deserialize, Serialize};

use super::{Finding, Limits, Mechanism, Tier};

/// The helper's name for itself; by it [`init`](crate::init) knows that it is one.
pub(crate) const HELPER: &str = "flue-confined";
/// What the program and the helper must agree on.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Asks all processes of the command to end.
pub(super) const TERMINATE: &[u8] = b"t";
/// The longest message either way.
pub(super) const MESSAGE_BYTES: usize = 16 << 10;
/// The most that a helper reads of what it is told: the longest command and environment that Linux takes, twice.
const PLAN_BYTES: u64 = 8 << 20;

/// What the first message hands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// The [`Policy`], as JSON.
    Policy = b'p' as isize,
    /// The [`Order`]. Without one the helper only tries what it would do.
    Order = b'c' as isize,
    /// What the command reads.
    Stdin = b'i' as isize,
    /// Where the listener of the proxy goes.
    Proxy = b'n' as isize,
    /// The namespaces in which a layer lies over the workspace.
    LayerUser = b'u' as isize,
    LayerMount = b'm' as isize,
}

/// The most descriptors in one message.
const MAX_RIGHTS: usize = 6;

impl Right {
    const ALL: [Self; MAX_RIGHTS] =
        [Self::Policy, Self::Order, Self::Stdin, Self::Proxy, Self::LayerUser, Self::LayerMount];

    fn byte(self) -> u8 {
        self as u8
    }

    pub(super) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.byte() == byte)
    }
}

/// How all commands of a sandbox are held. Paths are absolute and, but for hidden ones, free of links.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) version: String,
    pub(super) tier: Tier,
    /// What may be written; none lies within another.
    pub(super) writable: Vec<PathBuf>,
    /// What could be written before the sandbox was narrowed, and can be read.
    pub(super) readable: Vec<PathBuf>,
    /// What is kept from being changed within those that may be written.
    pub(super) protected: Vec<PathBuf>,
    pub(super) hidden: Vec<PathBuf>,
    /// The part of the workspace that is seen alone, where it is narrowed.
    pub(super) only: Option<Only>,
    /// A directory with the sandbox's own `home` and `tmp`.
    pub(super) scratch: PathBuf,
    pub(super) limits: Limits,
    pub(super) waived: Vec<Mechanism>,
    /// Where the proxy is to listen, if there is one.
    pub(super) proxy_port: Option<u16>,
}

/// A directory that is seen beside the system's programs, and nothing else of the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Only {
    pub(super) dir: PathBuf,
    /// What could be written before: the workspace, and other directories.
    pub(super) instead_of: Vec<PathBuf>,
}

impl Policy {
    /// The directories that are the sandbox's own.
    pub(super) fn places(&self) -> impl Iterator<Item = &PathBuf> {
        self.writable.iter().chain(&self.readable)
    }

    pub(super) fn waives(&self, mechanism: Mechanism) -> bool {
        self.waived.contains(&mechanism)
    }

    /// Puts it where a helper can be handed it.
    pub(super) fn to_file(&self) -> IoResult<OwnedFd> {
        sheet("flue-policy", &serde_json::to_vec(self)?)
    }

    pub(super) fn from_file(file: OwnedFd) -> IoResult<Self> {
        let policy: Self = serde_json::from_slice(&read(file)?)?;
        if policy.version != VERSION {
            let why = format!("the helper is of version {VERSION}, the program of version {}", policy.version);
            return Err(IoError::new(ErrorKind::InvalidData, why));
        }
        Ok(policy)
    }
}

/// A command to run.
#[derive(Debug)]
pub(super) struct Order {
    /// The file of the terminal at which it runs, if it does.
    pub(super) terminal: Option<OsString>,
    pub(super) cwd: OsString,
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
}

impl Order {
    /// What `command` would run. Nothing of this process's own environment goes with it.
    pub(super) fn of(command: &Command, terminal: Option<&OsStr>) -> Self {
        let pair = |(key, value): (&OsStr, Option<&OsStr>)| Some((key.to_owned(), value?.to_owned()));
        Self {
            terminal: terminal.map(OsStr::to_owned),
            cwd: command.get_current_dir().map_or_else(|| "/".into(), |dir| dir.as_os_str().to_owned()),
            program: command.get_program().to_owned(),
            arguments: command.get_args().map(OsStr::to_owned).collect(),
            env: command.get_envs().filter_map(pair).collect(),
        }
    }

    /// Each text with a NUL after it, which none of them can contain; first how many arguments there are. No terminal is an
    /// empty one.
    pub(super) fn to_file(&self) -> IoResult<OwnedFd> {
        let mut bytes = self.arguments.len().to_string().into_bytes();
        let none = OsString::new();
        let terminal = self.terminal.as_ref().unwrap_or(&none);
        let env = self.env.iter().flat_map(|(key, value)| [key, value]);
        for text in [terminal, &self.cwd, &self.program].into_iter().chain(&self.arguments).chain(env) {
            bytes.push(0);
            bytes.extend_from_slice(text.as_bytes());
        }
        sheet("flue-command", &bytes)
    }

    pub(super) fn from_file(file: OwnedFd) -> IoResult<Self> {
        Self::parse(&read(file)?).ok_or_else(|| IoError::new(ErrorKind::InvalidData, "the command is garbled"))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut texts = bytes.split(|byte| *byte == 0).map(|text| OsString::from_vec(text.to_vec()));
        let count: usize = texts.next()?.to_str()?.parse().ok()?;
        let terminal = Some(texts.next()?).filter(|terminal| !terminal.is_empty());
        let (cwd, program) = (texts.next()?, texts.next()?);
        let arguments: Vec<_> = texts.by_ref().take(count).collect();
        let mut env = Vec::new();
        while let Some(key) = texts.next() {
            env.push((key, texts.next()?));
        }
        (arguments.len() == count).then_some(Self { terminal, cwd, program, arguments, env })
    }
}

/// What a helper says last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// Everything held, and there was no command.
    Tried(Vec<Finding>),
    /// The command exited with this status.
    Exited(i32),
    /// This signal ended the command.
    Signalled(i32),
    /// The command could not be started in its directory, for this error of the host.
    NotStarted(i32),
    /// The helper could not do as it was told.
    Failed(Fault),
}

/// What could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    /// What it was for, if for one thing alone.
    pub(crate) mechanism: Option<Mechanism>,
    /// What was tried, and what the kernel said.
    pub(crate) what: String,
}

/// Sends bytes, and descriptors with them.
pub(super) fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> rustix::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_RIGHTS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::INVAL);
    }
    let bytes = [std::io::IoSlice::new(bytes)];
    rustix::io::retry_on_intr(|| rustix::net::sendmsg(socket, &bytes, &mut ancillary, SendFlags::NOSIGNAL)).map(drop)
}

/// Receives the next message; empty when the other side has closed.
pub(super) fn receive(socket: BorrowedFd<'_>, flags: RecvFlags) -> rustix::io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0; MESSAGE_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_RIGHTS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let mut slices = [std::io::IoSliceMut::new(&mut bytes)];
        rustix::net::recvmsg(socket, &mut slices, &mut ancillary, flags | RecvFlags::CMSG_CLOEXEC)
    })?;
    bytes.truncate(received.bytes);
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    Ok((bytes, rights.flatten().collect()))
}

/// A file without a name that holds `bytes`.
fn sheet(name: &str, bytes: &[u8]) -> IoResult<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file.into())
}

/// What a sheet holds. Does not move its position, which others share.
fn read(file: OwnedFd) -> IoResult<Vec<u8>> {
    let file = File::from(file);
    let len = file.metadata()?.len();
    if len > PLAN_BYTES {
        return Err(IoError::new(ErrorKind::InvalidData, "what the helper is told is too long"));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Hands over what a helper needs.
pub(super) fn hand_over(socket: impl AsFd, rights: &[(Right, BorrowedFd<'_>)]) -> rustix::io::Result<()> {
    let (kinds, fds): (Vec<u8>, Vec<_>) = rights.iter().map(|(right, fd)| (right.byte(), *fd)).unzip();
    send(socket.as_fd(), &kinds, &fds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_comes_back_whole() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "", "a\nb", "é"]).env_clear().env("A", "").env("B", "1=2").current_dir("/tmp");
        let sent = |terminal: Option<&str>| Order::of(&command, terminal.map(OsStr::new)).to_file().unwrap();
        assert_eq!(Order::from_file(sent(Some("/dev/pts/1"))).unwrap().terminal, Some("/dev/pts/1".into()));
        let order = Order::from_file(sent(None)).unwrap();
        assert_eq!(order.terminal, None);
        assert_eq!((&*order.cwd, &*order.program), ("/tmp".as_ref(), "/bin/sh".as_ref()));
        assert_eq!(order.arguments, ["-c", "", "a\nb", "é"]);
        assert_eq!(order.env, [("A".into(), "".into()), ("B".into(), "1=2".into())]);
    }

    #[test]
    fn a_cut_order_is_refused() {
        for bytes in [&b""[..], b"x\0\0/\0/bin/sh", b"2\0\0/\0/bin/sh\0-c", b"0\0\0/\0/bin/sh\0KEY", b"0\0\0/"] {
            assert!(Order::parse(bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn descriptors_arrive_with_their_kinds() {
        let (a, b) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let sheet = sheet("x", b"hello").unwrap();
        hand_over(&a, &[(Right::Policy, sheet.as_fd()), (Right::Stdin, a.as_fd())]).unwrap();
        let (kinds, mut fds) = receive(b.as_fd(), RecvFlags::empty()).unwrap();
        assert_eq!(kinds, b"pi");
        assert_eq!((fds.len(), read(fds.remove(0)).unwrap()), (2, b"hello".to_vec()));
    }
}
