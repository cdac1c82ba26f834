//! Starting a command's shell, by itself or confined.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use super::scan::Mark;
use super::tree::Hold;
use crate::confine::Confined;

/// A command that is to start.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) command: Command,
    pub(super) mark: Mark,
    pub(super) confined: Option<&'a Confined>,
}

/// A command that was started; its output comes from `child`.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    /// Where what it reads is written, if it reads anything.
    pub(super) input: Option<OwnedFd>,
    pub(super) hold: Hold,
}

impl Start<'_> {
    pub(super) fn spawn(self, reads: bool) -> std::io::Result<Started> {
        match self.confined {
            None => self.plainly(reads),
            #[cfg(target_os = "linux")]
            Some(confined) => {
                let (theirs, input) = match reads.then(std::io::pipe).transpose()? {
                    Some((theirs, input)) => (Some(theirs.into()), Some(input.into())),
                    None => (None, None),
                };
                let (child, leash) = confined.helpers().start(&self.command, theirs)?;
                Ok(Started { child, input, hold: Hold::Leash(leash) })
            }
            #[cfg(not(target_os = "linux"))]
            Some(confined) => match *confined {},
        }
    }

    fn plainly(mut self, reads: bool) -> std::io::Result<Started> {
        if reads {
            self.command.stdin(Stdio::piped());
        }
        let mut child = self.command.spawn()?;
        let input = child.stdin.take().map(OwnedFd::from);
        Ok(Started { child, input, hold: Hold::Mark(self.mark) })
    }
}
