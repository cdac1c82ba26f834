//! Commands: real processes of the host.
//!
//! Every command gets a fresh shell that leads a process group of its own, with an environment that names every variable,
//! nothing to read unless it is given something, and pipes for what it says. [`run`] is its life; [`tree`] its end.

pub(crate) mod clock;
mod launch;
mod leader;
mod output;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) mod ready;
mod run;
mod scan;
mod start;
#[cfg_attr(not(target_os = "linux"), path = "no_terminal.rs")]
mod terminal;
mod tree;

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;

use flue_core::reach::Aspect;
use flue_core::{Bounds, Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, NetworkReach, Result, SandboxPath};
use rustix::io::Errno;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub(crate) use self::launch::Launcher;
use self::launch::Way;
#[cfg(target_os = "linux")]
pub(crate) use self::launch::has_terminal;
use self::run::{Run, Stops, Watch};
use self::scan::Mark;
#[cfg(target_os = "linux")]
pub(crate) use self::scan::signal_below;
use self::start::Start;
#[cfg(target_os = "linux")]
pub(crate) use self::terminal::Terminal;
#[cfg(not(target_os = "linux"))]
use self::terminal::Terminal;
use self::tree::End;
use crate::confine::Confined;
use crate::env::{self, Environment};
use crate::files::{blocking, closed, failed};
use crate::overlay::{Entrance, Layer, Moment, Shut};

/// How many pipes of what commands left in the background are read on for at a time. Beyond it they are closed.
const MAX_BACKGROUND_PIPES: usize = 256;

/// What a terminal is said to be where nobody says it: what every list of terminals has.
const TERMINAL_KIND: &str = "xterm";

/// Runs commands of one sandbox.
#[derive(Debug)]
pub(crate) struct Shell {
    launcher: Launcher,
    layer: Option<Arc<Layer>>,
    confined: Option<Arc<Confined>>,
    env: Environment,
    bounds: Bounds,
    /// Bytes kept of each stream.
    output_bytes: usize,
    background: Arc<Semaphore>,
    closed: CancellationToken,
}

impl Shell {
    /// Commands see the files of `layer`, if there is one, and are held by what confines them. `bounds` say which variables a request may set.
    pub(crate) fn new(
        launcher: Launcher,
        layer: Option<Arc<Layer>>,
        confined: Option<Arc<Confined>>,
        env: Environment,
        bounds: Bounds,
        output_bytes: usize,
        closed: CancellationToken,
    ) -> Self {
        let background = Arc::new(Semaphore::new(MAX_BACKGROUND_PIPES));
        Self { launcher, layer, confined, env, bounds, output_bytes, background, closed }
    }

    /// Runs a command from `cwd`, whatever `request` says of it.
    pub(crate) async fn exec(&self, request: ExecRequest, cwd: SandboxPath) -> Result<ExecOutput> {
        if self.closed.is_cancelled() {
            return Err(closed("exec"));
        }
        self.bounds.check_exec()?;
        check(&request)?;
        if !self.launcher.gives_terminals() {
            request.refuse_terminal()?;
        }
        if request.cancel.is_cancelled() {
            return Err(Error::cancelled("exec"));
        }
        let mark = Mark::new().map_err(|error| {
            Error::new(ErrorKind::Io, "exec", "the host has no randomness to mark the command's processes with")
                .with_source(error)
        })?;
        // What confines a command sees to the layer, too.
        let layer = self.layer.as_ref().filter(|_| self.confined.is_none()).and_then(|layer| layer.mounted());
        let entrance = layer.map(|layer| layer.entrance(&cwd)).transpose();
        let entrance = entrance.map_err(|error| self.not_started(&cwd, error))?;
        let way = match &entrance {
            Some(entrance) => Way::Layer(entrance),
            None if self.confined.is_some() => Way::Confined,
            None => Way::Plain,
        };
        let terminal = request.terminal.then(Terminal::open).transpose().map_err(|error| {
            Error::new(ErrorKind::Io, "exec", "the host gives no terminal; run the command without one")
                .with_source(error)
        })?;
        let mut command = self.launcher.command(&request.command, cwd.as_str(), way, terminal.is_some());
        if terminal.is_some() {
            command.env("TERM", TERMINAL_KIND);
        }
        command.envs(self.env.variables());
        command.envs(request.env.iter().filter(|(name, _)| self.bounds.shows(name)));
        command.env(env::MARK, mark.value(self.env.variables().get(OsStr::new(env::MARK))));
        let watch = Watch { limit: self.output_bytes, sink: request.sink };
        let reach = request.reach.clone();
        if let Some(reach) = &reach {
            let names = command.get_envs().filter_map(|(name, value)| value.and(name.to_str()));
            reach.env(names.filter(|name| *name != env::MARK));
        }
        let began = Moment::now();
        let start = Start { command, mark, confined: self.confined.as_deref(), terminal, reach: reach.clone() };
        let run = Run::start(start, request.stdin, watch);
        let run = run.map_err(|error| self.not_started(&cwd, error))?;
        let stops = Stops { timeout: request.timeout, cancel: request.cancel.clone(), closed: self.closed.clone() };
        let ended = run.end(stops, &self.background).await;
        match entrance.and_then(Entrance::shut) {
            None => {}
            Some(Shut::Cwd(error)) => return Err(self.not_started(&cwd, error)),
            Some(Shut::Layer(why)) => {
                let text = "the overlay could not be gone into; the command did not run";
                return Err(Error::new(ErrorKind::Io, "exec", text).with("why", why));
            }
        }
        if let (Some(reach), Some(layer)) = (reach.clone(), self.layer.clone()) {
            // However it ended. In part: what it wrote elsewhere is not seen.
            let tell = move || {
                layer.tell_changed(began, &reach);
                Ok(())
            };
            blocking("exec", tell).await?;
        }
        if request.cancel.is_cancelled() {
            return Err(Error::cancelled("exec"));
        }
        if self.closed.is_cancelled() {
            return Err(closed("exec"));
        }
        let ended = ended.map_err(|error| {
            Error::new(ErrorKind::Io, "exec", "the end of the command could not be learned").with_source(error)
        })?;
        let end = match ended.end {
            #[cfg(target_os = "linux")]
            Some(End::Unconfined(why)) => {
                return Err(Error::new(ErrorKind::Io, "exec", "the command could not be confined, and did not run")
                    .with("why", why));
            }
            #[cfg(target_os = "linux")]
            Some(End::NotStarted(error)) => return Err(self.not_started(&cwd, error)),
            Some(_) if ended.timed_out => ExecEnd::TimedOut,
            Some(End::Status(status)) => end(status),
            None => return Err(Error::new(ErrorKind::Io, "exec", "the command ended without a status")),
        };
        if let Some(reach) = reach {
            // What a process reads, writes and starts is not seen from here.
            reach.measured([Aspect::Env]);
            let network = self.confined.as_deref().map(Confined::network);
            if matches!(network, Some(NetworkReach::None | NetworkReach::AllowList(_))) {
                reach.measured([Aspect::Hosts]);
            }
        }
        let [(stdout, stdout_dropped), (stderr, stderr_dropped)] = ended.output;
        Ok(ExecOutput::new(end, stdout, stderr).with_dropped(stdout_dropped, stderr_dropped))
    }

    /// What it was that could not be started from: the host gives the same number for the directory and the shell.
    fn not_started(&self, cwd: &SandboxPath, error: std::io::Error) -> Error {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        if errno == Errno::TOOBIG {
            return Error::new(
                ErrorKind::LimitExceeded,
                "exec",
                "the command and its environment are longer than the host takes; write the data to a file first",
            )
            .with_source(error);
        }
        // A confined command sees other directories than this program, while it does see the shell.
        let unseen = self.confined.is_some() && matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::ACCESS);
        let of_cwd = match std::fs::metadata(cwd.as_str()) {
            // There it is the helper that starts, and it only says so when it is the directory.
            _ if self.confined.is_none() && self.layer.as_ref().is_some_and(|layer| layer.mounted().is_some()) => {
                Some(errno)
            }
            _ if unseen => Some(errno),
            Err(error) => Errno::from_io_error(&error),
            Ok(facts) if !facts.is_dir() => Some(Errno::NOTDIR),
            Ok(_) => None,
        };
        if let Some(errno) = of_cwd {
            return failed("exec: start in the working directory", cwd, errno);
        }
        // With permissions that only a change of directory needs, nothing tells the two apart.
        failed("exec: start the shell", self.launcher.shell().display(), errno).with("cwd", cwd)
    }
}

fn check(request: &ExecRequest) -> Result<()> {
    let variables = request.env.iter().map(|(key, value)| (OsStr::new(key), OsStr::new(value)));
    env::check(ErrorKind::InvalidInput, "exec", variables)?;
    if request.command.contains('\0') {
        return Err(Error::new(ErrorKind::InvalidInput, "exec", "a command cannot contain a NUL byte"));
    }
    if request.command.len() > launch::MAX_COMMAND_BYTES {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            "exec",
            "the command is too long; write the data to a file first and have the command read it",
        )
        .with("bytes", request.command.len())
        .with("limit", launch::MAX_COMMAND_BYTES));
    }
    Ok(())
}

fn end(status: ExitStatus) -> ExecEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExecEnd::Exited(code),
        (None, Some(signal)) => ExecEnd::Signalled(signal),
        // A shell that ended did one or the other.
        (None, None) => ExecEnd::Exited(status.into_raw()),
    }
}
