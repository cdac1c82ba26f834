//! The files of a contained sandbox.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{CreateDir, DirEntry, Error, ErrorKind, FileSystem, Metadata, Remove, Result, SandboxPath};

use super::view::View;
use crate::wire::message::{Call, Value};
use crate::wire::mirror::read_entries;

/// The file API, call by call.
#[derive(Debug)]
pub(super) struct Files(Arc<View>);

impl Files {
    pub(super) fn new(view: Arc<View>) -> Self {
        Self(view)
    }

    /// Makes a call that gives nothing.
    async fn done(&self, operation: &'static str, call: Call, body: Bytes) -> Result<()> {
        match self.0.call(operation, call, body).await? {
            (Value::Done, _) => Ok(()),
            _ => Err(self.0.accuse(operation)),
        }
    }
}

#[async_trait]
impl FileSystem for Files {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        match self.0.call("read", Call::Read(path.clone()), Bytes::new()).await? {
            (Value::Data, data) => Ok(data),
            _ => Err(self.0.accuse("read")),
        }
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        let (bytes, limit) = (data.len() as u64, self.0.limits().file_bytes);
        if bytes > limit {
            // Not sent: it could be more than the process may hold.
            let why = "the file is larger than files may be (VirtualLimits::file_bytes); write less, or several files";
            let error = Error::new(ErrorKind::LimitExceeded, "write", why);
            return Err(error.with("path", path).with("bytes", bytes).with("limit", limit));
        }
        self.done("write", Call::Write(path.clone()), data).await
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        match self.0.call("metadata", Call::Metadata(path.clone()), Bytes::new()).await? {
            (Value::Metadata(facts), _) => Ok(facts.into()),
            _ => Err(self.0.accuse("metadata")),
        }
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        match self.0.call("list", Call::List(path.clone()), Bytes::new()).await? {
            (Value::Entries(count), body) if count <= self.0.limits().entries => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                read_entries(&body, count).map_err(|_| self.0.accuse("list"))
            }
            _ => Err(self.0.accuse("list")),
        }
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        let call = Call::CreateDir { path: path.clone(), recursive: options.recursive };
        self.done("create_dir", call, Bytes::new()).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        let Remove { recursive, force, .. } = options;
        self.done("remove", Call::Remove { path: path.clone(), recursive, force }, Bytes::new()).await
    }
}
