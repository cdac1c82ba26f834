//! Reading and writing piece by piece, for the commands that stream.
//!
//! A command that streams holds only a piece of what passes through it, waits
//! while its reader is busy, and ends when its reader is gone: the engine turns
//! the error of such a write into the status 141 of a broken pipe.

use bashkit::{CommandContext, CommandInput, CommandOutput, CommandStatus, Error};

use super::files::{read_file, resolve};

/// Bytes collected before they are written.
const PIECE_BYTES: usize = 32 * 1024;
/// Pieces written before other parts of a pipeline get their turn even if
/// nothing made this one wait.
const PIECES_PER_TURN: u32 = 64;
/// Bytes that a read of an endless device returns.
const DEVICE_BYTES: usize = 16 * 1024;

/// What a command writes, collected into pieces.
pub(super) struct Output<'a> {
    to: &'a CommandOutput,
    piece: Vec<u8>,
    pieces: u32,
}

impl<'a> Output<'a> {
    pub(super) fn new(to: &'a CommandOutput) -> Self {
        Self { to, piece: Vec::new(), pieces: 0 }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> bashkit::Result<()> {
        if self.piece.len() + bytes.len() < PIECE_BYTES {
            self.piece.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush().await?;
        self.to.write_all(bytes).await?;
        self.count_piece().await;
        Ok(())
    }

    /// Writes what was collected. To be called at the end, and before waiting for input.
    pub(super) async fn flush(&mut self) -> bashkit::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.to.write_all(&self.piece).await?;
        self.piece.clear();
        self.count_piece().await;
        Ok(())
    }

    async fn count_piece(&mut self) {
        self.pieces = self.pieces.wrapping_add(1);
        if self.pieces.is_multiple_of(PIECES_PER_TURN) {
            tokio::task::yield_now().await;
        }
    }
}

/// What a command reads, piece by piece.
pub(super) enum Input {
    Stdin(CommandInput),
    /// The bytes of a file, until they are taken.
    File(Option<Vec<u8>>),
    Zeros,
    Random,
}

impl Input {
    /// Opens an operand; `-` is standard input. The error is why it cannot be read.
    pub(super) async fn open(ctx: &CommandContext<'_>, operand: &str) -> Result<Self, String> {
        if operand == "-" {
            return Ok(Self::Stdin(ctx.stdin.clone()));
        }
        let path = resolve(ctx.cwd, operand);
        match path.to_str() {
            Some("/dev/zero") => Ok(Self::Zeros),
            Some("/dev/random" | "/dev/urandom") => Ok(Self::Random),
            Some("/dev/stdin") => Ok(Self::Stdin(ctx.stdin.clone())),
            _ => read_file(&*ctx.fs, &path).await.map(|bytes| Self::File(Some(bytes))),
        }
    }

    /// The next piece, `None` at the end. A device has no end.
    pub(super) async fn next(&mut self) -> bashkit::Result<Option<Vec<u8>>> {
        match self {
            Self::Stdin(stdin) => stdin.read_chunk().await,
            Self::File(bytes) => Ok(bytes.take().filter(|bytes| !bytes.is_empty())),
            Self::Zeros => Ok(Some(vec![0; DEVICE_BYTES])),
            Self::Random => {
                let mut bytes = vec![0; DEVICE_BYTES];
                getrandom::fill(&mut bytes).map_err(|error| Error::Io(std::io::Error::other(error)))?;
                Ok(Some(bytes))
            }
        }
    }
}

/// Reports `message` as the command's own.
pub(super) async fn complain(ctx: &CommandContext<'_>, message: &str) -> bashkit::Result<()> {
    match ctx.stderr.write_all(format!("{}: {message}\n", ctx.name).as_bytes()).await {
        // Nobody reads the complaint; that is no reason to end differently.
        Err(Error::Io(_)) => Ok(()),
        other => other,
    }
}

/// Ends a command with `message`.
pub(super) async fn fail(ctx: &CommandContext<'_>, message: &str, code: i32) -> bashkit::Result<CommandStatus> {
    complain(ctx, message).await?;
    Ok(CommandStatus::with_code(code))
}

/// Ends a command whose command line could not be read, in GNU's words.
pub(super) async fn usage_error(ctx: &CommandContext<'_>, message: &str, code: i32) -> bashkit::Result<CommandStatus> {
    let name = ctx.name;
    fail(ctx, &format!("{message}\nTry '{name} --help' for more information."), code).await
}
