//! What a sandbox says of itself, how it is opened, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{CreateDir, ErrorKind, ExecRequest, FileKind, OpenRequest, Remove, Sandbox};
use tokio::time::sleep;

use super::group;
use crate::report::{CaseResult, ensure, ensure_eq};
use crate::sandbox::subject::{Subject, refused, timed};
use crate::sandbox::{Case, Need};

/// When a sandbox is closed under a running command.
const BEGUN: Duration = Duration::from_millis(400);
/// How long the command may go on then.
const PROMPT: Duration = Duration::from_secs(8);

pub(super) fn cases() -> Vec<Case> {
    [
        group!("lifecycle", [];
            info_is_true,
            a_cwd_is_made_and_worked_in,
            closing_twice_is_fine,
            a_closed_sandbox_says_so,
        )
        .to_vec(),
        group!("lifecycle", [Need::Exec]; a_closed_sandbox_runs_nothing, closing_ends_a_running_command).to_vec(),
        group!("lifecycle", [Need::OwnTree]; another_id_has_other_files).to_vec(),
        group!("lifecycle", [Need::Persistent]; files_are_there_when_it_is_opened_again).to_vec(),
    ]
    .concat()
}

/// A second sandbox, so that the first one is there to clean up.
async fn second(t: &Subject) -> flue_core::Result<Arc<dyn Sandbox>> {
    t.open(OpenRequest::new(format!("{}-second", t.id)).with_cwd(t.dir.to_string())).await
}

async fn info_is_true(t: &Subject) -> CaseResult {
    let info = t.sandbox.info();
    ensure!(!info.provider.is_empty(), "the provider has a name");
    ensure_eq!(t.fs().metadata(&info.cwd).await?.kind, FileKind::Directory, "what the base directory is");
    ensure!(info.capabilities.exec || !info.capabilities.stdin, "stdin without exec");
    ensure!(info.capabilities.exec || !info.capabilities.live_output, "live output without exec");
    Ok(())
}

async fn a_cwd_is_made_and_worked_in(t: &Subject) -> CaseResult {
    let cwd = t.at("new/cwd")?;
    let other = t.open(OpenRequest::new(format!("{}-cwd", t.id)).with_cwd(cwd.to_string())).await?;
    ensure_eq!(other.info().cwd, cwd, "the base directory");
    ensure_eq!(other.fs().metadata(&cwd).await?.kind, FileKind::Directory, "what it is");
    if other.info().capabilities.exec {
        let output = other.exec(ExecRequest::new("pwd")).await?;
        ensure_eq!(output.stdout, format!("{cwd}\n"), "where commands start");
    }
    other.close().await?;
    let request = || OpenRequest::new(format!("{}-relative", t.id));
    // Where each id has a directory of its own, each has a base directory of its own; and where none lasts, each opening may.
    let below = format!("{}/sub", t.id);
    let plain = t.open(request()).await?;
    let base = plain.info().cwd.clone();
    plain.close().await?;
    let relative = t.open(request().with_cwd(&below)).await?;
    let cwd = relative.info().cwd.clone();
    relative.close().await?;
    let again = t.open(request()).await?;
    let moves = again.info().cwd != base;
    again.close().await?;
    if moves && !relative.info().capabilities.persistent {
        let above = cwd.as_str().strip_suffix(&below);
        ensure!(
            above.is_some_and(|above| !above.trim_end_matches('/').ends_with(&below)),
            "{cwd} is not {below} of a base"
        );
    } else {
        ensure_eq!(cwd, base.join(&below)?, "a relative one counts from the base directory, once");
    }
    Ok(())
}

async fn closing_twice_is_fine(t: &Subject) -> CaseResult {
    let sandbox = second(t).await?;
    sandbox.close().await?;
    sandbox.close().await?;
    Ok(())
}

async fn a_closed_sandbox_says_so(t: &Subject) -> CaseResult {
    let sandbox = second(t).await?;
    let dir = sandbox.info().cwd.clone();
    let file = dir.join("file")?;
    sandbox.fs().write(&file, "x".into()).await?;
    sandbox.close().await?;
    let died = &[ErrorKind::SandboxDied];
    let fs = sandbox.fs();
    refused("read", fs.read(&file).await, died)?;
    refused("write", fs.write(&file, "y".into()).await, died)?;
    refused("metadata", fs.metadata(&file).await, died)?;
    refused("list", fs.list(&dir).await, died)?;
    refused("create_dir", fs.create_dir(&dir, CreateDir::recursive()).await, died)?;
    refused("remove", fs.remove(&file, Remove::default()).await, died)?;
    refused("grep", sandbox.grep(GrepQuery::new("x", dir.clone(), 1)).await, died)?;
    refused("glob", sandbox.glob(GlobQuery::new("*", dir, 1)).await, died)
}

async fn a_closed_sandbox_runs_nothing(t: &Subject) -> CaseResult {
    let sandbox = second(t).await?;
    sandbox.close().await?;
    refused("exec", sandbox.exec(ExecRequest::new("true")).await, &[ErrorKind::SandboxDied])
}

async fn closing_ends_a_running_command(t: &Subject) -> CaseResult {
    let sandbox = second(t).await?;
    let close = async {
        sleep(BEGUN).await;
        sandbox.close().await
    };
    let run = sandbox.exec(ExecRequest::new("while :; do sleep 0.1; done"));
    let ((result, closed), took) = timed(futures_util::future::join(run, close)).await;
    closed?;
    refused("a command whose sandbox was closed", result, &[ErrorKind::SandboxDied, ErrorKind::Cancelled])?;
    ensure!(took < BEGUN + PROMPT, "it ended after {took:?}");
    Ok(())
}

async fn another_id_has_other_files(t: &Subject) -> CaseResult {
    let other = second(t).await?;
    let file = t.at("file")?;
    t.fs().write(&file, "mine".into()).await?;
    refused("the other one's file", other.fs().read(&file).await, &[ErrorKind::NotFound])?;
    other.fs().write(&file, "theirs".into()).await?;
    ensure_eq!(t.get("file").await?, "mine", "the file here");
    other.close().await?;
    ensure_eq!(t.get("file").await?, "mine", "the file here after the other sandbox was closed");
    Ok(())
}

async fn files_are_there_when_it_is_opened_again(t: &Subject) -> CaseResult {
    let request = || OpenRequest::new(format!("{}-again", t.id)).with_cwd(t.dir.to_string());
    let first = t.open(request()).await?;
    first.fs().write(&t.at("file")?, "kept".into()).await?;
    first.close().await?;
    let again = t.open(request()).await?;
    ensure_eq!(again.fs().read(&t.at("file")?).await?, "kept", "the file");
    again.fs().remove(&t.dir, Remove::recursive().forced()).await?;
    again.close().await?;
    Ok(())
}
