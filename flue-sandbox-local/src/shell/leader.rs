//! Learning that a command's shell has ended, without reaping it.
//!
//! As long as it is not reaped its number is not given to another process, so it can still stand for its group.

use rustix::process::Pid;

/// Becomes ready when a process ends.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[derive(Debug)]
pub(super) struct Leader(super::ready::Ready);

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Leader {
    pub(super) fn watch(pid: Pid) -> std::io::Result<Self> {
        let pidfd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::NONBLOCK)?;
        Ok(Self(super::ready::Ready::new(pidfd)?))
    }

    pub(super) async fn ended(&self) {
        // An error means that the runtime ends, and the command with it.
        let _ = self.0.ready().await;
    }
}

/// Where processes have no descriptors, a thread waits.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[derive(Debug)]
pub(super) struct Leader(tokio::sync::watch::Receiver<bool>);

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Leader {
    pub(super) fn watch(pid: Pid) -> std::io::Result<Self> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let (ended, watched) = tokio::sync::watch::channel(false);
        tokio::task::spawn_blocking(move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(pid), options) == Err(rustix::io::Errno::INTR) {}
            let _ = ended.send(true);
        });
        Ok(Self(watched))
    }

    pub(super) async fn ended(&self) {
        let _ = self.0.clone().wait_for(|ended| *ended).await;
    }
}
