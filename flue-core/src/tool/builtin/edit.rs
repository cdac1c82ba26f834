//! `edit`: a part of a file, by the text that is there now.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Tool, ToolContext, ToolOutput};
use crate::{Error, ErrorKind, Result, SandboxPath};

/// The most bytes of a file, before and after.
const MAX_EDIT_BYTES: usize = 64 << 20;

/// Replaces text in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit;

/// Arguments of [`Edit`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditArgs {
    /// The file, absolute or relative to the working directory.
    path: String,
    /// The text to replace, exactly as it stands in the file, white space included.
    old_text: String,
    /// The text to put in its place, literally.
    new_text: String,
    /// Replace every occurrence instead of the only one.
    #[serde(default)]
    replace_all: bool,
}

#[async_trait]
impl Tool for Edit {
    type Args = EditArgs;
    const NAME: &'static str = "edit";
    const DESCRIPTION: &'static str = "Replace text in a file. oldText must match exactly and be unique, unless \
        replaceAll is true.";

    fn replaces(&self, args: &EditArgs, cx: &ToolContext) -> Result<Option<SandboxPath>> {
        if args.old_text.is_empty() {
            return Err(fail(args, "oldText must not be empty; to make a file, use write".to_owned()));
        }
        cx.resolve(&args.path).map(Some)
    }

    async fn call(&self, args: EditArgs, cx: ToolContext) -> Result<ToolOutput> {
        if let Some(len) = super::file_len(&cx, &args.path).await
            && len > MAX_EDIT_BYTES as u64
        {
            return Err(too_large(&args));
        }
        let before = cx.fs().read_to_string(&args.path).await?;
        let (after, done) = apply(&before, &args)?;
        if cx.cancel().is_cancelled() {
            return Err(Error::cancelled(Self::NAME));
        }
        cx.fs().write(&args.path, after).await?;
        Ok(ToolOutput::text(done))
    }
}

fn apply(before: &str, args: &EditArgs) -> Result<(String, String)> {
    let found = before.matches(&args.old_text).count();
    let replaced = if args.replace_all { found } else { found.min(1) };
    // Before anything is built: a short call can ask for more than there is memory.
    let kept = before.len() - replaced * args.old_text.len();
    if replaced
        .checked_mul(args.new_text.len())
        .and_then(|new| new.checked_add(kept))
        .is_none_or(|len| len > MAX_EDIT_BYTES)
    {
        return Err(too_large(args));
    }
    if args.replace_all {
        if found == 0 || args.old_text == args.new_text {
            return Err(fail(
                args,
                "oldText was not found, or replacing it changes nothing; no changes were made".to_owned(),
            ));
        }
        let done = format!("Replaced {found} occurrences in {}", args.path);
        return Ok((before.replace(&args.old_text, &args.new_text), done));
    }
    match found {
        0 => Err(fail(
            args,
            "oldText was not found; it must match the file exactly, white space included. Read the file again"
                .to_owned(),
        )),
        1 => Ok((before.replacen(&args.old_text, &args.new_text, 1), format!("Successfully edited {}", args.path))),
        _ => Err(fail(
            args,
            format!("oldText occurs {found} times; add more context to make it unique, or set replaceAll"),
        )),
    }
}

fn too_large(args: &EditArgs) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        "edit",
        format!(
            "the file has, or would have, more than {MAX_EDIT_BYTES} bytes; nothing was changed. Replace less of it"
        ),
    )
    .with("path", &args.path)
}

fn fail(args: &EditArgs, why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, "edit", why).with("path", &args.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(before: &str, old: &str, new: &str, replace_all: bool) -> Result<(String, String)> {
        let args = EditArgs { path: "f".into(), old_text: old.into(), new_text: new.into(), replace_all };
        apply(before, &args)
    }

    #[test]
    fn replaces_exactly_what_was_asked() {
        assert_eq!(edit("a b a", "b", "$&", false).unwrap(), ("a $& a".into(), "Successfully edited f".into()));
        assert_eq!(edit("aaa", "a", "b", true).unwrap(), ("bbb".into(), "Replaced 3 occurrences in f".into()));
        for (before, old, new, all, why) in [
            ("a a", "a", "b", false, "occurs 2 times"),
            ("a", "x", "b", false, "not found"),
            ("a", "x", "b", true, "no changes were made"),
            ("a", "a", "a", true, "no changes were made"),
        ] {
            assert!(edit(before, old, new, all).unwrap_err().message().contains(why));
        }
    }

    #[test]
    fn what_would_be_too_large_is_not_built() {
        let before = "a".repeat(1 << 20);
        let fits = "b".repeat(MAX_EDIT_BYTES >> 20);
        assert_eq!(edit(&before, "a", &fits, true).unwrap().0.len(), MAX_EDIT_BYTES);
        let error = edit(&before, "a", &format!("{fits}b"), true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.message().contains("67108864 bytes"), "{error}");
    }
}
