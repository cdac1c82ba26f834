//! `flue sandboxes`: looks after remote sandboxes that runs kept, or left over.

use std::time::SystemTime;

use clap::{Args, Subcommand};
use flue_sandbox_remote::{Labels, Machine, OWNER_LABEL, Provider, Remote, sweep};
use serde::Serialize;

use crate::exit::{self, Failure};
use crate::sandbox_kind::RemoteKind;
use crate::{command, output, wiring};

#[derive(Debug, Args)]
pub(crate) struct SandboxesArgs {
    #[command(subcommand)]
    command: SandboxesCommand,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Args)]
struct Provided {
    /// Whose: docker, or as --sandbox names it
    #[arg(value_name = "PROVIDER", value_parser = RemoteKind::of_provider)]
    provider: RemoteKind,
}

#[derive(Debug, Args)]
struct Chosen {
    #[command(flatten)]
    of: Provided,
    /// The sandboxes, as `list` names them
    #[arg(required = true)]
    ids: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum SandboxesCommand {
    /// List a provider's sandboxes
    List(Provided),
    /// Stop some, and keep their files
    Stop(Chosen),
    /// Delete some, with their files
    Delete(Chosen),
    /// Delete those whose time is over: what runs left that
    /// did not come to their end
    #[command(verbatim_doc_comment)]
    Sweep(Provided),
}

/// A sandbox. Fields of the JSON form are added, never changed.
#[derive(Debug, Serialize)]
struct Listed {
    id: String,
    stopped: bool,
    /// When it may be swept, in seconds since the Unix epoch.
    expires: Option<u64>,
}

impl From<&Machine> for Listed {
    fn from(machine: &Machine) -> Self {
        let expires = machine.expires().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self { id: machine.id.clone(), stopped: machine.stopped, expires: expires.map(|at| at.as_secs()) }
    }
}

/// Does what is asked, and gives the exit code.
///
/// # Errors
/// Those of the provider; what it does not do.
pub(crate) fn run(args: &SandboxesArgs) -> Result<u8, Failure> {
    let runtime = command::runtime().map_err(Failure::failed)?;
    let of = match &args.command {
        SandboxesCommand::List(of) | SandboxesCommand::Sweep(of) => of,
        SandboxesCommand::Stop(chosen) | SandboxesCommand::Delete(chosen) => &chosen.of,
    };
    let provider = wiring::provider(&of.provider).map_err(Failure::usage)?;
    let done = runtime.block_on(work(&args.command, &*provider))?;
    let done: Vec<Listed> = done.iter().map(Listed::from).collect();
    if args.json {
        output::print_json(&done)?;
        return Ok(exit::DONE);
    }
    if done.is_empty() {
        output::note("there is none");
        return Ok(exit::DONE);
    }
    let lines: Vec<String> =
        done.iter().map(|one| line(one, matches!(args.command, SandboxesCommand::List(_)))).collect();
    output::print_text(&format!("{}\n", lines.join("\n")))?;
    Ok(exit::DONE)
}

fn line(one: &Listed, with_state: bool) -> String {
    match with_state {
        true => format!("{:7}  {}", if one.stopped { "stopped" } else { "running" }, one.id),
        false => one.id.clone(),
    }
}

/// Does it to each in turn, and says to which.
async fn work(command: &SandboxesCommand, provider: &dyn Provider) -> Result<Vec<Machine>, Failure> {
    let labels = Labels::from([(OWNER_LABEL.to_owned(), Remote::OWNER.to_owned())]);
    let chosen = match command {
        SandboxesCommand::List(_) => return provider.find(&labels).await.map_err(Failure::failed),
        SandboxesCommand::Sweep(_) => {
            return sweep(provider, Remote::OWNER, SystemTime::now()).await.map_err(Failure::failed);
        }
        SandboxesCommand::Stop(chosen) | SandboxesCommand::Delete(chosen) => chosen,
    };
    let found = provider.find(&labels).await.map_err(Failure::failed)?;
    let mut done = Vec::new();
    for id in &chosen.ids {
        // Only what is this program's: a container of somebody else is not touched.
        let machine = found.iter().find(|machine| machine.id == *id).ok_or_else(|| missing(id, &found))?;
        match command {
            SandboxesCommand::Stop(_) => provider.stop(id).await,
            _ => provider.delete(id).await,
        }
        .map_err(Failure::failed)?;
        done.push(machine.clone());
    }
    Ok(done)
}

fn missing(id: &str, found: &[Machine]) -> Failure {
    let why = "there is no such sandbox; `flue sandboxes list` names those that there are";
    let error = flue_core::Error::new(flue_core::ErrorKind::NotFound, "find sandbox", why).with("sandbox", id);
    Failure::failed(match crate::suggest::nearest(id, found.iter().map(|machine| &*machine.id)) {
        Some(meant) => error.with("did_you_mean", meant),
        None => error,
    })
}
