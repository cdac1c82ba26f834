//! Each case as its own test, in a test binary without the standard harness.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Conclusion, Failed, Trial};

use super::suite::{Suite, runtime};
use crate::report::Outcome;

/// The `main` of a test binary whose tests are the cases of `suite`.
///
/// Takes the arguments of the standard harness (filters, `--exact`, `--list`, `--test-threads`, …), so `cargo test` and
/// `cargo nextest` work as ever; a case that is skipped is shown as ignored.
pub fn main(suite: Suite) -> ExitCode {
    run(&Arguments::from_args(), suite).exit_code()
}

fn run(arguments: &Arguments, suite: Suite) -> Conclusion {
    let runtime = runtime();
    let suite = Arc::new(suite);
    let trials = suite.cases.iter().map(|case| {
        let (suite, case, handle) = (Arc::clone(&suite), *case, runtime.handle().clone());
        Trial::ignorable_test(case.name, move || match handle.block_on(suite.run_case(&case)) {
            Outcome::Passed => Ok(Completion::Completed),
            Outcome::Skipped(reason) => Ok(Completion::ignored_with(reason)),
            Outcome::Failed(message) => Err(Failed::from(message)),
        })
    });
    let conclusion = libtest_mimic::run(arguments, trials.collect());
    runtime.shutdown_background();
    conclusion
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryFactory;
    use crate::sandbox::suite;

    #[test]
    fn a_skip_is_ignored_and_a_failure_fails() {
        let suite = suite(MemoryFactory::new())
            .only(&["lifecycle::closing", "a_list_is_sorted"])
            .except("directories::a_list_is_sorted_by_name", "it passes, so the exception fails");
        let conclusion = run(&Arguments { quiet: true, ..Arguments::default() }, suite);
        assert_eq!((conclusion.num_passed, conclusion.num_failed, conclusion.num_ignored), (1, 1, 1));
    }
}
