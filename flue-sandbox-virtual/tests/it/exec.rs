//! What one execution gets, gives and leaves behind, beyond what every sandbox must do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecEnd, ExecRequest, OpenRequest, OutputStream, Sandbox, SandboxPath};
use flue_core_testkit::Recorder;
use flue_sandbox_virtual::{Virtual, VirtualLimits};

use crate::support::{fresh, open, run, said};

#[tokio::test]
async fn the_environment_is_that_of_a_user_in_a_workspace() {
    let output = run(&*fresh().await, "pwd; whoami; hostname; id -u; env | sort; ls -d ~ /tmp").await;
    let expected = "/workspace\nuser\nsandbox\n1000\nHOME=/home/user\nHOSTNAME=sandbox\nLANG=C.UTF-8\nLC_ALL=C.UTF-8\n\
                    LOGNAME=user\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=/workspace\nSHELL=/bin/bash\nTERM=dumb\nTZ=UTC\n\
                    USER=user\n/home/user\n/tmp\n";
    assert_eq!(said(&output), expected);
}

#[tokio::test]
async fn the_factory_sets_user_host_base_and_environment() {
    let factory = Virtual::new().user("ann").hostname("box").cwd("/srv/app").env("TZ", "Asia/Tokyo").env("KEY", "1");
    let sandbox = open(&factory).await;
    let output = run(&sandbox, "echo $(whoami) $(hostname) $PWD $HOME $TZ $KEY; touch ~/made && ls ~").await;
    assert_eq!(said(&output), "ann box /srv/app /home/ann Asia/Tokyo 1\nmade\n");
    let below = factory.create(OpenRequest::new("b").with_cwd("sub")).await.unwrap();
    assert_eq!(below.info().cwd.as_str(), "/srv/app/sub");
    assert_eq!(said(&run(&below, "pwd").await), "/srv/app/sub\n");
}

#[tokio::test]
async fn names_that_cannot_be_are_refused_when_a_sandbox_opens() {
    for factory in [
        Virtual::new().user("a b"),
        Virtual::new().user("../etc"),
        Virtual::new().hostname(""),
        Virtual::new().command("a/b", |_| async { Ok("") }),
        Virtual::new().command("-x", |_| async { Ok("") }),
    ] {
        let error = factory.create(OpenRequest::new("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
    let error = Virtual::new().cwd("a\0b").create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

#[tokio::test]
async fn an_environment_that_cannot_be_is_refused() {
    let sandbox = fresh().await;
    for (name, value) in [("", "x"), ("a=b", "x"), ("a\0", "x"), ("a", "x\0")] {
        let error = sandbox.exec(ExecRequest::new("true").with_env(name, value)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?} {value:?}");
    }
}

#[tokio::test]
async fn a_missing_working_directory_is_named() {
    let sandbox = fresh().await;
    let at = |path: &str| ExecRequest::new("pwd").with_cwd(SandboxPath::new(path).unwrap());
    let error = sandbox.exec(at("/nowhere")).await.unwrap_err();
    assert_eq!(error.to_string(), "exec: the working directory does not exist; create it first (cwd: /nowhere)");
    run(&sandbox, "echo x > /workspace/file; ln -s /tmp link").await;
    let error = sandbox.exec(at("/workspace/file")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
    assert!(sandbox.exec(at("/workspace/link")).await.unwrap().success());
}

#[tokio::test]
async fn a_syntax_error_reads_and_exits_as_in_bash() {
    let sandbox = fresh().await;
    let output = run(&sandbox, "echo a\nif then").await;
    assert_eq!((output.end, &*output.stdout_text()), (ExecEnd::Exited(2), "a\n"));
    assert!(output.stderr_text().contains("line 2: syntax error near unexpected token `then'"), "{output:?}");
    let output = run(&sandbox, "if then").await;
    assert_eq!(output.end, ExecEnd::Exited(2));
    assert_eq!(
        output.stderr_text(),
        "bash: -c: line 1: syntax error near unexpected token `then'\nbash: -c: line 1: `if then'\n"
    );
    assert_eq!(said(&run(&sandbox, "echo $'still \\u00fc'").await), "still ü\n");
}

#[tokio::test]
async fn both_ends_of_long_output_are_kept() {
    let sandbox = open(&Virtual::new().limits(VirtualLimits::default().with_output_bytes(20))).await;
    let output = run(&sandbox, "seq 1000; echo short >&2").await;
    assert_eq!(output.stdout_text(), "1\n2\n3\n4\n5\n\n999\n1000\n");
    assert_eq!((output.stdout_dropped, output.stderr_dropped), (3893 - 20, 0));
    assert_eq!(output.stderr_text(), "short\n");
}

#[tokio::test]
async fn output_is_seen_while_the_command_runs() {
    let sandbox = fresh().await;
    let seen = Recorder::new();
    let request = ExecRequest::new("echo one; echo two >&2; sleep 30").with_sink(Arc::new(seen.clone()));
    let cancel = request.cancel.clone();
    let watching = async {
        // Both lines come although the command is far from its end.
        while seen.items().iter().map(|(_, bytes): &(OutputStream, Vec<u8>)| bytes.len()).sum::<usize>() < 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(sandbox.exec(request), watching);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    let of = |stream| {
        let items = seen.items();
        items.iter().filter(|item| item.0 == stream).flat_map(|item| item.1.clone()).collect::<Vec<u8>>()
    };
    assert_eq!((of(OutputStream::Stdout), of(OutputStream::Stderr)), (b"one\n".to_vec(), b"two\n".to_vec()));
}

#[tokio::test]
async fn what_was_written_before_the_time_was_up_is_kept() {
    let sandbox = fresh().await;
    for script in ["echo a; sleep 30", "echo a; while :; do :; done", "echo a; awk 'BEGIN { while (1) x++ }' & wait"] {
        let started = Instant::now();
        let request = ExecRequest::new(script).with_timeout(Duration::from_millis(300));
        let output = sandbox.exec(request).await.unwrap();
        assert_eq!((output.end, output.exit_code()), (ExecEnd::TimedOut, 124), "{script}: {output:?}");
        assert_eq!(output.stdout_text(), "a\n", "{script}");
        assert!(started.elapsed() < Duration::from_secs(3), "{script}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn the_sandboxs_own_time_limit_names_itself() {
    let limits = VirtualLimits::default().with_wall_time(Duration::from_millis(200));
    let sandbox = open(&Virtual::new().limits(limits)).await;
    let output = run(&sandbox, "echo a; sleep 30").await;
    assert_eq!((output.end, &*output.stdout_text()), (ExecEnd::TimedOut, "a\n"));
    assert_eq!(output.stderr_text(), "bash: stopped: the time limit was reached (VirtualLimits::wall_time)\n");
    let sandbox = open(&Virtual::new().limits(limits.with_wall_time(None))).await;
    assert_eq!(said(&run(&sandbox, "sleep 0.3; echo done").await), "done\n");
}

#[tokio::test]
async fn cancelling_stops_a_command_that_does_not_wait() {
    let sandbox = fresh().await;
    for script in ["while :; do :; done", "sleep 30", "yes | while read x; do :; done"] {
        let request = ExecRequest::new(script);
        let cancel = request.cancel.clone();
        let started = Instant::now();
        let (result, ()) = tokio::join!(sandbox.exec(request), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            cancel.cancel();
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled, "{script}");
        assert!(started.elapsed() < Duration::from_secs(2), "{script}: {:?}", started.elapsed());
    }
    assert_eq!(said(&run(&sandbox, "echo on").await), "on\n");
}

#[tokio::test]
async fn dropping_an_execution_stops_it() {
    let limits = VirtualLimits::default().with_concurrent_execs(1);
    let sandbox = open(&Virtual::new().limits(limits)).await;
    let endless = sandbox.exec(ExecRequest::new("while :; do echo x >> log; done"));
    assert!(tokio::time::timeout(Duration::from_millis(200), endless).await.is_err());
    // There is one thread only, so this runs when the dropped one has ended.
    let size = said(&run(&sandbox, "wc -c < log").await);
    assert_eq!(said(&run(&sandbox, "sleep 0.2; wc -c < log").await), size);
}

#[tokio::test]
async fn closing_ends_what_runs_and_frees_the_files() {
    let sandbox = fresh().await;
    run(&sandbox, "echo x > kept").await;
    let closing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sandbox.close().await.unwrap();
    };
    let (result, ()) = tokio::join!(sandbox.exec(ExecRequest::new("sleep 30")), closing);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::SandboxDied);
    assert_eq!(sandbox.snapshot().unwrap_err().kind(), ErrorKind::SandboxDied);
    sandbox.close().await.unwrap();
}

#[tokio::test]
async fn snapshots_hold_the_files_and_nothing_else() {
    let factory = Virtual::new();
    let (one, two) = (open(&factory).await, open(&factory).await);
    run(&one, "echo first > a").await;
    let before = one.snapshot().unwrap();
    run(&one, "echo second > a; echo new > b").await;
    two.restore(&before.clone()).unwrap();
    assert_eq!(said(&run(&two, "cat a; ls").await), "first\na\n");
    one.restore(&before).unwrap();
    assert_eq!(said(&run(&one, "cat a; ls").await), "first\na\n");
}

#[tokio::test]
async fn what_the_model_is_told_is_so() {
    let sandbox = open(&Virtual::new().command("lookup_order", |_| async { Ok("") })).await;
    let notes = sandbox.info().notes.join("\n");
    for absent in ["git", "python", "node"] {
        assert!(notes.contains(absent), "{notes}");
        let output = run(&sandbox, &format!("{absent} --version")).await;
        assert_eq!(output.exit_code(), 127, "{absent}: {output:?}");
    }
    assert!(notes.contains("lookup_order"), "{notes}");
    let nest = |depth: u32| format!("f() {{ if [ $1 -gt 0 ]; then f $(($1 - 1)); else echo end; fi; }}; f {depth}");
    assert_eq!(said(&run(&sandbox, &nest(15)).await), "end\n");
    let output = run(&sandbox, &nest(16)).await;
    assert!(output.stderr_text().contains("nest at most 16 deep"), "{output:?}");
}
