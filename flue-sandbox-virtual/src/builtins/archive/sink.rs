//! Where packed or unpacked bytes go.

use std::path::PathBuf;
use std::sync::Arc;

use bashkit::{CommandContext, FileSystem};

use super::super::streaming::Output;

/// Bytes collected before a file is appended to.
const PIECE_BYTES: usize = 256 * 1024;

/// A destination that is written piece by piece.
pub(super) enum Sink<'a> {
    Stdout(Output<'a>),
    File {
        fs: Arc<dyn FileSystem>,
        path: PathBuf,
        piece: Vec<u8>,
    },
    /// Only looks whether the bytes can be made.
    Nothing,
}

impl<'a> Sink<'a> {
    pub(super) fn stdout(ctx: &'a CommandContext<'_>) -> Self {
        Self::Stdout(Output::new(&ctx.stdout))
    }

    /// Creates or empties a file.
    pub(super) async fn file(ctx: &CommandContext<'_>, path: PathBuf) -> bashkit::Result<Self> {
        ctx.fs.write_file(&path, b"").await?;
        Ok(Self::File { fs: Arc::clone(&ctx.fs), path, piece: Vec::new() })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> bashkit::Result<()> {
        match self {
            Self::Stdout(output) => output.write(bytes).await,
            Self::Nothing => Ok(()),
            Self::File { fs, path, piece } => {
                piece.extend_from_slice(bytes);
                if piece.len() >= PIECE_BYTES {
                    fs.append_file(path, piece).await?;
                    piece.clear();
                }
                Ok(())
            }
        }
    }

    pub(super) async fn finish(self) -> bashkit::Result<()> {
        match self {
            Self::Stdout(mut output) => output.flush().await,
            Self::File { fs, path, piece } if !piece.is_empty() => fs.append_file(&path, &piece).await,
            Self::File { .. } | Self::Nothing => Ok(()),
        }
    }
}
