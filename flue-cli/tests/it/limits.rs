//! Commands that want too much: each has a clear end in bounded time.

use std::time::Duration;

use crate::support::{Done, Place};

/// The most that any of them may take in a debug build on a busy machine.
const BOUND: Duration = Duration::from_secs(45);

fn exec(script: &str) -> Done {
    let done = Place::new().flue(["exec", script]).run();
    assert!(done.took < BOUND, "{script}: {:?}", done.took);
    done
}

#[test]
fn a_write_of_300_mb_is_refused() {
    let done =
        exec("printf 'x%.0s' {1..1000} > a; for i in {1..19}; do cat a a > b || exit 9; mv b a; done; echo written");
    assert_eq!((done.code, &*done.stdout), (Some(9), ""), "{}", done.stderr);
    assert!(done.stderr.contains("file size limit"), "{}", done.stderr);
}

#[test]
fn a_loop_without_end_ends_at_the_time_limit() {
    let done = Place::new().flue(["exec", "--timeout", "1s", "while :; do :; done"]).run().code(124);
    assert!(done.took < Duration::from_secs(5), "{:?}", done.took);
}

#[test]
fn output_without_end_is_bounded() {
    let done = Place::new().flue(["exec", "--timeout", "20s", "yes | head -c 10G | wc -c"]).run();
    assert!(done.took < BOUND, "{:?}", done.took);
    assert_ne!(done.stderr, "", "{done:?}");
}

#[test]
fn an_expansion_without_end_is_an_error() {
    let done = exec("echo {1..1000000000}");
    assert_ne!(done.code, Some(0));
    assert_ne!(done.stderr, "");
}

#[test]
fn recursion_without_end_is_an_error() {
    let done = exec("f() { f; }; f");
    assert_ne!(done.code, Some(0));
    assert_ne!(done.stderr, "");
}
