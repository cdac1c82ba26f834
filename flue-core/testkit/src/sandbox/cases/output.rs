//! Much output, endless output, and output that is watched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{ExecEnd, ExecOutput, OutputSink, OutputStream};

use super::group;
use crate::doubles::Recorder;
use crate::report::{CaseResult, ensure, ensure_eq};
use crate::sandbox::subject::Subject;
use crate::sandbox::{Case, Need};

/// One piece of output; a command repeats it.
const PIECE_BYTES: usize = 1 << 20;
/// How often it is repeated.
const PIECES: usize = 6;
/// No sandbox may keep more of an endless stream than this.
const MOST_KEPT_BYTES: usize = 256 << 20;
/// How long an endless stream runs.
const ENDLESS: Duration = Duration::from_secs(2);
/// What a command waits between two pieces of output, in seconds.
const PAUSE: &str = "2";
/// How far apart they must be seen.
const APART: Duration = Duration::from_secs(1);

pub(super) fn cases() -> Vec<Case> {
    [
        group!("output", [Need::Exec];
            large_output_is_whole_or_says_what_is_missing,
            large_errors_are_whole_or_say_what_is_missing,
            endless_output_ends_with_its_command,
        )
        .to_vec(),
        group!("output", [Need::Processes]; what_stays_in_the_background_does_not_hold_the_command).to_vec(),
        group!("output", [Need::LiveOutput];
            a_sink_sees_the_same_bytes,
            a_sink_sees_output_while_the_command_runs,
            a_sink_sees_what_was_said_before_the_time_was_up,
        )
        .to_vec(),
    ]
    .concat()
}

async fn large(t: &Subject, command: &str, pick: impl Fn(&ExecOutput) -> (&[u8], u64)) -> CaseResult {
    let line = "0123456789abcde\n";
    t.put("piece", line.repeat(PIECE_BYTES / line.len())).await?;
    let output = t.run(command).await?;
    let (kept, dropped) = pick(&output);
    let total = (PIECE_BYTES * PIECES) as u64;
    if dropped == 0 {
        ensure_eq!((output.end, kept.len() as u64), (ExecEnd::Exited(0), total), "the end and size of all output");
    } else if output.end == ExecEnd::Exited(0) {
        ensure_eq!(kept.len() as u64 + dropped, total, "what was kept and what was dropped");
    }
    ensure!(
        kept.starts_with(line.as_bytes()) || kept.ends_with(line.as_bytes()),
        "neither the beginning nor the end was kept"
    );
    t.still_works().await
}

async fn large_output_is_whole_or_says_what_is_missing(t: &Subject) -> CaseResult {
    large(t, "cat piece piece piece piece piece piece", |output| (&output.stdout, output.stdout_dropped)).await
}

async fn large_errors_are_whole_or_say_what_is_missing(t: &Subject) -> CaseResult {
    large(t, "cat piece piece piece piece piece piece >&2", |output| (&output.stderr, output.stderr_dropped)).await
}

async fn endless_output_ends_with_its_command(t: &Subject) -> CaseResult {
    let output = t.exec(t.command("while :; do echo 0123456789abcdef; done").with_timeout(ENDLESS)).await?;
    ensure!(output.end != ExecEnd::Exited(0), "an endless loop ended well");
    ensure!(output.stdout.starts_with(b"0123456789abcdef\n"), "nothing of the output was kept");
    ensure!(output.stdout.len() <= MOST_KEPT_BYTES, "{} bytes were kept", output.stdout.len());
    t.still_works().await
}

async fn what_stays_in_the_background_does_not_hold_the_command(t: &Subject) -> CaseResult {
    let started = Instant::now();
    let output = t.run("sleep 25 & echo started").await?;
    ensure_eq!((output.end, &*output.stdout), (ExecEnd::Exited(0), &b"started\n"[..]), "the command");
    ensure!(started.elapsed() < Duration::from_secs(20), "the command took {:?}", started.elapsed());
    Ok(())
}

fn joined(seen: &[(OutputStream, Vec<u8>)], of: OutputStream) -> Vec<u8> {
    seen.iter().filter(|(stream, _)| *stream == of).flat_map(|(_, bytes)| bytes.clone()).collect()
}

async fn a_sink_sees_the_same_bytes(t: &Subject) -> CaseResult {
    let seen = Recorder::new();
    t.put("piece", "x".repeat(PIECE_BYTES)).await?;
    let request = t.command("printf 'a\\000\\377'; echo err >&2; cat piece; echo end >&2; exit 3");
    let output = t.exec(request.with_sink(Arc::new(seen.clone()))).await?;
    ensure_eq!(output.end, ExecEnd::Exited(3), "the end");
    ensure_eq!((output.stdout_dropped, output.stderr_dropped), (0, 0), "{PIECE_BYTES} bytes are not too much");
    let seen = seen.take();
    ensure!(joined(&seen, OutputStream::Stdout) == output.stdout, "the sink saw another standard output");
    ensure_eq!(joined(&seen, OutputStream::Stderr), output.stderr, "standard error as the sink saw it");
    Ok(())
}

/// Remembers when each piece came.
#[derive(Default)]
struct Times(Recorder<(Instant, Vec<u8>)>);

impl OutputSink for Times {
    fn output(&self, _: OutputStream, bytes: &[u8]) {
        self.0.record((Instant::now(), bytes.to_vec()));
    }
}

async fn a_sink_sees_output_while_the_command_runs(t: &Subject) -> CaseResult {
    let times = Arc::new(Times::default());
    let sink: Arc<dyn OutputSink> = times.clone();
    t.exec(t.command(format!("echo first; sleep {PAUSE}; echo second")).with_sink(sink)).await?;
    let ended = Instant::now();
    let seen = times.0.take();
    ensure!(seen.len() >= 2, "both lines came in {} piece", seen.len());
    ensure_eq!(seen.first().map(|(_, bytes)| bytes.as_slice()), Some(&b"first\n"[..]), "the first piece");
    let before_the_end = seen.first().map(|(at, _)| ended.duration_since(*at)).unwrap_or_default();
    ensure!(before_the_end >= APART, "the first line was seen only {before_the_end:?} before the end");
    Ok(())
}

async fn a_sink_sees_what_was_said_before_the_time_was_up(t: &Subject) -> CaseResult {
    let seen = Recorder::new();
    let request = t.command("echo said; sleep 30").with_timeout(Duration::from_secs(1));
    let output = t.exec(request.with_sink(Arc::new(seen.clone()))).await?;
    ensure_eq!((output.end, &*output.stdout), (ExecEnd::TimedOut, &b"said\n"[..]), "the command");
    ensure_eq!(joined(&seen.take(), OutputStream::Stdout), b"said\n", "what the sink saw");
    Ok(())
}
