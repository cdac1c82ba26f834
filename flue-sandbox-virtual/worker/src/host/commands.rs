//! Commands of the application that scripts call: they run here, on the runtime of who runs the script.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use flue_sandbox_virtual::{CommandCall, CommandOutput, HostCommand, VirtualLimits};
use tokio::runtime::Handle;
use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::link::Out;
use crate::wire::message::{
    LARGEST_COMMANDS, MAX_COMMAND_WORDS, MAX_COMMANDS, SMALL_BYTES, WireAnswer, WireCommand, command_limit, decode,
    encode,
};
use crate::wire::{Assembly, Frames, Kind, Violation};

/// The status of a command whose handler failed.
const FAILED: i32 = 1;

/// The application's commands, and the calls of them that run.
pub(super) struct Commands {
    handlers: BTreeMap<String, HostCommand>,
    limit: usize,
    out: WeakUnboundedSender<Out>,
    calls: HashMap<u32, Called>,
    /// Bytes of all calls, as they arrived.
    held: usize,
}

/// A call of one.
struct Called {
    state: State,
    bytes: usize,
}

enum State {
    Arriving(Assembly),
    Running(AbortHandle),
}

impl Commands {
    pub(super) fn new(
        handlers: BTreeMap<String, HostCommand>,
        limits: &VirtualLimits,
        out: WeakUnboundedSender<Out>,
    ) -> Self {
        Self { handlers, limit: command_limit(limits), out, calls: HashMap::new(), held: 0 }
    }

    /// Takes a piece of a call, and begins it when it is whole.
    pub(super) fn called(
        &mut self,
        id: u32,
        piece: &[u8],
        last: bool,
        application: Option<Handle>,
    ) -> Result<(), Violation> {
        if self.calls.len() >= MAX_COMMANDS && !self.calls.contains_key(&id) {
            return Err(Violation("too many calls to the application"));
        }
        let limit = self.limit;
        self.held = self.held.saturating_add(piece.len());
        if self.held > limit.saturating_mul(LARGEST_COMMANDS) {
            return Err(Violation("calls to the application that are too large together"));
        }
        let arriving = || Called { state: State::Arriving(Assembly::new(limit)), bytes: 0 };
        let called = self.calls.entry(id).or_insert_with(arriving);
        called.bytes += piece.len();
        let State::Arriving(assembly) = &mut called.state else {
            return Err(Violation("two calls to the application with one number"));
        };
        let Some(message) = assembly.add(piece, last)? else { return Ok(()) };
        let (command, stdin): (WireCommand, _) = decode(&message, SMALL_BYTES)?;
        if command.args.len().saturating_add(command.env.len()) > MAX_COMMAND_WORDS {
            return Err(Violation("a call to the application with too many words"));
        }
        let handler =
            self.handlers.get(&command.name).ok_or(Violation("a call to what the application does not have"))?;
        let running = self.begin(id, handler.clone(), command, stdin, application);
        if let Some(called) = self.calls.get_mut(&id) {
            called.state = State::Running(running);
        }
        Ok(())
    }

    /// A call's answer is being sent.
    pub(super) fn answered(&mut self, id: u32) {
        self.forget(id);
    }

    /// Nobody waits for a call's answer.
    pub(super) fn dropped(&mut self, id: u32) {
        if let Some(Called { state: State::Running(running), .. }) = self.forget(id) {
            running.abort();
        }
    }

    fn forget(&mut self, id: u32) -> Option<Called> {
        let called = self.calls.remove(&id)?;
        self.held = self.held.saturating_sub(called.bytes);
        Some(called)
    }

    fn begin(
        &self,
        id: u32,
        handler: HostCommand,
        command: WireCommand,
        stdin: Bytes,
        application: Option<Handle>,
    ) -> AbortHandle {
        let (out, limit) = (self.out.clone(), self.limit);
        let cancel = CancellationToken::new();
        let call = CommandCall::new(command.args).with_stdin(stdin).with_cwd(command.cwd).with_env(command.env);
        let call = call.with_cancel(cancel.clone());
        let handle = async move {
            let stop = cancel.drop_guard();
            let output = handler.call(call).await;
            drop(stop);
            let output = output.unwrap_or_else(|error| CommandOutput::failed(FAILED, format!("{error:#}\n")));
            if output.stdout.len().saturating_add(output.stderr.len()) > limit {
                return CommandOutput::failed(FAILED, "the command says more than the sandbox may hold\n");
            }
            output
        };
        // Whoever waits for a command without a runtime of Tokio's has it handled on the thread of the connections.
        let handled = application.unwrap_or_else(Handle::current).spawn(handle);
        let abort = handled.abort_handle();
        tokio::spawn(async move {
            let output = match handled.await {
                Ok(output) => output,
                Err(error) if error.is_cancelled() => return,
                Err(_) => CommandOutput::failed(FAILED, "the command failed unexpectedly\n"),
            };
            let answer = WireAnswer { exit_code: output.exit_code, stdout: output.stdout.len() as u64 };
            if let (Some(out), Ok(parts)) = (out.upgrade(), encode(&answer, [output.stdout, output.stderr])) {
                let _ = out.send(Out::Answer { id, frames: Frames::new(Kind::Answer, id, parts) });
            }
        });
        abort
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        for call in self.calls.values() {
            if let State::Running(running) = &call.state {
                running.abort();
            }
        }
    }
}
