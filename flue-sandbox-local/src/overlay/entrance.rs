//! How a command gets into a layer.

use std::ffi::OsString;
use std::io::{PipeReader, PipeWriter, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::helper::{ENTER, HELPER, NO_CWD};

/// The longest reason that is read.
const MAX_REPORT_BYTES: u64 = 4096;

/// The way in for one command.
#[derive(Debug)]
pub(crate) struct Entrance {
    helper: PathBuf,
    words: [OsString; 4],
    reader: PipeReader,
    writer: PipeWriter,
}

/// Why a command did not get in. Nothing was run.
#[derive(Debug)]
pub(crate) enum Shut {
    /// It could not start in its directory.
    Cwd(std::io::Error),
    Layer(String),
}

impl Entrance {
    pub(super) fn new(helper: &Path, words: [OsString; 4]) -> std::io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        Ok(Self { helper: helper.to_owned(), words, reader, writer })
    }

    /// A process that goes in, and then becomes `program` with whatever arguments are added.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.helper);
        let report = format!("/proc/{}/fd/{}", std::process::id(), self.writer.as_raw_fd());
        command.arg0(HELPER).args([ENTER, &report]).args(&self.words).arg(program).current_dir("/");
        command
    }

    /// Why the command did not run, once its process has ended; nothing when it did.
    pub(crate) fn shut(self) -> Option<Shut> {
        let Self { reader, writer, .. } = self;
        drop(writer);
        let mut why = Vec::new();
        // What was said is there, for who could have said it has ended.
        reader.take(MAX_REPORT_BYTES).read_to_end(&mut why).ok()?;
        let why = String::from_utf8_lossy(&why).into_owned();
        if why.is_empty() {
            return None;
        }
        let cwd = why.strip_prefix(NO_CWD).and_then(|errno| errno.parse().ok());
        Some(cwd.map_or(Shut::Layer(why), |errno| Shut::Cwd(std::io::Error::from_raw_os_error(errno))))
    }
}
