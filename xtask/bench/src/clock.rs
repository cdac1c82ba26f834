//! Time and memory of this process, as the kernel counts them.

use flue_core::{Error, ErrorKind, Result};
use rustix::time::{ClockId, clock_gettime};

const NANOS: u64 = 1_000_000_000;

/// Nanoseconds since some point that all processes of this machine share (`CLOCK_MONOTONIC`).
pub(crate) fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// Processor time that all threads of this process took so far, in user and system mode, in nanoseconds.
pub(crate) fn own_cpu_ns() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or(0) * NANOS + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Processor time that the children took which have ended and were waited for, in nanoseconds. It counts in steps of one
/// clock tick, mostly 10 ms: read it around many children.
pub(crate) fn children_cpu_ns() -> Result<u64> {
    /// Fields of `/proc/self/stat` after the program's name, see proc_pid_stat(5): user and system time of children.
    const CHILDREN: [usize; 2] = [13, 14];
    let stat = read("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = CHILDREN.iter().filter_map(|index| fields.get(*index)?.parse::<u64>().ok()).sum::<u64>();
    Ok(ticks * (NANOS / rustix::param::clock_ticks_per_second()))
}

/// The memory of this process that is in RAM, in bytes.
pub(crate) fn resident_bytes() -> Result<u64> {
    let status = read("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| Error::new(ErrorKind::Protocol, "read memory use", "no VmRSS in its status"))
}

fn read(path: &'static str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::new(ErrorKind::Io, "read from the kernel", "this is measured on Linux only")
            .with("path", path)
            .with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_counts_work_and_not_waiting() {
        let (cpu, wall) = (own_cpu_ns(), monotonic_ns());
        std::thread::sleep(std::time::Duration::from_millis(30));
        let (slept, passed) = (own_cpu_ns() - cpu, monotonic_ns() - wall);
        assert!(passed >= 30_000_000);
        while own_cpu_ns() - cpu <= slept + 1_000_000 {}
        assert!(resident_bytes().unwrap() > 0);
    }

    #[test]
    fn children_count_once_they_have_ended() {
        let before = children_cpu_ns().unwrap();
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(std::process::Command::new("sh").args(["-c", script]).status().unwrap().success());
        assert!(children_cpu_ns().unwrap() > before);
    }
}
