//! Waiting by the machine's clock.
//!
//! A process does not stop when a test pauses Tokio's clock. A Tokio timer would then be over at once, while the process it
//! is for has not even begun.

use std::time::Duration;

/// The longest wait, in seconds; what is asked for beyond it is for ever.
const LONGEST_SECS: u64 = 1 << 31;

/// Waits this long.
pub(crate) async fn sleep(duration: Duration) {
    let duration = duration.clamp(Duration::from_nanos(1), Duration::from_secs(LONGEST_SECS));
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if timer(duration).await.is_ok() {
        return;
    }
    // No timer to be had, for want of descriptors: Tokio's need none.
    tokio::time::sleep(duration).await;
}

#[cfg(any(target_os = "linux", target_os = "android"))]
async fn timer(duration: Duration) -> std::io::Result<()> {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };

    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let once = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec::try_from(duration).map_err(|_| std::io::ErrorKind::InvalidInput)?,
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    super::ready::Ready::new(timer)?.ready().await
}
