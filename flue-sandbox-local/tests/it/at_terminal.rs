//! Commands at a terminal of their own, as real programs see it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flue_core::{CancellationToken, ExecEnd, ExecOutput, ExecRequest, OpenRequest, OutputSink, OutputStream, Sandbox};
use flue_sandbox_local::{Local, LocalSandbox};

use crate::alone::{eventually, is_alone, long_sleep, plainly, running};
use crate::temp::{Temp, open};

fn at_terminal(command: &str) -> ExecRequest {
    ExecRequest::new(command).with_terminal().with_timeout(Duration::from_secs(120))
}

async fn run(sandbox: &LocalSandbox, command: &str) -> ExecOutput {
    let output = sandbox.exec(at_terminal(command)).await.unwrap();
    assert!(output.stderr.is_empty(), "{command}: a second stream: {}", output.stderr_text());
    output
}

/// What programs make of it. `tty` is what the terminal is called.
async fn programs_see_a_terminal(sandbox: &LocalSandbox, tty: &str) {
    assert!(sandbox.info().capabilities.terminal);
    for (command, said) in [
        ("test -t 0 && test -t 1 && test -t 2 && echo yes", "yes\n"),
        ("stty size", "24 80\n"),
        ("stty -a | grep -c -e '-echo '", "1\n"),
        (
            "python3 -c 'import sys; print(*(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)))'",
            "True True True\n",
        ),
        ("python3 -c 'import os; print(os.get_terminal_size())'", "os.terminal_size(columns=80, lines=24)\n"),
        ("echo here > /dev/tty", "here\n"),
        ("ps -o tty= -p $$ | grep -c -e pts -e console -e '?'", "1\n"),
        // A session of its own, with this as its terminal: the one whose foreground group may read from it.
        (
            "python3 -c 'import os; print(os.getsid(0) == os.getppid() or os.getsid(0) == os.getpid(), os.tcgetpgrp(0) == os.getpgrp())'",
            "True True\n",
        ),
        ("read -r -p '' answer; echo \"$? [$answer]\"", "1 []\n"),
        ("echo out; echo err >&2", "out\nerr\n"),
        ("ls /nowhere || exit 7", "ls: cannot access '/nowhere': No such file or directory\n"),
    ] {
        let output = run(sandbox, command).await;
        assert_eq!(output.stdout_text(), said, "{command}: {output:?}");
    }
    let name = run(sandbox, "tty").await;
    assert!(name.stdout_text().starts_with(tty), "{}", name.stdout_text());
    assert_eq!(run(sandbox, "exit 7").await.end, ExecEnd::Exited(7));
    assert_eq!(run(sandbox, "kill -KILL $$").await.end, ExecEnd::Signalled(9));
    // Who asks for none gets none.
    let output = sandbox.exec(ExecRequest::new("test -t 0 || test -t 1 || test -t 2 || tty")).await.unwrap();
    assert_eq!(output.stdout_text(), "not a tty\n");
    // What is given to read is typed.
    let request = at_terminal("python3 -c 'print(input() + input())'").with_stdin("a\nb\n");
    assert_eq!(sandbox.exec(request).await.unwrap().stdout_text(), "ab\n");
    let request = at_terminal("python3 -c 'import sys; print(repr(sys.stdin.read()))'").with_stdin("no newline");
    assert_eq!(sandbox.exec(request).await.unwrap().stdout_text(), "'no newline'\n");
    // More than a terminal holds, in lines that it can.
    let lines = "0123456789\n".repeat(20_000);
    let request = at_terminal("cat | wc -c").with_stdin(lines.clone());
    assert_eq!(sandbox.exec(request).await.unwrap().stdout_text(), format!("{}\n", lines.len()));
}

#[tokio::test]
async fn of_the_plain_sandbox() {
    if !crate::skip::has_programs(&["python3", "ps", "setsid"]) {
        return;
    }
    let temp = Temp::new();
    programs_see_a_terminal(&*temp.open().await, "/dev/pts/").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn of_a_confined_sandbox() {
    if !crate::machine::confines() {
        return;
    }
    if !crate::skip::has_programs(&["python3", "ps", "setsid"]) {
        return;
    }
    let temp = Temp::new();
    let sandbox = crate::confined::confined(temp.path(), crate::confined::policy()).await;
    programs_see_a_terminal(&sandbox, "/dev/console").await;
    // The host's own terminals are not there.
    let others = run(&sandbox, "ls /dev/pts").await;
    assert_eq!(others.stdout_text(), "ptmx\n");
}

#[cfg(target_os = "linux")]
#[test]
fn of_a_sandbox_that_landlock_holds() {
    use crate::confined::{Place, confined, is_at, policy};
    if !is_at(Place::WithoutNamespaces, "at_terminal::of_a_sandbox_that_landlock_holds") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let temp = Temp::new();
        let policy = policy().min_tier(flue_sandbox_local::Tier::Landlock);
        programs_see_a_terminal(&*confined(temp.path(), policy).await, "/dev/pts/").await;
    });
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn of_an_overlay() {
    if !crate::machine::overlays() {
        return;
    }
    if !crate::skip::has_programs(&["python3", "ps", "setsid"]) {
        return;
    }
    let temp = Temp::new();
    let overlay = Local::new(temp.path()).overlay().helper(crate::overlay::helper());
    let sandbox = overlay.create(OpenRequest::new("test")).await.unwrap();
    programs_see_a_terminal(&sandbox, "/dev/pts/").await;
    run(&sandbox, "echo x > written").await;
    assert!(!temp.path().join("written").exists(), "it ran outside of the layer");
}

#[tokio::test]
async fn programs_that_insist_run() {
    if !crate::skip::has_programs(&["python3", "ps", "setsid"]) {
        return;
    }
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let insists = "import sys\nif not sys.stdout.isatty(): sys.exit('not at a terminal')\nprint('ran')";
    temp.put("insists.py", insists);
    let without = sandbox.exec(ExecRequest::new("python3 insists.py")).await.unwrap();
    assert_eq!((without.end, &*without.stderr_text()), (ExecEnd::Exited(1), "not at a terminal\n"));
    assert_eq!(run(&sandbox, "python3 insists.py").await.stdout_text(), "ran\n");
    // One that puts the terminal into another mode and looks at what kind it is.
    let curses =
        "import curses; curses.wrapper(lambda screen: (screen.addstr('drawn'), screen.refresh())); print('left')";
    let output =
        sandbox.exec(at_terminal(&format!("python3 -c \"{curses}\"")).with_env("TERM", "xterm")).await.unwrap();
    let said = output.stdout_text();
    assert!(output.success() && said.contains("drawn") && said.contains("left"), "{said:?}");
}

#[tokio::test]
async fn output_is_bounded_and_shown_as_it_comes() {
    if !crate::skip::has_programs(&["python3", "ps", "setsid"]) {
        return;
    }
    #[derive(Default)]
    struct Seen(Mutex<Vec<(OutputStream, usize)>>);
    impl OutputSink for Seen {
        fn output(&self, stream: OutputStream, bytes: &[u8]) {
            self.0.lock().unwrap().push((stream, bytes.len()));
        }
    }
    let temp = Temp::new();
    let sandbox = open(&Local::new(temp.path()).output_bytes(1000)).await;
    let seen = Arc::new(Seen::default());
    let flood = at_terminal("echo begin; head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2");
    let output = sandbox.exec(flood.with_sink(seen.clone())).await.unwrap();
    let total = 6 + 3_000_000 + 4;
    assert_eq!((output.stdout.len(), output.stdout_dropped), (1000, total - 1000));
    assert!(output.stdout.starts_with(b"begin\nxxx") && output.stdout.ends_with(b"xxxend\n"), "{output:?}");
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen.iter().map(|(_, bytes)| *bytes as u64).sum::<u64>(), total);
    assert!(seen.iter().all(|(stream, _)| *stream == OutputStream::Stdout) && seen.len() > 20);
}

#[tokio::test]
async fn it_ends_like_any_other_with_all_that_it_started() {
    if !crate::skip::has_programs(&["python3", "ps", "setsid"]) {
        return;
    }
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let long = long_sleep();
    let tree = format!("sleep {long} & setsid sleep {long} & echo begun; sleep {long}");
    let begun = Instant::now();
    let output = sandbox.exec(at_terminal(&tree).with_timeout(Duration::from_millis(300))).await.unwrap();
    assert_eq!((output.end, &*output.stdout_text()), (ExecEnd::TimedOut, "begun\n"));
    eventually("the end of all by timeout", || running(&long) == 0).await;

    let cancel = CancellationToken::new();
    let running_one = sandbox.exec(at_terminal(&tree).with_cancel(cancel.clone()));
    let stop = async {
        eventually("the start", || running(&long) == 3).await;
        cancel.cancel();
    };
    assert!(tokio::join!(running_one, stop).0.unwrap_err().is_cancelled());
    eventually("the end of all by cancelling", || running(&long) == 0).await;

    // It does not care.
    let deaf = format!("trap '' TERM HUP; sleep {long} & while :; do wait; done");
    let output = sandbox.exec(at_terminal(&deaf).with_timeout(Duration::from_millis(300))).await.unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut);
    eventually("the end of the deaf", || running(&long) == 0).await;

    {
        let mut dropped = Box::pin(sandbox.exec(at_terminal(&tree)));
        tokio::select! {
            _ = &mut dropped => panic!("it ended by itself"),
            () = eventually("the start", || running(&long) == 3) => {}
        }
    }
    eventually("the end of all by dropping", || running(&long) == 0).await;
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());

    // What reads on after the end of its input waits, until its time is up.
    let output = sandbox.exec(at_terminal("cat; cat").with_timeout(Duration::from_millis(300))).await.unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut);
}

#[tokio::test]
async fn what_stays_in_the_background_does_not_hold_it_up() {
    if !crate::skip::has_programs(&["python3", "ps", "setsid"]) {
        return;
    }
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let output = run(&sandbox, "trap '' HUP; (sleep 5; echo late; echo late > late) & echo hi").await;
    assert_eq!(output.stdout_text(), "hi\n");
    assert!(!temp.path().join("late").exists(), "it waited for what stays");
    eventually("the end of what was left", || temp.path().join("late").exists()).await;
}

#[test]
fn nothing_is_left_of_many() {
    if !is_alone("at_terminal::nothing_is_left_of_many", plainly) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let temp = Temp::new();
        let sandbox = temp.open().await;
        let held = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        run(&sandbox, "echo warm").await;
        let before = held();
        for round in 0..50 {
            let output = run(&sandbox, "seq 1 2000").await;
            assert_eq!(output.stdout_text().lines().count(), 2000, "{round}");
        }
        let at_once = (0..32).map(|number| {
            let sandbox = sandbox.clone();
            async move { (number, run(&sandbox, &format!("sleep .1; echo {number}")).await) }
        });
        for (number, output) in futures_util::future::join_all(at_once).await {
            assert_eq!(output.stdout_text(), format!("{number}\n"));
        }
        eventually("as many descriptors as before", || held() <= before).await;
        let zombies = std::fs::read_to_string("/proc/self/task/self/children").unwrap_or_default();
        assert_eq!(zombies, "");
    });
}
