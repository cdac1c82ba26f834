//! Defects of commands, over the host's shell.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, Result, Sandbox};
use flue_core_testkit::Report;
use flue_core_testkit::sandbox::suite;
use tokio_util::sync::CancellationToken;

use super::{BrokenFactory, Defect, failure, is_late};
use crate::host::Host;

/// How long a case may take: longer than the slowest that passes.
const LIMIT: Duration = Duration::from_secs(15);

/// How long a case may take that is meant to wait for ever.
const WAITING_LIMIT: Duration = Duration::from_secs(7);

fn over_host(name: &str, defect: impl Defect, cases: &[&str], limit: Duration) -> Report {
    let broken = BrokenFactory { inner: Arc::new(Host::new(name)), defect: Arc::new(defect) };
    suite(broken).only(cases).with_case_limit(limit).run_blocking()
}

/// A defect of commands is seen by these cases.
#[track_caller]
fn caught(name: &str, defect: impl Defect, cases: &[&str]) {
    let report = over_host(name, defect, cases, LIMIT);
    for case in cases {
        let failure = failure(&report, case);
        assert!(!is_late(&failure), "{case} must see the defect, not wait for it: {failure}");
    }
}

/// A defect of commands keeps these cases waiting until they fail.
#[track_caller]
fn caught_waiting(name: &str, defect: impl Defect, cases: &[&str]) {
    let report = over_host(name, defect, cases, WAITING_LIMIT);
    for case in cases {
        let failure = failure(&report, case);
        assert!(is_late(&failure), "{case} must wait: {failure}");
    }
}

/// A defect that changes what came out.
#[derive(Debug)]
struct Changes(fn(ExecOutput) -> Result<ExecOutput>);

#[async_trait]
impl Defect for Changes {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, request: ExecRequest) -> Result<ExecOutput> {
        (self.0)(inner.exec(request).await?)
    }
}

#[test]
fn a_lost_exit_code() {
    let lost = |output: ExecOutput| {
        let end = if output.success() { ExecEnd::Exited(0) } else { ExecEnd::Exited(1) };
        Ok(ExecOutput::new(end, output.stdout, output.stderr))
    };
    caught(
        "exit-code",
        Changes(lost),
        &[
            "exec::every_exit_code_is_a_result",
            "exec::a_missing_command_exits_with_127",
            "exec::a_syntax_error_exits_with_2",
        ],
    );
}

#[test]
fn a_status_that_becomes_an_error() {
    let fails = |output: ExecOutput| match output.success() {
        true => Ok(output),
        false => Err(Error::new(ErrorKind::Io, "exec", "the command failed")),
    };
    caught("status", Changes(fails), &["exec::every_exit_code_is_a_result", "exec::a_syntax_error_exits_with_2"]);
}

#[test]
fn streams_that_are_joined() {
    let joined = |output: ExecOutput| Ok(ExecOutput::new(output.end, [output.stdout, output.stderr].concat(), ""));
    caught("streams", Changes(joined), &["exec::standard_output_and_error_are_apart"]);
}

#[test]
fn output_that_is_trimmed() {
    let trimmed = |output: ExecOutput| {
        Ok(ExecOutput::new(output.end, Bytes::copy_from_slice(output.stdout.trim_ascii()), output.stderr))
    };
    caught("trimmed", Changes(trimmed), &["exec::a_command_says_something", "exec::output_keeps_every_byte"]);
}

#[test]
fn output_that_passes_through_text() {
    let text = |output: ExecOutput| {
        Ok(ExecOutput::new(output.end, output.stdout_text().into_owned(), output.stderr_text().into_owned()))
    };
    caught("text", Changes(text), &["exec::output_keeps_every_byte", "isolation::contents_are_the_same_on_both_sides"]);
}

#[test]
fn output_that_is_cut_in_silence() {
    let cut = |output: ExecOutput| {
        let end = output.stdout.len().min(30_000);
        Ok(ExecOutput::new(output.end, output.stdout.slice(..end), output.stderr))
    };
    caught("cut", Changes(cut), &["output::large_output_is_whole_or_says_what_is_missing"]);
}

#[test]
fn a_timeout_that_looks_like_an_exit_and_loses_its_output() {
    let exits = |output: ExecOutput| match output.end {
        ExecEnd::TimedOut => Ok(ExecOutput::new(ExecEnd::Exited(124), "", "")),
        _ => Ok(output),
    };
    caught(
        "timeout",
        Changes(exits),
        &["deadlines::a_command_out_of_time_is_a_result", "deadlines::what_was_said_before_the_time_was_up_is_kept"],
    );
}

/// A defect that changes what goes in.
#[derive(Debug)]
struct Asks(fn(ExecRequest) -> ExecRequest);

#[async_trait]
impl Defect for Asks {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, request: ExecRequest) -> Result<ExecOutput> {
        inner.exec((self.0)(request)).await
    }
}

#[test]
fn stdin_that_is_not_given() {
    let deaf = |mut request: ExecRequest| {
        request.stdin = None;
        request
    };
    caught("stdin", Asks(deaf), &["exec::stdin_is_read_to_its_end"]);
}

#[test]
fn env_that_is_expanded() {
    let expands = |mut request: ExecRequest| {
        for (key, value) in std::mem::take(&mut request.env) {
            request.command = format!("export {key}=\"{value}\"\n{}", request.command);
        }
        request
    };
    caught("expands", Asks(expands), &["exec::env_values_are_not_expanded"]);
}

#[test]
fn a_deadline_that_does_not_count() {
    let patient = |mut request: ExecRequest| {
        request.timeout = None;
        request
    };
    caught_waiting("patient", Asks(patient), &["deadlines::a_command_out_of_time_is_a_result"]);
}

#[test]
fn a_cancel_that_nobody_hears() {
    let deaf = |request: ExecRequest| request.with_cancel(CancellationToken::new());
    caught(
        "cancel",
        Asks(deaf),
        &["deadlines::a_cancelled_request_never_runs", "deadlines::a_cancelled_command_does_nothing_more"],
    );
    caught_waiting("cancel-endless", Asks(deaf), &["deadlines::cancelling_ends_a_running_command"]);
}

#[test]
fn a_sink_that_sees_nothing() {
    let blind = |mut request: ExecRequest| {
        request.sink = None;
        request
    };
    caught("blind", Asks(blind), &["output::a_sink_sees_the_same_bytes"]);
}

#[derive(Debug)]
struct MissingCwdIsTheBase;

#[async_trait]
impl Defect for MissingCwdIsTheBase {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, mut request: ExecRequest) -> Result<ExecOutput> {
        if let Some(cwd) = &request.cwd
            && inner.fs().list(cwd).await.is_err()
        {
            request.cwd = None;
        }
        inner.exec(request).await
    }
}

#[test]
fn a_missing_cwd_that_does_not_matter() {
    caught("cwd", MissingCwdIsTheBase, &["exec::a_missing_cwd_is_an_error", "exec::a_file_is_no_cwd"]);
}

/// Runs what ran before again, so that its shell seems to be the same.
#[derive(Debug, Default)]
struct OneShell(Mutex<String>);

#[async_trait]
impl Defect for OneShell {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, mut request: ExecRequest) -> Result<ExecOutput> {
        let before = std::mem::replace(&mut *self.0.lock().unwrap(), request.command.clone());
        request.command = format!("{{\n{before}\n:\n}} >/dev/null 2>&1\n{}", request.command);
        inner.exec(request).await
    }
}

#[test]
fn a_shell_that_lives_on() {
    for case in [
        "isolation::variables_and_functions_do_not_outlive_their_command",
        "isolation::options_do_not_outlive_their_command",
        "isolation::cd_does_not_outlive_its_command",
    ] {
        caught("shell", OneShell::default(), &[case]);
    }
}

#[derive(Debug, Default)]
struct EnvStays(Mutex<std::collections::BTreeMap<String, String>>);

#[async_trait]
impl Defect for EnvStays {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, mut request: ExecRequest) -> Result<ExecOutput> {
        let env = {
            let mut kept = self.0.lock().unwrap();
            kept.append(&mut request.env);
            kept.clone()
        };
        request.env = env;
        inner.exec(request).await
    }
}

#[test]
fn env_that_leaks_into_the_next_command() {
    caught("env", EnvStays::default(), &["exec::env_does_not_outlive_its_command"]);
}

#[derive(Debug)]
struct OutlivesItsFuture;

#[async_trait]
impl Defect for OutlivesItsFuture {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, request: ExecRequest) -> Result<ExecOutput> {
        let inner = Arc::clone(inner);
        tokio::spawn(async move { inner.exec(request).await }).await.unwrap()
    }
}

#[test]
fn a_command_that_outlives_its_future() {
    caught("drop", OutlivesItsFuture, &["deadlines::a_dropped_command_does_nothing_more"]);
}

#[derive(Debug)]
struct HoldsItsThread;

#[async_trait]
impl Defect for HoldsItsThread {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, request: ExecRequest) -> Result<ExecOutput> {
        std::thread::sleep(Duration::from_secs(2));
        inner.exec(request).await
    }
}

#[test]
fn a_command_that_holds_the_thread_of_its_caller() {
    caught("thread", HoldsItsThread, &["deadlines::a_busy_command_does_not_hold_the_thread_of_its_caller"]);
}

#[derive(Debug, Default)]
struct OneAtATime(tokio::sync::Mutex<()>);

#[async_trait]
impl Defect for OneAtATime {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, request: ExecRequest) -> Result<ExecOutput> {
        let _turn = self.0.lock().await;
        inner.exec(request).await
    }
}

#[test]
fn commands_that_wait_for_each_other() {
    caught_waiting("turns", OneAtATime::default(), &["concurrency::two_commands_meet"]);
}

#[derive(Debug)]
struct ShowsOutputAtTheEnd;

#[async_trait]
impl Defect for ShowsOutputAtTheEnd {
    async fn exec(&self, inner: &Arc<dyn Sandbox>, mut request: ExecRequest) -> Result<ExecOutput> {
        let sink = request.sink.take();
        let output = inner.exec(request).await?;
        if let Some(sink) = sink {
            sink.output(flue_core::OutputStream::Stdout, &output.stdout);
        }
        Ok(output)
    }
}

#[test]
fn output_that_is_shown_at_the_end() {
    caught("late", ShowsOutputAtTheEnd, &["output::a_sink_sees_output_while_the_command_runs"]);
}
