//! The only way out of a confined command's network.
//!
//! The command finds an HTTP proxy on the loopback of its own network. Its listener is handed to this program, which accepts
//! there and dials from where it is itself: [`serve`] does that for one command, [`head`] reads what is asked, and
//! [`hosts`] says what is open.

mod head;
mod hosts;
mod serve;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use flue_core::Result;
use flue_core::reach::ReachLog;
use rustix::net::RecvFlags;
use tokio::net::TcpListener;

use self::hosts::Hosts;
use super::plan;
use crate::shell::ready::Ready;

/// The proxy of one sandbox.
#[derive(Debug, Clone)]
pub(super) struct Proxy(Arc<Hosts>);

impl Proxy {
    /// # Errors
    /// [`ErrorKind::Config`](flue_core::ErrorKind::Config) for what is no host.
    pub(super) fn new(hosts: &[String]) -> Result<Self> {
        Ok(Self(Arc::new(Hosts::parse(hosts)?)))
    }

    /// Serves the command whose helper sends its listener through `socket`, until the guard is dropped.
    pub(super) fn serve(&self, socket: OwnedFd, reach: Option<Arc<ReachLog>>) -> std::io::Result<Serving> {
        let socket = Ready::new(socket)?;
        let hosts = Arc::clone(&self.0);
        let task = tokio::spawn(async move {
            // Without a listener there is nobody to serve: the command ended before it began.
            if let Ok(listener) = listener(&socket).await {
                serve::serve(&listener, &hosts, reach.as_ref()).await;
            }
        });
        Ok(Serving(task.abort_handle()))
    }
}

/// A proxy at work; dropping ends it and all that it has open.
#[derive(Debug)]
pub(super) struct Serving(tokio::task::AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn listener(socket: &Ready) -> std::io::Result<TcpListener> {
    socket.ready().await?;
    let (_, mut fds) = plan::receive(socket.fd(), RecvFlags::DONTWAIT)?;
    let fd = fds.pop().ok_or(std::io::ErrorKind::UnexpectedEof)?;
    TcpListener::from_std(std::net::TcpListener::from(fd))
}
