//! Commands of the application inside the shell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flue_core::{Error, ErrorKind, ExecEnd, ExecRequest, Sandbox};
use flue_sandbox_virtual::{CommandOutput, Virtual};

use crate::support::{open, run, said};

#[tokio::test]
async fn a_command_is_one_among_others() {
    let factory = Virtual::new().command("shout", |call| async move {
        let text =
            if call.args.is_empty() { String::from_utf8_lossy(&call.stdin).into_owned() } else { call.args.join(" ") };
        Ok(text.to_uppercase())
    });
    let sandbox = open(&factory).await;
    let script =
        "shout a 'b  c'; echo; printf 'x\\ny\\n' | shout | tail -n 1; shout < f > g; cat g; x=$(shout z); echo $x
                  echo a b | xargs -n 1 shout; f() { shout \"$@\"; }; f in a function";
    run(&sandbox, "echo file > f").await;
    let output = run(&sandbox, script).await;
    assert_eq!(said(&output), "A B  C\nY\nFILE\nZ\nABIN A FUNCTION");
}

#[tokio::test]
async fn bytes_pass_through_unchanged() {
    let factory = Virtual::new().command("same", |call| async move { Ok(call.stdin) });
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let output =
        open(&factory).await.exec(ExecRequest::new("cat | same | cat").with_stdin(bytes.clone())).await.unwrap();
    assert_eq!(output.stdout, bytes);
}

#[tokio::test]
async fn it_sees_where_and_with_what_it_was_called() {
    let factory = Virtual::new().env("BASE", "1").command("where", |call| async move {
        Ok(format!("{} {:?} {:?} {:?}", call.cwd, call.env.get("BASE"), call.env.get("OWN"), call.env.get("LOCAL")))
    });
    let output = run(&*open(&factory).await, "mkdir d; cd d; LOCAL=x; OWN=2 where").await;
    assert_eq!(said(&output), r#"/workspace/d Some("1") Some("2") None"#);
}

#[tokio::test]
async fn failures_are_statuses() {
    let factory = Virtual::new()
        .command("fails", |call| async move {
            match call.args.first().map(String::as_str) {
                Some("error") => Err(Error::new(ErrorKind::NotFound, "lookup", "there is no such order").with("id", 7)),
                Some("panic") => panic!("out of order"),
                _ => Ok(CommandOutput::failed(3, "no\n")),
            }
        })
        .command("both", |_| async { Ok(CommandOutput::new("out\n").with_stderr("err\n")) });
    let sandbox = open(&factory).await;
    let output = run(&sandbox, "fails; echo $?; fails error; echo $?; fails panic; echo $?; both; echo $?").await;
    assert_eq!(said(&output), "3\n1\n1\nout\n0\n");
    assert_eq!(
        output.stderr_text(),
        "no\nlookup: there is no such order (id: 7)\nthe command failed unexpectedly\nerr\n"
    );
}

#[tokio::test]
async fn it_runs_on_the_runtime_of_the_application() {
    let application = tokio::runtime::Handle::current().id();
    let factory = Virtual::new().command("here", move |_| async move {
        Ok(if tokio::runtime::Handle::current().id() == application { "yes" } else { "no" })
    });
    assert_eq!(said(&run(&*open(&factory).await, "here").await), "yes");
}

#[tokio::test]
async fn it_ends_with_the_execution() {
    let (begun, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    struct OnDrop(Arc<AtomicBool>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
    let factory = Virtual::new().command("hangs", move |call| {
        let (begins, ends) = (Arc::clone(&begins), OnDrop(Arc::clone(&ends)));
        async move {
            begins.store(true, Ordering::SeqCst);
            call.cancel.cancelled_owned().await;
            // Whoever cancels drops the future too; this is for what runs outside of it.
            drop(ends);
            Ok("")
        }
    });
    let sandbox = open(&factory).await;
    let request = ExecRequest::new("hangs").with_timeout(Duration::from_millis(200));
    assert_eq!(sandbox.exec(request).await.unwrap().end, ExecEnd::TimedOut);
    assert!(begun.load(Ordering::SeqCst));
    while !ended.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}
