//! What commands see of the environment, and who sees its values.

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_local::Local;

use crate::alone::{is_alone, plainly};
use crate::temp::{Temp, open, said};

/// What commands may have of the host's, what bash adds, and the mark.
const EXPECTED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "HOSTNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TERM",
    "TMPDIR",
    "TMP",
    "TEMP",
    "PWD",
    "SHLVL",
    "_",
    "FLUE_EXEC_ID",
];
const SECRET: &str = "hunter2-planted";

#[test]
fn a_secret_of_the_host_is_not_passed_on() {
    let name = "environment::a_secret_of_the_host_is_not_passed_on";
    let planted = |exe: &std::path::Path, args: &[&str]| {
        let mut command = plainly(exe, args);
        command.env("OPENAI_API_KEY", SECRET).env("BASH_ENV", SECRET).env("LC_SECRET", SECRET).env("TZ", "UTC");
        command
    };
    if !is_alone(name, planted) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let temp = Temp::new();
        let sandbox = temp.open().await;
        let seen = said(&sandbox, "env; tr '\\0' '\\n' < /proc/$$/environ").await;
        assert!(!seen.contains(SECRET), "{seen}");
        let names = seen.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
        let others: Vec<&str> = names.filter(|name| !EXPECTED.contains(name)).collect();
        assert_eq!(others, [""; 0]);
        assert!(seen.contains("TZ=UTC"), "{seen}");
        let exposed = open(&Local::new(temp.path()).expose("OPENAI_API_KEY").expose("NOT_SET")).await;
        assert_eq!(said(&exposed, "echo $OPENAI_API_KEY ${NOT_SET-unset}").await, format!("{SECRET} unset\n"));
    });
}

#[tokio::test]
async fn variables_are_set_taken_away_and_laid_over() {
    let temp = Temp::new();
    let local = Local::new(temp.path()).env("A", "1").env("B", "2").unset("B").unset("HOME");
    let sandbox = open(&local).await;
    let request = ExecRequest::new("echo $A ${B-unset} ${HOME-unset} $C").with_env("A", "over").with_env("C", "3");
    assert_eq!(sandbox.exec(request).await.unwrap().stdout, "over unset unset 3\n");
    assert_eq!(said(&sandbox, "echo $A ${C-unset}").await, "1 unset\n");
}

#[tokio::test]
async fn values_are_shown_nowhere() {
    let temp = Temp::new();
    let local = Local::new(temp.path()).env("API_KEY", SECRET);
    let sandbox = open(&local).await;
    let shown = format!("{local:?} {local:#?} {sandbox:?} {sandbox:#?} {:?}", sandbox.info());
    assert!(shown.contains("API_KEY") && !shown.contains(SECRET), "{shown}");
    let request = || ExecRequest::new("true").with_env("ALSO", SECRET);
    let mut errors = vec![
        sandbox.exec(request().with_cwd(temp.at("missing"))).await.unwrap_err(),
        sandbox.exec(request().with_env("A=B", SECRET)).await.unwrap_err(),
        sandbox.exec(request().with_env("NUL", format!("{SECRET}\0"))).await.unwrap_err(),
        sandbox.exec(request().with_env("LONG", SECRET.repeat(100_000))).await.unwrap_err(),
    ];
    let refused = Local::new(temp.path()).env("", SECRET).create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Config);
    errors.push(refused);
    for error in errors {
        assert!(!format!("{error:?} {error:#}").contains(SECRET), "{error:?}");
    }
}
