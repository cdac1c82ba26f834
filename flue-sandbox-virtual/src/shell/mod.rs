//! The shell of a virtual sandbox: an emulated bash over the sandbox's files.
//!
//! Every execution gets a fresh shell: only files outlive it. It runs on a thread of the [`pool`], under the guards of
//! [`stack`] and [`crate::builtins`], and is told apart from its caller by a [`run`], so that each can end without the other:
//!
//! - the engine ends: its thread answers the caller
//! - time is up: the engine ends itself; if it does not within [`GRACE`], the watcher answers for it
//! - the caller cancels: the engine is told and waited for, again for [`GRACE`]
//! - the caller is dropped: the engine is told, nobody waits
//!
//! Invariant: whatever a script does, the process goes on and the caller is answered.

mod braces;
mod engine;
mod host;
mod offline;
mod outcome;
mod output;
mod pool;
mod reach;
mod run;
mod stack;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::reach::{Aspect, ReachLog};
use flue_core::{Bounds, Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, Result, SandboxPath};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub(crate) use self::pool::Pool;
use self::pool::{Ended, Job, Watched};
use self::run::{End, Run};
pub(crate) use self::stack::STACK_BYTES;
use crate::VirtualLimits;
use crate::command::HostCommand;

/// How long the engine may take to stop before it is answered for.
const GRACE: Duration = Duration::from_secs(2);

/// What all executions of a sandbox have in common.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) limits: VirtualLimits,
    pub(crate) user: String,
    pub(crate) hostname: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) commands: BTreeMap<String, HostCommand>,
    #[cfg(feature = "network")]
    pub(crate) network: Option<crate::network::Network>,
    /// The only variables that a caller may set, if not all.
    pub(crate) shown: Option<BTreeSet<String>>,
}

impl Setup {
    fn held_to(&self, bounds: &Bounds) -> Self {
        let mut setup = self.clone();
        setup.env.retain(|name, _| bounds.shows(name));
        setup.shown.clone_from(&bounds.env);
        #[cfg(feature = "network")]
        if bounds.no_network {
            setup.network = None;
        }
        setup
    }

    fn shown_of(&self, mut env: BTreeMap<String, String>) -> BTreeMap<String, String> {
        if let Some(shown) = &self.shown {
            env.retain(|name, _| shown.contains(name));
        }
        env
    }
}

/// Runs commands over the files of one sandbox.
pub(crate) struct Shell {
    setup: Arc<Setup>,
    fs: Arc<dyn bashkit::FileSystem>,
    pool: Arc<Pool>,
    closed: CancellationToken,
}

/// One command, with all that the engine needs to run it.
struct Script {
    setup: Arc<Setup>,
    fs: Arc<dyn bashkit::FileSystem>,
    command: String,
    cwd: SandboxPath,
    env: BTreeMap<String, String>,
    stdin: Option<Bytes>,
    deadline: Option<Instant>,
    /// The caller's runtime, on which the application's own commands run.
    application: Option<Handle>,
    /// Where it is said what the command touches.
    reach: Option<Arc<ReachLog>>,
}

impl Shell {
    pub(crate) fn new(setup: Arc<Setup>, fs: Arc<dyn bashkit::FileSystem>, pool: Arc<Pool>) -> Self {
        Self { setup, fs, pool, closed: CancellationToken::new() }
    }

    /// The same, held to less, over the files that are seen then. Ends with this one, too.
    pub(crate) fn held_to(&self, bounds: &Bounds, fs: Arc<dyn bashkit::FileSystem>) -> Self {
        Self {
            setup: Arc::new(self.setup.held_to(bounds)),
            fs,
            pool: Arc::clone(&self.pool),
            closed: self.closed.child_token(),
        }
    }

    /// Fires when the shell is closed.
    pub(crate) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Ends what runs; nothing is to be run after this.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Runs a command from `cwd`, whatever `request` says of it.
    pub(crate) async fn exec(&self, request: ExecRequest, cwd: SandboxPath) -> Result<ExecOutput> {
        request.refuse_terminal()?;
        check_env(&request.env)?;
        if request.command.contains('\0') {
            return Err(Error::new(ErrorKind::InvalidInput, "exec", "a command cannot contain a NUL byte"));
        }
        if request.cancel.is_cancelled() {
            return Err(Error::cancelled("exec"));
        }
        let limits = &self.setup.limits;
        let time = [request.timeout, limits.wall_time].into_iter().flatten().min();
        let deadline = time.and_then(|time| Instant::now().checked_add(time));
        let script = Script {
            setup: Arc::clone(&self.setup),
            fs: Arc::clone(&self.fs),
            command: request.command,
            cwd,
            env: self.setup.shown_of(request.env),
            stdin: request.stdin,
            deadline,
            application: Handle::try_current().ok(),
            reach: request.reach.clone(),
        };
        let (run, mut answer) = Run::new(limits.output_bytes, request.sink);
        let _overdue = deadline.map(|deadline| self.pool.watch(deadline + GRACE, weak(&run)));
        let left = CancelOnDrop { run: &run, pool: &self.pool, armed: true };
        self.pool.submit(job(script, Arc::clone(&run)))?;

        let answered = tokio::select! {
            biased;
            answered = &mut answer => answered,
            () = request.cancel.cancelled() => self.stop(&run, answer).await,
            () = self.closed.cancelled() => self.stop(&run, answer).await,
        };
        left.disarm();
        if request.cancel.is_cancelled() {
            return Err(Error::cancelled("exec"));
        }
        if self.closed.is_cancelled() {
            return Err(closed("exec"));
        }
        if let Some(reach) = &request.reach
            && matches!(answered, Ok(End::Exited(_)))
        {
            // What the application's own commands touch is not seen here, nor what goes on after its caller was answered.
            let all = self.setup.commands.is_empty();
            let seen = |aspect: &Aspect| all || matches!(aspect, Aspect::Programs | Aspect::Env);
            reach.measured(Aspect::ALL.into_iter().filter(seen));
        }
        match answered {
            Ok(End::Exited(code)) => Ok(run.output.take(ExecEnd::Exited(code))),
            Ok(End::TimedOut) => {
                if request.timeout.is_none_or(|own| limits.wall_time.is_some_and(|wall| wall < own)) {
                    run.output.complain("stopped: the time limit was reached (VirtualLimits::wall_time)");
                }
                Ok(run.output.take(ExecEnd::TimedOut))
            }
            Ok(End::Cancelled) => Err(Error::cancelled("exec")),
            Ok(End::Refused(error)) => Err(error),
            Err(_) => Err(Error::new(ErrorKind::Internal, "exec", "the thread of the command ended without an answer")),
        }
    }

    async fn stop(
        &self,
        run: &Arc<Run>,
        answer: tokio::sync::oneshot::Receiver<End>,
    ) -> Result<End, tokio::sync::oneshot::error::RecvError> {
        run.cancel();
        let _overdue = self.pool.watch(Instant::now() + GRACE, weak(run));
        answer.await
    }
}

/// The error of a call on a sandbox that was closed.
pub(crate) fn closed(operation: &'static str) -> Error {
    Error::new(ErrorKind::SandboxDied, operation, "the sandbox was closed; open a new one")
}

fn weak(run: &Arc<Run>) -> Weak<dyn Watched> {
    let weak: Weak<Run> = Arc::downgrade(run);
    weak
}

fn job(script: Script, run: Arc<Run>) -> Job {
    Box::new(move |runtime, stack| {
        if !run.begin() {
            return Ended::Awaited;
        }
        let execution = AssertUnwindSafe(|| runtime.block_on(engine::execute(script, &run, stack)));
        let end = catch_unwind(execution).unwrap_or_else(|_| {
            run.output.complain("the shell failed unexpectedly; the command did not run to its end");
            End::Exited(1)
        });
        run.finish(end)
    })
}

/// Cancels an execution whose caller went away.
struct CancelOnDrop<'a> {
    run: &'a Arc<Run>,
    pool: &'a Pool,
    armed: bool,
}

impl CancelOnDrop<'_> {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.run.cancel();
            self.pool.watch(Instant::now() + GRACE, weak(self.run)).detach();
        }
    }
}

fn check_env(env: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Error::new(ErrorKind::InvalidInput, "exec", "an environment variable cannot have this name")
                .with("name", name.escape_debug()));
        }
        if value.contains('\0') {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "exec",
                "the value of an environment variable cannot contain a NUL byte",
            )
            .with("name", name));
        }
    }
    Ok(())
}
