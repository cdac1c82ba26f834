//! Commands: how they end, what they say, what they are given.

use bytes::Bytes;
use flue_core::{ErrorKind, ExecEnd, ExecRequest};

use super::group;
use crate::report::{CaseResult, ensure, ensure_eq};
use crate::sandbox::subject::{Subject, refused};
use crate::sandbox::{Case, Need};

/// As much as one argument may have on Linux (`MAX_ARG_STRLEN`), with room to spare.
const LONG_COMMAND_BYTES: usize = 100_000;
/// More than a pipe holds.
const LARGE_STDIN_BYTES: usize = 1 << 20;

pub(super) fn cases() -> Vec<Case> {
    [
        group!("exec", [Need::NoExec]; a_sandbox_without_a_shell_says_so).to_vec(),
        group!("exec", [Need::Exec];
            a_command_says_something,
            every_exit_code_is_a_result,
            a_missing_command_exits_with_127,
            a_syntax_error_exits_with_2,
            the_last_command_decides,
            an_empty_command_does_nothing,
            a_script_of_many_lines,
            a_long_command,
            standard_output_and_error_are_apart,
            output_keeps_every_byte,
            nothing_to_read_without_stdin,
            cwd_is_where_the_command_starts,
            cwd_is_the_base_directory_when_absent,
            a_missing_cwd_is_an_error,
            a_file_is_no_cwd,
            env_is_given_to_the_command_and_its_children,
            env_values_are_not_expanded,
            env_does_not_outlive_its_command,
            env_with_impossible_names_or_values_is_refused,
            a_nul_in_a_command_is_refused,
            the_environment_of_the_host_stays_outside,
        )
        .to_vec(),
        group!("exec", [Need::Stdin]; stdin_is_read_to_its_end, stdin_that_nobody_reads_is_no_error).to_vec(),
        group!("exec", [Need::Processes]; a_signal_is_a_result).to_vec(),
        group!("exec", [Need::NoTerminal]; a_sandbox_without_terminals_says_so).to_vec(),
        group!("exec", [Need::Terminal]; a_terminal_is_one, what_is_read_at_a_terminal_ends).to_vec(),
    ]
    .concat()
}

async fn a_sandbox_without_a_shell_says_so(t: &Subject) -> CaseResult {
    refused("exec", t.run("true").await, &[ErrorKind::Unsupported])
}

async fn a_command_says_something(t: &Subject) -> CaseResult {
    let output = t.run("echo hello").await?;
    ensure_eq!((output.end, &*output.stdout, &*output.stderr), (ExecEnd::Exited(0), &b"hello\n"[..], &b""[..]), "echo");
    ensure_eq!((output.stdout_dropped, output.stderr_dropped), (0, 0), "nothing was left out");
    Ok(())
}

async fn every_exit_code_is_a_result(t: &Subject) -> CaseResult {
    for code in [0, 1, 3, 42, 126, 255] {
        let output = t.run(format!("echo before; exit {code}; echo after")).await?;
        ensure_eq!(output.end, ExecEnd::Exited(code), "the end of `exit {code}`");
        ensure_eq!(output.stdout, "before\n", "the output of `exit {code}`");
        ensure_eq!((output.exit_code(), output.success()), (code, code == 0), "the exit code");
    }
    ensure_eq!(t.run("false").await?.end, ExecEnd::Exited(1), "the end of `false`");
    Ok(())
}

async fn a_missing_command_exits_with_127(t: &Subject) -> CaseResult {
    let output = t.run("surely-no-such-command --flag").await?;
    ensure_eq!(output.end, ExecEnd::Exited(127), "the end of a command that does not exist");
    let said = output.stderr_text();
    ensure!(said.contains("surely-no-such-command"), "standard error does not name the command: {said:?}");
    Ok(())
}

async fn a_syntax_error_exits_with_2(t: &Subject) -> CaseResult {
    for command in ["if true; then echo x", "echo 'open", "echo )", "for do done"] {
        let output = t.run(command).await?;
        ensure_eq!(output.end, ExecEnd::Exited(2), "the end of `{command}`");
        ensure!(!output.stderr.is_empty(), "`{command}` says nothing on standard error");
    }
    t.still_works().await
}

async fn the_last_command_decides(t: &Subject) -> CaseResult {
    for (command, code) in [
        ("false; true", 0),
        ("true; false", 1),
        ("false | true", 0),
        ("true && false", 1),
        ("false || true", 0),
        ("set -e; false; true", 1),
        ("(exit 7)", 7),
        ("! true", 1),
    ] {
        ensure_eq!(t.run(command).await?.end, ExecEnd::Exited(code), "the end of `{command}`");
    }
    Ok(())
}

async fn an_empty_command_does_nothing(t: &Subject) -> CaseResult {
    for command in ["", "  ", "\n", "# only a comment"] {
        let output = t.run(command).await?;
        ensure_eq!((output.end, &*output.stdout), (ExecEnd::Exited(0), &b""[..]), "{command:?}");
    }
    Ok(())
}

async fn a_script_of_many_lines(t: &Subject) -> CaseResult {
    let said = t
        .sh("x=1\nif [ $x = 1 ]; then\n  cat <<'END'\n$x \"is\" one\nEND\nfi\nfor i in a b; do\n  echo $i\ndone\n")
        .await?;
    ensure_eq!(said, "$x \"is\" one\na\nb\n", "what a script says");
    Ok(())
}

async fn a_long_command(t: &Subject) -> CaseResult {
    let text = "x".repeat(LONG_COMMAND_BYTES);
    ensure_eq!(
        t.sh(&format!("printf %s '{text}' | wc -c")).await?.trim(),
        LONG_COMMAND_BYTES.to_string(),
        "its length"
    );
    Ok(())
}

async fn standard_output_and_error_are_apart(t: &Subject) -> CaseResult {
    let output = t.run("echo out; echo err >&2; echo more; (echo sub >&2)").await?;
    ensure_eq!((&*output.stdout, &*output.stderr), (&b"out\nmore\n"[..], &b"err\nsub\n"[..]), "the two streams");
    let output = t.run("{ echo out; echo err >&2; } 2>&1").await?;
    ensure_eq!((&*output.stdout, &*output.stderr), (&b"out\nerr\n"[..], &b""[..]), "the streams joined");
    Ok(())
}

async fn output_keeps_every_byte(t: &Subject) -> CaseResult {
    let output = t.run(r"printf 'a\000b\351\377 \r\n\033[1m\n\n'; printf '\377\000' >&2").await?;
    ensure_eq!(&*output.stdout, b"a\0b\xe9\xff \r\n\x1b[1m\n\n", "standard output");
    ensure_eq!(&*output.stderr, b"\xff\0", "standard error");
    ensure_eq!(t.run("printf x").await?.stdout, "x", "output without a newline at its end");
    ensure_eq!(t.run("printf '  x \\n\\n'").await?.stdout, "  x \n\n", "white space around output");
    Ok(())
}

async fn nothing_to_read_without_stdin(t: &Subject) -> CaseResult {
    let output = t.run("cat; read line; echo $?; wc -c").await?;
    let said = output.stdout_text().split_whitespace().collect::<Vec<_>>().join(" ");
    ensure_eq!(said, "1 0", "the status of `read` and the bytes that `wc` read");
    Ok(())
}

async fn stdin_is_read_to_its_end(t: &Subject) -> CaseResult {
    let all: Bytes = (0..=255).chain(*b"no newline").collect();
    let output = t.exec(t.command("cat").with_stdin(all.clone())).await?;
    ensure_eq!(output.stdout, all, "what `cat` read");
    let output = t.exec(t.command("read a; read b; echo \"$b$a\"; cat").with_stdin("1\n2\n3\n4")).await?;
    ensure_eq!(output.stdout, "21\n3\n4", "what several commands read, one after another");
    let output = t.exec(t.command("cat").with_stdin("")).await?;
    ensure_eq!((output.end, &*output.stdout), (ExecEnd::Exited(0), &b""[..]), "an empty standard input");
    let large = vec![b'x'; LARGE_STDIN_BYTES];
    let output = t.exec(t.command("wc -c").with_stdin(large)).await?;
    ensure_eq!(output.stdout_text().trim(), LARGE_STDIN_BYTES.to_string(), "the size of a large standard input");
    Ok(())
}

async fn stdin_that_nobody_reads_is_no_error(t: &Subject) -> CaseResult {
    let large = vec![b'x'; LARGE_STDIN_BYTES];
    let output = t.exec(t.command("echo done").with_stdin(large)).await?;
    ensure_eq!((output.end, &*output.stdout), (ExecEnd::Exited(0), &b"done\n"[..]), "a command that reads nothing");
    Ok(())
}

async fn cwd_is_where_the_command_starts(t: &Subject) -> CaseResult {
    for name in ["sub", "with space/$HOME", "-x"] {
        t.put(&format!("{name}/file"), "here").await?;
        let output = t.exec(t.command("cat file; pwd; echo made > made").with_cwd(t.at(name)?)).await?;
        let expected = format!("here{}\n", t.at(name)?);
        ensure_eq!(output.stdout, expected, "a command that starts in {name:?}");
        ensure_eq!(t.get(&format!("{name}/made")).await?, "made\n", "a file that it made there");
    }
    Ok(())
}

async fn cwd_is_the_base_directory_when_absent(t: &Subject) -> CaseResult {
    let pwd = || t.exec(ExecRequest::new("pwd"));
    let expected = format!("{}\n", t.sandbox.info().cwd);
    ensure_eq!(pwd().await?.stdout, expected, "where a command starts");
    t.sh("cd / && pwd").await?;
    ensure_eq!(pwd().await?.stdout, expected, "where a command starts after another one's `cd`");
    Ok(())
}

async fn a_missing_cwd_is_an_error(t: &Subject) -> CaseResult {
    let request = t.command("echo ran > ../ran").with_cwd(t.at("missing")?);
    refused("a missing cwd", t.exec(request).await, &[ErrorKind::NotFound])?;
    ensure_eq!(t.names("").await?, [""; 0], "nothing ran, nothing was made");
    Ok(())
}

async fn a_file_is_no_cwd(t: &Subject) -> CaseResult {
    t.put("file", "").await?;
    refused("a file as cwd", t.exec(t.command("true").with_cwd(t.at("file")?)).await, &[ErrorKind::NotADirectory])
}

async fn env_is_given_to_the_command_and_its_children(t: &Subject) -> CaseResult {
    let request = t.command("echo $GREETING; bash -c 'echo $GREETING'; (echo $GREETING); echo $(echo $GREETING)");
    let output = t.exec(request.with_env("GREETING", "hi")).await?;
    ensure_eq!(output.stdout, "hi\nhi\nhi\nhi\n", "the variable here, in a child, a subshell and a substitution");
    Ok(())
}

async fn env_values_are_not_expanded(t: &Subject) -> CaseResult {
    for value in [
        "",
        " two  spaces ",
        "it's \"quoted\"",
        "$HOME `id` $(id)",
        "a=b",
        "line\nbreak\n",
        "*",
        "\\n",
        "ünï 日本 😀",
        "a;b&c|d",
    ] {
        let output =
            t.exec(t.command("printf '%s' \"$VALUE\"; printf '%s' \"${VALUE+ set}\"").with_env("VALUE", value)).await?;
        ensure_eq!(output.stdout, format!("{value} set"), "a variable");
    }
    Ok(())
}

async fn env_does_not_outlive_its_command(t: &Subject) -> CaseResult {
    t.exec(t.command("true").with_env("SUITE_GIVEN", "1").with_env("PATH", "/nowhere")).await?;
    let said = t.sh("echo ${SUITE_GIVEN-unset}; cat /dev/null && echo found").await?;
    ensure_eq!(said, "unset\nfound\n", "the variables of an earlier command");
    Ok(())
}

async fn env_with_impossible_names_or_values_is_refused(t: &Subject) -> CaseResult {
    for (key, value) in [("", "x"), ("A=B", "x"), ("NUL\0KEY", "x"), ("NUL", "a\0b")] {
        let result = t.exec(t.command("echo ran").with_env(key, value)).await;
        refused(&format!("the variable {key:?} = {value:?}"), result, &[ErrorKind::InvalidInput])?;
    }
    Ok(())
}

async fn a_nul_in_a_command_is_refused(t: &Subject) -> CaseResult {
    refused("a command with a NUL", t.run("echo a\0b").await, &[ErrorKind::InvalidInput])
}

async fn the_environment_of_the_host_stays_outside(t: &Subject) -> CaseResult {
    // Cargo sets these for every test; no sandbox has a reason to hand them on.
    let inherited = t.sh("env | grep -e ^CARGO_PKG_ -e ^CARGO_MANIFEST_ | cut -d= -f1").await?;
    ensure_eq!(inherited, "", "variables of the test process that commands see");
    Ok(())
}

async fn a_signal_is_a_result(t: &Subject) -> CaseResult {
    let output = t.run("echo before; kill -KILL $$; echo after").await?;
    // A shell between the command and the sandbox turns the signal into a status.
    ensure!(matches!(output.end, ExecEnd::Signalled(9) | ExecEnd::Exited(137)), "killed by signal 9: {:?}", output.end);
    ensure_eq!(output.exit_code(), 137, "the status of a command killed by signal 9");
    ensure_eq!(output.stdout, "before\n", "what it said before");
    ensure_eq!(t.run("sh -c 'kill -TERM $$'").await?.exit_code(), 143, "a child killed by signal 15");
    t.still_works().await
}

async fn a_sandbox_without_terminals_says_so(t: &Subject) -> CaseResult {
    let answer = t.exec(ExecRequest::new("echo ran > ran").with_terminal()).await;
    refused("exec", answer, &[ErrorKind::Unsupported])?;
    ensure!(!t.run("test -e ran").await?.success(), "the command ran all the same");
    Ok(())
}

async fn a_terminal_is_one(t: &Subject) -> CaseResult {
    let ask = "test -t 0 && test -t 1 && test -t 2 && echo yes; echo more >&2; exit 3";
    let output = t.exec(ExecRequest::new(ask).with_terminal()).await?;
    ensure_eq!((&*output.stdout, &*output.stderr), (&b"yes\nmore\n"[..], &b""[..]), "what is said at a terminal");
    ensure_eq!(output.end, ExecEnd::Exited(3), "the end at a terminal");
    ensure!(!t.run("test -t 0 || test -t 1 || test -t 2").await?.success(), "nobody asked for this terminal");
    Ok(())
}

async fn what_is_read_at_a_terminal_ends(t: &Subject) -> CaseResult {
    let output = t.exec(ExecRequest::new("cat; echo end").with_terminal()).await?;
    ensure_eq!(output.stdout, "end\n", "reading nothing");
    let output = t.exec(ExecRequest::new("cat; echo end").with_terminal().with_stdin("one\ntwo")).await?;
    ensure_eq!(output.stdout, "one\ntwoend\n", "reading two lines");
    Ok(())
}
