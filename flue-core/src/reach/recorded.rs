//! A sandbox of which one tool call's reach is recorded.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Reach, ReachLog};
use crate::event::Events;
use crate::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use crate::{
    CreateDir, DirEntry, ErrorKind, ExecOutput, ExecRequest, FileSystem, Metadata, Narrowing, Remove, Result, Sandbox,
    SandboxInfo, SandboxPath,
};

/// What one tool call touched so far. It is told once the call ends, and what comes after that when nobody can add to it.
pub(crate) struct CallReach {
    /// The call; what the session itself does has none.
    call_id: Option<Arc<str>>,
    events: Events,
    reach: Mutex<Reach>,
}

impl CallReach {
    pub(crate) fn new(events: Events, call_id: Option<Arc<str>>) -> Self {
        Self { call_id, events, reach: Mutex::default() }
    }

    pub(crate) fn note(&self, note: impl FnOnce(&mut Reach)) {
        note(&mut self.reach.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Tells what was touched since this was last called, if anything was.
    pub(crate) fn tell(&self) {
        let reach = std::mem::take(&mut *self.reach.lock().unwrap_or_else(PoisonError::into_inner));
        if !reach.is_empty() {
            self.events.reached(self.call_id.clone(), reach);
        }
    }
}

impl Drop for CallReach {
    fn drop(&mut self) {
        self.tell();
    }
}

impl fmt::Debug for CallReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallReach").field("call_id", &self.call_id).finish_non_exhaustive()
    }
}

/// A sandbox, and where what is done with it is noted.
#[derive(Debug)]
pub(crate) struct Recorded {
    below: Arc<dyn Sandbox>,
    reach: Arc<CallReach>,
}

impl Recorded {
    pub(crate) fn new(below: Arc<dyn Sandbox>, reach: Arc<CallReach>) -> Self {
        Self { below, reach }
    }

    /// Notes what came of an operation on a path: nothing where it did not happen, and what was refused.
    fn noted<T>(
        &self,
        tried: &str,
        path: &SandboxPath,
        result: Result<T>,
        note: impl FnOnce(&mut Reach, &str),
    ) -> Result<T> {
        match &result {
            Ok(_) => self.reach.note(|reach| note(reach, path.as_str())),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.reach.note(|reach| reach.refusals.insert(&format!("{tried} {path}")));
            }
            Err(_) => {}
        }
        result
    }
}

/// Ends the log of a command, also when that is dropped.
struct Logged<'a> {
    log: Arc<ReachLog>,
    reach: &'a CallReach,
    command: String,
}

impl Drop for Logged<'_> {
    fn drop(&mut self) {
        let mut of_command = self.log.take();
        of_command.commands.insert(&self.command);
        self.reach.note(|reach| reach.add(&of_command));
    }
}

#[async_trait]
impl Sandbox for Recorded {
    fn info(&self) -> &SandboxInfo {
        self.below.info()
    }

    fn fs(&self) -> &dyn FileSystem {
        self
    }

    async fn exec(&self, mut request: ExecRequest) -> Result<ExecOutput> {
        let log = request.reach.get_or_insert_with(Arc::default).clone();
        let logged = Logged { log, reach: &self.reach, command: request.command.clone() };
        let result = self.below.exec(request).await;
        if let Err(error) = &result
            && matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported)
        {
            logged.log.refused("run", &logged.command);
        }
        result
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        let path = query.path.clone();
        let result = self.below.grep(query).await;
        self.noted("search", &path, result, |reach, path| reach.searches.insert(path))
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        let path = query.path.clone();
        let result = self.below.glob(query).await;
        self.noted("search", &path, result, |reach, path| reach.searches.insert(path))
    }

    async fn narrow(&self, narrowing: &Narrowing) -> Result<Arc<dyn Sandbox>> {
        let below = self.below.narrow(narrowing).await?;
        Ok(Arc::new(Self::new(below, self.reach.clone())))
    }

    async fn close(&self) -> Result<()> {
        self.below.close().await
    }
}

#[async_trait]
impl FileSystem for Recorded {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        let result = self.below.fs().read(path).await;
        self.noted("read", path, result, |reach, path| reach.reads.insert(path))
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        let result = self.below.fs().write(path, data).await;
        self.noted("write", path, result, |reach, path| reach.writes.insert(path))
    }

    /// Facts about a file are no content: only a refusal is noted.
    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        let result = self.below.fs().metadata(path).await;
        self.noted("look at", path, result, |_, _| {})
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        let result = self.below.fs().list(path).await;
        self.noted("list", path, result, |reach, path| reach.searches.insert(path))
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        let result = self.below.fs().create_dir(path, options).await;
        self.noted("write", path, result, |reach, path| reach.writes.insert(path))
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        let result = self.below.fs().remove(path, options).await;
        self.noted("write", path, result, |reach, path| reach.writes.insert(path))
    }
}
