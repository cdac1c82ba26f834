//! The suite of all sandboxes.

use flue_core_testkit::sandbox::suite;
use flue_sandbox_virtual::Virtual;

use crate::support::contained;

#[test]
fn does_what_every_sandbox_must() {
    const ODD_NAMES: &str = "the shell engine refuses such names; the file API takes them";
    suite(contained(Virtual::new()))
        .except("names::control_characters_through_the_shell", ODD_NAMES)
        .except("names::invisible_characters_through_the_shell", ODD_NAMES)
        .run_blocking()
        .assert();
}
