//! How much of one reply is kept.

use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::MAX_REPLY_BYTES;

/// Counts what a stream has sent, all of which may have to be kept until its end.
#[derive(Debug, Default)]
pub(crate) struct Budget(usize);

impl Budget {
    /// Takes the bytes of one event.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`] past [`MAX_REPLY_BYTES`].
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<()> {
        self.0 = self.0.saturating_add(bytes);
        if self.0 > MAX_REPLY_BYTES {
            return Err(Error::new(ErrorKind::LimitExceeded, "read model stream", "the reply is too long")
                .with("limit_bytes", MAX_REPLY_BYTES));
        }
        Ok(())
    }
}
