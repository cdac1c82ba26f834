//! What the engine's ending means: a status that bash would give, and words that say why.

use bashkit::{Error, ExecResult, ExecutionBudgetExceeded, LimitExceeded};

use super::run::{End, Run};

/// The status of a script that bash does not understand.
const SYNTAX_ERROR: i32 = 2;
/// The status of an execution that a limit, a guard or a failure ended.
const STOPPED: i32 = 1;

/// Turns the engine's result into an end; what there is to say goes to standard error.
pub(super) fn end(result: bashkit::Result<ExecResult>, run: &Run, script: &str) -> End {
    let error = match result {
        Ok(result) => return End::Exited(result.exit_code),
        Err(error) => error,
    };
    if run.is_cancelled() {
        return End::Cancelled;
    }
    if let Some(reason) = run.stopped() {
        run.output.complain(&format!("stopped: {reason}"));
        return End::Exited(STOPPED);
    }
    match error {
        Error::Parse { ref message, .. } => {
            match error.syntax_report("bash: -c", script) {
                Some(report) => run.output.write(flue_core::OutputStream::Stderr, report.as_bytes()),
                None => run.output.complain(&format!("syntax error: {message}")),
            }
            End::Exited(SYNTAX_ERROR)
        }
        Error::ResourceLimit(LimitExceeded::Timeout(_)) => End::TimedOut,
        Error::ResourceLimit(limit) => {
            run.output.complain(&format!("stopped: {}", describe(&limit)));
            End::Exited(STOPPED)
        }
        Error::CommandFailure(message) | Error::LineAbort(message) => {
            run.output.write(flue_core::OutputStream::Stderr, message.as_bytes());
            End::Exited(STOPPED)
        }
        Error::Execution(message) => {
            // What comes before the last part is about the engine.
            run.output.complain(message.strip_prefix("budget validation failed: ").unwrap_or(&message));
            End::Exited(STOPPED)
        }
        other => {
            run.output.complain(&other.to_string());
            End::Exited(STOPPED)
        }
    }
}

/// Which limit was reached, in the words of this crate, with the setting that changes it or the way around it.
fn describe(limit: &LimitExceeded) -> String {
    match limit {
        LimitExceeded::MaxCommands(limit) => {
            format!("the limit of {limit} commands was reached (VirtualLimits::commands)")
        }
        LimitExceeded::MaxLoopIterations(limit) | LimitExceeded::MaxTotalLoopIterations(limit) => {
            format!("the limit of {limit} loop rounds was reached (VirtualLimits::loop_iterations)")
        }
        LimitExceeded::ExecutionBudget(ExecutionBudgetExceeded::LiveBytes { limit, .. }) => {
            format!("the limit of {limit} bytes of working memory was reached (VirtualLimits::memory_bytes)")
        }
        LimitExceeded::Memory(what) => {
            format!("the memory limit was reached (VirtualLimits::memory_bytes): {what}")
        }
        LimitExceeded::MaxFunctionDepth(limit) => {
            format!(
                "function calls, sourced files and child shells nest at most {limit} deep here; use a loop instead of recursion"
            )
        }
        LimitExceeded::MaxSubstDepth(limit) => format!("command substitutions nest at most {limit} deep here"),
        LimitExceeded::MaxSubshellDepth(limit) => format!("subshells nest at most {limit} deep here"),
        LimitExceeded::AstTooDeep(_, limit) => format!("the script nests deeper than {limit} levels"),
        LimitExceeded::InputTooLarge(bytes, limit) => format!("the script has {bytes} bytes, the limit is {limit}"),
        other => other.to_string(),
    }
}
