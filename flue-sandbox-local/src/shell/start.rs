//! Starting a command's shell, by itself or confined.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use flue_core::reach::ReachLog;

use super::output::Ends;
use super::scan::Mark;
use super::terminal::Terminal;
use super::tree::Hold;
use crate::confine::Confined;

/// A command that is to start.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) command: Command,
    pub(super) mark: Mark,
    pub(super) confined: Option<&'a Confined>,
    /// Where it is to run instead of at pipes.
    pub(super) terminal: Option<Terminal>,
    /// Where it is said what it reaches.
    pub(super) reach: Option<Arc<ReachLog>>,
}

/// A command that was started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) hold: Hold,
    /// This program's ends of what it reads and says, if they were made.
    pub(super) ends: Option<Ends>,
}

impl Start<'_> {
    pub(super) fn spawn(self, reads: bool) -> std::io::Result<Started> {
        let Self { mut command, mark, confined, terminal, reach } = self;
        let (theirs, input): (Option<OwnedFd>, Option<OwnedFd>) = match &terminal {
            Some(terminal) => (Some(terminal.theirs()?), None),
            None => match reads.then(std::io::pipe).transpose()? {
                Some((theirs, input)) => (Some(theirs.into()), Some(input.into())),
                None => (None, None),
            },
        };
        let (mut child, hold) = match confined {
            None => {
                command.stdin(theirs.map_or_else(Stdio::null, Stdio::from));
                if let Some(terminal) = &terminal {
                    terminal.hear(&mut command)?;
                }
                (command.spawn()?, Hold::Mark(mark))
            }
            #[cfg(target_os = "linux")]
            Some(confined) => {
                let (child, leash) = confined.helpers().start(&command, theirs, terminal.as_ref(), reach)?;
                (child, Hold::Leash(leash))
            }
            #[cfg(not(target_os = "linux"))]
            Some(confined) => match *confined {},
        };
        let ends = match terminal {
            Some(terminal) => Some(terminal.into_ends()),
            None => child.stdout.take().zip(child.stderr.take()).map(|(stdout, stderr)| Ends::Pipes {
                input,
                stdout: stdout.into(),
                stderr: stderr.into(),
            }),
        };
        Ok(Started { child, hold, ends })
    }
}
