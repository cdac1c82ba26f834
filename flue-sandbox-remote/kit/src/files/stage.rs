//! Bytes onto a machine that takes none: in scripts, as base64, a piece at a time.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flue_core::{Error, ErrorKind, Result, SandboxPath};

use super::{AROUND_BYTES, judge, script};
use crate::call::Link;
use crate::call::script::Frame;
use crate::driver::Facts;

/// What a script has beside the bytes that it carries: the frame, helpers and a path of up to 4 KiB.
const SCRIPT_AROUND_BYTES: usize = 16 << 10;

/// `$1` is a path, or a name among the machine's temporary files, `$2` the operator, `$3` the bytes.
const APPEND: &str = r#"
umask 077
case $1 in /*) f=$1;; *) f=${TMPDIR:-/tmp}/$1;; esac
if [ "$2" = new ]; then
    if m=$(printf %s "$3" | base64 -d 2>&1 >"$f"); then printf 'ok\0'; yes; else nay io "$m"; fi
elif m=$(printf %s "$3" | base64 -d 2>&1 >>"$f"); then printf 'ok\0'; yes
else nay io "$m"; fi"#;

/// Puts a command's input into a temporary file of its own, which the command's script removes. Gives its name.
pub(crate) async fn stage(link: &Arc<Link>, operation: &'static str, frame: &Frame, input: &[u8]) -> Result<String> {
    let file = format!(".flue-{}.in", frame.nonce);
    pieces(link, operation, &file, input).await?;
    Ok(file)
}

/// How many bytes a script can carry, as base64, beside what else it has.
pub(super) fn script_room(facts: &Facts) -> usize {
    facts.script_bytes.saturating_sub(SCRIPT_AROUND_BYTES) / 4 * 3
}

/// Writes a file that is nobody else's, in as many scripts as it takes. A name alone is one among the machine's temporary files.
pub(super) async fn pieces(link: &Arc<Link>, operation: &'static str, file: &str, data: &[u8]) -> Result<()> {
    let path = SandboxPath::root().join(file)?;
    let facts = link.driver().facts();
    let piece = script_room(facts);
    if piece == 0 {
        let why = "the provider's scripts are too short to carry input";
        return Err(Error::new(ErrorKind::Unsupported, operation, why).with("script_bytes", facts.script_bytes));
    }
    let body = format!("{}\n{APPEND}", script::WHY);
    let none: &[u8] = &[];
    let chunks = if data.is_empty() { vec![none] } else { data.chunks(piece).collect() };
    for (index, chunk) in chunks.into_iter().enumerate() {
        let text = STANDARD.encode(chunk);
        let args = [file, if index == 0 { "new" } else { "more" }, &text];
        judge(operation, &path, link.operate(operation, &body, &args, None, AROUND_BYTES).await?)?;
    }
    Ok(())
}
