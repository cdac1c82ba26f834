//! What callers hold of a sandbox's process: calls go in, answers come out, until it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::{Error, ErrorKind, OutputSink, Result};
use flue_sandbox_virtual::VirtualLimits;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::wire::message::{Call, Reply, Value, call_limit, encode};
use crate::wire::{Assembly, Frames, Kind, WireError};
use crate::{Containment, Death};

/// Calls that one sandbox has to answer at a time; more of them are refused.
const MAX_CALLS: usize = 1024;
/// How long a call may take that is not a command. Far more than any takes: a search of all files is the longest.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// How long a worker may take to answer a call that was cancelled, or a command whose time is up: the two seconds that the
/// virtual sandbox gives its shell, and what a busy machine may add.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// The calls of one sandbox.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    out: mpsc::UnboundedSender<Out>,
    pid: u32,
    containment: Containment,
    limits: VirtualLimits,
}

/// What the connection is to do. There are never more than two for each call.
pub(super) enum Out {
    /// Send a call, which has to be answered by then.
    Call { frames: Frames, deadline: Option<Instant> },
    /// Have a call stopped.
    Cancel { id: u32 },
    /// Send what a command of the application answered.
    Answer { id: u32, frames: Frames },
}

/// What link and connection both see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Fires when the sandbox is closed or its caller found the worker to be lying.
    pub(super) close: CancellationToken,
    /// Fires when the process has ended.
    ended: CancellationToken,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) calls: HashMap<u32, Pending>,
    /// The runtime of the last command's caller, for commands of the application.
    pub(super) application: Option<Handle>,
    next: u32,
    lied: bool,
    end: Option<End>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was closed here.
    Closed,
    /// It was not.
    Died(Death),
}

impl End {
    pub(super) fn error(self, operation: &'static str) -> Error {
        match self {
            Self::Closed => Error::new(ErrorKind::SandboxDied, operation, "the sandbox was closed; open a new one"),
            Self::Died(death) => death.error(operation),
        }
    }
}

/// A call that is not answered yet.
pub(super) struct Pending {
    pub(super) assembly: Assembly,
    pub(super) head_limit: usize,
    /// Who waits; nobody when the caller went away.
    pub(super) answer: Option<oneshot::Sender<Answered>>,
    pub(super) is_command: bool,
    /// Whether output was asked for as it comes, although its sink may be gone with the caller.
    pub(super) is_live: bool,
    pub(super) sink: Option<Arc<dyn OutputSink>>,
    pub(super) deadline: Option<Instant>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// What a caller gets: the worker's answer, or how the worker ended.
type Answered = std::result::Result<(Reply, Bytes), End>;

/// What a command has beyond a call.
#[derive(Default)]
pub(super) struct Command {
    /// How long it may run, as the worker is told too; for ever when absent.
    pub(super) time: Option<Duration>,
    pub(super) cancel: CancellationToken,
    pub(super) sink: Option<Arc<dyn OutputSink>>,
}

impl Link {
    pub(super) fn new(
        shared: Arc<Shared>,
        out: mpsc::UnboundedSender<Out>,
        pid: u32,
        containment: Containment,
        limits: VirtualLimits,
    ) -> Self {
        Self { shared, out, pid, containment, limits }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn containment(&self) -> &Containment {
        &self.containment
    }

    pub(super) fn limits(&self) -> &VirtualLimits {
        &self.limits
    }

    /// Why it ended, unless it lives or was closed.
    pub(super) fn death(&self) -> Option<Death> {
        match self.shared.lock().end? {
            End::Died(death) => Some(death),
            End::Closed => None,
        }
    }

    /// Makes a call and waits for its answer.
    ///
    /// # Errors
    /// What the worker says; [`ErrorKind::SandboxDied`] when it is gone.
    pub(super) async fn call(&self, operation: &'static str, call: &Call, body: Bytes) -> Result<(Value, Bytes)> {
        let (id, answer) = self.begin(operation, call, body, Some(CALL_LIMIT), None)?;
        let left = CancelOnDrop { link: self, id, armed: true };
        let answered = answer.await;
        left.disarm();
        Self::result(operation, answered)
    }

    /// Runs a command and waits for its end.
    ///
    /// # Errors
    /// Those of [`Link::call`]; [`ErrorKind::Cancelled`] when it was cancelled.
    pub(super) async fn exec(&self, call: &Call, stdin: Bytes, command: Command) -> Result<(Value, Bytes)> {
        const OPERATION: &str = "exec";
        let Command { time, cancel, sink } = command;
        if cancel.is_cancelled() {
            return Err(Error::cancelled(OPERATION));
        }
        let limit = time.map(|time| time.saturating_add(STOP_LIMIT));
        let (id, mut answer) = self.begin(OPERATION, call, stdin, limit, Some(sink))?;
        let left = CancelOnDrop { link: self, id, armed: true };
        let answered = tokio::select! {
            biased;
            answered = &mut answer => answered,
            () = cancel.cancelled() => {
                self.cancel(id);
                answer.await
            }
        };
        left.disarm();
        if cancel.is_cancelled() && matches!(answered, Ok(Ok(_))) {
            return Err(Error::cancelled(OPERATION));
        }
        Self::result(OPERATION, answered)
    }

    /// Says that an answer was not what an honest worker gives, which ends it.
    pub(super) fn accuse(&self, operation: &'static str) -> Error {
        self.shared.lock().lied = true;
        self.shared.close.cancel();
        Death::Protocol.error(operation)
    }

    /// Ends the process and waits until it has ended.
    pub(super) async fn close(&self) {
        self.shared.close.cancel();
        self.shared.ended.cancelled().await;
    }

    fn begin(
        &self,
        operation: &'static str,
        call: &Call,
        body: Bytes,
        time: Option<Duration>,
        command: Option<Option<Arc<dyn OutputSink>>>,
    ) -> Result<(u32, oneshot::Receiver<Answered>)> {
        let parts = encode(call, [body]).map_err(|error| {
            Error::new(ErrorKind::Internal, operation, "the call cannot be sent").with_source(error.to_string())
        })?;
        let (bytes, limit) = (parts.iter().map(Bytes::len).sum::<usize>(), call_limit(&self.limits));
        if bytes > limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                operation,
                "this is more than the sandbox may hold (VirtualLimits::total_bytes); send less",
            )
            .with("bytes", bytes)
            .with("limit", limit));
        }
        let deadline = time.and_then(|time| Instant::now().checked_add(time));
        let (answer, answered) = oneshot::channel();
        let (is_command, sink) = (command.is_some(), command.flatten());
        let pending = Pending {
            assembly: Assembly::new(call.reply_limit(&self.limits)),
            head_limit: call.head_limit(),
            answer: Some(answer),
            is_command,
            is_live: sink.is_some(),
            sink,
            deadline,
        };
        let mut state = self.shared.lock();
        if let Some(end) = state.end {
            return Err(end.error(operation));
        }
        if self.shared.close.is_cancelled() {
            return Err(End::Closed.error(operation));
        }
        if state.calls.len() >= MAX_CALLS {
            return Err(Error::new(ErrorKind::LimitExceeded, operation, "too many calls of this sandbox run already")
                .with("limit", MAX_CALLS));
        }
        if is_command {
            state.application = Handle::try_current().ok().or_else(|| state.application.take());
        }
        let id = state.add(pending);
        // Under the lock, so that a call is never sent after what cancels it. A connection that has ended answers all calls
        // that are there when it says so.
        let _ = self.out.send(Out::Call { frames: Frames::new(Kind::Call, id, parts), deadline });
        Ok((id, answered))
    }

    fn cancel(&self, id: u32) {
        self.shared.lock().limit(id);
        let _ = self.out.send(Out::Cancel { id });
    }

    fn result(
        operation: &'static str,
        answered: std::result::Result<Answered, oneshot::error::RecvError>,
    ) -> Result<(Value, Bytes)> {
        match answered {
            Ok(Ok((reply, body))) => Ok((reply.map_err(WireError::into_error)?, body)),
            Ok(Err(end)) => Err(end.error(operation)),
            Err(_) => Err(Error::new(ErrorKind::Internal, operation, "the sandbox's connection ended without a word")),
        }
    }
}

/// Stops a call whose caller went away.
struct CancelOnDrop<'l> {
    link: &'l Link,
    id: u32,
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
            if let Some(pending) = self.link.shared.lock().calls.get_mut(&self.id) {
                (pending.answer, pending.sink) = (None, None);
            }
            self.link.cancel(self.id);
        }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs between two halves of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was closed because the worker lied.
    pub(super) fn lied(&self) -> bool {
        self.lock().lied
    }

    /// Answers everybody: the process has ended.
    pub(super) fn end(&self, end: End) {
        let calls = {
            let mut state = self.lock();
            state.end = Some(end);
            state.application = None;
            std::mem::take(&mut state.calls)
        };
        for answer in calls.into_values().filter_map(|pending| pending.answer) {
            let _ = answer.send(Err(end));
        }
        self.ended.cancel();
    }
}

impl State {
    fn add(&mut self, pending: Pending) -> u32 {
        // There are fewer calls than numbers.
        while self.calls.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let id = self.next;
        self.next = id.wrapping_add(1);
        self.calls.insert(id, pending);
        id
    }

    /// Gives a call that is to stop no more time than that takes.
    fn limit(&mut self, id: u32) {
        if let Some(pending) = self.calls.get_mut(&id) {
            let latest = Instant::now() + STOP_LIMIT;
            pending.deadline = Some(pending.deadline.map_or(latest, |deadline| deadline.min(latest)));
        }
    }

    /// When the next call is overdue.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.calls.values().filter_map(|pending| pending.deadline).min()
    }
}
