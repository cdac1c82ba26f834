//! Staging files into a sandbox and collecting them from it: `SRC[:DEST]` and `PATH[:DEST]`.
//!
//! The last colon separates; nothing after it means the same as no colon at all, so `a:b:` stages the file `a:b`. Without
//! a destination a thing keeps its name. A destination that ends in `/`, or is a directory that exists, takes a file into
//! it; a directory becomes the destination, merged with what is there.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use flue_core::{
    CancellationToken, Copied, CopyLimits, Error, ErrorKind, FileKind, FileSystem, Fs, Result, SandboxPath, copy_tree,
};
use serde::Serialize;

use crate::host::{HostFiles, io_error, shown};

/// One `--stage SRC[:DEST]`.
#[derive(Debug, PartialEq)]
pub(crate) struct Stage {
    source: PathBuf,
    destination: Option<String>,
}

impl Stage {
    /// Reads the option's value, and looks whether there is something to stage.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an empty source or a destination that is not UTF-8; [`ErrorKind::NotFound`] and
    /// others for a source that cannot be read.
    pub(crate) fn parse(value: &OsStr) -> Result<Self> {
        let (source, destination) = split(value);
        if source.is_empty() {
            return Err(bad_value("stage", "name a file or directory of this machine: SRC[:DEST]", value));
        }
        let destination = destination
            .map(|text| text.into_string().map_err(|_| bad_value("stage", "the destination is not UTF-8", value)));
        let stage = Self { source: source.into(), destination: destination.transpose()? };
        match std::fs::metadata(&stage.source) {
            Ok(_) => Ok(stage),
            Err(error) => Err(io_error("stage", &error).with("path", shown(&stage.source))),
        }
    }

    /// Copies it into the sandbox, and says what was left out.
    ///
    /// # Errors
    /// Those of [`copy_tree`], with the operation `stage`.
    pub(crate) async fn run(
        &self,
        fs: &Fs,
        sandbox: &dyn FileSystem,
        cancel: &CancellationToken,
    ) -> Result<Option<String>> {
        let host = HostFiles::new(&self.source, cancel.clone());
        match self.copy(fs, sandbox, &host).await {
            Ok(0) => Ok(None),
            Ok(left_out) => {
                let source = shown(&self.source);
                Ok(Some(format!("left out of {source}: {left_out} symbolic links, pipes or devices")))
            }
            Err(error) if error.is_cancelled() => Err(error),
            Err(error) => Err(Error::new(error.kind(), "stage", "it could not be copied into the sandbox")
                .with("source", shown(&self.source))
                .with_source(error)),
        }
    }

    async fn copy(&self, fs: &Fs, sandbox: &dyn FileSystem, host: &HostFiles) -> Result<usize> {
        let root = SandboxPath::root();
        let destination = self.destination(fs, host).await?;
        // A pipe such as `<(command)`, or a device: a copy of a tree would refuse it, and reading it is bounded.
        if host.metadata(&root).await?.kind == FileKind::Other {
            sandbox.write(&destination, host.read(&root).await?).await?;
            return Ok(0);
        }
        Ok(copy_tree(host, &root, sandbox, &destination, CopyLimits::default()).await?.skipped)
    }

    async fn destination(&self, fs: &Fs, host: &HostFiles) -> Result<SandboxPath> {
        let name = || match self.source.file_name() {
            None => Ok("."),
            Some(name) => name.to_str().ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidInput,
                    "stage",
                    "the name is not UTF-8; say what it is called there: SRC:DEST",
                )
            }),
        };
        let Some(destination) = &self.destination else { return fs.resolve(name()?) };
        let path = fs.resolve(destination)?;
        let is_file = !host.metadata(&SandboxPath::root()).await?.is_dir();
        let into = destination.ends_with('/') || fs.metadata(destination).await.is_ok_and(|there| there.is_dir());
        if is_file && into { path.join(name()?) } else { Ok(path) }
    }
}

/// One `--collect PATH[:DEST]`.
#[derive(Debug, PartialEq)]
pub(crate) struct Collect {
    path: String,
    destination: Option<PathBuf>,
}

/// What became of one `--collect`, as `--json` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Collected {
    /// Where it was in the sandbox.
    path: String,
    /// Where it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Files copied.
    files: usize,
    /// Their bytes.
    bytes: u64,
    /// Links, pipes and devices left out.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: usize,
    /// Why it was not collected, or not wholly.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = if self.files == 1 { "file" } else { "files" };
        let to = self.to.as_deref().unwrap_or("-");
        write!(f, "collected {} as {to}: {} {files}, {} bytes", self.path, self.files, self.bytes)?;
        match self.left_out {
            0 => Ok(()),
            left_out => write!(f, "; left out: {left_out} symbolic links, pipes or devices"),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Collect {
    /// Reads the option's value.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an empty path or one that is not UTF-8.
    pub(crate) fn parse(value: &OsStr) -> Result<Self> {
        let (path, destination) = split(value);
        match path.into_string() {
            Ok(path) if !path.is_empty() => Ok(Self { path, destination: destination.map(PathBuf::from) }),
            Ok(_) => Err(bad_value("collect", "name a file or directory of the sandbox: PATH[:DEST]", value)),
            Err(_) => Err(bad_value("collect", "a path in a sandbox is UTF-8 text", value)),
        }
    }

    /// Copies it from the sandbox to the host.
    pub(crate) async fn run(
        &self,
        fs: &Fs,
        sandbox: &dyn FileSystem,
        cancel: &CancellationToken,
    ) -> (Collected, Option<Error>) {
        let mut collected =
            Collected { path: self.path.clone(), to: None, files: 0, bytes: 0, left_out: 0, error: None };
        let error = self.copy(fs, sandbox, cancel, &mut collected).await.err();
        collected.error = error.as_ref().map(|error| format!("{error:#}"));
        (collected, error)
    }

    async fn copy(
        &self,
        fs: &Fs,
        sandbox: &dyn FileSystem,
        cancel: &CancellationToken,
        collected: &mut Collected,
    ) -> Result<()> {
        let source = fs.resolve(&self.path)?;
        collected.path = source.to_string();
        let is_dir = match sandbox.metadata(&source).await {
            Ok(metadata) => metadata.is_dir(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(never_written(&source, sandbox).await),
            Err(error) => return Err(self.failed(error)),
        };
        let destination = self.destination(&source, is_dir);
        collected.to = Some(shown(&destination));
        let host = HostFiles::new(&destination, cancel.clone());
        let copied = copy_tree(sandbox, &source, &host, &SandboxPath::root(), CopyLimits::default()).await;
        let Copied { files, bytes, skipped, .. } = copied.map_err(|error| self.failed(error))?;
        (collected.files, collected.bytes, collected.left_out) = (files, bytes, skipped);
        Ok(())
    }

    fn failed(&self, error: Error) -> Error {
        Error::new(error.kind(), "collect", "it could not be copied from the sandbox")
            .with("path", &self.path)
            .with_source(error)
    }

    fn destination(&self, source: &SandboxPath, is_dir: bool) -> PathBuf {
        let name = source.file_name().unwrap_or(".");
        // `.` keeps no name: what is in the working directory comes as its files.
        let name = if is_dir && Path::new(&self.path).file_name().is_none() { "." } else { name };
        let Some(destination) = &self.destination else { return name.into() };
        let into = destination.as_os_str().as_encoded_bytes().ends_with(b"/") || destination.is_dir();
        if !is_dir && into { destination.join(name) } else { destination.clone() }
    }
}

/// The error for a path that is not there, with what is.
async fn never_written(path: &SandboxPath, sandbox: &dyn FileSystem) -> Error {
    /// Names that the error lists.
    const MAX_NAMES: usize = 8;
    let error =
        Error::new(ErrorKind::NotFound, "collect", "there is no such file in the sandbox; it was never written")
            .with("path", path);
    let Some(directory) = path.parent() else { return error };
    let Ok(entries) = sandbox.list(&directory).await else { return error };
    let mut names: Vec<&str> = entries.iter().take(MAX_NAMES).map(|entry| entry.name.as_str()).collect();
    if entries.len() > MAX_NAMES {
        names.push("…");
    }
    error.with("there_is", if names.is_empty() { "nothing".to_owned() } else { names.join(" ") })
}

fn bad_value(operation: &'static str, why: &'static str, value: &OsStr) -> Error {
    Error::new(ErrorKind::InvalidInput, operation, why).with("value", shown(Path::new(value)))
}

/// Splits at the last colon; an empty right side counts as none.
fn split(value: &OsStr) -> (OsString, Option<OsString>) {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let bytes = value.as_bytes();
        let Some(colon) = bytes.iter().rposition(|byte| *byte == b':') else { return (value.to_owned(), None) };
        let part = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        (part(&bytes[..colon]), Some(part(&bytes[colon + 1..])).filter(|right| !right.is_empty()))
    }
    #[cfg(not(unix))]
    match value.to_str().and_then(|text| text.rsplit_once(':')) {
        Some((left, right)) => (left.into(), Some(right.into()).filter(|right: &OsString| !right.is_empty())),
        None => (value.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_colon_separates_and_an_empty_right_side_is_none() {
        let cases: [(&str, &str, Option<&str>); 5] = [
            ("a", "a", None),
            ("a:b", "a", Some("b")),
            ("a:", "a", None),
            ("a:b:", "a:b", None),
            ("a:b:c/", "a:b", Some("c/")),
        ];
        for (value, left, right) in cases {
            assert_eq!(split(OsStr::new(value)), (left.into(), right.map(Into::into)), "{value}");
        }
    }

    #[test]
    fn a_collected_file_keeps_its_name_and_goes_into_directories() {
        let there = std::env::temp_dir();
        let destination = |value: String, source: &str, is_dir: bool| {
            let collect = Collect::parse(value.as_ref()).unwrap();
            collect.destination(&SandboxPath::new(source).unwrap(), is_dir)
        };
        assert_eq!(destination("out/r.md".into(), "/w/out/r.md", false), Path::new("r.md"));
        assert_eq!(destination("r.md:new/".into(), "/w/r.md", false), Path::new("new/r.md"));
        assert_eq!(destination("r.md:x.md".into(), "/w/r.md", false), Path::new("x.md"));
        assert_eq!(destination(format!("r.md:{}", there.display()), "/w/r.md", false), there.join("r.md"));
        assert_eq!(destination(format!("out:{}", there.display()), "/w/out", true), there);
        assert_eq!(destination(".".into(), "/w", true), Path::new("."));
    }
}
