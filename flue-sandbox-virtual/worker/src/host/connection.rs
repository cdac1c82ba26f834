//! One socket: what comes in is held against what was asked for, and what is asked for goes out.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use flue_core::OutputStream;
use flue_sandbox_virtual::{HostCommand, VirtualLimits};
use tokio::io::Interest;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::commands::Commands;
use super::link::{End, Link, Out, Shared};
use super::process::Process;
use crate::Death;
use crate::wire::message::{Reply, decode};
use crate::wire::{Frames, Header, Kind, Violation};

/// Serves one sandbox until it ends.
pub(super) struct Connection {
    process: Process,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedReceiver<Out>,
    commands: Commands,
    /// The message that is being sent, and its frame that is.
    sending: Option<Frames>,
    frame: Vec<u8>,
    sent: usize,
    /// When the next call is overdue, or some time before.
    deadline: Option<Instant>,
}

impl Connection {
    /// A connection to be run, and what callers hold of it.
    pub(super) fn new(
        process: Process,
        commands: BTreeMap<String, HostCommand>,
        limits: VirtualLimits,
    ) -> (Self, Link) {
        let shared = Arc::new(Shared::default());
        let (out, orders) = mpsc::unbounded_channel();
        let commands = Commands::new(commands, &limits, out.downgrade());
        let link = Link::new(Arc::clone(&shared), out, process.pid(), process.containment.clone(), limits);
        let connection =
            Self { process, shared, orders, commands, sending: None, frame: Vec::new(), sent: 0, deadline: None };
        (connection, link)
    }

    /// Serves until the sandbox is closed, its last holder is gone, or the process is; then sees to it that it is.
    pub(super) async fn run(mut self) {
        let mut stopped = self.serve().await;
        if stopped == Stopped::Closed && self.shared.lied() {
            stopped = Stopped::Guilty(Death::Protocol);
        }
        let Self { process, shared, orders, commands, .. } = self;
        // Handlers of the application stop with the sandbox.
        drop(commands);
        let end = match stopped {
            Stopped::Closed => {
                // As good a reason to kill it as any.
                process.end(Some(Death::Killed)).await;
                End::Closed
            }
            Stopped::Guilty(death) => End::Died(process.end(Some(death)).await.unwrap_or(death)),
            Stopped::Gone => End::Died(process.end(None).await.unwrap_or(Death::Crashed)),
        };
        shared.end(end);
        // After that, so that no call gets lost between the two.
        drop(orders);
    }

    async fn serve(&mut self) -> Stopped {
        let shared = Arc::clone(&self.shared);
        let closed = shared.close.cancelled();
        let mut closed = std::pin::pin!(closed);
        loop {
            let is_sending = self.sent < self.frame.len();
            let interest = if is_sending { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let overdue = async {
                match self.deadline {
                    Some(deadline) => sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            let step = tokio::select! {
                () = &mut closed => return Stopped::Closed,
                order = self.orders.recv(), if !is_sending => match order {
                    Some(order) => self.obey(order),
                    None => return Stopped::Closed,
                },
                ready = self.process.socket.ready(interest) => match ready {
                    Ok(ready) => self.pump(ready.is_readable(), ready.is_writable()),
                    Err(error) => Err(error.into()),
                },
                () = overdue => self.look_at_deadlines(),
            };
            if let Err(stopped) = step {
                return stopped;
            }
        }
    }

    fn obey(&mut self, order: Out) -> Result<(), Stopped> {
        let frames = match order {
            Out::Call { frames, deadline } => {
                self.deadline = [self.deadline, deadline].into_iter().flatten().min();
                frames
            }
            Out::Cancel { id } => {
                let state = self.shared.lock();
                if !state.calls.contains_key(&id) {
                    return Ok(());
                }
                self.deadline = state.next_deadline();
                Frames::bare(Kind::Cancel, id)
            }
            Out::Answer { id, frames } => {
                self.commands.answered(id);
                frames
            }
        };
        self.sending = Some(frames);
        self.send()
    }

    fn pump(&mut self, readable: bool, writable: bool) -> Result<(), Stopped> {
        if writable {
            self.send()?;
        }
        if readable {
            match self.process.incoming.fill(&self.process.socket) {
                Ok(0) => return Err(Stopped::Gone),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            while let Some((header, payload)) = self.process.incoming.next()? {
                self.take(header, payload)?;
            }
        }
        Ok(())
    }

    /// Sends what there is to send, as far as the socket takes it.
    fn send(&mut self) -> Result<(), Stopped> {
        loop {
            if self.sent == self.frame.len() {
                self.frame.clear();
                self.sent = 0;
                if !self.sending.as_mut().is_some_and(|frames| frames.next_into(&mut self.frame)) {
                    self.sending = None;
                    self.frame.shrink_to(SMALL_FRAME_BYTES);
                    return Ok(());
                }
            }
            match self.process.socket.try_write(&self.frame[self.sent..]) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes a frame of the worker.
    fn take(&mut self, header: Header, payload: Bytes) -> Result<(), Stopped> {
        let Header { kind, last, id, .. } = header;
        match kind {
            Kind::Reply => self.reply(id, &payload, last)?,
            Kind::Live => self.live(id, payload, last)?,
            Kind::Command => {
                let application = {
                    let state = self.shared.lock();
                    if !state.calls.values().any(|call| call.is_command) {
                        return Err(Violation("a call to the application while no command runs").into());
                    }
                    state.application.clone()
                };
                self.commands.called(id, &payload, last, application)?;
            }
            Kind::Drop if last && payload.is_empty() => self.commands.dropped(id),
            _ => return Err(Violation("a message that is not for a host").into()),
        }
        Ok(())
    }

    fn reply(&mut self, id: u32, payload: &[u8], last: bool) -> Result<(), Violation> {
        let pending = {
            let mut state = self.shared.lock();
            let call = state.calls.get_mut(&id).ok_or(Violation("an answer to nothing"))?;
            match call.assembly.add(payload, last)? {
                None => return Ok(()),
                Some(message) => state.calls.remove(&id).map(|call| (call, message)),
            }
        };
        let Some((call, message)) = pending else { return Ok(()) };
        match decode::<Reply>(&message, call.head_limit) {
            Ok(answered) => {
                if let Some(answer) = call.answer {
                    let _ = answer.send(Ok(answered));
                }
                Ok(())
            }
            Err(violation) => {
                // Answered with all others, when it is known what the worker ended of.
                self.shared.lock().calls.insert(id, call);
                Err(violation)
            }
        }
    }

    fn live(&mut self, id: u32, mut payload: Bytes, last: bool) -> Result<(), Violation> {
        let stream = match payload.first() {
            Some(1) if last => OutputStream::Stdout,
            Some(2) if last => OutputStream::Stderr,
            _ => return Err(Violation("output of no stream")),
        };
        payload.advance(1);
        let sink = {
            let state = self.shared.lock();
            let call = state.calls.get(&id).filter(|call| call.is_live).ok_or(Violation("output of nothing"))?;
            call.sink.clone()
        };
        if let Some(sink) = sink {
            // The application's own; a panic of it is not to end the sandbox.
            let _ = catch_unwind(AssertUnwindSafe(|| sink.output(stream, &payload)));
        }
        Ok(())
    }

    fn look_at_deadlines(&mut self) -> Result<(), Stopped> {
        self.deadline = self.shared.lock().next_deadline();
        match self.deadline {
            Some(deadline) if deadline <= Instant::now() => Err(Stopped::Guilty(Death::NoAnswer)),
            _ => Ok(()),
        }
    }
}

/// Bytes of the buffer for what is sent that are kept while nothing is.
const SMALL_FRAME_BYTES: usize = 4 << 10;

/// Why a connection is served no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// It was closed here.
    Closed,
    /// The process is to be killed for this.
    Guilty(Death),
    /// The process closed the socket.
    Gone,
}

impl From<Violation> for Stopped {
    fn from(_: Violation) -> Self {
        Self::Guilty(Death::Protocol)
    }
}

impl From<io::Error> for Stopped {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}
