//! `--collect PATH[:DEST]`: what is copied out of a sandbox when the work is over.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use flue_core::{CancellationToken, Copied, CopyLimits, Error, ErrorKind, FileSystem, Result, SandboxPath, copy_tree};
use serde::Serialize;

use super::{Files, Lies, Site, bad_value, lies, split, within_itself};
use crate::host::{HostFiles, shown};

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
    /// Whether it was where it belongs already, so that nothing was copied.
    #[serde(skip_serializing_if = "is_false")]
    in_place: bool,
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
        if self.in_place {
            return write!(f, "collected {to}: it is in place");
        }
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !*flag
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
    pub(crate) async fn run(&self, site: &Site<'_>, cancel: &CancellationToken) -> (Collected, Option<Error>) {
        let mut collected = Collected {
            path: self.path.clone(),
            to: None,
            files: 0,
            bytes: 0,
            in_place: false,
            left_out: 0,
            error: None,
        };
        let error = self.copy(site, cancel, &mut collected).await.err();
        collected.error = error.as_ref().map(|error| format!("{error:#}"));
        (collected, error)
    }

    async fn copy(&self, site: &Site<'_>, cancel: &CancellationToken, collected: &mut Collected) -> Result<()> {
        let source = site.fs.resolve(&self.path)?;
        collected.path = source.to_string();
        let files = site.sandbox.fs();
        let is_dir = match files.metadata(&source).await {
            Ok(metadata) => metadata.is_dir(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(never_written(&source, files).await),
            Err(error) => return Err(self.failed(error)),
        };
        let destination = self.destination(&source, is_dir);
        collected.to = Some(shown(&destination));
        let from = (site.files == Files::Host).then(|| Path::new(source.as_str()));
        match lies(Some(&destination), from) {
            Lies::There => {
                collected.in_place = true;
                return Ok(());
            }
            Lies::Within if is_dir => return Err(within_itself("collect", shown(&destination))),
            _ => {}
        }
        let host = HostFiles::new(&destination, cancel.clone());
        let copied = copy_tree(files, &source, &host, &SandboxPath::root(), CopyLimits::default()).await;
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

#[cfg(test)]
mod tests {
    use super::*;

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
