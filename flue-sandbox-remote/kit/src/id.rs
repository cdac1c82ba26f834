//! Names that nobody guesses.

use flue_core::{Error, ErrorKind, Result};

/// Random bytes of an id: 128 bits, so that two never meet.
const BYTES: usize = 16;

/// A fresh random id, in hexadecimal.
///
/// # Errors
/// [`ErrorKind::Io`] when the system gives no random bytes.
pub(crate) fn fresh() -> Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Io, "make an id", "the system gives no random bytes").with_source(error)
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
