//! Where a trace comes from: a file of events, or a stored session.

use std::path::Path;

use flue_core::{Error, ErrorKind};

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
    let stored: flue_core::Result<_> = command::runtime().map_err(Failure::failed)?.block_on(async {
        let archive = Opened::open(store).await?.archive();
        Ok((archive.entries(session).await?, archive.reach(session).await?))
    });
    let (entries, ledger) = stored
        .map_err(|error| Failure::usage(if error.kind() == ErrorKind::NotFound { neither(session) } else { error }))?;
    let mut trace = of_entries(session, &entries);
    trace.ledger = ledger;
    Ok(Recording { trace, unreadable: 0 })
}

fn neither(name: &str) -> Error {
    let why = "there is neither a file nor a stored session of this name; `flue sessions list` names the sessions";
    Error::new(ErrorKind::NotFound, "read run", why).with("name", name)
}
