//! The commands of `flue`, one file each.

pub(crate) mod chat;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod models;
pub(crate) mod reach;
pub(crate) mod run;
#[cfg(feature = "remote")]
pub(crate) mod sandboxes;
pub(crate) mod sessions;
pub(crate) mod trace;

use std::future::Future;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use flue_core::{CancellationToken, Error, Result};
use tokio::runtime::{Builder, Runtime};

use crate::host::io_error;

/// One thread is enough for one agent, and starts fastest.
pub(crate) fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().map_err(|error: io::Error| io_error("start", &error))
}

/// `work`, or an error of kind cancelled as soon as `cancel` fires. For work that does not hear of it otherwise.
pub(crate) async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::cancelled("start")),
        result = work => result,
    }
}

/// An id for what no other run has.
pub(crate) fn fresh_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("flue-{}-{}", std::process::id(), now.as_millis())
}
