//! Scripts that would take down a careless shell: this process goes on, the memory of theirs is bounded, and a sandbox beside
//! it answers as if nothing was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecRequest, Sandbox};
use flue_sandbox_virtual::{Virtual, VirtualLimits};
use flue_sandbox_virtual_worker::{Contained, ContainedSandbox, Death};

use crate::support::{assert_died, contained, fresh, open, sh, status};

/// What each script's sandbox may have.
const MEMORY_BYTES: u64 = 256 << 20;
/// What may be resident beyond it for a moment: what is touched between two looks, on a machine that has much else to do.
const BEYOND_BYTES: u64 = 96 << 20;
/// The longest that a script may run; nearly all end by themselves.
const TIME: Duration = Duration::from_secs(8);
/// The same for one that has to reach its limit, on a machine that has much else to do.
const LONG: Duration = Duration::from_secs(60);
/// What may come on top: what it is given to stop, twice, and what a slow machine takes.
const BEYOND: Duration = Duration::from_secs(25);

/// Looks at how much memory a process has had, until it is dropped.
struct Peak {
    most_kib: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Peak {
    fn watch(pid: u32) -> Self {
        let (most_kib, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (most, stopped) = (Arc::clone(&most_kib), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // Its file pages are this program's, which are there once for all.
                let anonymous = status(pid, "RssAnon").unwrap_or_default();
                most.fetch_max(anonymous, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self { most_kib, stop }
    }

    fn bytes(&self) -> u64 {
        self.most_kib.load(Ordering::Relaxed) * 1024
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Opens hostile sandboxes, one after the other, beside one that is not.
struct Host {
    factory: Contained,
    hostile: Arc<ContainedSandbox>,
    beside: Arc<ContainedSandbox>,
}

impl Host {
    async fn new(limits: VirtualLimits) -> Self {
        let factory = contained(Virtual::new().limits(limits)).memory_bytes(MEMORY_BYTES);
        let (hostile, beside) = (open(&factory).await, fresh().await);
        sh(&beside, "echo mine > kept").await;
        Self { factory, hostile, beside }
    }

    /// Runs a script to whatever end; the sandbox's, if it died of it.
    async fn survive(&mut self, script: &str) -> Option<Death> {
        self.survive_for(TIME, script).await
    }

    async fn survive_for(&mut self, time: Duration, script: &str) -> Option<Death> {
        let shown: String = script.chars().take(60).collect();
        let peak = Peak::watch(self.hostile.pid());
        let started = Instant::now();
        let result = self.hostile.exec(ExecRequest::new(script).with_timeout(time)).await;
        let took = started.elapsed();
        assert!(took < time + BEYOND, "{shown}: took {took:?}");
        let told = match &result {
            Ok(output) => format!("{:?}", output.end),
            Err(error) => error.fact("reason").unwrap_or("?").to_owned(),
        };
        println!("{:>6} ms {:>5} MiB  {told:<16} {shown:?}", took.as_millis(), peak.bytes() >> 20);
        assert!(peak.bytes() <= MEMORY_BYTES + BEYOND_BYTES, "{shown}: {} MiB", peak.bytes() >> 20);
        assert_eq!(sh(&self.beside, "cat kept").await, "mine\n", "beside {shown}");
        let death = self.hostile.death();
        match result {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::SandboxDied, "{shown}: {error:?}");
                assert!(death.is_some());
                self.hostile = open(&self.factory).await;
            }
            Ok(_) => assert_eq!(sh(&self.hostile, "echo still").await, "still\n", "after {shown}"),
        }
        death
    }
}

fn nest(open: &str, middle: &str, close: &str, depth: usize) -> String {
    format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
}

#[tokio::test]
async fn recursion_and_nesting() {
    let mut host = Host::new(VirtualLimits::default()).await;
    let eval = r#"x='eval "$x"'; eval "$x""#;
    let mut scripts: Vec<String> =
        [eval, r#"x='command eval "$x"'; eval "$x""#, r#"x='builtin eval "$x"'; eval "$x""#].map(str::to_owned).into();
    scripts.push(format!("{}true", "timeout 9 ".repeat(500)));
    for prefix in ["env ", "command ", "builtin ", "nohup ", "nice ", "time ", "exec ", "xargs "] {
        scripts.push(format!("{}true", prefix.repeat(3000)));
    }
    scripts.extend([
        format!("{}true", "time ".repeat(26_000)),
        format!("find . {}", nest(r"\( ", "-name x ", r"\) ", 5000)),
        format!("[ {} ]", nest(r"\( ", "a ", r"\) ", 5000)),
        format!("echo '{}' | bc", nest("(", "1", ")", 20_000)),
        format!("jq -n '{}'", nest("[", "1", "]", 5000)),
        format!("echo '{}' | jq .", nest("[", "", "]", 60_000)),
        format!("echo $(({}))", nest("(", "1", ")", 5000)),
        nest("( ", "echo x", " )", 3000),
        nest("if true; then ", "echo x; ", "fi; ", 2000),
        ":(){ :|:& };:".to_owned(),
        "for i in {1..5000}; do sleep 1 & done; wait".to_owned(),
    ]);
    for script in scripts {
        host.survive(&script).await;
    }
}

#[tokio::test]
async fn memory() {
    // The engine's own limits would stop most of these; here the process has to.
    let limits = VirtualLimits::default().with_memory_bytes(8 << 30).with_output_bytes(1 << 30);
    let mut host = Host::new(limits).await;
    assert_eq!(host.survive_for(LONG, "s=x; while :; do s=$s$s; done").await, Some(Death::MemoryLimit));
    for script in [
        "echo a | sed ':a;s/a/aa/g;ta'",
        "jq -n 'reduce range(100000) as $i (null; [.])'",
        "jq -n '[range(1e12)] | length'",
        "jq -n '[range(3000000)] | map(tostring) | join(\",\")'",
        r#"awk 'BEGIN { s = "x"; while (1) s = s s }'"#,
        "while :; do echo 0123456789012345678901234567890123456789; done",
        "i=0; while :; do a[i]=x; i=$((i+1)); done",
    ] {
        host.survive(script).await;
    }
}

#[tokio::test]
async fn files_beyond_the_memory() {
    let limits = VirtualLimits::default().with_total_bytes(8 << 30).with_file_bytes(8 << 30);
    let mut host = Host::new(limits).await;
    let script = "head -c 1048576 /dev/zero > x; while :; do cat x x > y; mv y x; done";
    assert_eq!(host.survive_for(LONG, script).await, Some(Death::MemoryLimit));
    // The same by the file API: the call that goes beyond dies, whichever it is.
    let file = host.hostile.info().cwd.join("f").unwrap();
    let write = host.hostile.fs().write(&file, vec![1; 300 << 20].into()).await;
    assert_died(&host.hostile, write, Death::MemoryLimit);
    assert_eq!(sh(&host.beside, "cat kept").await, "mine\n");
}

#[tokio::test]
async fn hangs() {
    let mut host = Host::new(VirtualLimits::default()).await;
    for script in [
        format!("shopt -s extglob\ncase aaaa in {}) echo y;; esac", nest("@(", "a", ")", 9000)),
        "jq -n 'def f: f; f'".to_owned(),
        "while :; do :; done".to_owned(),
        "sleep 50".to_owned(),
    ] {
        host.survive(&script).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_at_a_time() {
    let sandbox = fresh().await;
    let runs = (0..12).map(|index| {
        let sandbox = Arc::clone(&sandbox);
        tokio::spawn(async move {
            let script = format!(
                "for i in {{1..50}}; do echo {index} >> log; done; seq 20000 | sort -r | head -n {index} | wc -l"
            );
            assert_eq!(sh(&sandbox, &script).await.trim(), index.to_string());
        })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
    assert_eq!(sh(&sandbox, "wc -l < log; sort -n log | uniq -c | wc -l").await, "600\n12\n");
}
