//! Help, version and slips on the command line.

use crate::support::Place;

const COLUMNS: usize = 80;

#[test]
fn help_fits_the_terminal_and_goes_to_standard_output() {
    for args in [
        &["--help"][..],
        &["run", "--help"],
        &["exec", "--help"],
        &["chat", "--help"],
        &["sessions", "--help"],
        &["sessions", "fork", "--help"],
        &["sandboxes", "--help"],
        &["sandboxes", "sweep", "--help"],
        &["models", "--help"],
        &["doctor", "--help"],
        &["help", "run"],
    ] {
        let done = Place::new().flue(args).run().code(0);
        assert_eq!(done.stderr, "");
        for line in done.stdout.lines() {
            assert!(line.chars().count() <= COLUMNS, "{args:?}: {line}");
        }
    }
}

#[test]
fn help_texts() {
    let place = Place::new();
    insta::assert_snapshot!("help", place.flue(["--help"]).run().code(0).stdout);
    insta::assert_snapshot!("help-run", place.flue(["run", "--help"]).run().code(0).stdout);
    insta::assert_snapshot!("help-chat", place.flue(["chat", "--help"]).run().code(0).stdout);
    insta::assert_snapshot!("help-sessions", place.flue(["sessions", "--help"]).run().code(0).stdout);
    insta::assert_snapshot!("help-sandboxes", place.flue(["sandboxes", "--help"]).run().code(0).stdout);
    insta::assert_snapshot!("help-exec", place.flue(["exec", "--help"]).run().code(0).stdout);
}

#[test]
fn version() {
    let done = Place::new().flue(["--version"]).run().code(0);
    assert_eq!(done.stdout, format!("flue {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn slips_get_a_hint_and_code_2() {
    let place = Place::new();
    let said = |args: &[&str]| {
        let done = place.flue(args).run().code(2);
        assert_eq!(done.stdout, "");
        done.stderr
    };
    assert!(said(&["rnu"]).contains("a similar subcommand exists: 'run'"));
    assert!(said(&["run", "--modle", "x/y"]).contains("a similar argument exists: '--model'"));
    assert!(said(&["exec", "--bogus", "ls"]).contains("unexpected argument '--bogus'"));
    assert!(said(&["exec"]).contains("COMMAND"));
    assert!(
        said(&["exec", "--sandbox", "nowhere", "ls"]).contains("there is no sandbox `nowhere` (there are virtual, ")
    );
    assert!(said(&["exec", "--sandbox", "locla", "ls"]).contains("did you mean `local`?"));
    assert!(said(&["exec", "--timeout", "5 years", "ls"]).contains("the units are ms, s, m and h"));
    assert!(said(&["run", "--max-turns", "0"]).contains("not in 1"));
    assert!(said(&[]).contains("Usage: flue <COMMAND>"));
}
