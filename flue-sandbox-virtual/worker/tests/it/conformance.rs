//! The suite of all sandboxes.

use flue_core::Narrowing;
use flue_core_testkit::sandbox::{Narrow, suite};
use flue_sandbox_virtual::Virtual;

use crate::support::contained;

const ODD_NAMES: &str = "the shell engine refuses such names; the file API takes them";

#[test]
fn does_what_every_sandbox_must() {
    suite(contained(Virtual::new()))
        .except("names::control_characters_through_the_shell", ODD_NAMES)
        .except("names::invisible_characters_through_the_shell", ODD_NAMES)
        .run_blocking()
        .assert();
}

#[test]
fn beneath_its_root_a_narrowed_one_is_like_any_other() {
    suite(Narrow::new(contained(Virtual::new()), Narrowing::none().root(".")))
        .except("files::metadata_tells_kind_and_size", "it looks at the root of the whole tree, which is outside")
        .except("names::control_characters_through_the_shell", ODD_NAMES)
        .except("names::invisible_characters_through_the_shell", ODD_NAMES)
        .run_blocking()
        .assert();
}
