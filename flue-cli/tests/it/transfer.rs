//! Staging and collecting.

use std::fs;

use crate::support::Place;

#[test]
fn files_and_directories_go_in_and_come_out() {
    let place = Place::new();
    place.write("a.txt", "a").write("src/b.txt", "b").write("src/deep/c.txt", "c");
    let args = [
        "exec",
        "--stage",
        "a.txt",
        "--stage",
        "src",
        "--stage",
        "a.txt:other/name.txt",
        "--stage",
        "a.txt:/tmp/",
        "--collect",
        "out",
        "--collect",
        "list.txt:kept/",
        "--collect",
        "list.txt:renamed.txt",
        "find . /tmp -type f > /list; sort /list > list.txt; mkdir -p out/x; cat src/deep/c.txt > out/x/y; echo 1 > out/z",
    ];
    let done = place.flue(args).run().code(0);
    assert_eq!(done.stderr, "");
    let list = place.read("renamed.txt");
    assert_eq!(list, "./a.txt\n./other/name.txt\n./src/b.txt\n./src/deep/c.txt\n/tmp/a.txt\n");
    assert_eq!(place.read("kept/list.txt"), list);
    assert_eq!((place.read("out/x/y"), place.read("out/z")), ("c".into(), "1\n".into()));
    assert_eq!(place.names(), ["a.txt", "kept", "out", "renamed.txt", "src"]);
}

#[test]
fn the_current_directory_is_staged_and_collected_as_its_files() {
    let place = Place::new();
    place.write("a.txt", "a");
    place.flue(["exec", "--stage", ".", "--collect", ".:result", "cat a.txt > b.txt"]).run().code(0);
    assert_eq!((place.read("result/a.txt"), place.read("result/b.txt")), ("a".into(), "a".into()));
}

#[test]
fn what_is_missing_is_named_before_anything_runs() {
    let done = Place::new().flue(["exec", "--stage", "gone.md", "echo ran"]).run().code(2);
    assert_eq!(done.stdout, "");
    assert_eq!(done.stderr, "error: stage: there is no such file or directory (path: gone.md)\n");
}

#[test]
fn what_was_never_written_is_an_error_and_costs_nothing_else() {
    let place = Place::new();
    let args =
        ["exec", "--collect", "review.md", "--collect", "b.md", "--collect", "b/c.md", "echo out; echo b > b.md"];
    let done = place.flue(args).run().code(125);
    assert_eq!((&*done.stdout, place.read("b.md").as_str()), ("out\n", "b\n"));
    insta::assert_snapshot!(done.stderr, @r"
    error: collect: there is no such file in the sandbox; it was never written (path: /workspace/review.md, there_is: b.md)
    error: collect: there is no such file in the sandbox; it was never written (path: /workspace/b/c.md)
    ");
}

#[test]
fn the_code_of_a_failed_command_stands_and_its_files_come_out() {
    let place = Place::new();
    let done = place.flue(["exec", "--collect", "a", "--collect", "gone", "echo 1 > a; exit 9"]).run().code(9);
    assert_eq!(place.read("a"), "1\n");
    assert!(done.stderr.contains("it was never written (path: /workspace/gone"), "{}", done.stderr);
}

#[test]
fn a_collected_file_replaces_one_whole_and_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.write("run.sh", "a much longer file than the new one");
    fs::set_permissions(place.path("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    place.flue(["exec", "--collect", "run.sh", "echo new > run.sh"]).run().code(0);
    assert_eq!(place.read("run.sh"), "new\n");
    assert_eq!(fs::metadata(place.path("run.sh")).unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(place.names(), ["run.sh"]);

    fs::set_permissions(place.path("run.sh"), fs::Permissions::from_mode(0o440)).unwrap();
    let done = place.flue(["exec", "--collect", "run.sh", "echo newer > run.sh"]).run().code(125);
    assert!(done.stderr.contains("the file there is read-only"), "{}", done.stderr);
    assert_eq!(place.read("run.sh"), "new\n");
}

#[test]
fn links_are_left_out_of_what_is_staged_and_never_written_through() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.write("outside/secret", "secret").write("project/a.txt", "a");
    symlink("../outside/secret", place.path("project/link")).unwrap();
    symlink("../outside", place.path("project/dir")).unwrap();

    let done = place.flue(["exec", "--stage", "project", "ls project"]).run().code(0);
    assert_eq!(done.stdout, "a.txt\n");
    assert_eq!(done.stderr, "note: left out of project: 2 symbolic links, pipes or devices\n");

    // The agent cannot know that these are links on the host.
    for script in ["mkdir project; echo evil > project/link", "mkdir -p project/dir; echo evil > project/dir/secret"] {
        let done = place.flue(["exec", "--collect", "project", script]).run().code(125);
        assert!(done.stderr.contains("there is a symbolic link"), "{}", done.stderr);
        assert_eq!(place.read("outside/secret"), "secret");
        assert!(place.path("project/link").is_symlink());
    }

    // What the user names is followed.
    symlink("target.txt", place.path("named")).unwrap();
    place.write("target.txt", "old");
    place.flue(["exec", "--stage", "named", "--collect", "named", "cat named; echo new > named"]).run().code(0);
    assert_eq!(place.read("target.txt"), "new\n");
    assert!(place.path("named").is_symlink());
}

#[test]
fn pipes_and_devices_are_written_into_and_not_replaced() {
    let place = Place::new();
    // What /dev/stdout is; that one itself is not put at risk.
    std::os::unix::fs::symlink("/proc/self/fd/1", place.path("stdout")).unwrap();
    let done = place.flue(["exec", "--collect", "a:stdout", "echo to stdout > a"]).run().code(0);
    assert_eq!(done.stdout, "to stdout\n");
    assert!(place.path("stdout").is_symlink());
}

#[test]
fn a_link_that_leads_nowhere_is_left_alone() {
    let place = Place::new();
    std::os::unix::fs::symlink("nowhere", place.path("link")).unwrap();
    let done = place.flue(["exec", "--collect", "a:link", "echo a > a"]).run().code(125);
    assert!(done.stderr.contains("(path: link)"), "{}", done.stderr);
    assert_eq!(place.names(), ["link"]);
}

#[test]
fn names_that_are_not_utf8_are_told_or_renamed() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let odd = OsStr::from_bytes(b"odd-\xff");
    fs::write(place.path("").join(odd), "x").unwrap();
    let stage = |value: &[u8]| {
        place.flue([OsStr::new("exec"), OsStr::new("--stage"), OsStr::from_bytes(value), OsStr::new("cat *")])
    };
    assert_eq!(stage(b"odd-\xff:good").run().code(0).stdout, "x");
    let done = stage(b"odd-\xff").run().code(125);
    assert_eq!(
        done.stderr,
        "error: stage: it could not be copied into the sandbox (source: \"odd-\\xFF\"): stage: the name is not UTF-8; say what \
         it is called there: SRC:DEST\n"
    );
    let done = stage(b".").run().code(125);
    assert!(done.stderr.contains("a name is not UTF-8 text") && done.stderr.contains(r"odd-\xFF"), "{}", done.stderr);
}

#[test]
fn an_empty_name_is_no_name() {
    let place = Place::new();
    for option in ["--stage", "--collect"] {
        let done = place.flue(["exec", option, "", "ls"]).run().code(2);
        assert!(done.stderr.contains("name a file or directory"), "{}", done.stderr);
    }
}
