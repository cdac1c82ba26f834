//! Commands of the application: asked for over the socket, because what answers them must not be here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result};
use flue_sandbox_virtual::{CommandCall, CommandOutput, VirtualLimits};
use tokio::sync::{Semaphore, oneshot};

use super::socket::Writer;
use crate::wire::message::{
    LARGEST_COMMANDS, MAX_COMMAND_WORDS, MAX_COMMANDS, SMALL_BYTES, WireAnswer, WireCommand, command_limit, encode,
    split,
};
use crate::wire::{Frames, Kind, Violation};

/// Calls that wait for their answers.
pub(super) struct Commands {
    writer: Arc<Writer>,
    waiting: Mutex<HashMap<u32, oneshot::Sender<CommandOutput>>>,
    next: AtomicU32,
    /// The most bytes of one.
    limit: usize,
    /// How many may be asked for at a time.
    permits: Semaphore,
    /// How much all of these may be, in KiB.
    room: Semaphore,
    room_kib: usize,
}

impl Commands {
    pub(super) fn new(writer: Arc<Writer>, limits: &VirtualLimits) -> Self {
        let limit = command_limit(limits);
        let room_kib = LARGEST_COMMANDS * limit / 1024;
        let (permits, room) = (Semaphore::new(MAX_COMMANDS), Semaphore::new(room_kib));
        Self { writer, waiting: Mutex::default(), next: AtomicU32::new(0), limit, permits, room, room_kib }
    }

    /// Has the application answer a call of the command called `name`.
    pub(super) async fn call(self: Arc<Self>, name: String, call: CommandCall) -> Result<CommandOutput> {
        let _permit = self.permits.acquire().await.map_err(|error| gone().with_source(error))?;
        let CommandCall { args, stdin, cwd, env, .. } = call;
        let words = args.len().saturating_add(env.len());
        let message = encode(&WireCommand { name, args, cwd, env }, []).map_err(|error| gone().with_source(error))?;
        if words > MAX_COMMAND_WORDS || message.iter().map(Bytes::len).sum::<usize>() > SMALL_BYTES {
            return Err(Error::new(ErrorKind::LimitExceeded, "exec", "Argument list too long"));
        }
        let message: Vec<Bytes> = message.into_iter().chain([stdin]).collect();
        let bytes = message.iter().map(Bytes::len).sum::<usize>();
        if bytes > self.limit {
            return Err(Error::new(ErrorKind::LimitExceeded, "exec", "too much input (VirtualLimits::memory_bytes)"));
        }
        let kib = u32::try_from(bytes.div_ceil(1024).min(self.room_kib)).unwrap_or(u32::MAX);
        let _room = self.room.acquire_many(kib).await.map_err(|error| gone().with_source(error))?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiting().insert(id, answer);
        let waiting = Waiting { commands: &self, id };
        self.writer.send(Frames::new(Kind::Command, id, message)).map_err(|error| gone().with_source(error))?;
        let output = answered.await;
        drop(waiting);
        output.map_err(|_| gone())
    }

    /// Takes an answer of the host.
    pub(super) fn answer(&self, id: u32, answer: &WireAnswer, body: Bytes) -> std::result::Result<(), Violation> {
        let (stdout, stderr) = split(body, answer.stdout)?;
        let mut output = CommandOutput::new(stdout).with_stderr(stderr);
        output.exit_code = answer.exit_code;
        // The command may have been given up meanwhile.
        if let Some(waiting) = self.waiting().remove(&id) {
            let _ = waiting.send(output);
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u32, oneshot::Sender<CommandOutput>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Internal, "exec", "the application does not answer")
}

/// Tells the host when nobody waits for an answer any more.
struct Waiting<'c> {
    commands: &'c Commands,
    id: u32,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.commands.waiting().remove(&self.id).is_some() {
            // When the socket is gone, so is the host.
            let _ = self.commands.writer.send(Frames::bare(Kind::Drop, self.id));
        }
    }
}
