//! `flue doctor`: which sandboxes this machine can have, found out by trying.

use std::time::Duration;

use flue_core::{CancellationToken, Error, ErrorKind, ExecEnd, ExecRequest, OpenRequest, Result};
use serde::Serialize;

use crate::args::{DoctorArgs, SandboxArgs};
use crate::exit::{self, Failure};
use crate::overlaid::FateArgs;
use crate::sandbox_kind::{KINDS, SandboxKind};
use crate::{command, output, wiring};

/// How long one command of a trial may take.
const TRIAL_TIME: Duration = Duration::from_secs(20);
/// How long a provider of remote sandboxes may take to answer.
#[cfg(feature = "remote")]
const ASK_TIME: Duration = Duration::from_secs(10);

/// What was found out about one kind of sandbox.
#[derive(Serialize)]
struct Trial {
    sandbox: &'static str,
    what: &'static str,
    /// Whether one opened and ran a command.
    works: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What it says of itself: what it reaches, and what holds it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// What was found out about one provider of remote sandboxes, without making one.
#[derive(Serialize)]
struct Reached {
    sandbox: &'static str,
    /// Whether it is set up, and answers where it can be asked without making anything.
    answers: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Something of the kernel that `local:confined` can hold commands with.
#[derive(Serialize)]
struct Mechanism {
    mechanism: String,
    holds: bool,
    detail: String,
}

#[derive(Serialize)]
struct Findings {
    sandboxes: Vec<Trial>,
    remotes: Vec<Reached>,
    mechanisms: Vec<Mechanism>,
}

/// Tries each kind of sandbox, and says how it went. What this machine cannot have is a finding, not a failure.
///
/// # Errors
/// Those of writing to standard output.
pub(crate) fn run(args: &DoctorArgs) -> Result<u8, Failure> {
    let runtime = command::runtime().map_err(Failure::failed)?;
    let built_in = KINDS.into_iter().filter(|(name, _)| wiring::BUILT_IN.contains(name));
    let sandboxes = built_in.map(|(name, kind)| runtime.block_on(trial(name, kind))).collect();
    let remotes = remotes(&runtime);
    runtime.shutdown_background();
    let findings = Findings { sandboxes, remotes, mechanisms: mechanisms() };
    if args.json {
        output::print_json(&findings)?;
    } else {
        output::print_text(&text(&findings))?;
    }
    Ok(exit::DONE)
}

async fn trial(name: &'static str, kind: SandboxKind) -> Trial {
    let what = what(&kind);
    let (error, notes) = match open_and_run(kind).await {
        Ok(notes) => (None, notes),
        Err(error) => (Some(format!("{error:#}")), Vec::new()),
    };
    Trial { sandbox: name, what, works: error.is_none(), error, notes }
}

fn what(kind: &SandboxKind) -> &'static str {
    match kind {
        SandboxKind::Virtual => "files in memory and an emulated bash, in this process",
        SandboxKind::VirtualContained => "the same in a process of its own, with bounds on memory and system calls",
        SandboxKind::Local => "this machine, as you; nothing is isolated",
        SandboxKind::LocalConfined => "this machine, with commands that the kernel holds to the directory",
        SandboxKind::LocalOverlay => "this machine, as you, with changes in the directory kept aside",
        SandboxKind::LocalCopy => "this machine, as you, in a copy of the directory",
        SandboxKind::Remote(_) => "another machine, or a container",
    }
}

#[cfg(feature = "remote")]
fn remotes(runtime: &tokio::runtime::Runtime) -> Vec<Reached> {
    let reached = |(sandbox, provider): (&'static str, Result<_>)| {
        let answer = provider.and_then(|provider| runtime.block_on(asked(provider)));
        Reached { sandbox, answers: answer.is_ok(), error: answer.err().map(|error| format!("{error:#}")) }
    };
    wiring::providers_alone().map(reached).collect()
}

#[cfg(not(feature = "remote"))]
fn remotes(_: &tokio::runtime::Runtime) -> Vec<Reached> {
    Vec::new()
}

/// Asks a provider for a list, which makes and changes nothing. One that has no lists is not asked: that would start a machine.
#[cfg(feature = "remote")]
async fn asked(provider: std::sync::Arc<dyn flue_sandbox_remote::Provider>) -> Result<()> {
    use flue_sandbox_remote::{Labels, OWNER_LABEL, Remote};
    let labels = Labels::from([(OWNER_LABEL.to_owned(), Remote::OWNER.to_owned())]);
    let late =
        |_| Error::new(ErrorKind::Timeout, "find", "no answer came in time").with("limit", format!("{ASK_TIME:?}"));
    match tokio::time::timeout(ASK_TIME, provider.find(&labels)).await.map_err(late)? {
        Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
        _ => Ok(()),
    }
}

/// Opens a sandbox of this kind over an empty directory, runs a command in it and closes it.
async fn open_and_run(kind: SandboxKind) -> Result<Vec<String>> {
    let ground = Ground::new()?;
    let on_this_machine = !matches!(kind, SandboxKind::Virtual | SandboxKind::VirtualContained);
    let args = SandboxArgs {
        sandbox: Some(kind.clone()),
        cwd: on_this_machine.then(|| ground.0.to_string_lossy().into_owned()),
        // Where it would be asked about.
        fate: FateArgs {
            discard: matches!(kind, SandboxKind::LocalOverlay | SandboxKind::LocalCopy),
            ..FateArgs::default()
        },
        ..SandboxArgs::default()
    };
    let place = wiring::sandbox(&args, None, None)?;
    let sandbox = place.factory.open(OpenRequest::new(command::fresh_id())).await?;
    let request = ExecRequest::new("true").with_timeout(TRIAL_TIME).with_cancel(CancellationToken::new());
    let ran = sandbox.exec(request).await;
    let notes = sandbox.info().notes.clone();
    let closed = sandbox.close().await;
    match ran?.end {
        ExecEnd::Exited(0) => closed.map(|()| notes),
        end => {
            let why = "it opens, but a command that does nothing fails in it";
            Err(Error::new(ErrorKind::Internal, "try sandbox", why).with("end", format!("{end:?}")))
        }
    }
}

/// An empty directory that goes with this value.
struct Ground(std::path::PathBuf);

impl Ground {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(command::fresh_id());
        std::fs::create_dir(&path).map_err(|error| crate::host::io_error("try sandbox", &error))?;
        Ok(Self(path))
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What is left in the temporary directory does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(all(feature = "local", unix))]
fn mechanisms() -> Vec<Mechanism> {
    let shown = |finding: flue_sandbox_local::Finding| Mechanism {
        mechanism: finding.mechanism.name().to_owned(),
        holds: finding.holds,
        detail: finding.detail,
    };
    flue_sandbox_local::probe().into_iter().map(shown).collect()
}

#[cfg(not(all(feature = "local", unix)))]
fn mechanisms() -> Vec<Mechanism> {
    Vec::new()
}

/// The width of the first column.
const NAME_COLUMNS: usize = 24;
/// The width of a line.
const COLUMNS: usize = 79;

fn text(findings: &Findings) -> String {
    let mut text = String::new();
    for trial in &findings.sandboxes {
        let said = match &trial.error {
            None => format!("works here: {}", trial.what),
            Some(error) => format!("does not work here: {error}"),
        };
        paragraph(&mut text, trial.sandbox, &said);
    }
    for remote in &findings.remotes {
        let said = remote.error.as_deref().map_or("answers".to_owned(), |error| format!("is not to be had: {error}"));
        paragraph(&mut text, remote.sandbox, &said);
    }
    if !findings.mechanisms.is_empty() {
        text.push_str("\nWhat this machine can hold the commands of local:confined with:\n\n");
        for Mechanism { mechanism, holds, detail } in &findings.mechanisms {
            let verdict = if *holds { "holds" } else { "missing" };
            paragraph(&mut text, mechanism, &format!("{verdict}: {detail}"));
        }
        let lacks = findings.mechanisms.iter().any(|mechanism| !mechanism.holds);
        text.push_str(if lacks {
            "\nWhat is missing keeps local:confined from opening."
        } else {
            "\nNothing is missing."
        });
        text.push_str(" --json tells more.\n");
    }
    text
}

/// Adds a name, and beside it a text on as many lines as it takes.
fn paragraph(text: &mut String, name: &str, said: &str) {
    text.push_str(&format!("{name:NAME_COLUMNS$}"));
    let mut column = NAME_COLUMNS;
    for word in said.split_whitespace() {
        let width = word.chars().count();
        if column == NAME_COLUMNS {
            text.push_str(word);
            column += width;
        } else if column + 1 + width > COLUMNS {
            text.push_str(&format!("\n{:NAME_COLUMNS$}{word}", ""));
            column = NAME_COLUMNS + width;
        } else {
            text.push_str(&format!(" {word}"));
            column += 1 + width;
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_keep_to_their_column_and_to_the_terminal() {
        let mut text = String::new();
        paragraph(&mut text, "name", &format!("{} {}", "w".repeat(COLUMNS - NAME_COLUMNS), "word ".repeat(30)));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("name ") && lines[0].len() == COLUMNS, "{text}");
        assert!(lines.len() > 3 && lines[1..].iter().all(|line| line.len() <= COLUMNS), "{text}");
        assert!(lines[1..].iter().all(|line| line.find("word") == Some(NAME_COLUMNS)), "{text}");
    }
}
