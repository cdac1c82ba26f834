//! Bringing the changes of a layer to the host: all of them or none.
//!
//! First everything is looked at: nobody may have changed what is going to be replaced, and the layer must still be as it was
//! reviewed. Then the new contents are written into a directory of their own, so that a full disk is found out before anything
//! changed. Then each file takes its place in one step, and the one that it replaces is looked at again once it has been taken
//! away; when that is not the expected one, or anything else goes wrong, all is put back.

mod journal;

use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};
use rustix::io::Errno;

use self::journal::Journal;
use super::changes::Changes;
use super::compare::Sides;
use super::edit::Edit;
use super::tree::Kind;
use crate::files::{Refusal, refused};

/// Brings `changes` to the host.
pub(super) fn apply(sides: Sides<'_>, changes: &Changes) -> Result<()> {
    let edits = outstanding(sides, &changes.edits)?;
    if edits.is_empty() {
        return Ok(());
    }
    let mut journal = Journal::begin(sides.host).map_err(|refusal| refused("apply", ".", refusal))?;
    let Err((path, refusal)) = work(sides, &edits, &mut journal) else {
        journal.finish();
        return Ok(());
    };
    let stuck = journal.undo();
    Err(match refusal {
        refusal if !stuck.is_empty() => stuck_at(&path, refusal, &stuck),
        // Between the look at it and now.
        Refusal::Os(Errno::EXIST | Errno::STALE | Errno::NOTEMPTY | Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
            conflict(&[path])
        }
        refusal => refused("apply", path.display(), refusal),
    })
}

/// What is still to be done of `edits`, after a look at all of them.
fn outstanding<'e>(sides: Sides<'_>, edits: &'e [Edit]) -> Result<Vec<&'e Edit>> {
    let mut outstanding = Vec::new();
    let mut conflicts = Vec::new();
    for edit in edits {
        let failed = |refusal| refused("apply", edit.path.display(), refusal);
        let now = sides.layer.stamp(&edit.path).map_err(|errno| failed(errno.into()))?;
        let as_compared = match (now, edit.now) {
            (Some(now), Some(then)) => now.is_still_merged(&then),
            (now, then) => now.is_none() && then.is_none(),
        };
        if !as_compared {
            let why = "the layer was changed since it was compared; compare again, when no command runs";
            return Err(Error::new(ErrorKind::Conflict, "apply", why).with("path", edit.path.display()));
        }
        // What cannot be copied was said to be left out.
        if edit.is(Kind::Special) || sides.is_same(&edit.path, edit.now).map_err(failed)? {
            continue;
        }
        if sides.is_untouched(&edit.path).map_err(failed)? {
            outstanding.push(edit);
        } else {
            conflicts.push(edit.path.clone());
        }
    }
    if conflicts.is_empty() { Ok(outstanding) } else { Err(conflict(&conflicts)) }
}

fn conflict(paths: &[PathBuf]) -> Error {
    /// Paths that the error names.
    const MAX_NAMED: usize = 8;
    let why = "somebody else changed the same on the host since the overlay was made; nothing was applied";
    let error = Error::new(ErrorKind::Conflict, "apply", why);
    let error = paths.iter().take(MAX_NAMED).fold(error, |error, path| error.with("path", path.display()));
    if paths.len() > MAX_NAMED { error.with("more", paths.len() - MAX_NAMED) } else { error }
}

fn stuck_at(path: &Path, refusal: Refusal, stuck: &[PathBuf]) -> Error {
    let why =
        "it failed half-way, and not everything could be put back; what was replaced is kept in `.flue-apply-…` there";
    let error = Error::new(ErrorKind::Io, "apply", why).with("failed_at", path.display());
    let error = stuck.iter().fold(error, |error, path| error.with("not_put_back", path.display()));
    error.with_source(refused("apply", path.display(), refusal))
}

fn work(sides: Sides<'_>, edits: &[&Edit], journal: &mut Journal<'_>) -> Result<(), (PathBuf, Refusal)> {
    let mut each = |edits: &mut dyn Iterator<Item = &&Edit>,
                    act: &mut dyn FnMut(&mut Journal<'_>, &Edit) -> Result<(), Refusal>| {
        for edit in edits {
            act(journal, edit).map_err(|refusal| (edit.path.clone(), refusal))?;
        }
        Ok(())
    };
    let has_content = |edit: &&&Edit| edit.is(Kind::File) || edit.is(Kind::Symlink);
    let mut drafts = Vec::new();
    each(&mut edits.iter().filter(has_content), &mut |journal, edit| {
        drafts.push(journal.draft(sides.layer, edit)?);
        Ok(())
    })?;
    // What goes, goes before what comes: a file may become a directory, and a directory a file. Deepest first.
    let goes = |edit: &&&Edit| edit.then.is_some() && !edit.stays();
    each(&mut edits.iter().filter(goes).rev(), &mut |journal, edit| journal.take_away(edit))?;
    let comes = |edit: &&&Edit| edit.is(Kind::Directory) && !edit.stays();
    each(&mut edits.iter().filter(comes), &mut |journal, edit| journal.make_dir(edit))?;
    let mut drafts = drafts.into_iter();
    each(&mut edits.iter().filter(has_content), &mut |journal, edit| match drafts.next() {
        Some(draft) => journal.place(edit, &draft),
        None => Err(Errno::INVAL.into()),
    })?;
    // A directory may lose the permission to write in it.
    let kept = |edit: &&&Edit| edit.is(Kind::Directory);
    each(&mut edits.iter().filter(kept).rev(), &mut |journal, edit| journal.set_mode(edit))
}
