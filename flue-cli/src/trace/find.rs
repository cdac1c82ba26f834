//! Where a trace comes from: a file of events, or a stored session.

use std::path::Path;

use super::Recording;
use super::read::read;
use super::stored::of_entries;
use crate::command;
use crate::exit::Failure;
use crate::store::{Opened, StoreArgs};

/// A file where there is one of this name, and the session otherwise.
///
/// # Errors
/// Usage errors for what is neither.
pub(crate) fn find(run: &Path, store: &StoreArgs) -> Result<Recording, Failure> {
    let Some(session) = run.to_str().filter(|name| !run.exists() && !name.contains('/')) else {
        return read(run).map_err(Failure::usage);
    };
    let stored = command::runtime().map_err(Failure::failed)?.block_on(async {
        let archive = Opened::open(store).await?.archive();
        Ok((archive.entries(session).await?, archive.reach(session).await?))
    });
    let (entries, ledger) =
        stored.map_err(|error: flue_core::Error| Failure::usage(error.with("file_or_session", session)))?;
    let mut trace = of_entries(session, &entries);
    trace.ledger = ledger;
    Ok(Recording { trace, unreadable: 0 })
}
