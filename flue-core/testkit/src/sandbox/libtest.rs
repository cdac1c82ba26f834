//! Each case as its own test, in a test binary without the standard harness.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use super::suite::Suite;
use crate::guard::runtime;
use crate::report::Outcome;

/// The `main` of a test binary whose tests are the cases of `suite`.
///
/// Takes the arguments of the standard harness (a filter, `--exact`, `--list`, `--test-threads`, …), so `cargo test` and
/// `cargo nextest` work as ever; a case that is skipped is shown as ignored.
pub fn main(suite: Suite) -> ExitCode {
    let runtime = runtime();
    let suite = Arc::new(suite);
    let trials = suite.cases.iter().map(|case| {
        let (suite, case, handle) = (Arc::clone(&suite), *case, runtime.handle().clone());
        Trial::ignorable_test(case.name, move || completion(handle.block_on(suite.run_case(&case))))
    });
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.collect());
    runtime.shutdown_background();
    conclusion.exit_code()
}

fn completion(outcome: Outcome) -> Result<Completion, Failed> {
    match outcome {
        Outcome::Passed => Ok(Completion::Completed),
        Outcome::Skipped(reason) => Ok(Completion::ignored_with(reason)),
        Outcome::Failed(message) => Err(Failed::from(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_ignored_and_a_failure_fails() {
        assert!(matches!(completion(Outcome::Passed), Ok(Completion::Completed)));
        let skipped = completion(Outcome::Skipped("needs exec".into()));
        assert!(matches!(skipped, Ok(Completion::Ignored { reason: Some(reason) }) if reason == "needs exec"));
        let failed = completion(Outcome::Failed("why".into())).err();
        assert_eq!(failed.as_ref().and_then(Failed::message), Some("why"));
    }
}
