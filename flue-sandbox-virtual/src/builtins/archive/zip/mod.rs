//! `zip` and `unzip`.

mod create;
mod extract;
mod format;

pub(in super::super) use self::create::Zip;
pub(in super::super) use self::extract::Unzip;

use super::super::glob;

/// Whether a name is meant by any of the patterns.
fn matches(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| glob::matches(pattern, name))
}
