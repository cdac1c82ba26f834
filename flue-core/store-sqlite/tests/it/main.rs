//! The store on a real database: the suite, crashes, full disks, cut files and other people's files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod format;
mod suite;
mod support;
