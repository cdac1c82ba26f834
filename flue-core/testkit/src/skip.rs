//! Tests that cannot run on this machine.

use std::fs::OpenOptions;
use std::io::Write as _;

/// The variable that names the file to which skipped tests are written, a line each.
pub const SKIPS: &str = "FLUE_SKIPS";

/// Says that a test, or a part of one, cannot run here, and why.
///
/// The standard harness counts it as passed all the same. Where the variable [`SKIPS`] names a file, a line is added to it, and
/// whoever runs the tests counts and names those.
#[expect(clippy::print_stdout, reason = "the harness shows it beside the test")]
pub fn skip(test: &str, why: &str) {
    println!("skipped: {test}: {why}");
    let Some(path) = std::env::var_os(SKIPS) else { return };
    let line = format!("{test}: {why}\n");
    // In one piece: tests of several processes write to it.
    let written =
        OpenOptions::new().append(true).create(true).open(&path).and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        println!("{}: cannot be written: {error}", path.display());
    }
}
