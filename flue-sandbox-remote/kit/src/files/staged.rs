//! A file on its way into its place.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::call::Link;

/// How long an upload that nobody waits for any more may take to end.
const END_LIMIT: Duration = Duration::from_secs(30);

const REMOVE: &str = "rm -f -- \"$1\"";

/// A temporary file. When its write is dropped it is removed, once what is on its way has arrived: a provider may go on taking what
/// it has begun to. Later calls wait for that.
pub(super) struct Staged {
    link: Arc<Link>,
    file: SandboxPath,
    upload: Option<JoinHandle<Result<()>>>,
    settled: bool,
}

impl Staged {
    pub(super) fn new(link: &Arc<Link>, file: &SandboxPath) -> Self {
        Self { link: Arc::clone(link), file: file.clone(), upload: None, settled: false }
    }

    /// Moves the bytes by the provider's own interface.
    pub(super) async fn upload(&mut self, data: &Bytes) -> Result<()> {
        let (driver, file, data) = (Arc::clone(self.link.driver()), self.file.clone(), data.clone());
        let none = || Error::unsupported("write", "the provider moves no files");
        let moving = async move { driver.files().ok_or_else(none)?.upload(&file, data).await };
        let ended = self.upload.insert(tokio::spawn(moving)).await;
        self.upload = None;
        ended.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Internal, "write", "the upload was lost").with_source(error))
        })
    }

    /// The file is in its place, or removed.
    pub(super) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (link, file, upload) = (Arc::clone(&self.link), self.file.clone(), self.upload.take());
        link.drop_one();
        runtime.spawn(async move {
            if let Some(mut upload) = upload
                && timeout(END_LIMIT, &mut upload).await.is_err()
            {
                // What it leaves it cleans up itself.
                upload.abort();
            }
            if timeout(END_LIMIT, link.besides("write", REMOVE, &[file.as_str()])).await.is_err() {
                tracing::debug!("a temporary file may be left of a write that was dropped");
            }
            link.struck_one();
        });
    }
}
