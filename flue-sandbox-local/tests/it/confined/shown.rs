//! What commands see of themselves, and what is said of them.

use flue_core::{ErrorKind, ExecEnd, ExecRequest, Sandbox, SandboxLevel};

use super::{confined, policy};
use crate::temp::{Temp, said, sh};

#[tokio::test]
async fn a_sandbox_says_what_it_is() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let sandbox = confined(temp.path(), policy()).await;
    let info = sandbox.info();
    assert_eq!((info.level, &*info.provider), (SandboxLevel::Confined, "local"));
    assert_eq!(info.capabilities.network, flue_core::NetworkReach::None);
    let notes = info.notes.join("\n");
    for told in ["held by the kernel", "no network", ".git/hooks", "nothing runs on in the background"] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
    assert!(!notes.contains("Nothing is isolated") && !notes.contains("Not enforced"), "{notes}");
}

#[tokio::test]
async fn ends_and_errors_are_those_of_any_command() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put("file", "");
    let sandbox = confined(temp.path(), policy()).await;
    assert_eq!(sh(&sandbox, "kill -SEGV $$").await.unwrap().end, ExecEnd::Signalled(11));
    assert_eq!(sh(&sandbox, "kill -KILL $$").await.unwrap().end, ExecEnd::Signalled(9));
    assert_eq!(sh(&sandbox, "exit 255").await.unwrap().end, ExecEnd::Exited(255));
    for (cwd, kind) in [("missing", ErrorKind::NotFound), ("file", ErrorKind::NotADirectory)] {
        let error = sandbox.exec(ExecRequest::new("true").with_cwd(temp.at(cwd))).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains("working directory"), "{error}");
    }
    // What is there for this program may be hidden from commands.
    let elsewhere = Temp::new();
    let error = sandbox.exec(ExecRequest::new("true").with_cwd(elsewhere.at(""))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.to_string().contains("working directory"), "{error}");
    let error = sandbox.exec(ExecRequest::new("true").with_env("BIG", "x".repeat(200_000))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
    let long = format!("cat <<'END'\n{}\nEND", "y".repeat(500_000));
    assert_eq!(sh(&sandbox, &long).await.unwrap().stdout.len(), 500_001);
    let data = vec![b'z'; 3 << 20];
    let output = sandbox.exec(ExecRequest::new("tee /dev/stderr").with_stdin(data.clone())).await.unwrap();
    assert!(output.stdout == data && output.stderr == data);
}

#[tokio::test]
async fn a_command_is_alone_and_without_powers() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let sandbox = confined(temp.path(), policy()).await;
    let processes = said(&sandbox, "ls -d /proc/[0-9]* | wc -l").await;
    assert!(processes.trim().parse::<u32>().unwrap() <= 5, "{processes}");
    let status = said(&sandbox, "cat /proc/self/status /proc/1/status").await;
    let caps: Vec<_> = status.lines().filter(|line| line.starts_with("Cap")).collect();
    assert!(caps.len() == 10 && caps.iter().all(|line| line.ends_with("0000000000000000")), "{caps:?}");
    assert_eq!(said(&sandbox, "cat /proc/sys/kernel/pid_max").await, "513\n");
    assert_ne!(std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap(), "513\n", "the machine's own was set");
    assert_eq!(said(&sandbox, "ls /proc/self/fd | tr '\\n' ' '").await, "0 1 2 3 ");
    assert_eq!(said(&sandbox, "cat /proc/net/route | wc -l").await, "1\n");
}

#[tokio::test]
async fn tools_of_the_host_are_found_though_home_is_another() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let sandbox = confined(temp.path(), policy()).await;
    let home = said(&sandbox, "printf %s $HOME").await;
    assert_ne!(Some(home.into()), std::env::var_os("HOME"));
    // By the compiler that built this, in the place where it was.
    let cargo = env!("CARGO");
    temp.put("Cargo.toml", "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2021\"\n");
    temp.put("src/lib.rs", "#[test]\nfn passes() {}\n");
    let output = sh(&sandbox, &format!("'{cargo}' test --offline 2>&1")).await.unwrap();
    assert!(output.success() && output.stdout_text().contains("1 passed"), "{}", output.stdout_text());
}
