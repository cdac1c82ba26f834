//! Sessions as lines of JSON, from one store to another.
//!
//! The first line says what it is: `{"flue_session_export":1,"session":"plan"}`. Each further one is an entry as stores have
//! it. Sessions of tasks come after, each with a first line of its own.

use std::fs::File;
use std::io;
use std::path::Path;

use flue_core::store::{Archive, Entry, newer_format};
use flue_core::{Error, ErrorKind, Result, check_session_name};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::missing;
use crate::exit::Failure;
use crate::host::{io_error, shown};
use crate::store::Opened;
use crate::{input, output};

/// The format that is written, and read.
const FORMAT: u32 = 1;
/// The most that is read, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// The first line of a session.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    flue_session_export: u32,
    session: String,
}

/// Prints a session and those of its tasks.
pub(super) async fn export(archive: &Archive, name: &str) -> Result<(), Failure> {
    let entries = match archive.entries(name).await {
        Ok(entries) => entries,
        Err(error) => return Err(missing(archive, error, name).await),
    };
    write(name, &entries)?;
    for task in archive.tasks(name).await.map_err(Failure::failed)? {
        match archive.entries(&task).await {
            Ok(entries) => write(&task, &entries)?,
            // A task of which nothing was stored.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::failed(error)),
        }
    }
    Ok(())
}

fn write(name: &str, entries: &[Entry]) -> Result<(), Failure> {
    output::print_json(&Head { flue_session_export: FORMAT, session: name.to_owned() })?;
    for entry in entries {
        let mut line = entry.encode().map_err(Failure::failed)?;
        line.push('\n');
        output::print(line.as_bytes())?;
    }
    Ok(())
}

/// All of a file, or of standard input.
pub(super) fn read(file: Option<&Path>) -> Result<String> {
    const OPERATION: &str = "import session";
    let Some(path) = file else { return input::read_text(OPERATION, io::stdin().lock(), MAX_BYTES) };
    let read = File::open(path)
        .map_err(|error| io_error(OPERATION, &error))
        .and_then(|file| input::read_text(OPERATION, file, MAX_BYTES));
    read.map_err(|error| error.with("path", shown(path)))
}

/// Stores what [`export`] wrote.
pub(super) async fn import(opened: &Opened, text: &str, json: bool) -> Result<(), Failure> {
    let sessions = parse(text).map_err(Failure::usage)?;
    let Some(((name, _), tasks)) = sessions.split_first() else {
        let why = "there is nothing in it; it is what `flue sessions export` wrote that is read";
        return Err(Failure::usage(Error::new(ErrorKind::InvalidInput, "import session", why)));
    };
    check_session_name("import session", name).map_err(Failure::usage)?;
    if let Some((other, _)) = tasks.iter().find(|(task, _)| !task.starts_with("task:")) {
        let why = "one session is read at a time, with those of its tasks";
        let error = Error::new(ErrorKind::InvalidInput, "import session", why);
        return Err(Failure::usage(error.with("session", name).with("other", other)));
    }
    let _hold = opened.hold(name).map_err(Failure::failed)?;
    let archive = opened.archive();
    let (name, count) = (name.clone(), sessions[0].1.len());
    for (session, entries) in sessions {
        archive.restore(&session, entries).await.map_err(Failure::failed)?;
    }
    if json {
        return output::print_json(&json!({ "session": name, "entries": count }));
    }
    output::note(&format!("{name} is here, with {count} entries"));
    Ok(())
}

fn parse(text: &str) -> Result<Vec<(String, Vec<Entry>)>> {
    let mut sessions: Vec<(String, Vec<Entry>)> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |error: Error| error.with("line", index + 1);
        if let Ok(head) = serde_json::from_str::<Head>(line) {
            if head.flue_session_export > FORMAT {
                return Err(at(newer_format("import session", head.flue_session_export, FORMAT)));
            }
            sessions.push((head.session, Vec::new()));
            continue;
        }
        let entry = Entry::decode(line).map_err(at)?;
        match sessions.last_mut() {
            Some((_, entries)) => entries.push(entry),
            None => {
                let why = "it does not begin as what `flue sessions export` writes";
                return Err(at(Error::new(ErrorKind::InvalidInput, "import session", why)));
            }
        }
    }
    Ok(sessions)
}
