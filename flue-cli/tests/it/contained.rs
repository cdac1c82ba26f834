//! `--sandbox virtual:contained`: the virtual sandbox in a process of its own.

use crate::support::Place;

const KIND: [&str; 3] = ["exec", "--sandbox", "virtual:contained"];

#[test]
fn it_is_the_virtual_sandbox() {
    let place = Place::new();
    place.write("in", "b\na\n");
    let args = ["--stage", "in", "--collect", "out", "--env", "X=y", "pwd; sort in | tee out; echo $X; exit 3"];
    let done = place.flue(KIND.iter().chain(&args)).run().code(3);
    assert_eq!(done.stdout, "/workspace\na\nb\ny\n");
    assert_eq!(place.read("out"), "a\nb\n");
}

#[test]
fn the_review_job_runs_in_it() {
    let place = Place::new();
    place.write("document.md", "# Plan\n\nTODO: write the plan.\n");
    let message = "Review document.md and write your findings to review.md.";
    let args = ["run", "-m", message, "--model", "scripted/reviewer", "--sandbox", "virtual:contained"];
    place.flue(args.iter().chain(&["--stage", "document.md", "--collect", "review.md"])).run().code(0);
    assert!(place.read("review.md").contains("Line 3: open marker: `TODO: write the plan.`"));
}

#[test]
fn a_network_does_not_go_with_it() {
    let done = Place::new().flue(KIND.iter().chain(&["--network-allow", "https://example.org", "ls"])).run().code(2);
    assert!(done.stderr.contains("does not go with virtual:contained"), "{}", done.stderr);
}
