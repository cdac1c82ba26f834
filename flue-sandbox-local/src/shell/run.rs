//! One command, from its start to its end.
//!
//! | what happens | what is done |
//! |---|---|
//! | the shell ends | output is read until it ends or is quiet; what stays in the background is left alone |
//! | time is up, cancelled, closed | `SIGTERM` to all, [`GRACE`], `SIGKILL` to what is left; at once when the shell has gone |
//! | the future is dropped | `SIGKILL` to all, by [`Tree`] |

use std::io::{Error as IoError, Result as IoResult};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flue_core::OutputSink;
use rustix::process::Pid;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::clock;
use super::leader::Leader;
use super::output::Pipes;
use super::start::{Start, Started};
use super::tree::{End, Tree};

/// How long a command may take to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How long a shell that was killed is waited for. The kernel may hold it; the call must not hang with it.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// A command that runs.
pub(super) struct Run {
    // Dropped first: kills before the pipes close.
    tree: Tree,
    leader: Leader,
    pipes: Pipes,
}

/// What ends a command from outside.
pub(super) struct Stops {
    pub(super) timeout: Option<Duration>,
    pub(super) cancel: CancellationToken,
    pub(super) closed: CancellationToken,
}

/// How a command ended, and what it wrote.
pub(super) struct Ended {
    /// Whether its time was up.
    pub(super) timed_out: bool,
    /// How the shell ended; nothing when the kernel still holds it.
    pub(super) end: Option<End>,
    /// What is kept of both streams, and how much is missing.
    pub(super) output: [(Vec<u8>, u64); 2],
}

/// What is kept of the output, and who sees it.
pub(super) struct Watch {
    pub(super) limit: usize,
    pub(super) sink: Option<Arc<dyn OutputSink>>,
}

impl Run {
    pub(super) fn start(start: Start<'_>, stdin: Option<Bytes>, watch: Watch) -> IoResult<Self> {
        let Started { child, hold, ends } = start.spawn(stdin.is_some())?;
        let leader = Pid::from_child(&child);
        // From here on an error kills.
        let tree = Tree::new(child, leader, hold);
        let leader = Leader::watch(leader)?;
        let ends = ends.ok_or_else(|| IoError::other("no pipes were made"))?;
        let pipes = Pipes::new(ends, stdin, watch.limit, watch.sink)?;
        Ok(Self { tree, leader, pipes })
    }

    /// Waits for its end, or brings it about. What it leaves in the background is read on for while there are `permits`.
    pub(super) async fn end(self, stops: Stops, permits: &Arc<Semaphore>) -> IoResult<Ended> {
        let Self { tree, leader, mut pipes } = self;
        let interrupted = async {
            tokio::select! {
                () = stops.cancel.cancelled() => {}
                () = stops.closed.cancelled() => {}
            }
        };
        let mut interrupted = std::pin::pin!(interrupted);
        let time = async {
            match stops.timeout {
                Some(timeout) => clock::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let mut timed_out = false;
        let mut stopped = pipes
            .serve_until(async {
                tokio::select! {
                    biased;
                    () = leader.ended() => false,
                    () = &mut interrupted => true,
                    () = time => {
                        timed_out = true;
                        true
                    }
                }
            })
            .await;
        if !stopped {
            stopped = tokio::select! {
                biased;
                () = pipes.drain() => false,
                () = &mut interrupted => true,
            };
        }
        if stopped {
            stop(&tree, &leader, &mut pipes).await;
            pipes.drain().await;
        }
        let (end, output) = (tree.finish()?, pipes.take());
        if !stopped {
            pipes.release(permits);
        }
        Ok(Ended { timed_out, end, output })
    }
}

/// Ends all processes, gracefully first; what they say meanwhile is read.
async fn stop(tree: &Tree, leader: &Leader, pipes: &mut Pipes) {
    pipes.serve_until(tree.terminate()).await;
    pipes.serve_until(ended_within(leader, GRACE)).await;
    pipes.serve_until(tree.kill()).await;
    pipes.serve_until(ended_within(leader, KILL_LIMIT)).await;
}

async fn ended_within(leader: &Leader, limit: Duration) {
    tokio::select! {
        biased;
        () = leader.ended() => {}
        () = clock::sleep(limit) => {}
    }
}
