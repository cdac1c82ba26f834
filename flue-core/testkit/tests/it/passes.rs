//! Two sandboxes that pass: one without a shell, one with the real one.

use flue_core_testkit::MemoryFactory;
use flue_core_testkit::sandbox::{cases, suite};

#[test]
fn files_in_memory_pass() {
    suite(MemoryFactory::new()).run_blocking().assert();
}

#[cfg(unix)]
#[test]
fn a_directory_of_the_host_passes() {
    suite(crate::host::Host::new("passes")).run_blocking().assert();
}

#[test]
fn an_exception_is_a_skip_until_it_passes() {
    let excepted = |name: &str| {
        let report = suite(MemoryFactory::new()).only(&["closing_twice"]).except(name, "a reason").run_blocking();
        report.failed().map(|line| line.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(excepted("lifecycle::closing_twice_is_fine"), ["lifecycle::closing_twice_is_fine"]);
    assert_eq!(excepted("lifecycle::no_such_case"), ["lifecycle::no_such_case"]);
    assert_eq!(excepted("files::what_is_written_is_read"), [""; 0]);
}

#[test]
fn names_of_cases_are_told_apart() {
    let mut names: Vec<&str> = cases().iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases().len());
}
