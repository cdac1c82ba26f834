//! A command with descendants that leave it in every way, and their count from outside.

use std::fs;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long the count may take to become what it must.
const LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One family: its processes are `sleep` with an argument that nobody else has.
pub(super) struct Family {
    argument: String,
}

impl Family {
    /// How many there are.
    const SIZE: usize = 7;

    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self { argument: format!("300.{}{}", NEXT.fetch_add(1, Ordering::Relaxed), process::id()) }
    }

    /// The background, another session, no hang-up by trap and, where it is there, `nohup`, two forks and a session, a deaf ear to `TERM`. It
    /// says `up`.
    pub(super) fn command(&self) -> String {
        let sleep = format!("sleep {}", self.argument);
        format!(
            "{sleep} & setsid {sleep} & (trap '' HUP; {sleep}) & \
             if command -v nohup >/dev/null; then nohup {sleep} >/dev/null 2>&1 & else {sleep} & fi; \
             (setsid sh -c '{sleep} & {sleep}' &) ; (trap '' TERM; {sleep}) & echo up; wait; {sleep}"
        )
    }

    /// How many live.
    pub(super) fn alive(&self) -> usize {
        let wanted = format!("sleep\0{}\0", self.argument);
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter(|entry| fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == wanted.as_bytes()))
            .count()
    }

    pub(super) async fn is_up(&self) {
        self.count(Self::SIZE).await;
    }

    pub(super) async fn is_gone(&self) {
        self.count(0).await;
    }

    async fn count(&self, wanted: usize) {
        let started = Instant::now();
        loop {
            let alive = self.alive();
            if alive == wanted {
                return;
            }
            assert!(started.elapsed() < LIMIT, "{alive} processes live after {LIMIT:?}, not {wanted}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
