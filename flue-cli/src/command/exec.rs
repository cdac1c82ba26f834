//! `flue exec`: one command in a sandbox, without a model.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use flue_core::{
    CancellationToken, Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, Fs, OpenRequest, OutputSink, OutputStream,
    Result,
};

use crate::args::ExecArgs;
use crate::exit::{self, Failure};
use crate::interrupt::Interrupt;
use crate::overlaid::Ended;
use crate::sandbox_kind::SandboxKind;
use crate::transfer::{Collect, Site, Stage};
use crate::wiring::Place;
use crate::{command, input, output, wiring};

/// The argument that means a script on standard input.
const STDIN: &str = "-";

/// The status by which a shell says that there is no such command.
const NOT_FOUND: i32 = 127;

/// Runs the command, and gives its exit code.
///
/// # Errors
/// Usage errors; [`exit::NOT_RUN`] when the sandbox, staging or collecting failed.
pub(crate) fn run(args: ExecArgs) -> Result<u8, Failure> {
    let begun = Instant::now();
    let place = wiring::sandbox(&args.sandbox, None, None).map_err(Failure::usage)?;
    let stages = args.sandbox.stages().map_err(Failure::usage)?;
    let collects = args.sandbox.collects().map_err(Failure::usage)?;
    let Some(mut request) = request(&args).map_err(Failure::usage)? else { return Err(out_of_time(&args)) };
    if let Some(timeout) = args.timeout {
        request = request.with_timeout(timeout.saturating_sub(begun.elapsed()));
    }
    let kind = args.sandbox.sandbox.clone().unwrap_or_default();
    let interrupt = Interrupt::default();
    interrupt.listen();
    let through = Arc::new(Through::new(interrupt.token().clone()));
    let job = Job { request, stages, collects, through: through.clone() };
    let runtime = command::runtime().map_err(Failure::failed)?;
    if let Some(warning) = place.warning {
        output::note(warning);
    }
    let end = runtime.block_on(async {
        let end = job.run(&place).await;
        if let Some(guarded) = &place.guarded {
            guarded.tell(&output::note);
        }
        settle(&place, end, interrupt.token()).await
    });
    runtime.shutdown_background();
    if let Some(code) = interrupt.code() {
        return Err(Failure::silent(code));
    }
    if let Some(failure) = through.take_failure() {
        let code = if failure.code == exit::FAILED { exit::NOT_RUN } else { failure.code };
        return Err(failure.with_code(code));
    }
    match end {
        Ok(ExecEnd::TimedOut) => Err(out_of_time(&args)),
        Ok(end) => {
            if end == ExecEnd::Exited(NOT_FOUND) && matches!(kind, SandboxKind::Virtual | SandboxKind::VirtualContained)
            {
                output::note(
                    "a virtual sandbox has commands of its own, and no programs of this machine; local:confined has them",
                );
            }
            Ok(code(end))
        }
        Err(error) => Err(Failure::failed(error).with_code(exit::NOT_RUN)),
    }
}

/// Does with what was changed in an overlay what is to be done.
async fn settle(place: &Place, end: Result<ExecEnd>, cancel: &CancellationToken) -> Result<ExecEnd> {
    let Some(overlaid) = &place.overlaid else { return end };
    let ended = match &end {
        _ if cancel.is_cancelled() => Ended::Interrupted,
        Ok(ExecEnd::Exited(0)) => Ended::Well,
        _ => Ended::Badly,
    };
    let (_, error) = overlaid.settle(ended, cancel, &output::note).await;
    match (error, ended) {
        (None, _) => end,
        (Some(error), Ended::Well) => Err(error),
        // A command that failed says more with its own code.
        (Some(error), _) => {
            output::complain(&error);
            end
        }
    }
}

fn code(end: ExecEnd) -> u8 {
    // Of a process, the system hands on eight bits.
    let [code, ..] = ExecOutput::new(end, Vec::new(), Vec::new()).exit_code().to_le_bytes();
    code
}

fn out_of_time(args: &ExecArgs) -> Failure {
    let mut error = Error::new(ErrorKind::Timeout, "exec", "the time limit passed");
    if let Some(timeout) = args.timeout {
        error = error.with("seconds", timeout.as_secs_f64());
    }
    Failure::failed(error).with_code(exit::TIME_LIMIT)
}

/// What the sandbox is asked for; `None` when the time passed before standard input ended.
fn request(args: &ExecArgs) -> Result<Option<ExecRequest>> {
    let (script, stdin_is_script) = match (&args.script, args.command.as_slice()) {
        (Some(path), _) if path.as_os_str() == STDIN => (input::stdin_text("exec")?, true),
        (Some(path), _) => (input::file_text(path).map_err(|error| with_path(error, path))?, false),
        (None, [only]) if only == STDIN => (input::stdin_text("exec")?, true),
        (None, [only]) => (only.clone(), false),
        (None, words) => (words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "), false),
    };
    let mut request = ExecRequest::new(script);
    if !stdin_is_script && input::stdin_is_piped() {
        let Some(stdin) = input::stdin_within(args.timeout)? else { return Ok(None) };
        request = request.with_stdin(stdin);
    }
    if args.terminal {
        request = request.with_terminal();
    }
    Ok(Some(request))
}

fn with_path(error: Error, path: &std::path::Path) -> Error {
    Error::new(error.kind(), "read script", error.message().to_owned()).with("path", crate::host::shown(path))
}

/// `word` as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command with what goes in before it and comes out after it.
struct Job {
    request: ExecRequest,
    stages: Vec<Stage>,
    collects: Vec<Collect>,
    through: Arc<Through>,
}

impl Job {
    /// Opens the sandbox, stages, runs, collects and closes.
    async fn run(&self, place: &Place) -> Result<ExecEnd> {
        let mut open = OpenRequest::new(command::fresh_id());
        if let Some(cwd) = &place.cwd {
            open = open.with_cwd(cwd.clone());
        }
        let sandbox = command::unless_cancelled(&self.through.cancel, place.factory.open(open)).await?;
        let site =
            Site { fs: Fs::new(sandbox.clone(), sandbox.info().cwd.clone()), sandbox: &*sandbox, files: place.files };
        let end = self.exec(&site).await;
        let collected = self.collect(&site).await;
        let closed = sandbox.close().await;
        match end? {
            ExecEnd::Exited(0) => collected.and(closed).map(|()| ExecEnd::Exited(0)),
            // A command that failed says more with its own code than what went wrong after it.
            end => {
                if let Err(error) = collected {
                    output::complain(&error);
                }
                Ok(end)
            }
        }
    }

    async fn exec(&self, site: &Site<'_>) -> Result<ExecEnd> {
        let info = site.sandbox.info();
        let Through { cancel, .. } = &*self.through;
        for stage in &self.stages {
            if let Some(note) = stage.run(site, cancel).await? {
                output::note(&note);
            }
        }
        let mut request = self.request.clone().with_cwd(info.cwd.clone()).with_cancel(cancel.clone());
        if info.capabilities.live_output {
            request = request.with_sink(self.through.clone());
        }
        let done = site.sandbox.exec(request).await?;
        if !info.capabilities.live_output {
            self.through.output(OutputStream::Stdout, &done.stdout);
            self.through.output(OutputStream::Stderr, &done.stderr);
            let dropped = done.stdout_dropped.saturating_add(done.stderr_dropped);
            if dropped > 0 {
                output::note(&format!("{dropped} bytes of output are missing: the sandbox does not keep more"));
            }
        }
        Ok(done.end)
    }

    /// Collects what there is, however the command ended: the sandbox is about to go.
    async fn collect(&self, site: &Site<'_>) -> Result<()> {
        let mut last = Ok(());
        for collect in &self.collects {
            if let (_, Some(error)) = collect.run(site, &CancellationToken::new()).await
                && let Err(previous) = std::mem::replace(&mut last, Err(error))
            {
                output::complain(&previous);
            }
        }
        last
    }
}

/// Passes a command's output on, byte for byte. The first failure to write cancels the command.
struct Through {
    cancel: CancellationToken,
    failure: Mutex<Option<Failure>>,
}

impl Through {
    fn new(cancel: CancellationToken) -> Self {
        Self { cancel, failure: Mutex::default() }
    }

    /// Why not all output was passed on; told once.
    fn take_failure(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl OutputSink for Through {
    fn output(&self, stream: OutputStream, bytes: &[u8]) {
        let written = match stream {
            OutputStream::Stdout => output::print(bytes),
            OutputStream::Stderr => {
                let written = io::stderr().lock().write_all(bytes);
                written.map_err(|error| output::write_failure("write to standard error", &error))
            }
        };
        if let Err(failure) = written {
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            self.cancel.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        for (word, expected) in [
            ("grep", "grep"),
            ("a b", "'a b'"),
            ("", "''"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("--x=/a.b,c", "--x=/a.b,c"),
            ("*", "'*'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(word), expected, "{word}");
        }
    }

    #[test]
    fn codes_are_those_of_a_shell() {
        assert_eq!([ExecEnd::Exited(7), ExecEnd::Exited(256), ExecEnd::Signalled(9)].map(code), [7, 0, 137]);
    }
}
