//! `--sandbox local`: this machine.

use std::time::{Duration, Instant};

use crate::server::{Server, Turn};
use crate::signals::signal;
use crate::support::{Place, finish};

/// What is said of it before anything runs.
const WARNING: &str = "note: local isolates nothing: commands run as you, with your files and network\n";
const LOCAL: [&str; 3] = ["exec", "--sandbox", "local"];

fn exec(place: &Place, args: &[&str]) -> crate::support::Flue {
    place.flue(LOCAL.iter().chain(args))
}

#[test]
fn commands_run_on_this_machine_in_the_current_directory_and_that_is_said() {
    let place = Place::new();
    place.write("sub/file", "there");
    let done = exec(&place, &["pwd; echo made > made; echo $BASH_VERSION | grep -c .; exit 7"]).run().code(7);
    let here = place.path("").canonicalize().unwrap();
    assert_eq!(done.stdout, format!("{}\n1\n", here.display()));
    assert_eq!(done.stderr, WARNING);
    assert_eq!(place.read("made"), "made\n");
    assert_eq!(exec(&place, &["--cwd", "sub", "cat file"]).run().code(0).stdout, "there");
    assert_eq!(exec(&place, &["--cwd", here.join("sub").to_str().unwrap(), "cat file"]).run().code(0).stdout, "there");
}

#[test]
fn what_has_to_be_put_right_is_told_before_anything_runs() {
    let place = Place::new();
    place.write("file", "");
    let said = |args: &[&str]| {
        let done = exec(&place, args).run().code(2);
        assert_eq!(done.stdout, "");
        done.stderr
    };
    assert_eq!(said(&["--cwd", "gone", "ls"]), "error: open sandbox: there is no such file or directory (cwd: gone)\n");
    assert!(!place.path("gone").exists(), "a missing directory is not made");
    assert_eq!(said(&["--cwd", "file", "ls"]), "error: open sandbox: this is no directory (cwd: file)\n");
    assert!(said(&["--network-allow", "https://example.org", "ls"]).contains("is for the virtual sandbox"));
}

#[test]
fn variables_of_this_machine_are_passed_on_by_name_only() {
    let place = Place::new();
    let script = "echo ${SECRET-unset} ${OTHER-unset} $GIVEN; env";
    let run = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain([script]).collect();
        exec(&place, &args).env("SECRET", "planted").env("OTHER", "hidden").env("TZ", "UTC").run().code(0)
    };
    let done = run(&["--env", "SECRET", "--env", "GIVEN=x=y"]);
    assert!(done.stdout.starts_with("planted unset x=y\n") && done.stdout.contains("TZ=UTC"), "{}", done.stdout);
    assert!(!done.stdout.contains("hidden") && !done.stderr.contains("planted"), "{done:?}");
    let done = run(&[]);
    assert!(done.stdout.starts_with("unset unset") && !done.stdout.contains("planted"), "{}", done.stdout);
}

#[test]
fn staging_copies_into_the_directory_and_what_is_in_place_stays() {
    let place = Place::new();
    place.write("other/a.txt", "a").write("work/b.txt", "b").write("work/src/c.txt", "c");
    let args = ["--cwd", "work", "--stage", "other/a.txt", "--stage", "work/b.txt", "--stage", "work/src"];
    let args = args.iter().chain(&["--collect", "new.txt", "--collect", "src", "ls; echo new > new.txt"]);
    let args: Vec<&str> = args.copied().collect();
    let done = exec(&place, &args).run().code(0);
    assert_eq!(done.stdout, "a.txt\nb.txt\nsrc\n");
    assert_eq!(
        done.stderr,
        format!(
            "{WARNING}note: work/b.txt is in the sandbox already: it is this machine's\n\
             note: work/src is in the sandbox already: it is this machine's\n"
        )
    );
    // The current directory is another one than that which was worked in.
    assert_eq!((place.read("new.txt"), place.read("src/c.txt")), ("new\n".into(), "c".into()));
    assert_eq!((place.read("work/a.txt"), place.read("work/new.txt")), ("a".into(), "new\n".into()));
}

#[test]
fn what_is_collected_to_where_it_is_stays_as_it_is() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    place.write("kept.txt", "old").write("dir/file", "");
    let inode = || std::fs::metadata(place.path("kept.txt")).unwrap().ino();
    let before = inode();
    let done = exec(&place, &["--collect", "kept.txt", "--collect", "dir", "echo new > kept.txt"]).run().code(0);
    assert_eq!((place.read("kept.txt").as_str(), inode()), ("new\n", before));
    assert_eq!(done.stderr, WARNING);
    let done = exec(&place, &["--collect", "gone", "true"]).run().code(125);
    assert!(done.stderr.contains("it was never written"), "{}", done.stderr);

    for args in [["--stage", ".:inside"], ["--collect", ".:inside"]] {
        let done = exec(&place, &[args[0], args[1], "true"]).run().code(125);
        assert!(done.stderr.contains("the destination lies in the directory that is to be copied"), "{}", done.stderr);
        assert!(!place.path("inside/inside").exists());
    }
}

#[test]
fn an_agent_works_on_this_machine_and_reports() {
    let place = Place::new();
    place.write("input.txt", "to be read");
    let server = || {
        Server::start(vec![
            Turn::Call("bash", r#"{"command":"cat input.txt > copy.txt; echo $GREETING"}"#.into()),
            Turn::Call("write", r#"{"path":"out/result.txt","content":"written"}"#.into()),
            Turn::Text("done"),
        ])
    };
    let run = |args: &[&str], server: &Server| {
        let all = ["run", "--model", Server::MODEL, "-m", "go"];
        place.flue(all.iter().chain(args)).env(Server::ADDRESS, server.address()).env("GREETING", "passed-on").run()
    };
    let first = server();
    let done = run(&["--sandbox", "local", "--env", "GREETING", "--collect", "out/result.txt:out/"], &first).code(0);
    let here = place.path("").canonicalize().unwrap();
    assert!(done.stderr.starts_with(&format!("{WARNING}sandbox local  {}\n", here.display())), "{}", done.stderr);
    assert!(done.stderr.contains("collected out/result.txt: it is in place\n"), "{}", done.stderr);
    assert_eq!((place.read("copy.txt"), place.read("out/result.txt")), ("to be read".into(), "written".into()));
    assert!(first.requests()[0].contains("Nothing is isolated"), "the model is told");
    assert!(first.requests()[1].contains("passed-on"));

    place.write("agent.md", "---\nsandbox: local\ncwd: out\n---\n");
    let second = Server::start(vec![Turn::Call("bash", r#"{"command":"pwd > where"}"#.into()), Turn::Text("done")]);
    let done = run(&["agent.md"], &second).code(0);
    assert!(done.stderr.starts_with(WARNING), "{}", done.stderr);
    assert_eq!(place.read("out/where"), format!("{}\n", here.join("out").display()));
    // The command line beats the file.
    let third = Server::start(vec![Turn::Text("done")]);
    let done = run(&["agent.md", "--sandbox", "virtual"], &third).code(0);
    assert!(!done.stderr.contains("isolates"), "{}", done.stderr);
}

#[test]
fn an_interrupt_ends_the_processes_of_a_command() {
    let place = Place::new();
    let script = "setsid sleep 297 & echo $! > id; sleep 297 & echo begun; wait";
    let mut child = exec(&place, &[script]).spawn();
    let mut byte = [0];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
    let begun = Instant::now();
    signal(&child, "INT");
    let done = finish(child, begun).code(130);
    assert!(done.took < Duration::from_secs(5), "{:?}", done.took);
    // Whoever adopted it may take its time to reap it.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", place.read("id").trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "the child in a session of its own runs on: {stat}");
}

#[test]
fn a_command_is_run_at_a_terminal_where_one_is_asked_for() {
    let place = Place::new();
    let ask = "test -t 0 && test -t 1 && test -t 2 && echo yes; echo said >&2; cat; exit 7";
    let done = exec(&place, &["--terminal", ask]).stdin("typed\n").run().code(7);
    assert_eq!((&*done.stdout, &*done.stderr), ("yes\nsaid\ntyped\n", WARNING));
    let done = place.flue(["exec", "--terminal", "echo ran"]).run().code(125);
    assert_eq!(done.stdout, "");
    assert_eq!(done.stderr, "error: exec: this sandbox has no terminals; run the command without one\n");
}
