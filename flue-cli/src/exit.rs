//! How `flue` ends. Scripts may rely on these codes; they change only with the version's first number.

use flue_core::Error;

/// It did what was asked.
pub(crate) const DONE: u8 = 0;
/// Something was run, and it failed.
pub(crate) const FAILED: u8 = 1;
/// Nothing was run: the command line, the agent file, a file to stage or the choice of model has to be put right.
pub(crate) const USAGE: u8 = 2;
/// The structured result that was asked for was not to be had.
pub(crate) const NO_RESULT: u8 = 3;
/// A limit of turns, tokens or cost was reached.
pub(crate) const LIMIT: u8 = 4;
/// The time limit passed, as `timeout(1)` has it.
pub(crate) const TIME_LIMIT: u8 = 124;
/// `flue exec` itself failed, so that there is no exit code of the command, as `timeout(1)` and `env(1)` have it.
pub(crate) const NOT_RUN: u8 = 125;
/// Interrupted with Ctrl-C: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;
/// Nobody reads the output any more: 128 and the number of SIGPIPE.
pub(crate) const BROKEN_PIPE: u8 = 141;
/// Told to end: 128 and the number of SIGTERM.
pub(crate) const TERMINATED: u8 = 143;

/// An end other than [`DONE`], with what there is to say about it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// Nothing is said when a reader went away.
    pub(crate) error: Option<Error>,
}

impl Failure {
    /// Nothing was run, and the caller can put it right.
    pub(crate) fn usage(error: Error) -> Self {
        Self { code: USAGE, error: Some(error) }
    }

    /// It ran and failed.
    pub(crate) fn failed(error: Error) -> Self {
        Self { code: FAILED, error: Some(error) }
    }

    /// An end of this code that explains itself.
    pub(crate) fn silent(code: u8) -> Self {
        Self { code, error: None }
    }

    /// The same with another exit code.
    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }
}
