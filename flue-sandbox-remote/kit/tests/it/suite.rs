//! The conformance suite over a transport of each kind.

use flue_core_testkit::sandbox::{Suite, suite};
use flue_sandbox_remote_kit::Remote;

use crate::shell::{Kind, Shells};

/// All machines here are one.
fn one_machine(suite: Suite) -> Suite {
    suite.except(
        "lifecycle::another_id_has_other_files",
        "absolute paths name the same files of one machine for every id",
    )
}

#[test]
fn exact_passes() {
    one_machine(suite(Remote::new(Shells::new(Kind::Exact)))).run_blocking().assert();
}

#[test]
fn fed_passes() {
    one_machine(suite(Remote::new(Shells::new(Kind::Fed)))).run_blocking().assert();
}

#[test]
fn text_passes() {
    one_machine(suite(Remote::new(Shells::new(Kind::Text)))).run_blocking().assert();
}
