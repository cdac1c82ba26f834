//! Scripts that would take down a careless shell: each ends in bounded time, with a clear outcome, and the sandbox goes on.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecEnd, ExecOutput, ExecRequest, Sandbox};
use flue_sandbox_virtual::{Virtual, VirtualLimits, VirtualSandbox};

use crate::support::{fresh, open, run, said};

/// Far more than any of these takes without optimisation; endless without the guards.
const BOUND: Duration = Duration::from_secs(60);

/// Runs a hostile script, and shows that it ended in time and did no harm.
async fn survive(sandbox: &VirtualSandbox, script: &str) -> ExecOutput {
    let shown: String = script.chars().take(60).collect();
    let started = Instant::now();
    let output = sandbox.exec(ExecRequest::new(script)).await.unwrap();
    assert!(started.elapsed() < BOUND, "{shown}: took {:?}", started.elapsed());
    assert_eq!(said(&run(sandbox, "echo still; ls -d /workspace").await), "still\n/workspace\n", "after {shown}");
    output
}

/// Runs a hostile script that the shell stops with a message about itself.
async fn is_stopped(sandbox: &VirtualSandbox, script: &str, why: &str) {
    let output = survive(sandbox, script).await;
    assert_ne!(output.exit_code(), 0, "{script:.60}");
    assert!(output.stderr_text().contains(why), "{script:.60}: {}", output.stderr_text());
}

#[tokio::test]
async fn recursion_without_end_is_stopped() {
    let sandbox = fresh().await;
    for script in [
        r#"x='eval "$x"'; eval "$x""#,
        r#"x='command eval "$x"'; eval "$x""#,
        r#"x='builtin eval "$x"'; eval "$x""#,
        r#"x='eval "$x"; eval "$x"'; eval "$x""#,
    ] {
        is_stopped(&sandbox, script, "nested too deeply").await;
    }
    is_stopped(&sandbox, "f() { f; }; f; echo not reached", "nest at most 16 deep").await;
    is_stopped(&sandbox, "echo '. ./s' > s; . ./s", "depth").await;
    is_stopped(&sandbox, "echo 'bash s' > s; bash s", "depth").await;
    is_stopped(&sandbox, "trap 'kill -USR1 $$' USR1; kill -USR1 $$", "depth").await;
}

#[tokio::test]
async fn long_chains_of_prefixes_are_stopped() {
    let sandbox = fresh().await;
    for prefix in ["env ", "env A=1 ", "command ", "builtin ", "nohup ", "nice ", "exec ", "xargs ", "timeout 9 "] {
        is_stopped(&sandbox, &format!("{}true", prefix.repeat(3000)), "nested too deeply").await;
    }
    // This one is syntax: no builtin runs on the way down.
    for script in [
        format!("{}true", "time ".repeat(3000)),
        format!("f() {{ {}true; }}; f", "time ".repeat(26_000)),
        format!("printf 'time %.0s' {{1..{}}} > s; echo true >> s; bash s", 9_000),
    ] {
        let output = survive(&sandbox, &script).await;
        assert!(matches!(output.end, ExecEnd::Exited(_)), "{output:?}");
    }
}

#[tokio::test]
async fn deeply_nested_arguments_do_no_harm() {
    let sandbox = fresh().await;
    let nest = |open: &str, middle: &str, close: &str, depth: usize| {
        format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    for script in [
        format!("find . {}", nest(r"\( ", "-name x ", r"\) ", 5000)),
        format!("[ {} ]", nest(r"\( ", "a ", r"\) ", 5000)),
        format!("expr {}", nest(r"\( ", "1 ", r"\) ", 5000)),
        format!("echo '{}' | bc", nest("(", "1", ")", 20_000)),
        format!("jq -n '{}'", nest("[", "1", "]", 5000)),
        format!("echo '{}' | jq .", nest("[", "", "]", 60_000)),
        format!("awk 'BEGIN {{ print {} }}'", nest("(", "1", ")", 5000)),
        format!("echo a | sed -E 's/{}/b/'", nest("(", "a", ")", 5000)),
        format!("echo a | grep -E '{}'", nest("(", "a", ")", 5000)),
        format!("echo a | grep -P '{}'", nest("(", "a", ")", 5000)),
        format!("echo $(({}))", nest("(", "1", ")", 5000)),
        format!("echo {}", nest("$(echo ", "x", ")", 2000)),
        nest("( ", "echo x", " )", 3000),
        nest("if true; then ", "echo x; ", "fi; ", 2000),
        format!("[[ {} ]]", nest("( ", "a ", ") ", 5000)),
        format!("shopt -s extglob\ncase aaaa in {}) echo y;; esac", nest("@(", "a", ")", 9000)),
        "jq -n 'def f: 1 + f; f'".to_owned(),
        "awk 'function f(n) { return f(n + 1) } BEGIN { f(0) }'".to_owned(),
        "jq -nc 'reduce range(100000) as $i (null; [.])' | wc -c".to_owned(),
    ] {
        survive(&sandbox, &script).await;
    }
}

#[tokio::test]
async fn programs_of_jq_end_within_their_bounds() {
    let limits = VirtualLimits::default().with_memory_bytes(4 << 20);
    let sandbox = open(&Virtual::new().limits(limits)).await;
    for (script, why) in [
        ("jq -n 'reduce range(100000) as $i (null; [.])'", "values nest deeper than 10000 levels"),
        ("jq -n 'def f: 1 + f; f'", "recursion without end, or too deep"),
        ("jq -n 'def f(x): f(x | x); f(.)'", "VirtualLimits::memory_bytes"),
        ("jq -n '[range(1e12)] | length'", "VirtualLimits::memory_bytes"),
        ("jq -n '[limit(1e12; repeat(1))] | length'", "VirtualLimits::memory_bytes"),
        ("jq -n 'range(1e12)'", "VirtualLimits::memory_bytes"),
        ("jq -rn 'repeat(\"x\")'", "VirtualLimits::memory_bytes"),
        ("jq -n '\"x\" * 1e12'", "VirtualLimits::memory_bytes"),
        ("jq -n 'reduce range(100) as $i (\"x\"; . + .)'", "VirtualLimits::memory_bytes"),
        ("jq -n 'reduce range(60) as $i (1; [., .]) | tojson'", "VirtualLimits::memory_bytes"),
        ("jq -n 'reduce range(60) as $i (1; [., .]) | . == .'", "VirtualLimits::memory_bytes"),
        ("jq -n '.[1e9] = 1'", "Array index too large"),
        ("jq -n '\"a\" * 30 | test(\"(a|aa)+$(?!x)b\")'", "Regex failure"),
        ("printf 'range(9)|%.0s' {1..9000} > p; jq -n -f p", "the limit is 65536"),
        ("printf '1+%.0s' {1..30000} > p; echo 1 >> p; jq -n -f p", "recursion without end, or too deep"),
    ] {
        is_stopped(&sandbox, script, why).await;
    }
    let output = survive(&sandbox, "printf '[%.0s' {1..20000} | jq .").await;
    assert_eq!(output.exit_code(), 4, "{output:?}");
}

#[tokio::test]
async fn jq_stops_when_it_is_told_to() {
    let sandbox = fresh().await;
    for script in ["jq -n 'def f: f; f'", "jq -n '0 | until(false; . + 1)' | cat", "x=$(jq -n 'last(repeat(1))')"] {
        let time = Duration::from_millis(300);
        let started = Instant::now();
        let output = sandbox.exec(ExecRequest::new(script).with_timeout(time)).await.unwrap();
        assert_eq!(output.end, ExecEnd::TimedOut, "{script}");
        let request = ExecRequest::new(script);
        let cancel = request.cancel.clone();
        let stop = async {
            tokio::time::sleep(time).await;
            cancel.cancel();
        };
        let (ended, ()) = tokio::join!(sandbox.exec(request), stop);
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled, "{script}");
        assert!(started.elapsed() < BOUND, "{script}: took {:?}", started.elapsed());
    }
    assert_eq!(said(&run(&sandbox, "jq -n '1 + 1'").await), "2\n");
}

#[tokio::test]
async fn loops_without_end_reach_a_named_limit() {
    let limits = VirtualLimits::default().with_commands(20_000).with_loop_iterations(50_000);
    let sandbox = open(&Virtual::new().limits(limits)).await;
    is_stopped(&sandbox, "while :; do :; done", "the limit of 20000 commands was reached (VirtualLimits::commands)")
        .await;
    let limits = limits.with_commands(u64::MAX);
    let sandbox = open(&Virtual::new().limits(limits)).await;
    let why = "the limit of 50000 loop rounds was reached (VirtualLimits::loop_iterations)";
    is_stopped(&sandbox, "while :; do :; done", why).await;
}

#[tokio::test]
async fn endless_output_and_long_ranges_end() {
    let limits = VirtualLimits::default().with_wall_time(Duration::from_secs(2));
    let output = survive(&*open(&Virtual::new().limits(limits)).await, "yes | head -c 10G").await;
    assert!(output.success() || output.end == ExecEnd::TimedOut, "{:?}", output.end);
    assert!(output.stdout.len() <= VirtualLimits::OUTPUT_BYTES);
    let sandbox = fresh().await;
    let output = survive(&sandbox, "echo {1..1000000000}").await;
    assert!(!output.success() && output.stderr_text().contains("too large"), "{output:?}");
    assert_eq!(said(&run(&sandbox, "for i in {1..20000}; do :; done; echo $i").await), "20000\n");
    survive(&sandbox, "printf '%1000000000d' 1").await;
    survive(&sandbox, "jq -n '[range(1e12)] | length'").await;
    is_stopped(&sandbox, "s=x; for i in {1..40}; do s=$s$s; done", "VirtualLimits::memory_bytes").await;
    survive(&sandbox, r#"awk 'BEGIN { s = "x"; for (i = 0; i < 40; i++) s = s s }'"#).await;
}

#[tokio::test]
async fn memory_that_doubles_reaches_a_named_limit() {
    // What `sed` holds is a multiple of the limit, so a small one makes a quick test.
    let limits = VirtualLimits::default().with_memory_bytes(1 << 20);
    let sandbox = open(&Virtual::new().limits(limits)).await;
    is_stopped(&sandbox, "echo a | sed ':a;s/a/aa/g;ta'", "VirtualLimits::memory_bytes").await;
}

#[tokio::test]
async fn many_processes_end() {
    let limits = VirtualLimits::default().with_wall_time(Duration::from_secs(5));
    let sandbox = open(&Virtual::new().limits(limits)).await;
    survive(&sandbox, ":(){ :|:& };:").await;
    survive(&sandbox, "f() { f & f & }; f; wait").await;
    survive(&sandbox, "for i in {1..5000}; do sleep 1 & done; wait").await;
}

#[tokio::test]
async fn more_than_the_files_may_hold_is_refused() {
    let limits = VirtualLimits::default().with_total_bytes(8 << 20).with_file_bytes(4 << 20).with_entries(500);
    let sandbox = open(&Virtual::new().limits(limits)).await;
    let script = "for i in {1..300}; do head -c 1048576 /dev/zero >> big || break; done; wc -c < big";
    let output = survive(&sandbox, script).await;
    assert_eq!(output.stdout_text(), "4194304\n");
    assert!(output.stderr_text().contains("VirtualLimits::file_bytes"), "{output:?}");
    let output = survive(&sandbox, "for i in {1..9}; do cp big big$i || break; done").await;
    assert!(output.stderr_text().contains("VirtualLimits::total_bytes"), "{output:?}");
    let output = survive(&sandbox, "rm big*; for i in {1..1000}; do : > f$i || break; done; ls | wc -l").await;
    assert!(output.stderr_text().contains("VirtualLimits::entries"), "{output:?}");
    survive(&sandbox, "rm -f f*; d=.; for i in {1..300}; do d=$d/d; mkdir $d || break; done").await;
    survive(&sandbox, "dd if=/dev/zero of=x bs=1M count=10000; truncate -s 100G y").await;
    survive(&sandbox, "ln -s . self; find -L . | wc -l; cp -rL self copy; grep -r x . | head -3").await;
}

#[tokio::test]
async fn removing_everything_leaves_a_sandbox() {
    let sandbox = fresh().await;
    let output = run(&sandbox, "echo x > kept; rm -rf /; cat kept").await;
    assert_eq!(output.stdout_text(), "x\n");
    run(&sandbox, "rm -rf --no-preserve-root / 2>/dev/null").await;
    let mut script = String::new();
    write!(script, "mkdir -p /tmp && echo again > /tmp/x && cat /tmp/x").unwrap();
    let output = sandbox.exec(ExecRequest::new(script).with_cwd(flue_core::SandboxPath::root())).await.unwrap();
    assert_eq!(said(&output), "again\n");
}

#[tokio::test]
async fn a_script_longer_than_any_argument_is_refused() {
    let sandbox = fresh().await;
    is_stopped(&sandbox, &format!("echo {}", "x".repeat(200_000)), "the script has 200005 bytes").await;
}
