//! How commands are started, and what they cannot be.

use std::time::Duration;

use flue_core::{ErrorKind, ExecEnd, ExecRequest, Sandbox};
use flue_sandbox_local::Local;

use crate::temp::{Temp, open, said, sh};

#[tokio::test]
async fn a_plain_bash_that_leads_its_group_and_has_nothing_to_read() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let facts = said(
        &sandbox,
        "echo ${BASH:0:1}${BASH##*/}; shopt -q login_shell || echo plain; readlink /proc/self/fd/0; \
         read -r stat < /proc/$$/stat; set -- ${stat##*)}; [ $3 = $$ ] && echo leads",
    );
    assert_eq!(facts.await, "/bash\nplain\n/dev/null\nleads\n");
}

#[tokio::test]
async fn a_writer_whose_reader_has_gone_is_told_by_signal() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    assert_eq!(said(&sandbox, "yes | head -n 1; echo ${PIPESTATUS[0]}").await, "y\n141\n");
}

#[tokio::test]
async fn what_commands_are_given_as_path_does_not_decide_which_shell_runs() {
    let temp = Temp::new();
    temp.put("bash", "#!/bin/sh\necho other shell\n");
    std::process::Command::new("chmod").arg("+x").arg(temp.path().join("bash")).status().unwrap();
    let sandbox = open(&Local::new(temp.path()).env("PATH", temp.path().to_str().unwrap())).await;
    assert_eq!(said(&sandbox, "echo $BASH_VERSION | grep -c . || echo ${BASH_VERSION:+bash}").await, "bash\n");
    let request = ExecRequest::new("echo ${BASH_VERSION:+bash}").with_env("PATH", temp.path().to_str().unwrap());
    assert_eq!(sandbox.exec(request).await.unwrap().stdout, "bash\n");
}

#[tokio::test]
async fn a_command_longer_than_an_argument_runs_like_any_other() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let text = "é'\"\\ $x\n".repeat(50_000);
    let command = format!("cat <<'END'\n{text}END\necho $# $0 >&2; exit 3");
    assert!(command.len() > 400_000);
    let output = sh(&sandbox, &command).await.unwrap();
    assert_eq!(output.end, ExecEnd::Exited(3));
    assert!(output.stdout == text.as_bytes(), "{} bytes came back", output.stdout.len());
    assert_eq!(output.stderr, sh(&sandbox, "echo $# $0 >&2").await.unwrap().stderr);
    let broken = format!("if true; then # {text}");
    assert_eq!(sh(&sandbox, &broken.replace('\n', " ")).await.unwrap().end, ExecEnd::Exited(2));
}

#[tokio::test]
async fn what_is_too_long_is_refused_with_what_to_do() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let error = sh(&sandbox, &" ".repeat(2 << 20)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.to_string().contains("write the data to a file first"), "{error}");
    let error = sandbox.exec(ExecRequest::new("true").with_env("BIG", "x".repeat(200_000))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
}

#[tokio::test]
async fn a_missing_cwd_is_told_from_a_missing_shell() {
    let temp = Temp::new();
    temp.put("file", "");
    let sandbox = temp.open().await;
    for (path, kind) in [("missing", ErrorKind::NotFound), ("file", ErrorKind::NotADirectory)] {
        let error = sandbox.exec(ExecRequest::new("true").with_cwd(temp.at(path))).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("working directory"), "{error}");
        assert_eq!(error.fact("path"), Some(temp.at(path).as_str()));
    }
}

#[tokio::test]
async fn input_and_output_larger_than_pipes_pass_each_other() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let data: Vec<u8> = (0..4_000_000_u32).map(|number| (number % 251) as u8).collect();
    let request = ExecRequest::new("tee /dev/stderr").with_stdin(data.clone()).with_timeout(Duration::from_secs(20));
    let output = sandbox.exec(request).await.unwrap();
    assert_eq!(output.end, ExecEnd::Exited(0));
    assert!(output.stdout == data && output.stderr == data);
}
