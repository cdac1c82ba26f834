//! `--stage SRC[:DEST]`: what is copied into a sandbox before the work begins.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use flue_core::{
    CancellationToken, CopyLimits, Error, ErrorKind, FileKind, FileSystem, Fs, Result, SandboxPath, copy_tree,
};

use super::{Files, Lies, Site, bad_value, lies, split, within_itself};
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
    pub(crate) async fn run(&self, site: &Site<'_>, cancel: &CancellationToken) -> Result<Option<String>> {
        let host = HostFiles::new(&self.source, cancel.clone());
        let source = || shown(&self.source);
        match self.copy(site, &host).await {
            Ok(Staged::Copied { left_out: 0 }) => Ok(None),
            Ok(Staged::Copied { left_out }) => {
                Ok(Some(format!("left out of {}: {left_out} symbolic links, pipes or devices", source())))
            }
            Ok(Staged::InPlace) => Ok(Some(format!("{} is in the sandbox already: it is this machine's", source()))),
            Err(error) if error.is_cancelled() => Err(error),
            Err(error) => Err(Error::new(error.kind(), "stage", "it could not be copied into the sandbox")
                .with("source", source())
                .with_source(error)),
        }
    }

    async fn copy(&self, site: &Site<'_>, host: &HostFiles) -> Result<Staged> {
        let root = SandboxPath::root();
        let destination = self.destination(&site.fs, host).await?;
        let to = matches!(site.files, Files::Layer | Files::Host).then(|| Path::new(destination.as_str()));
        match lies(to, Some(&self.source)) {
            Lies::There => return Ok(Staged::InPlace),
            Lies::Within => return Err(within_itself("stage", destination)),
            Lies::Elsewhere => {}
        }
        let files = site.sandbox.fs();
        // A pipe such as `<(command)`, or a device: a copy of a tree would refuse it, and reading it is bounded.
        if host.metadata(&root).await?.kind == FileKind::Other {
            files.write(&destination, host.read(&root).await?).await?;
            return Ok(Staged::Copied { left_out: 0 });
        }
        let copied = copy_tree(host, &root, files, &destination, CopyLimits::default()).await?;
        Ok(Staged::Copied { left_out: copied.skipped })
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

/// What became of one `--stage`.
enum Staged {
    /// It was copied, but for so many links, pipes and devices.
    Copied { left_out: usize },
    /// It is there already.
    InPlace,
}
