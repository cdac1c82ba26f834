//! The suites of others, held against this sandbox.

use flue_core_testkit::sandbox::suite;
use flue_sandbox_virtual::Virtual;

#[test]
fn does_what_every_sandbox_must() {
    suite(Virtual::new()).run_blocking().assert();
}
