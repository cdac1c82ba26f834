//! Whole files, by the daemon's own interface.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::{BufMut as _, Bytes, BytesMut};
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote_kit::http::Method;
use flue_sandbox_remote_kit::{MAX_FILE_BYTES, Transfer};

use crate::machine::Machine;

/// What separates the parts of an upload. Files are looked through for it.
const BOUNDARY: &str = "flue-4c1d2f6a-part";
/// The content type that goes with it.
const PARTS: &str = "multipart/form-data; boundary=flue-4c1d2f6a-part";

#[async_trait]
impl Transfer for Machine {
    /// The daemon takes blanks around a path away.
    fn takes(&self, path: &SandboxPath) -> bool {
        path.as_str().trim() == path.as_str()
    }

    async fn download(&self, path: &SandboxPath) -> Result<Bytes> {
        const OPERATION: &str = "read";
        let request = self.toolbox.request(OPERATION, Method::GET, &["files", "download"])?;
        let request = request.query("path", path.as_str()).limit(MAX_FILE_BYTES);
        let reply = match request.repeat().await {
            Ok(reply) => reply,
            Err(error) => return Err(self.judge(OPERATION, error.into()).await.error.with("path", path)),
        };
        reply.bytes().await.map_err(|error| error.with("path", path))
    }

    async fn upload(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.put(path, data).await
    }
}

impl Machine {
    /// Writes a file, which everybody may read then.
    pub(crate) async fn put(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        const OPERATION: &str = "write";
        if !self.is_old.load(Ordering::Relaxed) {
            let request = self.toolbox.request(OPERATION, Method::POST, &["files", "upload-v2"])?;
            let request = request.query("path", path.as_str()).body("application/octet-stream", data.clone());
            match request.repeat().await {
                Ok(_) => return Ok(()),
                // A path of the interface that the daemon does not know has no code; a file that is missing has one.
                Err(error) if error.kind() == ErrorKind::NotFound && error.fact("code").is_none() => {
                    self.is_old.store(true, Ordering::Relaxed);
                }
                Err(error) => return Err(self.judge(OPERATION, error.into()).await.error.with("path", path)),
            }
        }
        let request = self.toolbox.request(OPERATION, Method::POST, &["files", "bulk-upload"])?;
        match request.body(PARTS, parts(path, &data)?).repeat().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.judge(OPERATION, error.into()).await.error.with("path", path)),
        }
    }
}

/// A file in the parts that the older way wants: its path, then its bytes.
fn parts(path: &SandboxPath, data: &[u8]) -> Result<Bytes> {
    let marks = [path.as_str().as_bytes(), data];
    if marks.iter().any(|bytes| bytes.windows(BOUNDARY.len()).any(|window| window == BOUNDARY.as_bytes())) {
        let why = "the file contains what separates the parts of an upload; write it with a command";
        return Err(Error::unsupported("write", why).with("path", path));
    }
    let mut body = BytesMut::with_capacity(data.len() + path.as_str().len() + 512);
    let head = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"files[0].path\"\r\n\r\n{path}\r\n\
         --{BOUNDARY}\r\ncontent-disposition: form-data; name=\"files[0].file\"; filename=\"file\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    );
    body.put_slice(head.as_bytes());
    body.put_slice(data);
    body.put_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Ok(body.freeze())
}
