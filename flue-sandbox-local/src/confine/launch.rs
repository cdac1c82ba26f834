//! Starting helpers.

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use flue_core::reach::ReachLog;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, Shutdown, SocketFlags, SocketType};

use super::git::{Repositories, Sweep};
use super::plan::{self, HELPER, Order, Report, Right, TERMINATE};
use super::proxy::{Proxy, Serving};
use crate::overlay::{Layer, Mounted};
use crate::shell::Terminal;

/// What starts the helpers of one sandbox.
#[derive(Debug)]
pub(crate) struct Helpers {
    pub(super) helper: PathBuf,
    /// The policy, as every helper is handed it.
    pub(super) policy: OwnedFd,
    /// What serves commands, where hosts are open to them.
    pub(super) proxy: Option<Proxy>,
    /// What lies over the workspace.
    pub(super) layer: Option<Arc<Layer>>,
    /// What is looked after when a command has ended.
    pub(super) repositories: Arc<Repositories>,
}

impl Helpers {
    /// Starts what `command` says, confined. It reads from `stdin`, or nothing, and says everything to `terminal`, if there
    /// is one; the hosts that it asks for go to `reach`.
    pub(crate) fn start(
        &self,
        command: &Command,
        stdin: Option<OwnedFd>,
        terminal: Option<&Terminal>,
        reach: Option<Arc<ReachLog>>,
    ) -> std::io::Result<(Child, Leash)> {
        let order = Order::of(command, terminal.map(Terminal::name)).to_file()?;
        let stdin = match stdin {
            Some(stdin) => stdin,
            None => std::fs::File::open("/dev/null")?.into(),
        };
        let mut started = Command::new(&self.helper);
        started.stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(terminal) = terminal {
            terminal.hear(&mut started)?;
        }
        let mut rights = vec![(Right::Order, order), (Right::Stdin, stdin)];
        let mut serving = None;
        if let Some(proxy) = &self.proxy {
            let (own, theirs) = pair(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
            serving = Some(proxy.serve(own, reach)?);
            rights.push((Right::Proxy, theirs));
        }
        let (child, leash) = self.spawn(started, &rights)?;
        let sweep = Some(Sweep(Arc::clone(&self.repositories)));
        Ok((child, Leash { _serving: serving, _sweep: sweep, ..leash }))
    }

    /// The same, of another policy.
    pub(super) fn with_policy(&self, policy: OwnedFd) -> Self {
        let Self { helper, proxy, layer, repositories, .. } = self;
        let (helper, repositories) = (helper.clone(), Arc::clone(repositories));
        Self { helper, policy, proxy: proxy.clone(), layer: layer.clone(), repositories }
    }

    /// Has a helper do everything but run a command, and gives what it says.
    pub(super) fn try_out(&self) -> std::io::Result<Report> {
        let mut started = Command::new(&self.helper);
        started.stdout(Stdio::null()).stderr(Stdio::null());
        let (mut child, leash) = self.spawn(started, &[])?;
        let report = leash.report_within(TRIAL_LIMIT);
        leash.cut();
        if report.is_none() {
            // It is in no state to be asked.
            let _ = child.kill();
        }
        child.wait()?;
        report.ok_or_else(|| {
            std::io::Error::other(
                "the helper does not answer; is it a program whose `main` begins with `flue_sandbox_local::init()`?",
            )
        })
    }

    fn spawn(&self, mut command: Command, rights: &[(Right, OwnedFd)]) -> std::io::Result<(Child, Leash)> {
        let (own, theirs) = pair(SocketFlags::CLOEXEC)?;
        let mut rights: Vec<_> = rights.iter().map(|(right, fd)| (*right, fd.as_fd())).collect();
        rights.push((Right::Policy, self.policy.as_fd()));
        if let Some((user, mount)) = self.layer.as_ref().and_then(|layer| layer.mounted()).map(Mounted::namespaces) {
            rights.extend(user.map(|user| (Right::LayerUser, user)));
            rights.push((Right::LayerMount, mount));
        }
        // Waits in the socket until there is a helper to take it.
        plan::hand_over(&own, &rights)?;
        command.arg0(HELPER).env_clear().current_dir("/").stdin(Stdio::from(theirs));
        Ok((command.spawn()?, Leash { socket: own, _serving: None, _sweep: None }))
    }
}

/// How long the helper may take to try what it is to do.
const TRIAL_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

/// This end of the socket to a helper. When it goes, everything that the helper started goes.
#[derive(Debug)]
pub(crate) struct Leash {
    socket: OwnedFd,
    _serving: Option<Serving>,
    /// Goes when the command is over: who holds this waits for that.
    _sweep: Option<Sweep>,
}

fn pair(flags: SocketFlags) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

impl Leash {
    /// Asks all processes to end.
    pub(crate) fn terminate(&self) {
        // When the helper has gone, so have they.
        let _ = plan::send(self.socket.as_fd(), TERMINATE, &[]);
    }

    /// Ends all processes.
    pub(crate) fn cut(&self) {
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
    }

    /// What the helper had to say, once it has ended.
    pub(crate) fn report(&self) -> Option<Report> {
        let (bytes, _) = plan::receive(self.socket.as_fd(), RecvFlags::DONTWAIT).ok()?;
        // A command cannot say anything here, but what it would say is not trusted to be well formed either.
        serde_json::from_slice(&bytes).ok()
    }

    fn report_within(&self, limit: std::time::Duration) -> Option<Report> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let limit = Timespec::try_from(limit).ok()?;
        match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&limit)) {
            Ok(1..) => self.report(),
            Ok(0) | Err(Errno::INTR) | Err(_) => None,
        }
    }
}
