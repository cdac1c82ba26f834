//! A contained sandbox, as its users see it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::reach::Aspect;
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{Error, ErrorKind, ExecOutput, ExecRequest, FileSystem, Narrowing, Result, Sandbox, SandboxInfo};
use flue_sandbox_virtual::Snapshot;

use super::files::Files;
use super::link::{Command, Link};
use super::pool::Pool;
use super::view::View;
use crate::wire::message::{Call, Exec, Glob, Grep, Value};
use crate::wire::mirror::is_snapshot_within;
use crate::{Containment, Death};

/// A virtual sandbox in a process of its own. Made by [`Contained`](crate::Contained).
///
/// Ends when it is closed or dropped, and when this program does.
pub struct ContainedSandbox {
    info: SandboxInfo,
    files: Files,
    view: Arc<View>,
    /// Whether the process ends with it. Not so where it is narrowed: the process is another one's.
    owns: bool,
    /// The thread that serves it.
    pool: Arc<Pool>,
}

impl ContainedSandbox {
    pub(super) fn new(info: SandboxInfo, link: Link, pool: Arc<Pool>) -> Self {
        let view = Arc::new(View::whole(Arc::new(link)));
        Self { info, files: Files::new(Arc::clone(&view)), view, owns: true, pool }
    }

    /// What holds its process.
    pub fn containment(&self) -> &Containment {
        self.view.link.containment()
    }

    /// The number of its process, for those who watch what it takes.
    pub fn pid(&self) -> u32 {
        self.view.link.pid()
    }

    /// Why it ended, if it ended before it was closed.
    pub fn death(&self) -> Option<Death> {
        self.view.link.death()
    }

    /// The files as they are now, copied out of the sandbox's process.
    ///
    /// # Errors
    /// [`ErrorKind::SandboxDied`] when it has ended.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        const OPERATION: &str = "snapshot";
        let (value, data) = self.view.call(OPERATION, Call::Snapshot, Bytes::new()).await?;
        let sound = matches!(value, Value::Data) && is_snapshot_within(&data, self.view.limits().entries);
        let snapshot = if sound { postcard::from_bytes(&data).ok() } else { None };
        snapshot.ok_or_else(|| self.view.accuse(OPERATION))
    }

    /// Puts the files back to what they were, here or in any other virtual sandbox. Commands that run meanwhile go on with
    /// them.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`] when the snapshot holds more than this sandbox may, [`ErrorKind::Unsupported`] when
    /// something is mounted in it, [`ErrorKind::SandboxDied`] when this sandbox has ended.
    pub async fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        const OPERATION: &str = "restore";
        let files = postcard::to_allocvec(snapshot).map_err(|_| {
            Error::new(
                ErrorKind::Unsupported,
                OPERATION,
                "the snapshot has a mount point, and what is mounted stays outside",
            )
        })?;
        match self.view.call(OPERATION, Call::Restore, files.into()).await? {
            (Value::Done, _) => Ok(()),
            _ => Err(self.view.accuse(OPERATION)),
        }
    }
}

#[async_trait]
impl Sandbox for ContainedSandbox {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    fn fs(&self) -> &dyn FileSystem {
        &self.files
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        request.refuse_terminal()?;
        let time = [request.timeout, self.view.limits().wall_time].into_iter().flatten().min();
        let exec = Exec {
            command: request.command,
            cwd: request.cwd,
            env: request.env,
            has_stdin: request.stdin.is_some(),
            timeout: request.timeout,
            live: request.sink.is_some(),
            reach: request.reach.is_some(),
        };
        let command = Command { time, cancel: request.cancel, sink: request.sink };
        let (value, body) = self.view.exec(Call::Exec(exec), request.stdin.unwrap_or_default(), command).await?;
        match value {
            Value::Exec(output, touched) => {
                if let Some(reach) = request.reach {
                    // The process that ran it has no way to any network.
                    reach.measured([Aspect::Hosts]);
                    touched.iter().for_each(|touched| touched.tell(&reach));
                }
                output.output(body).map_err(|_| self.view.accuse("exec"))
            }
            _ => Err(self.view.accuse("exec")),
        }
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        match self.view.call("grep", Call::Grep(Grep::new(query)), Bytes::new()).await? {
            (Value::Grep(hits), _) => Ok(hits.into()),
            _ => Err(self.view.accuse("grep")),
        }
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        match self.view.call("glob", Call::Glob(Glob::new(query)), Bytes::new()).await? {
            (Value::Glob { paths, total, incomplete }, _) => Ok(GlobHits::new(paths, total, incomplete)),
            _ => Err(self.view.accuse("glob")),
        }
    }

    async fn narrow(&self, narrowing: &Narrowing) -> Result<Arc<dyn Sandbox>> {
        self.view.is_open("narrow sandbox")?;
        let bounds = self.view.bounds.and(narrowing, &self.info)?;
        bounds.check_root(self.fs()).await?;
        let info = bounds.describe(self.info.clone());
        let view = Arc::new(self.view.held_to(bounds));
        // What the process has against it is said now.
        view.bounds.check_root(&Files::new(Arc::clone(&view))).await?;
        let files = Files::new(Arc::clone(&view));
        Ok(Arc::new(Self { info, files, view, owns: false, pool: Arc::clone(&self.pool) }))
    }

    async fn close(&self) -> Result<()> {
        self.view.close(self.owns).await;
        Ok(())
    }
}

impl fmt::Debug for ContainedSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainedSandbox")
            .field("cwd", &self.info.cwd)
            .field("pid", &self.pid())
            .field("death", &self.death())
            .finish_non_exhaustive()
    }
}
