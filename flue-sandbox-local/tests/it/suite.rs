//! The conformance suite, with the file API jailed and not.

use flue_core_testkit::sandbox::suite;
use flue_sandbox_local::Local;

use crate::temp::Temp;

#[test]
fn jailed_passes() {
    let temp = Temp::new();
    suite(Local::new(temp.path())).run_blocking().assert();
}

#[test]
fn unjailed_passes() {
    let temp = Temp::new();
    suite(Local::new(temp.path()).unjailed()).run_blocking().assert();
}
