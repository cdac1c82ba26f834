//! Waiting for a descriptor of the kernel: a timer, a process or a message.

use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor that becomes readable once, when what it stands for happens.
#[derive(Debug)]
pub(crate) struct Ready(AsyncFd<OwnedFd>);

impl Ready {
    pub(crate) fn new(fd: OwnedFd) -> std::io::Result<Self> {
        #[expect(unsafe_code, reason = "Tokio cannot check what it asks of the type")]
        // SAFETY: an `OwnedFd` is open until it is dropped and always gives the same descriptor.
        let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self(registered?))
    }

    /// The descriptor itself.
    #[cfg(target_os = "linux")]
    pub(crate) fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(self.0.get_ref())
    }

    /// Stays ready, so it may be asked again. Fails when the runtime ends.
    pub(crate) async fn ready(&self) -> std::io::Result<()> {
        self.0.readable().await.map(drop)
    }
}
