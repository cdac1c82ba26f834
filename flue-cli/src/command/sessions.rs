//! `flue sessions`: looks after stored sessions, without a model and without a sandbox.

mod list;
mod portable;
mod show;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use flue_core::store::{Archive, Version};
use flue_core::{Error, ErrorKind, Result, check_session_name};
use serde_json::json;

use crate::exit::{self, Failure};
use crate::store::{Opened, StoreArgs};
use crate::suggest;
use crate::{command, output};

/// The most sessions that are looked at for a suggestion.
const MAX_SUGGESTED: usize = 1000;

#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(subcommand)]
    command: SessionsCommand,
    #[command(flatten)]
    place: GlobalArgs,
}

#[derive(Debug, Args)]
struct GlobalArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// List the sessions
    List,
    /// Show what was said in one
    Show {
        /// The session
        name: String,
    },
    /// Copy one, to go on from there without a trace in it
    Fork {
        /// The session to copy
        from: String,
        /// What the copy is called
        to: String,
        /// Copy this many entries only, from the beginning
        #[arg(long, value_name = "N")]
        at: Option<u64>,
    },
    /// Remove sessions, with those of their tasks
    Delete {
        /// The sessions
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Write one as lines of JSON, with those of its tasks
    Export {
        /// The session
        name: String,
    },
    /// Read what `export` wrote, under the name it had
    Import {
        /// The file; standard input when there is none
        file: Option<PathBuf>,
    },
}

/// Does what is asked, and gives the exit code.
///
/// # Errors
/// Names that are not there, sessions that are in use; those of the store.
pub(crate) fn run(args: SessionsArgs) -> Result<u8, Failure> {
    let runtime = command::runtime().map_err(Failure::failed)?;
    runtime.block_on(async {
        let opened = Opened::open(&args.place.store).await.map_err(Failure::usage)?;
        let archive = opened.archive();
        let json = args.place.json;
        match args.command {
            SessionsCommand::List => list::list(&archive, json).await,
            SessionsCommand::Show { name } => show::show(&archive, &name, json).await,
            SessionsCommand::Fork { from, to, at } => fork(&opened, &from, &to, at, json).await,
            SessionsCommand::Delete { names } => delete(&opened, &names, json).await,
            SessionsCommand::Export { name } => portable::export(&archive, &name).await,
            SessionsCommand::Import { file } => {
                let text = portable::read(file.as_deref()).map_err(Failure::usage)?;
                portable::import(&opened, &text, json).await
            }
        }?;
        Ok(exit::DONE)
    })
}

/// What is said of a session that is missing names one that is there.
async fn missing(archive: &Archive, error: Error, name: &str) -> Failure {
    if error.kind() != ErrorKind::NotFound {
        return Failure::failed(error);
    }
    let known = archive.list().await.unwrap_or_default();
    let meant = suggest::nearest(name, known.iter().take(MAX_SUGGESTED).map(|name| &**name));
    Failure::failed(match meant {
        Some(meant) => error.with("did_you_mean", meant),
        None => error,
    })
}

async fn fork(opened: &Opened, from: &str, to: &str, at: Option<u64>, json: bool) -> Result<(), Failure> {
    let archive = opened.archive();
    check_session_name("fork session", to).map_err(Failure::usage)?;
    let _hold = opened.hold(to).map_err(Failure::failed)?;
    if let Err(error) = archive.fork(from, to, at.map(Version), now_ms()).await {
        return Err(missing(&archive, error, from).await);
    }
    if json {
        return output::print_json(&json!({ "session": to, "forked_from": from }));
    }
    output::note(&format!("{to} goes on from {from}; files are not copied"));
    Ok(())
}

async fn delete(opened: &Opened, names: &[String], json: bool) -> Result<(), Failure> {
    let archive = opened.archive();
    for name in names {
        check_session_name("delete session", name).map_err(Failure::usage)?;
        // So that a slip is not taken for something done.
        if let Err(error) = archive.entries(name).await {
            return Err(missing(&archive, error, name).await);
        }
    }
    for name in names {
        let _hold = opened.hold(name).map_err(Failure::failed)?;
        archive.delete(name).await.map_err(Failure::failed)?;
        if !json {
            output::note(&format!("{name} is removed"));
        }
    }
    if json { output::print_json(&json!({ "deleted": names })) } else { Ok(()) }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
