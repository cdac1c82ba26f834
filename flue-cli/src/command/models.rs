//! `flue models`: the providers of this build.

use crate::args::ModelsArgs;
use crate::exit::{self, Failure};

/// Lists them.
pub(crate) fn run(_args: &ModelsArgs) -> Result<u8, Failure> {
    Ok(exit::DONE)
}
