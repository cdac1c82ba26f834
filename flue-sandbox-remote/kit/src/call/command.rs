//! Commands: a call whose processes are marked, and ended when it is given up.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use flue_core::{Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, OutputSink, OutputStream, Result, SandboxPath};

use tokio::sync::OwnedRwLockReadGuard;

use super::capture::Capture;
use super::lane::{Kept, Stage};
use super::link::{Call, Link, Over, Why, closed, decode, refused};
use super::reap::Killed;
use super::script::{Input, prelude};
use crate::files::stage;
use crate::workspace::Secret;
use crate::{driver, id};

const OPERATION: &str = "exec";
/// What is said where a timeout's result has no field for it.
const MAY_RUN: &[u8] = b"\nflue: the command could not be confirmed killed and may still be running\n";

/// Runs a command.
pub(crate) async fn exec(
    link: &Arc<Link>,
    request: ExecRequest,
    cwd: &SandboxPath,
    common: &BTreeMap<String, Secret>,
    keep: usize,
) -> Result<ExecOutput> {
    link.check_open(OPERATION)?;
    request.refuse_terminal()?;
    if request.cancel.is_cancelled() {
        return Err(Error::cancelled(OPERATION));
    }
    let facts = link.driver().facts();
    let mut env: BTreeMap<String, String> =
        common.iter().map(|(key, value)| (key.clone(), value.expose().to_owned())).collect();
    env.extend(request.env);
    let prelude = prelude(&request.command, &env, request.stdin.is_some())?;
    let (frame, id) = (link.frame()?, id::fresh()?);
    let length = prelude.len();
    let mut input = prelude.into_bytes();
    input.extend_from_slice(request.stdin.as_deref().unwrap_or_default());
    let input = Bytes::from(input);
    let cwd = request.cwd.as_ref().unwrap_or(cwd);
    let staged = if facts.stdin { None } else { Some(stage(link, OPERATION, &frame, &input).await?) };
    let cap = facts.reply_bytes.map_or(keep, |most| keep.min(most / 2));
    let script = frame.command(cwd, &id, length, Input { exact: facts.exact, staged: staged.as_deref(), cap });
    let capture = if facts.exact {
        Capture::both(&frame.marker(), keep, request.sink.clone())
    } else {
        Capture::one(&frame.marker(), framed_bytes(cap))
    };

    let at_work = link.at_work().await;
    let mut guard =
        Guard { link: Arc::clone(link), id, capture: Arc::clone(&capture), at_work: Some(at_work), armed: true };
    let call = Call {
        operation: OPERATION,
        script,
        stdin: facts.stdin.then_some(input),
        capture: Arc::clone(&capture),
        timeout: request.timeout,
        cancel: request.cancel,
    };
    // What broke off may have left processes: the guard ends them, if anything still can.
    let killed = match link.call(call).await? {
        Over::Ended => None,
        Over::Stopped(why, running) => {
            let killed = if running.is_some() { guard.link.reap(&guard.id, &capture).await } else { Killed::Confirmed };
            guard.armed = false;
            match why {
                Why::TimedOut => Some(killed),
                Why::Cancelled => return Err(stopped(Error::cancelled(OPERATION), killed)),
                Why::Closed => return Err(stopped(closed(OPERATION), killed)),
            }
        }
    };
    let sink = if facts.exact { None } else { request.sink };
    finish(&capture, facts, killed, sink.as_deref())
}

/// How long the base64 of both streams is, with its line ends and counts.
fn framed_bytes(cap: usize) -> usize {
    const COUNTS: usize = 4 << 10;
    cap.saturating_mul(3).saturating_add(COUNTS)
}

fn stopped(error: Error, killed: Killed) -> Error {
    match killed {
        Killed::Confirmed => error,
        Killed::Unconfirmed => error.with("processes", "could not be confirmed killed and may still be running"),
    }
}

/// The result of a command whose end was seen, or whose time was up.
fn finish(
    capture: &Capture,
    facts: &driver::Facts,
    killed: Option<Killed>,
    sink: Option<&dyn OutputSink>,
) -> Result<ExecOutput> {
    let stage = capture.stage();
    let [mut stdout, mut stderr] = capture.take();
    if let Stage::Refused(_) = stage {
        return Err(refused(OPERATION, &stage, &stderr.0));
    }
    if !facts.exact {
        [stdout, stderr] = match &stage {
            Stage::Ended(_) => unframe(&stdout.0)?,
            // Out of time, and the shell that frames the output did not answer.
            _ => Default::default(),
        };
        if let Some(sink) = sink {
            sink.output(OutputStream::Stdout, &stdout.0);
            sink.output(OutputStream::Stderr, &stderr.0);
        }
    }
    let end = match (killed, stage) {
        (Some(killed), _) => {
            if killed == Killed::Unconfirmed {
                stderr.0.extend_from_slice(MAY_RUN);
            }
            ExecEnd::TimedOut
        }
        (None, Stage::Ended(code)) => ExecEnd::Exited(code),
        (None, stage) => return Err(refused(OPERATION, &stage, &stderr.0)),
    };
    Ok(ExecOutput::new(end, stdout.0, stderr.0).with_dropped(stdout.1, stderr.1))
}

/// Reads `COUNT`, base64 and `.` twice: how long a stream was, and what of it was sent.
fn unframe(text: &[u8]) -> Result<[Kept; 2]> {
    let broken = || Error::new(ErrorKind::Protocol, OPERATION, "the output's frame is broken");
    let text = std::str::from_utf8(text).map_err(|error| broken().with_source(error))?;
    let mut lines = text.lines();
    let mut stream = || {
        let total: u64 = lines.next().and_then(|line| line.trim().parse().ok()).ok_or_else(broken)?;
        let body: String = lines.by_ref().take_while(|line| *line != ".").collect();
        let bytes = decode(OPERATION, body.as_bytes())?;
        let dropped = total.saturating_sub(bytes.len() as u64);
        Ok::<_, Error>((bytes, dropped))
    };
    Ok([stream()?, stream()?])
}

/// Ends the command when nobody waits for it any more.
struct Guard {
    link: Arc<Link>,
    id: String,
    capture: Arc<Capture>,
    /// Keeps the connection open.
    at_work: Option<OwnedRwLockReadGuard<()>>,
    armed: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.armed || self.capture.is_over() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (link, id) = (Arc::clone(&self.link), std::mem::take(&mut self.id));
        let at_work = self.at_work.take();
        link.drop_one();
        runtime.spawn(async move {
            link.reap_unheard(&id).await;
            drop(at_work);
        });
    }
}
