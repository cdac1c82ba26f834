//! Ctrl-C, SIGTERM, and readers that go away.

use std::io::Read;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::support::{Place, finish};

/// The longest that an orderly end takes.
const ORDERLY: Duration = Duration::from_secs(5);

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

/// Waits until the process writes something.
fn first_byte(child: &mut Child) {
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
}

fn endless(place: &Place) -> Child {
    let script = "echo kept > kept; echo begun; while :; do :; done";
    let mut child = place.flue(["exec", "--collect", "kept", script]).spawn();
    first_byte(&mut child);
    child
}

#[test]
fn an_interrupt_ends_a_command_in_order() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let place = Place::new();
        let child = endless(&place);
        let begun = Instant::now();
        signal(&child, name);
        let done = finish(child, begun).code(code);
        assert!(done.took < ORDERLY, "{:?}", done.took);
        assert_eq!((done.stderr.as_str(), place.read("kept").as_str()), ("", "kept\n"));
    }
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let place = Place::new();
    let mut child = place.flue(["exec", "while :; do echo line; done"]).spawn();
    first_byte(&mut child);
    drop(child.stdout.take());
    let done = finish(child, Instant::now()).code(141);
    assert_eq!(done.stderr, "");
}
