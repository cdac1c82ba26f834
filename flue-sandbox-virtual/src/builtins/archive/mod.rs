//! Packing and unpacking: `gzip`, `tar`, `zip` and what goes with them.

mod gzip;
mod sink;
mod tar;
mod unpack;
mod zip;

pub(super) use self::gzip::Gzip;
pub(super) use self::tar::Tar;
pub(super) use self::zip::{Unzip, Zip};
