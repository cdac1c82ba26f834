//! Starting the shell.
//!
//! Nothing runs between fork and exec: a hook there would make the standard library fork, which copies the page tables of
//! the whole program and takes 50 ms for each GiB it uses. Without one, and with an absolute path, it spawns in a fraction
//! of a millisecond whatever the size.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flue_core::{Error, ErrorKind, Result};
use rustix::fs::{CWD, Mode, OFlags};

use crate::overlay::Entrance;

/// The longest command, in bytes: half of what Linux usually takes for arguments and environment together (2 MiB).
pub(super) const MAX_COMMAND_BYTES: usize = 1 << 20;
/// Longer commands are handed over in pieces: Linux takes no argument of 128 KiB (`MAX_ARG_STRLEN`, with its NUL).
const PIECE_BYTES: usize = 120 << 10;
/// Has `setsid` make its standard input the controlling terminal; the name that busybox knows, too.
const TAKE_TERMINAL: &str = "-c";
/// Where the shell is when the search path has none.
const USUAL_DIRS: &str = "/bin:/usr/bin:/usr/local/bin";

/// How commands are started.
#[derive(Debug, Clone)]
pub(crate) struct Launcher {
    shell: PathBuf,
    /// `setsid(1)`, if there is one.
    setsid: Option<PathBuf>,
    /// Whether this program has a controlling terminal: a command must neither read from it nor stop at it.
    has_terminal: bool,
}

/// How a command gets to where it runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way<'a> {
    Plain,
    /// Through the entrance of a layer.
    Layer(&'a Entrance),
    /// By a helper that is told what to start.
    Confined,
}

impl Launcher {
    /// Finds the shell, bash or else `sh`, on the host's own search path: what commands are given as theirs must not
    /// decide which shell runs them.
    pub(crate) fn find(host_path: &OsStr) -> Result<Self> {
        let shell = find("bash", host_path).or_else(|| find("sh", host_path)).ok_or_else(|| {
            Error::new(ErrorKind::Config, "open", "the host has neither bash nor sh; install bash or put it on PATH")
        })?;
        Ok(Self { shell, setsid: find("setsid", host_path), has_terminal: has_terminal() })
    }

    /// Whether commands can be given a terminal: something has to make it theirs between fork and exec, and that is
    /// `setsid --ctty` of util-linux.
    pub(crate) fn gives_terminals(&self) -> bool {
        cfg!(target_os = "linux") && self.setsid.is_some()
    }

    /// The shell's file.
    pub(crate) fn shell(&self) -> &Path {
        &self.shell
    }

    /// A process that runs `script` from `cwd` and leads a group of its own, with pipes for output and nothing for input. With
    /// `terminal` it leads a session, of which what it is given as standard input becomes the controlling terminal.
    pub(super) fn command(&self, script: &str, cwd: &str, way: Way<'_>, terminal: bool) -> Command {
        // What confines a command parts with the program's terminal by itself.
        let detaches = terminal || (self.has_terminal && !matches!(way, Way::Confined));
        let detach = self.setsid.as_ref().filter(|_| detaches);
        let first = detach.unwrap_or(&self.shell);
        let mut command = match way {
            Way::Layer(entrance) => entrance.command(first),
            Way::Plain | Way::Confined => {
                let mut command = Command::new(first);
                command.current_dir(cwd);
                command
            }
        };
        match detach {
            // Not a group's leader, it makes a session without another fork and becomes the shell.
            Some(_) => command.args(terminal.then_some(TAKE_TERMINAL)).arg(&self.shell),
            None => command.process_group(0),
        };
        command.arg("-c");
        if script.len() <= PIECE_BYTES {
            command.arg(script);
        } else {
            let pieces = pieces(script);
            // The command sees no arguments, and `$0` as always.
            let joined: String = (1..=pieces.len()).map(|number| format!("${{{number}}}")).collect();
            command.arg(format!("eval \"set --; {joined}\"")).arg(&self.shell).args(pieces);
        }
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn pieces(mut script: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while !script.is_empty() {
        let (piece, rest) = script.split_at(script.floor_char_boundary(PIECE_BYTES));
        pieces.push(piece);
        script = rest;
    }
    pieces
}

/// The first file of this name that can be run. Only absolute directories count.
fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    let mut dirs = path.to_owned();
    dirs.push(OsString::from(format!(":{USUAL_DIRS}")));
    std::env::split_paths(&dirs).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name)).find(|file| {
        let facts = std::fs::metadata(file);
        facts.is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
    })
}

/// Whether this program has a controlling terminal.
pub(crate) fn has_terminal() -> bool {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, "/dev/tty", flags, Mode::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_found_by_absolute_directories_only() {
        assert!(Launcher::find("relative:.:".as_ref()).unwrap().shell().is_absolute());
        assert!(find("bash", "/nowhere".as_ref()).unwrap().is_absolute());
        assert_eq!(find("surely-no-such-program", "/bin".as_ref()), None);
    }

    #[test]
    fn pieces_are_the_whole_and_cut_between_characters() {
        let script = format!("x{}", "é".repeat(PIECE_BYTES));
        let pieces = pieces(&script);
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES) && pieces.len() > 2);
        assert_eq!(pieces.concat(), script);
    }
}
