//! Commands of the application: they run here, and nothing of what they use goes over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flue_core::{Error, ErrorKind, ExecRequest, Sandbox};
use flue_sandbox_virtual::{CommandOutput, Virtual};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::{contained, eventually, open, run, sh};

#[tokio::test]
async fn a_call_brings_what_the_script_gave() {
    let described = Virtual::new().command("probe", |call| async move {
        let stdin = String::from_utf8_lossy(&call.stdin).into_owned();
        let set = call.env.get("SET").cloned().unwrap_or_default();
        Ok(format!("{:?} {stdin:?} {} {set}\n", call.args, call.cwd))
    });
    let sandbox = open(&contained(described)).await;
    let said =
        sh(&sandbox, "mkdir d; cd d; export SET=x; printf 'in\\n' | probe 'a b' '' \"$(echo c)\" | tr a A").await;
    assert_eq!(said, "[\"A b\", \"\", \"c\"] \"in\\n\" /workspAce/d x\n");
    assert!(sandbox.info().notes.iter().any(|note| note.contains("probe")), "{:?}", sandbox.info().notes);
}

#[tokio::test]
async fn status_error_and_panic_are_told() {
    let described = Virtual::new()
        .command("fails", |_| async { Ok(CommandOutput::failed(7, "bad\n").with_stderr("worse\n")) })
        .command("errs", |_| async { Err::<String, _>(Error::new(ErrorKind::NotFound, "find it", "not there")) })
        .command("panics", |call| async move {
            assert!(call.args.is_empty(), "a bug of the application");
            Ok("")
        });
    let sandbox = open(&contained(described)).await;
    let output = run(&sandbox, "fails; echo $?; errs; echo $?; panics x; echo $?; panics; echo $?").await;
    assert_eq!(output.stdout_text(), "7\n1\n1\n0\n");
    assert_eq!(output.stderr_text(), "worse\nfind it: not there\nthe command failed unexpectedly\n");
}

#[tokio::test]
async fn much_goes_in_and_comes_out() {
    let described =
        Virtual::new().command("twice", |call| async move { Ok([call.stdin.clone(), call.stdin].concat()) });
    let sandbox = open(&contained(described)).await;
    assert_eq!(sh(&sandbox, "seq 300000 | twice | wc -l").await, "600000\n");
}

#[tokio::test]
async fn much_at_once_waits_and_more_than_fits_is_refused() {
    // Four of the largest may be on their way at a time; of these, some wait.
    let limits = flue_sandbox_virtual::VirtualLimits::default().with_memory_bytes(4 << 20);
    let described = Virtual::new().limits(limits).command("size", |call| async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(format!("{}\n", call.stdin.len()))
    });
    let sandbox = open(&contained(described)).await;
    sh(&sandbox, "seq 250000 > f").await;
    let runs = (0..16).map(|_| sh(&sandbox, "cat f | size"));
    for said in futures_util::future::join_all(runs).await {
        assert_eq!(said, "1638895\n");
    }
    let output = run(&sandbox, "size $(seq 140000); echo $?").await;
    assert_eq!(
        (output.stdout_text().as_ref(), output.stderr_text().as_ref()),
        ("1\n", "exec: Argument list too long\n")
    );
    assert_eq!(sh(&sandbox, "echo on").await, "on\n");
}

#[tokio::test]
async fn a_command_that_is_stopped_stops_its_handler() {
    let (begun, stopped) = (Arc::new(Notify::new()), CancellationToken::new());
    let (tell, fired) = (Arc::clone(&begun), stopped.clone());
    let described = Virtual::new().command("waits", move |call| {
        let (tell, fired) = (Arc::clone(&tell), fired.clone());
        async move {
            tokio::spawn(async move {
                call.cancel.cancelled().await;
                fired.cancel();
            });
            tell.notify_one();
            std::future::pending::<()>().await;
            Ok("")
        }
    });
    let sandbox = open(&contained(described)).await;
    let cancel = CancellationToken::new();
    let stop = async {
        begun.notified().await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(sandbox.exec(ExecRequest::new("waits").with_cancel(cancel.clone())), stop);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    tokio::time::timeout(Duration::from_secs(10), stopped.cancelled()).await.unwrap();
    assert_eq!(sh(&sandbox, "echo on").await, "on\n");
}

#[tokio::test]
async fn a_sandbox_that_dies_stops_its_handlers() {
    struct Gone(Arc<AtomicUsize>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (begun, gone) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (tell, counted) = (Arc::clone(&begun), Arc::clone(&gone));
    let described = Virtual::new().command("waits", move |_| {
        let (tell, gone) = (Arc::clone(&tell), Gone(Arc::clone(&counted)));
        async move {
            tell.notify_one();
            std::future::pending::<()>().await;
            drop(gone);
            Ok("")
        }
    });
    let sandbox = open(&contained(described)).await;
    let close = async {
        begun.notified().await;
        sandbox.close().await
    };
    let (result, closed) = tokio::join!(sandbox.exec(ExecRequest::new("waits")), close);
    assert_eq!((result.unwrap_err().kind(), closed.is_ok()), (ErrorKind::SandboxDied, true));
    eventually("the handler is gone", || gone.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn they_run_on_the_runtime_of_who_runs_the_script() {
    let here = tokio::runtime::Handle::current().id();
    let described = Virtual::new()
        .command("where", move |_| async move { Ok((tokio::runtime::Handle::current().id() == here).to_string()) });
    let sandbox = open(&contained(described)).await;
    assert_eq!(sh(&sandbox, "where").await, "true");
}

#[tokio::test]
async fn more_of_them_than_may_run_at_once_wait() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (counting, highest) = (Arc::clone(&running), Arc::clone(&most));
    let described = Virtual::new().command("slow", move |_| {
        let (running, most) = (Arc::clone(&counting), Arc::clone(&highest));
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok("x\n")
        }
    });
    let sandbox = open(&contained(described)).await;
    let script = "for i in {1..50}; do slow & done; wait";
    let runs = (0..4).map(|_| sh(&sandbox, script));
    for said in futures_util::future::join_all(runs).await {
        assert_eq!(said.lines().count(), 50);
    }
    let most = most.load(Ordering::SeqCst);
    assert!((2..=64).contains(&most), "{most} at once");
}
