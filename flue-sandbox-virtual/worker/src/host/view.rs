//! A sandbox's process as one of its users reaches it: all of it, or narrowed.

use std::sync::Arc;

use bytes::Bytes;
use flue_core::{Bounds, Error, Result};
use flue_sandbox_virtual::VirtualLimits;
use tokio_util::sync::CancellationToken;

use super::link::{Command, End, Link};
use crate::wire::message::{Call, Value};

/// The calls of one user. What they are held to goes with each of them, so that the process keeps no account of its users.
#[derive(Debug)]
pub(super) struct View {
    pub(super) link: Arc<Link>,
    pub(super) bounds: Bounds,
    /// Fires when this user's sandbox is closed and the process is not.
    closed: CancellationToken,
}

impl View {
    /// Held to nothing.
    pub(super) fn whole(link: Arc<Link>) -> Self {
        Self { link, bounds: Bounds::none(), closed: CancellationToken::new() }
    }

    /// The same process, held to `bounds`. Ends with this one.
    pub(super) fn held_to(&self, bounds: Bounds) -> Self {
        Self { link: Arc::clone(&self.link), bounds, closed: self.closed.child_token() }
    }

    fn is_whole(&self) -> bool {
        self.bounds == Bounds::none()
    }

    pub(super) fn limits(&self) -> &VirtualLimits {
        self.link.limits()
    }

    /// The error for an answer that makes no sense.
    pub(super) fn accuse(&self, operation: &'static str) -> Error {
        self.link.accuse(operation)
    }

    /// Makes a call and waits for its answer.
    pub(super) async fn call(&self, operation: &'static str, call: Call, body: Bytes) -> Result<(Value, Bytes)> {
        self.is_open(operation)?;
        self.link.call(operation, &self.within(call), body).await
    }

    /// Runs a command and waits for its end.
    pub(super) async fn exec(&self, call: Call, stdin: Bytes, command: Command) -> Result<(Value, Bytes)> {
        self.is_open("exec")?;
        let call = self.within(call);
        tokio::select! {
            biased;
            done = self.link.exec(&call, stdin, command) => done,
            // Dropping the call stops the command.
            () = self.closed.cancelled() => Err(End::Closed.error("exec")),
        }
    }

    /// Ends the process, or, where this is not all of it, what this user does.
    pub(super) async fn close(&self, owns: bool) {
        self.closed.cancel();
        if owns {
            self.link.close().await;
        }
    }

    /// Refuses once it was closed.
    pub(super) fn is_open(&self, operation: &'static str) -> Result<()> {
        if self.closed.is_cancelled() { Err(End::Closed.error(operation)) } else { Ok(()) }
    }

    fn within(&self, call: Call) -> Call {
        if self.is_whole() { call } else { Call::Within(Box::new(self.bounds.clone()), Box::new(call)) }
    }
}
