//! `--sandbox local:overlay`: changes are kept aside, reviewed and applied.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::server::{Server, Turn};
use crate::support::{Done, Place};
use crate::terminal::Terminal;

const NOTE: &str = "note: local:overlay keeps changes here aside; it isolates nothing else\n";

fn exec(place: &Place, args: &[&str]) -> Done {
    place.flue(["exec", "--sandbox", "local:overlay"].iter().chain(args)).run()
}

/// A directory with a file or two.
fn place() -> Place {
    let place = Place::new();
    place.write("a.txt", "one\ntwo\nthree\n").write("sub/b.txt", "b\n");
    place
}

#[test]
fn without_a_terminal_it_has_to_be_said_what_becomes_of_changes() {
    let place = place();
    let done = exec(&place, &["touch ran"]).code(2);
    assert_eq!(done.stdout, "");
    assert!(done.stderr.contains("say --apply, --patch FILE or --discard"), "{}", done.stderr);
    assert!(exec(&place, &["--review", "true"]).code(2).stderr.contains("there is no terminal"));
    assert!(!place.path("ran").exists());
    for two in [["--apply", "--review"], ["--apply", "--discard"], ["--discard", "--patch=x"]] {
        assert!(exec(&place, &[two[0], two[1], "true"]).code(2).stderr.contains("cannot be used with"));
    }
    let done = place.flue(["exec", "--apply", "true"]).run().code(2);
    assert!(done.stderr.contains("are for local sandboxes"), "{}", done.stderr);
}

#[test]
fn what_is_discarded_leaves_no_trace_and_is_seen_meanwhile() {
    let place = place();
    let done = exec(&place, &["--discard", "echo more >> a.txt; rm -r sub; tail -n 1 a.txt; ls; pwd"]).code(0);
    let here = place.path("").canonicalize().unwrap();
    assert_eq!(done.stdout, format!("more\na.txt\n{}\n", here.display()));
    assert_eq!(done.stderr, format!("{NOTE}note: forgotten: 2 files, +1 -1\n"));
    assert_eq!((place.read("a.txt"), place.read("sub/b.txt")), ("one\ntwo\nthree\n".into(), "b\n".into()));
    assert_eq!(place.names(), ["a.txt", "sub"]);
    assert_eq!(exec(&place, &["--discard", "true"]).code(0).stderr, format!("{NOTE}note: nothing was changed\n"));
}

#[test]
fn a_patch_is_written_and_changes_are_applied() {
    let place = place();
    let script = "sed -i s/two/TWO/ a.txt; echo new > new.txt; rm sub/b.txt";
    let done = exec(&place, &["--patch", "out.patch", script]).code(0);
    assert_eq!(done.stderr, format!("{NOTE}note: patch written to out.patch: 3 files, +2 -2\n"));
    assert_eq!(place.read("a.txt"), "one\ntwo\nthree\n");
    let copy = Place::new();
    copy.write("a.txt", place.read("a.txt")).write("sub/b.txt", "b\n").write("patch", place.read("out.patch"));
    let applied = Command::new("git").args(["apply", "patch"]).current_dir(copy.path("")).output().unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    assert_eq!((copy.read("a.txt"), copy.read("new.txt")), ("one\nTWO\nthree\n".into(), "new\n".into()));
    assert!(!copy.path("sub/b.txt").exists());

    let done = exec(&place, &["--patch", "out.patch", "true"]).code(0);
    assert_eq!(done.stderr, format!("{NOTE}note: patch written to out.patch: nothing was changed\n"));
    assert_eq!(place.read("out.patch"), "", "an older patch is not left in its place");
    std::fs::remove_file(place.path("out.patch")).unwrap();
    let done = exec(&place, &["--apply", script]).code(0);
    assert_eq!(done.stderr, format!("{NOTE}note: applied: 3 files, +2 -2\n"));
    assert_eq!((place.read("a.txt"), place.read("new.txt")), ("one\nTWO\nthree\n".into(), "new\n".into()));
    assert_eq!(place.names(), ["a.txt", "new.txt", "sub"]);
    // `local` with any of these is the same.
    place.flue(["exec", "--sandbox", "local", "--discard", "rm *.txt"]).run().code(0);
    assert_eq!(place.names(), ["a.txt", "new.txt", "sub"]);
}

#[test]
fn what_fails_is_not_applied_and_kept_as_a_patch() {
    let place = place();
    let temp = Place::new();
    let failing = |script: &str| {
        let args = ["exec", "--sandbox", "local:overlay", "--apply", script];
        place.flue(args).env("TMPDIR", temp.path("").to_str().unwrap()).run()
    };
    let done = failing("echo more >> a.txt; exit 3").code(3);
    assert!(
        done.stderr.contains("not applied, because it did not end well: 1 file, +1 -0; kept as a patch: "),
        "{}",
        done.stderr
    );
    assert_eq!(place.read("a.txt"), "one\ntwo\nthree\n");
    let patches = || -> Vec<String> { temp.names().into_iter().filter(|name| name.ends_with(".patch")).collect() };
    let [patch] = patches().try_into().unwrap();
    assert!(temp.read(&patch).contains("\n+more\n") && done.stderr.contains(&patch), "{}", done.stderr);
    // A name that nobody can know before, for the user's eyes only.
    assert!(patch.len() > "flue-.patch".len() + 15, "{patch}");
    assert_eq!(std::fs::metadata(temp.path(&patch)).unwrap().permissions().mode() & 0o777, 0o600);

    // Somebody else is faster.
    let done = failing("echo more >> a.txt; echo theirs > /proc/$PPID/cwd/a.txt").code(125);
    assert!(done.stderr.contains("somebody else changed the same on the host"), "{}", done.stderr);
    let second = patches().into_iter().find(|name| *name != patch).unwrap();
    assert!(done.stderr.contains("path: a.txt") && done.stderr.contains(&second), "{}", done.stderr);
    assert_eq!((place.read("a.txt").as_str(), place.names()), ("theirs\n", vec!["a.txt".to_owned(), "sub".to_owned()]));
}

#[test]
fn collected_files_come_out_of_the_layer() {
    let place = place();
    let done = exec(
        &place,
        &["--discard", "--stage", ".", "--collect", "new.txt", "cat a.txt; echo x > new.txt; echo y > other.txt"],
    );
    assert_eq!(done.code(0).stdout, "one\ntwo\nthree\n");
    assert_eq!(place.names(), ["a.txt", "new.txt", "sub"]);
}

#[test]
fn an_agents_changes_are_applied_or_not_as_json_tells() {
    let place = place();
    let turns = || {
        vec![
            Turn::Call("edit", r#"{"path":"a.txt","oldText":"two","newText":"2"}"#.into()),
            Turn::Call("bash", r#"{"command":"cat a.txt; mv sub/b.txt c.txt"}"#.into()),
            Turn::Text("done"),
        ]
    };
    let run = |args: &[&str], server: &Server| {
        let all = ["run", "--model", Server::MODEL, "-m", "go", "--sandbox", "local:overlay", "--json"];
        place.flue(all.iter().chain(args)).env(Server::ADDRESS, server.address()).run()
    };
    let changes = |done: &Done| serde_json::from_str::<Value>(&done.stdout).unwrap()["changes"].clone();
    let server = Server::start(turns());
    let done = run(&["--patch", "p"], &server).code(0);
    let told = changes(&done);
    assert_eq!((&told["applied"], &told["patch"]), (&false.into(), &"p".into()), "{told}");
    insta::assert_snapshot!(serde_json::to_string_pretty(&told["files"]).unwrap());
    assert!(server.requests()[1].contains("is kept aside") && server.requests()[2].contains(r"one\n2\nthree"));
    assert_eq!(place.read("a.txt"), "one\ntwo\nthree\n");

    let done = run(&["--apply"], &Server::start(turns())).code(0);
    assert_eq!(changes(&done)["applied"], true);
    assert!(done.stderr.ends_with("applied: 2 files, +1 -1\n"), "{}", done.stderr);
    assert_eq!((place.read("a.txt"), place.read("c.txt")), ("one\n2\nthree\n".into(), "b\n".into()));
}

#[test]
fn a_run_that_is_cut_short_applies_nothing() {
    let place = place();
    let endless = Turn::Call("bash", r#"{"command":"echo more >> a.txt; sleep 60"}"#.into());
    let server = Server::start(vec![endless]);
    let args = ["run", "--model", Server::MODEL, "-m", "go", "--sandbox", "local", "--apply", "--timeout", "2s"];
    let done = place.flue(args).env(Server::ADDRESS, server.address()).env("TMPDIR", "/tmp").run().code(124);
    let kept = done.stderr.split("kept as a patch: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    assert!(std::fs::read_to_string(kept).unwrap().contains("+more"));
    std::fs::remove_file(kept).unwrap();
    assert_eq!(place.read("a.txt"), "one\ntwo\nthree\n");
}

#[test]
fn at_a_terminal_changes_are_shown_and_asked_about() {
    let place = place();
    let script = "'sed -i s/two/TWO/ a.txt; rm sub/b.txt; printf \"\\033[2Jx\" > odd'";
    let start = || Terminal::start(&place, &format!("exec --sandbox local --review {script}"));

    let mut terminal = start();
    let shown = terminal.until("Apply these changes? [y]es, [n]o, [s]ave as a patch: ");
    assert!(shown.contains("M\x1b[0m  a.txt  +1 -1"), "{shown}");
    assert!(shown.contains("\x1b[31m-two\x1b[0m") && shown.contains("\x1b[32m+TWO\x1b[0m"), "{shown}");
    assert!(
        !shown.contains("\x1b[2J") && shown.contains("+\u{fffd}[2Jx"),
        "the content commands the terminal: {shown}"
    );
    terminal.types("what\n");
    terminal.until("Apply these changes? [y]es, [n]o, [s]ave as a patch: ");
    terminal.types("s\n");
    terminal.until("saved as flue.patch");
    terminal.types("n\n");
    let (code, rest) = terminal.end();
    assert!(code == 0 && rest.contains("forgotten: 3 files, +2 -2"), "{code} {rest}");
    assert_eq!(place.read("a.txt"), "one\ntwo\nthree\n");
    assert!(place.read("flue.patch").contains("+TWO"));

    let mut terminal = start();
    terminal.until("Apply these changes? ");
    terminal.types("y\n");
    let (code, rest) = terminal.end();
    assert!(code == 0 && rest.contains("applied: 3 files"), "{code} {rest}");
    assert_eq!(place.read("a.txt"), "one\nTWO\nthree\n");

    // Ctrl-C is no answer: nothing is applied, nothing is lost.
    let mut terminal = Terminal::start(&place, "exec --sandbox local:overlay 'echo more >> a.txt'");
    terminal.until("Apply these changes? ");
    terminal.types("\x03");
    let (code, rest) = terminal.end();
    assert_eq!((code, place.read("a.txt").as_str()), (130, "one\nTWO\nthree\n"));
    let kept =
        rest.split("kept as a patch: ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_else(|| panic!("{rest}"));
    std::fs::remove_file(kept.trim()).unwrap();
}

#[test]
fn a_copy_is_worked_in_where_that_is_asked_for() {
    let place = place();
    let copy = |args: &[&str]| place.flue(["exec", "--sandbox", "local:copy"].iter().chain(args)).run();
    let done = copy(&["--apply", "pwd; echo more >> a.txt; rm -r sub"]).code(0);
    assert!(
        done.stdout.ends_with(&format!("{}\n", place.path("").file_name().unwrap().to_str().unwrap())),
        "{}",
        done.stdout
    );
    assert_ne!(done.stdout, format!("{}\n", place.path("").canonicalize().unwrap().display()));
    assert!(
        done.stderr.contains("local:copy works in a copy") && done.stderr.contains("applied: 2 files, +1 -1"),
        "{}",
        done.stderr
    );
    assert_eq!((place.read("a.txt").as_str(), place.names()), ("one\ntwo\nthree\nmore\n", vec!["a.txt".to_owned()]));
    assert!(copy(&["true"]).code(2).stderr.contains("there is no terminal"));
}

#[test]
fn who_is_killed_while_applying_leaves_every_file_old_or_new() {
    let names: Vec<String> = (0..1500).map(|number| format!("f{number:04}")).collect();
    for _ in 0..20 {
        let place = Place::new();
        for name in &names {
            place.write(name, "old\n");
        }
        let script = "for f in f*; do echo new > $f; done";
        let mut child = place.flue(["exec", "--sandbox", "local:overlay", "--apply", script]).spawn();
        // The files take their places in the order of their names.
        let begun = std::time::Instant::now();
        while place.read(&names[0]) == "old\n" {
            assert!(begun.elapsed() < crate::support::PATIENCE, "nothing is applied");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let seen: Vec<String> = names.iter().map(|name| place.read(name)).collect();
        assert!(seen.iter().all(|text| text == "old\n" || text == "new\n"), "a file is neither");
        if seen.iter().any(|text| text == "old\n") {
            assert!(place.names().iter().any(|name| name.starts_with(".flue-apply-")));
            // The next one finishes it.
            exec(&place, &["--discard", "true"]).code(0);
            assert!(names.iter().all(|name| place.read(name) == "new\n"), "it is not finished");
            assert!(!place.names().iter().any(|name| name.starts_with(".flue-apply-")), "something is left");
            return;
        }
    }
    panic!("no round killed it half-way");
}
