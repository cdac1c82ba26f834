//! Waiting for a descriptor of the kernel: a timer or a process.

use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor that becomes readable once, when what it stands for happens.
#[derive(Debug)]
pub(super) struct Ready(AsyncFd<OwnedFd>);

impl Ready {
    pub(super) fn new(fd: OwnedFd) -> std::io::Result<Self> {
        #[expect(unsafe_code, reason = "Tokio cannot check what it asks of the type")]
        // SAFETY: an `OwnedFd` is open until it is dropped and always gives the same descriptor.
        let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self(registered?))
    }

    /// Stays ready, so it may be asked again. Fails when the runtime ends.
    pub(super) async fn ready(&self) -> std::io::Result<()> {
        self.0.readable().await.map(drop)
    }
}
