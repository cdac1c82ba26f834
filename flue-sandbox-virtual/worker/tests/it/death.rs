//! Sandboxes that die: what is told, how soon, and who is not touched.

use std::time::{Duration, Instant};

use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{CreateDir, ErrorKind, ExecRequest, Remove, Sandbox};
use flue_sandbox_virtual::{Virtual, VirtualLimits};
use flue_sandbox_virtual_worker::Death;

use crate::support::{AT_ONCE, assert_died, contained, eventually, exists, fresh, kill, open, sh};

#[tokio::test]
async fn a_kill_in_the_middle_of_a_command_is_told_at_once() {
    let (sandbox, beside) = (fresh().await, fresh().await);
    sh(&sandbox, "echo x > file").await;
    let pid = sandbox.pid();
    let killer = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        kill("-KILL", pid);
        Instant::now()
    };
    let both = [ExecRequest::new("while :; do :; done"), ExecRequest::new("sleep 30")];
    let [busy, asleep] = both.map(|request| sandbox.exec(request));
    let (busy, asleep, killed) = tokio::join!(busy, asleep, killer);
    assert!(killed.elapsed() < AT_ONCE, "told after {:?}", killed.elapsed());
    assert_died(&sandbox, busy, Death::Killed);
    assert_died(&sandbox, asleep, Death::Killed);
    assert!(!exists(pid), "it was waited for");

    // From then on everything says so, and the rest goes on.
    let (cwd, file) = (sandbox.info().cwd.clone(), sandbox.info().cwd.join("file").unwrap());
    assert_died(&sandbox, sandbox.fs().read(&file).await, Death::Killed);
    assert_died(&sandbox, sandbox.fs().write(&file, "y".into()).await, Death::Killed);
    assert_died(&sandbox, sandbox.fs().metadata(&file).await, Death::Killed);
    assert_died(&sandbox, sandbox.fs().list(&cwd).await, Death::Killed);
    assert_died(&sandbox, sandbox.fs().create_dir(&file, CreateDir::default()).await, Death::Killed);
    assert_died(&sandbox, sandbox.fs().remove(&file, Remove::default()).await, Death::Killed);
    assert_died(&sandbox, sandbox.grep(GrepQuery::new("x", cwd.clone(), 1)).await, Death::Killed);
    assert_died(&sandbox, sandbox.glob(GlobQuery::new("*", cwd, 1)).await, Death::Killed);
    assert_died(&sandbox, sandbox.exec(ExecRequest::new("true")).await, Death::Killed);
    assert_died(&sandbox, sandbox.snapshot().await, Death::Killed);
    sandbox.close().await.unwrap();
    assert_eq!(sh(&beside, "echo on").await, "on\n");
}

#[tokio::test]
async fn a_crash_is_told_from_a_kill() {
    for (signal, death) in [("-ABRT", Death::Crashed), ("-ILL", Death::Crashed), ("-TERM", Death::Killed)] {
        let sandbox = fresh().await;
        let (pid, run) = (sandbox.pid(), sandbox.exec(ExecRequest::new("sleep 30")));
        let killer = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            kill(signal, pid);
        };
        let (result, ()) = tokio::join!(run, killer);
        assert_died(&sandbox, result, death);
    }
}

#[tokio::test]
async fn a_death_between_two_calls_is_seen_without_one() {
    let sandbox = fresh().await;
    kill("-KILL", sandbox.pid());
    eventually("the death is noticed", || sandbox.death() == Some(Death::Killed)).await;
    assert!(!exists(sandbox.pid()));
}

#[tokio::test]
async fn processor_time_ends() {
    let sandbox = open(&contained(Virtual::new()).cpu_time(Duration::from_millis(700))).await;
    assert_eq!(sandbox.containment().cpu_time, Some(Duration::from_secs(1)), "rounded up, as the kernel counts");
    let result = sandbox.exec(ExecRequest::new("while :; do :; done").with_timeout(Duration::from_secs(100))).await;
    assert_died(&sandbox, result, Death::CpuLimit);
}

#[tokio::test]
async fn no_answer_is_not_waited_for() {
    let beside = fresh().await;
    let sandbox = fresh().await;
    kill("-STOP", sandbox.pid());
    let started = Instant::now();
    let request = ExecRequest::new("echo never").with_timeout(Duration::from_secs(1));
    assert_died(&sandbox, sandbox.exec(request).await, Death::NoAnswer);
    assert!(started.elapsed() >= Duration::from_secs(3), "not before it could be: {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(!exists(sandbox.pid()));
    assert_eq!(sh(&beside, "echo on").await, "on\n");

    // A call that nobody waits for any more is not a way around that.
    let sandbox = fresh().await;
    kill("-STOP", sandbox.pid());
    let dropped = tokio::time::timeout(Duration::from_millis(50), sandbox.exec(ExecRequest::new("true"))).await;
    assert!(dropped.is_err());
    tokio::time::timeout(Duration::from_secs(30), async {
        while sandbox.death().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(sandbox.death(), Some(Death::NoAnswer));
}

#[tokio::test]
async fn time_that_is_up_is_no_death() {
    let limits = VirtualLimits::default().with_wall_time(Duration::from_millis(300));
    let sandbox = open(&contained(Virtual::new().limits(limits))).await;
    let output = sandbox.exec(ExecRequest::new("echo said; sleep 30")).await.unwrap();
    assert_eq!((output.exit_code(), output.stdout_text().as_ref()), (124, "said\n"));
    assert!(output.stderr_text().contains("VirtualLimits::wall_time"), "{output:?}");
    assert_eq!(sh(&sandbox, "echo on").await, "on\n");
}

#[tokio::test]
async fn the_errors_say_what_to_do() {
    let sandbox = fresh().await;
    kill("-KILL", sandbox.pid());
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "exec: the sandbox is gone with its files: its process was killed; open a new one (reason: killed)"
    );
    let sandbox = fresh().await;
    sandbox.close().await.unwrap();
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::SandboxDied, "exec: the sandbox was closed; open a new one")
    );
    assert_eq!(sandbox.death(), None);
}
