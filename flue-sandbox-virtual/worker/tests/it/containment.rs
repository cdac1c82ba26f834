//! What the kernel says of a worker.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use flue_sandbox_virtual::{Virtual, VirtualLimits};
use flue_sandbox_virtual_worker::Contained;

use crate::support::{contained, fresh, open, sh};

fn read(pid: u32, name: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap()
}

/// The soft and the hard limit of this name.
fn limits(pid: u32, name: &str) -> (String, String) {
    let text = read(pid, "limits");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    let mut fields = line.split_whitespace().map(str::to_owned);
    (fields.next().unwrap(), fields.next().unwrap())
}

#[tokio::test]
async fn every_thread_is_filtered_and_without_privileges() {
    let sandbox = fresh().await;
    sh(&sandbox, "seq 3 | sort | wc -l").await;
    let pid = sandbox.pid();
    assert!(sandbox.containment().system_calls_filtered);
    let mut threads = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000"] {
            assert!(status.contains(line), "{line}: {status}");
        }
        threads += 1;
    }
    assert!(threads >= 4, "main, calls, memory and a shell: {threads}");
}

#[tokio::test]
async fn the_limits_are_those_that_were_set() {
    let factory = contained(Virtual::new()).memory_bytes(512 << 20).cpu_time(Duration::from_secs(9));
    let sandbox = open(&factory).await;
    let pid = sandbox.pid();
    assert_eq!(limits(pid, "Max cpu time"), ("9".to_owned(), "10".to_owned()));
    for name in ["Max file size", "Max core file size"] {
        assert_eq!(limits(pid, name), ("0".to_owned(), "0".to_owned()), "{name}");
    }
    let files: u64 = limits(pid, "Max open files").1.parse().unwrap();
    assert!(files < 1000, "{files}");

    // Memory, and the stacks of the one command that ran, of another that may take its place, and of those that parse.
    let stacks = |commands: u64| 2 * commands * VirtualLimits::STACK_BYTES as u64;
    let data = || limits(pid, "Max data size").0.parse::<u64>().unwrap();
    assert_eq!(data(), (512 << 20) + stacks(2));
    sh(&sandbox, "true").await;
    assert_eq!(data(), (512 << 20) + stacks(2));
    let (first, second) = tokio::join!(sh(&sandbox, "sleep 0.3; echo a"), sh(&sandbox, "sleep 0.3; echo b"));
    assert_eq!((&*first, &*second), ("a\n", "b\n"));
    assert_eq!(data(), (512 << 20) + stacks(3));
}

#[tokio::test]
async fn nothing_of_this_process_is_in_it() {
    // A descriptor that is open across exec, as C libraries leave them.
    let secret = fs::File::open("/etc/passwd").unwrap();
    let leaked = rustix::io::dup(&secret).unwrap();
    let sandbox = open(&contained(Virtual::new()).warm(0)).await;
    let pid = sandbox.pid();
    assert_eq!(read(pid, "environ"), "");
    assert_eq!(read(pid, "cmdline"), "flue-sandbox-virtual-worker\0");
    assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(), Some("/"));
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let target = fs::read_link(entry.unwrap().path()).unwrap();
        let target = target.to_string_lossy();
        let known = ["socket:", "pipe:", "anon_inode:", "/dev/null"].iter().any(|kind| target.starts_with(kind));
        assert!(known || target.ends_with("/statm"), "{target}");
    }
    assert!(leaked.as_raw_fd() > 2);
    // A group of its own: what a terminal sends to this program is not for it.
    let stat = read(pid, "stat");
    let group = stat.rsplit(')').next().unwrap().split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(group, pid.to_string());
}

#[tokio::test]
async fn it_says_what_holds() {
    let factory = contained(Virtual::new()).memory_bytes(Contained::LEAST_MEMORY_BYTES).cpu_time(None);
    let containment = factory.start().await.unwrap();
    assert_eq!(
        containment.to_string(),
        "a process of its own with at most 64 MiB of memory, without files, network, programs or privileges of the host"
    );
    assert_eq!(open(&factory).await.containment(), &containment);
}
