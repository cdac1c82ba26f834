//! `bash`: a command in the sandbox's shell.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::page;
use crate::tool::{Tool, ToolContext, ToolOutput};
use crate::{Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, Result};

/// Runs a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bash;

/// Arguments of [`Bash`].
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct BashArgs {
    /// What to run.
    command: String,
    /// The longest it may run, in seconds.
    timeout: Option<f64>,
}

#[async_trait]
impl Tool for Bash {
    type Args = BashArgs;
    const NAME: &'static str = "bash";
    const DESCRIPTION: &'static str = "Run a command with bash in the working directory. Each command starts afresh: files \
        stay, shell state (cd, variables) does not. Shows the last 2000 lines or 50 KB of output.";

    async fn call(&self, args: BashArgs, cx: ToolContext) -> Result<ToolOutput> {
        let mut request = ExecRequest::new(args.command).with_cwd(cx.cwd().clone()).with_cancel(cx.cancel().clone());
        request.timeout = args.timeout.map(timeout).transpose()?;
        request.sink = cx.output_sink();
        let output = cx.sandbox().exec(request).await?;
        Ok(ToolOutput::text(render(&output, args.timeout)))
    }
}

fn timeout(seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "bash", "timeout is a number of seconds above 0").with("timeout", seconds)
    })
}

/// What a model reads of a command: both streams, what is missing, and how it ended when that was not well.
fn render(output: &ExecOutput, timeout: Option<f64>) -> String {
    let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
    let joined = if stderr.is_empty() { stdout.into_owned() } else { format!("{stdout}\n{stderr}") };
    let mut text = page::tail(joined.trim());
    let dropped = output.stdout_dropped.saturating_add(output.stderr_dropped);
    if dropped > 0 {
        text.push_str(&format!("\n\n[{dropped} bytes of output were left out by the sandbox's limit.]"));
    }
    if text.is_empty() {
        text.push_str("(no output)");
    }
    if output.end == ExecEnd::TimedOut {
        match timeout {
            Some(seconds) => text.push_str(&format!("\n\nCommand timed out after {seconds} seconds.")),
            None => text.push_str("\n\nCommand timed out: it ran for as long as this sandbox allows."),
        }
    }
    if let ExecEnd::Signalled(signal) = output.end {
        text.push_str(&format!("\n\nCommand was killed by signal {signal}."));
    }
    if !output.success() {
        text.push_str(&format!("\n\nCommand exited with code {}", output.exit_code()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_streams_and_endings() {
        let of =
            |end, stdout: &'static str, stderr: &'static str| render(&ExecOutput::new(end, stdout, stderr), Some(1.5));
        assert_eq!(of(ExecEnd::Exited(0), "a\n", ""), "a");
        assert_eq!(of(ExecEnd::Exited(0), "", ""), "(no output)");
        assert_eq!(of(ExecEnd::Exited(3), "a\n", "b\n"), "a\n\nb\n\nCommand exited with code 3");
        assert_eq!(
            of(ExecEnd::TimedOut, "part", ""),
            "part\n\nCommand timed out after 1.5 seconds.\n\nCommand exited with code 124"
        );
        assert_eq!(
            of(ExecEnd::Signalled(9), "", ""),
            "(no output)\n\nCommand was killed by signal 9.\n\nCommand exited with code 137"
        );
        let cut = ExecOutput::new(ExecEnd::Exited(0), "a", "").with_dropped(5, 2);
        assert_eq!(render(&cut, None), "a\n\n[7 bytes of output were left out by the sandbox's limit.]");
    }

    #[test]
    fn a_timeout_is_a_positive_number() {
        assert_eq!(timeout(0.5).unwrap(), Duration::from_millis(500));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }
}
