//! A terminal for one command, for programs that insist on one.
//!
//! It echoes nothing and adds no carriage returns: what comes out of it is what was said.

use std::ffi::OsString;
use std::io::Result as IoResult;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Command, Stdio};

use rustix::fs::OFlags;
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, OptionalActions, OutputModes, Winsize};

use super::output::Ends;

/// How large it is, in columns and rows: that of the first of them, which every program can do with.
const SIZE: (u16, u16) = (80, 24);

/// Both ends of a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// This program's, to write to and to read from.
    own: [OwnedFd; 2],
    /// The command's.
    theirs: OwnedFd,
    name: OsString,
}

impl Terminal {
    pub(super) fn open() -> IoResult<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let own = rustix::pty::openpt(flags)?;
        rustix::pty::grantpt(&own)?;
        rustix::pty::unlockpt(&own)?;
        let theirs = rustix::pty::ioctl_tiocgptpeer(&own, flags)?;
        let mut modes = rustix::termios::tcgetattr(&theirs)?;
        modes.local_modes.remove(LocalModes::ECHO);
        modes.output_modes.remove(OutputModes::ONLCR);
        rustix::termios::tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        let size = Winsize { ws_col: SIZE.0, ws_row: SIZE.1, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&theirs, size)?;
        rustix::fs::fcntl_setfl(&own, OFlags::RDWR | OFlags::NONBLOCK)?;
        let name = OsString::from_vec(rustix::pty::ptsname(&own, Vec::new())?.into_bytes());
        Ok(Self { own: [rustix::io::fcntl_dupfd_cloexec(&own, 0)?, own], theirs, name })
    }

    /// Another descriptor of the command's end.
    pub(super) fn theirs(&self) -> IoResult<OwnedFd> {
        Ok(rustix::io::fcntl_dupfd_cloexec(&self.theirs, 0)?)
    }

    /// Has a command say everything here.
    pub(crate) fn hear(&self, command: &mut Command) -> IoResult<()> {
        command.stdout(Stdio::from(self.theirs()?)).stderr(Stdio::from(self.theirs()?));
        Ok(())
    }

    /// The file that the command's end is.
    pub(crate) fn name(&self) -> &std::ffi::OsStr {
        &self.name
    }

    /// Keeps this program's end only: it has ended when the command's are closed.
    pub(super) fn into_ends(self) -> Ends {
        let [input, output] = self.own;
        Ends::Terminal { input, output }
    }
}
