//! `flue exec`: commands, words, streams and codes.

use crate::support::Place;

#[test]
fn output_and_code_are_those_of_the_command() {
    let done = Place::new().flue(["exec", "echo out; echo err >&2; exit 7"]).run().code(7);
    assert_eq!((&*done.stdout, &*done.stderr), ("out\n", "err\n"));
}

#[test]
fn a_program_that_a_virtual_sandbox_lacks_is_told_where_it_is() {
    let place = Place::new();
    let told = |args: &[&str]| {
        place.flue(args).run().code(127).stderr.contains("note: a virtual sandbox has commands of its own")
    };
    assert!(told(&["exec", "git", "status"]));
    assert!(told(&["exec", "--sandbox", "virtual:contained", "git status"]));
    assert!(!told(&["exec", "--sandbox", "local", "no-such-program"]));
}

#[test]
fn output_is_passed_on_byte_for_byte() {
    let done = Place::new().flue(["exec", r"printf '\xff\x00\x1b[2J no newline'"]).run().code(0);
    assert_eq!(done.stdout_bytes, b"\xff\x00\x1b[2J no newline");
}

#[test]
fn one_argument_is_shell_text_and_several_are_words() {
    let place = Place::new();
    assert_eq!(place.flue(["exec", "echo a  b | tr a c"]).run().code(0).stdout, "c b\n");
    assert_eq!(place.flue(["exec", "echo", "a  b | tr a c"]).run().code(0).stdout, "a  b | tr a c\n");
    assert_eq!(place.flue(["exec", "--", "echo", "it's", "$HOME", "*"]).run().code(0).stdout, "it's $HOME *\n");
    assert_eq!(place.flue(["exec", "--", "bash", "-c", "echo $((1+2))"]).run().code(0).stdout, "3\n");
    assert_eq!(place.flue(["exec", "printf", "%s-", "-n", "--stage"]).run().code(0).stdout, "-n---stage-");
}

#[test]
fn what_is_piped_in_is_what_the_command_reads() {
    let done = Place::new().flue(["exec", "sort"]).stdin("b\na\n").run().code(0);
    assert_eq!(done.stdout, "a\nb\n");
}

#[test]
fn a_script_comes_from_standard_input_or_a_file_and_reads_nothing() {
    let place = Place::new();
    let script = "echo one\ncat\necho two\nexit 4\n";
    place.write("script.sh", script);
    assert_eq!(place.flue(["exec", "-"]).stdin(script).run().code(4).stdout, "one\ntwo\n");
    assert_eq!(place.flue(["exec", "--script", "-"]).stdin(script).run().code(4).stdout, "one\ntwo\n");
    assert_eq!(place.flue(["exec", "--script", "script.sh"]).run().code(4).stdout, "one\ntwo\n");
    let read = place.flue(["exec", "--script", "script.sh"]).stdin("piped\n").run().code(4);
    assert_eq!(read.stdout, "one\npiped\ntwo\n");
    let done = place.flue(["exec", "--script", "gone.sh"]).run().code(2);
    assert_eq!(done.stderr, "error: read script: there is no such file or directory (path: gone.sh)\n");
}

#[test]
fn variables_and_directory_are_set_and_the_hosts_are_not_seen() {
    let place = Place::new();
    let done = place
        .flue(["exec", "--env", "A=1", "--env", "B=x=y", "--cwd", "sub", "echo $A $B $SECRET; pwd"])
        .env("SECRET", "planted")
        .run()
        .code(0);
    assert_eq!(done.stdout, "1 x=y\n/workspace/sub\n");
    let done = place.flue(["exec", "--env", "SECRET", "echo $SECRET"]).env("SECRET", "planted").run().code(0);
    assert_eq!(done.stdout, "planted\n");
    let done = place.flue(["exec", "--env", "SECRET", "ls"]).run().code(2);
    assert_eq!(
        done.stderr,
        "error: pass on a variable: it is not set here; set it, or write KEY=VALUE (key: SECRET)\n"
    );
    assert!(place.flue(["exec", "--env", "=A", "ls"]).run().code(2).stderr.contains("write KEY=VALUE"));
}

#[test]
fn the_time_limit_has_its_own_code() {
    let done = Place::new().flue(["exec", "--timeout", "300ms", "echo begun; while :; do :; done"]).run().code(124);
    assert_eq!(done.stdout, "begun\n");
    assert_eq!(done.stderr, "error: exec: the time limit passed (seconds: 0.3)\n");
}

#[test]
fn the_time_limit_covers_standard_input_that_does_not_end() {
    let place = Place::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_flue"));
    command.args(["exec", "--timeout", "300ms", "cat"]).current_dir(place.path("")).stdin(std::process::Stdio::piped());
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // `finish` takes the outputs only: the child's standard input stays open.
    crate::support::finish(child, std::time::Instant::now()).code(124);
}
