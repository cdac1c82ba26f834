//! The host's side: this program, in which nothing of what a script does is to matter.
//!
//! - [`pool`] keeps a thread on which everything here runs: it starts processes, keeps some waiting, and hands them out
//! - [`process`] is one process: its start, its first words, its end
//! - [`connection`] serves one socket: frames in, frames out, deadlines
//! - [`link`] is what callers hold: it makes calls and waits for their answers
//! - [`view`] is one user's part of that: all of the sandbox, or less
//! - [`sandbox`] and [`files`] are the sandbox in terms of calls
//!
//! Invariant: every call is answered: by the worker, or when the worker has ended, which it has to at the latest when a call
//! is overdue.

mod commands;
mod connection;
mod files;
mod link;
mod pool;
mod process;
mod sandbox;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use flue_core::{Error, NetworkReach, OpenRequest, Result};
use flue_sandbox_virtual::Plan;

pub(crate) use self::pool::PoolOnce;
pub use self::sandbox::ContainedSandbox;
use crate::wire::message::{Call, Open};
use crate::{Contained, Containment, Death, worker};

/// Whether [`init`] was called, without which this program must not be started again: it would do its own work.
static INITIALISED: AtomicBool = AtomicBool::new(false);

/// Makes this program the process of a sandbox, if that is what it was started for; it does not return then.
///
/// To be called first of all in `main`, before there are threads. Everywhere else it does nothing.
pub fn init() {
    INITIALISED.store(true, Ordering::Relaxed);
    if std::env::args_os().next().is_some_and(|name| name == worker::NAME) {
        worker::run();
    }
}

/// What [`Contained::start`] does.
pub(crate) async fn start(contained: &Contained) -> Result<Containment> {
    contained.pool.get(&contained.settings)?.start().await
}

/// What [`Contained::create`] does.
pub(crate) async fn create(contained: &Contained, request: OpenRequest) -> Result<Arc<ContainedSandbox>> {
    let Plan { mut info, files, user, hostname, env, commands, limits, .. } =
        contained.described.plan(&request).await?;
    if info.capabilities.network != NetworkReach::None {
        return Err(Error::unsupported(
            "open",
            "a contained sandbox has no network; add a command that fetches what is needed (Virtual::command)",
        ));
    }
    let files = postcard::to_allocvec(&files).map_err(|_| {
        Error::unsupported(
            "open",
            "a contained sandbox cannot reach what is mounted in this process; copy it there (Virtual::dir, Virtual::file)",
        )
    })?;
    let pool = contained.pool.get(&contained.settings)?;
    let names = commands.keys().cloned().collect();
    let open = Call::Open(Open { cwd: info.cwd.clone(), user, hostname, env, commands: names, limits });
    let files = Bytes::from(files);
    let mut link = pool.open(commands.clone(), limits).await?;
    if let Err(error) = link.call("open", &open, files.clone()).await {
        // One that waited may have been killed meanwhile. Nothing has happened in it yet, so another one can take its place.
        if link.death() != Some(Death::Killed) {
            return Err(error);
        }
        link = pool.open(commands, limits).await?;
        link.call("open", &open, files).await?;
    }
    info.provider = PROVIDER.to_owned();
    let most = link.containment().memory_bytes >> 20;
    info.notes.push(format!("All files and running commands together have {most} MiB of memory; going beyond it ends the sandbox and loses its files."));
    Ok(Arc::new(ContainedSandbox::new(info, link, pool)))
}

/// Who provides these sandboxes.
const PROVIDER: &str = "virtual-worker";
