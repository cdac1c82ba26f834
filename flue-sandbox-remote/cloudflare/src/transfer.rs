//! Whole files onto a container, by the bridge's own interface, in pieces that it takes.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote_kit::http::Method;
use flue_sandbox_remote_kit::{Ended, Transfer, quote};

use crate::machine::{LOOK_LIMIT, Machine};

/// The most bytes of one piece: the bridge says 32 MiB, and its own transport to the container ends at less than 12.
const PIECE_BYTES: usize = 4 << 20;
/// When the pieces of an upload that was dropped are removed, each after the last.
const REMOVALS: [Duration; 2] = [Duration::ZERO, Duration::from_secs(5)];

#[async_trait]
impl Transfer for Machine {
    /// Names of plain characters in the workspace: others are stored as they are encoded, and other places are refused.
    fn takes(&self, path: &SandboxPath) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        self.within(path).is_some_and(|path| path.bytes().all(is_plain))
    }

    /// What is taken for text comes with other bytes.
    fn reads(&self) -> bool {
        false
    }

    async fn download(&self, path: &SandboxPath) -> Result<Bytes> {
        Err(Error::unsupported("read", "the bridge gives other bytes than there are").with("path", path))
    }

    async fn upload(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        let name = self.within(path).ok_or_else(|| Error::unsupported("write", "only in the workspace"))?;
        if data.len() <= PIECE_BYTES {
            return self.put(name, data).await;
        }
        let (mut pieces, mut sent) = (Pieces { of: Some(self.again()), names: String::new() }, Ok(()));
        for (index, start) in (0..data.len()).step_by(PIECE_BYTES).enumerate() {
            let piece = format!("{name}.{index}");
            pieces.names.push_str(&quote(&piece));
            pieces.names.push(' ');
            sent = self.put(&piece, data.slice(start..data.len().min(start + PIECE_BYTES))).await;
            if sent.is_err() {
                break;
            }
        }
        let names = &pieces.names;
        let join = if sent.is_ok() { format!("cat {names} >{}", quote(name)) } else { "true".into() };
        // Pieces never stay, whatever became of the file.
        let ended = self.sh(format!("{join}; ended=$?; rm -f {names}; exit $ended")).await;
        pieces.of = None;
        sent?;
        match ended? {
            Ended::Exited(0) => Ok(()),
            ended => {
                let why = "the pieces of the file could not be put together; look whether the disk is full";
                Err(Error::new(ErrorKind::Io, "write", why).with("path", path).with("ended", format!("{ended:?}")))
            }
        }
    }
}

/// The pieces of an upload. When it is dropped half way they are removed.
struct Pieces {
    /// The container that they are on, while they may be there.
    of: Option<Machine>,
    names: String,
}

impl Drop for Pieces {
    fn drop(&mut self) {
        let (Some(machine), Ok(runtime)) = (self.of.take(), tokio::runtime::Handle::try_current()) else { return };
        let names = std::mem::take(&mut self.names);
        runtime.spawn(async move {
            // The piece that was on its way may arrive after the first look.
            for wait in REMOVALS {
                tokio::time::sleep(wait).await;
                if machine.is_freed() {
                    return;
                }
                if let Err(error) = machine.sh(format!("rm -f {names}")).await {
                    tracing::debug!(%error, "pieces of an upload that was dropped may be left");
                }
            }
        });
    }
}

impl Machine {
    /// A path as one within the workspace, which is called otherwise where the directory is a link.
    fn within<'p>(&self, path: &'p SandboxPath) -> Option<&'p str> {
        path.as_str().strip_prefix(self.root())?.strip_prefix('/')
    }

    async fn sh(&self, script: String) -> Result<Ended> {
        let argv = ["/bin/sh".into(), "-c".into(), script];
        self.execute(&argv, Some(LOOK_LIMIT), &|_, _| {}).await.map_err(|refused| refused.error)
    }

    async fn put(&self, name: &str, data: Bytes) -> Result<()> {
        let path = ["v1", "sandbox", self.id(), "file", "workspace"].into_iter().chain(name.split('/'));
        let request = self.bridge().request("write", Method::PUT, &path.collect::<Vec<_>>())?;
        // The whole piece each time: a second one does no harm.
        request.body("application/octet-stream", data).patient().repeat().await.map(drop)
    }
}
