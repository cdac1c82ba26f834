//! A script as the text that the provider's daemon gives its shell.
//!
//! The text is that shell's standard input, and the shell is whichever the machine has: so `/bin/sh` is called at once, with an
//! input of its own, and what it would read otherwise is never the text. The daemon mixes both streams: what a script says on
//! standard error would end up in the middle of its answer, and goes nowhere instead.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flue_sandbox_remote_kit::quote;

/// The most input that stands in a text, in bytes: shells read their own a byte at a time.
pub(crate) const INLINE_BYTES: usize = 64 << 10;
/// How long the lines of base64 are, in characters.
const LINE: usize = 4096;

/// A script without input.
pub(crate) fn plain(script: &str) -> String {
    format!("exec /bin/sh -c {} </dev/null 2>/dev/null\n", quote(script))
}

/// A script whose input stands in the text. Not in an argument, which other users could read.
pub(crate) fn inline(script: &str, input: &[u8]) -> String {
    let encoded = STANDARD.encode(input);
    let mut text = format!("base64 -d <<'FLUE_INPUT' | /bin/sh -c {} 2>/dev/null\n", quote(script));
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("FLUE_INPUT\n");
    text
}

/// A script whose input is the file `in` of `directory`, which goes with it.
pub(crate) fn from_file(script: &str, directory: &str) -> String {
    let directory = quote(directory);
    format!("/bin/sh -c {} <{directory}/in 2>/dev/null; c=$?; rm -rf {directory}; exit $c\n", quote(script))
}

/// Makes a directory that is this user's alone.
pub(crate) fn private(directory: &str) -> String {
    plain(&format!("umask 077; mkdir {} && printf made", quote(directory)))
}
