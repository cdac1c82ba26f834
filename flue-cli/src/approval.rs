//! Asking the user whether a tool call may run.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use flue_core::policy::{Approval, ApprovalRequest, Approver};
use flue_core::{CancellationToken, Result};
use serde_json::Value;

use crate::host::io_error;
use crate::output::tame;
use crate::progress::{Progress, words};
use crate::terminal::Terminal;

/// What asking is called in its errors.
const OPERATION: &str = "ask for approval";
/// The most lines of a call that are shown. One that is longer says so.
const MAX_LINES: usize = 60;

/// Asks at the terminal, about one call at a time.
pub(crate) struct TerminalApprover {
    progress: Arc<Progress>,
    /// Held while somebody is asked.
    terminal: tokio::sync::Mutex<Terminal>,
    /// Tools that are asked about no more.
    always: Mutex<BTreeSet<Arc<str>>>,
}

impl TerminalApprover {
    /// Whoever is asked, if somebody sits there.
    pub(crate) fn open(progress: Arc<Progress>) -> Option<Self> {
        let terminal = tokio::sync::Mutex::new(Terminal::open()?);
        Some(Self { progress, terminal, always: Mutex::default() })
    }

    fn is_granted(&self, tool: &str) -> bool {
        self.always.lock().unwrap_or_else(PoisonError::into_inner).contains(tool)
    }
}

#[async_trait]
impl Approver for TerminalApprover {
    async fn ask(&self, request: ApprovalRequest) -> Result<Approval> {
        let terminal = self.terminal.lock().await;
        if self.is_granted(&request.tool) {
            return Ok(Approval::Granted);
        }
        let _paused = self.progress.pause();
        // The harness drops this call when the prompt is cancelled.
        let never = CancellationToken::new();
        say(&format!("{}\n", described(&request.tool, &request.session, &request.arguments)))?;
        loop {
            say("Run it? [y]es, [n]o, [a]lways in this session: ")?;
            let answer = terminal.line(OPERATION, &never).await?;
            match answer.as_deref().map(str::trim) {
                Some("y" | "yes" | "Y") => return Ok(Approval::Granted),
                Some("a" | "always" | "A") => {
                    self.always.lock().unwrap_or_else(PoisonError::into_inner).insert(request.tool);
                    return Ok(Approval::Granted);
                }
                // Nobody is there any more, or a plain "no".
                None | Some("n" | "no" | "N") => return Ok(Approval::Refused { why: None }),
                Some(_) => {}
            }
        }
    }
}

fn say(text: &str) -> Result<()> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).map_err(|error| io_error(OPERATION, &error))
}

/// The call as whoever is asked has to see it: whole, on lines of its own, safe for a terminal.
fn described(tool: &str, session: &str, arguments: &str) -> String {
    let mut text = format!("? {}", words::one_line(tool, words::MAX_DETAIL));
    if session.starts_with("task:") {
        text.push_str(&format!("  (of a task: {})", words::one_line(session, words::MAX_DETAIL)));
    }
    let mut lines = Vec::new();
    match serde_json::from_str(arguments) {
        Ok(Value::Object(arguments)) => {
            for (name, value) in &arguments {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let mut of_value = value.split('\n');
                lines.push(format!("{name}: {}", of_value.next().unwrap_or_default()));
                lines.extend(of_value.map(|line| format!("  {line}")));
            }
        }
        _ => lines.push(arguments.to_owned()),
    }
    let more = lines.len().saturating_sub(MAX_LINES);
    for line in lines.into_iter().take(MAX_LINES) {
        text.push_str(&format!("\n  {}", tame(&line)));
    }
    if more > 0 {
        text.push_str(&format!("\n  ... ({more} more lines, which are not shown)"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_call_is_shown_and_commands_no_terminal() {
        let shown = |arguments: &str| described("bash", "task:a:1", arguments);
        assert_eq!(
            shown(r#"{"command":"echo a\nrm -r \u001b[2Jx","timeout":5}"#),
            "? bash  (of a task: task:a:1)\n  command: echo a\n    rm -r \u{fffd}[2Jx\n  timeout: 5"
        );
        let long = format!(r#"{{"command":"{}"}}"#, "x\\n".repeat(100));
        assert!(shown(&long).ends_with("... (41 more lines, which are not shown)"), "{}", shown(&long));
        assert!(shown("{broken").ends_with("\n  {broken"));
    }
}
