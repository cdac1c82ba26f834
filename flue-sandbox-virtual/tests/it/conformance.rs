//! The suites of others, held against this sandbox.

use flue_core_testkit::sandbox::suite;
use flue_sandbox_virtual::Virtual;

#[test]
fn does_what_every_sandbox_must() {
    const ODD_NAMES: &str = "the shell engine refuses such names; the file API takes them";
    suite(Virtual::new())
        .except("names::control_characters_through_the_shell", ODD_NAMES)
        .except("names::invisible_characters_through_the_shell", ODD_NAMES)
        .run_blocking()
        .assert();
}
