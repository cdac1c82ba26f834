//! The changes as a list for people and a patch for git.

use std::collections::{HashMap, HashSet};

use flue_core::Result;

use super::changes::{Change, ChangeKind, Changes, LineCounts};
use super::compare::{Found, Sides, load};
use super::edit::{Edit, file_kind};
use super::patch::{self, Deed};
use super::renames::{Rename, renames};
use super::tree::Kind;
use crate::files::{Refusal, refused};

/// The longest patch. What comes after it is listed and applied all the same.
const MAX_PATCH_BYTES: usize = 64 << 20;

/// Puts together what was found.
pub(super) fn report(sides: Sides<'_>, found: Found) -> Result<Changes> {
    let renames = renames(sides, &found.edits);
    let renamed: HashMap<usize, Rename> = renames.iter().map(|rename| (rename.to, *rename)).collect();
    let gone: HashSet<usize> = renames.iter().map(|rename| rename.from).collect();
    let mut report = Report { sides, edits: &found.edits, list: Vec::new(), patch: Vec::new() };
    for (at, edit) in found.edits.iter().enumerate() {
        let told = match renamed.get(&at) {
            Some(rename) => report.renamed(*rename),
            None if gone.contains(&at) => Ok(()),
            None => report.edit(edit, found.edits.get(at + 1)),
        };
        told.map_err(|refusal| refused("diff", edit.path.display(), refusal))?;
    }
    let Report { list, patch, .. } = report;
    Ok(Changes { list, patch, ignored: found.ignored, edits: found.edits })
}

struct Report<'a> {
    sides: Sides<'a>,
    edits: &'a [Edit],
    list: Vec<Change>,
    patch: Vec<u8>,
}

impl Report<'_> {
    fn renamed(&mut self, rename: Rename) -> Result<(), Refusal> {
        let (from, to) = (&self.edits[rename.from], &self.edits[rename.to]);
        let (before, after) = (load(self.sides.host, &from.path)?, load(self.sides.layer, &to.path)?);
        let lines = match before.zip(after) {
            Some((before, after)) => self.write(to, &Deed::Renamed(&from.path, rename.similarity, &before, &after))?,
            None => Written::No,
        };
        let conflict = self.is_conflict(from)? || self.is_conflict(to)?;
        self.push(to, ChangeKind::Renamed(from.path.clone()), Kind::File, lines, conflict);
        Ok(())
    }

    fn edit(&mut self, edit: &Edit, next: Option<&Edit>) -> Result<(), Refusal> {
        let conflict = self.is_conflict(edit)?;
        let (then, now) = (edit.then.map(|it| it.kind), edit.now.map(|it| it.kind));
        let told_by_what_is_in_it =
            |deed: fn(&Edit) -> bool| next.is_some_and(|next| next.is_within(&edit.path) && deed(next));
        match (then, now) {
            (None | Some(Kind::Directory), None | Some(Kind::Directory)) => {
                let kind = match (edit.then, edit.now) {
                    (Some(then), Some(now)) => ChangeKind::ModeChanged(then.mode, now.mode),
                    (None, _) if told_by_what_is_in_it(|next| next.then.is_none()) => return Ok(()),
                    (None, _) => ChangeKind::Added,
                    (Some(_), _) if told_by_what_is_in_it(|next| next.now.is_none()) => return Ok(()),
                    (Some(_), _) => ChangeKind::Deleted,
                };
                self.push(edit, kind, Kind::Directory, Written::No, conflict);
            }
            (Some(then), Some(now)) if then == now => self.modified(edit, now, conflict)?,
            _ => {
                if let Some(kind) = then.filter(|kind| *kind != Kind::Directory) {
                    let before = load(self.sides.host, &edit.path)?;
                    let lines = match &before {
                        Some(before) => self.write(edit, &Deed::Deleted(before))?,
                        None => Written::No,
                    };
                    self.push(edit, ChangeKind::Deleted, kind, lines, conflict);
                }
                if let Some(kind) = now.filter(|kind| *kind != Kind::Directory) {
                    let after = load(self.sides.layer, &edit.path)?;
                    let lines = match &after {
                        Some(after) => self.write(edit, &Deed::Added(after))?,
                        None => Written::No,
                    };
                    self.push(edit, ChangeKind::Added, kind, lines, conflict);
                }
            }
        }
        Ok(())
    }

    fn modified(&mut self, edit: &Edit, kind: Kind, conflict: bool) -> Result<(), Refusal> {
        let there = self.sides.host.stamp(&edit.path)?.filter(|there| there.kind == kind);
        let same_content = match there.zip(edit.now) {
            Some((there, now)) if kind == Kind::File => self.sides.has_same_content(&edit.path, there, now)?,
            _ => false,
        };
        let (before, after) = (load(self.sides.host, &edit.path)?, load(self.sides.layer, &edit.path)?);
        // Permissions that git does not know are no line of a patch.
        let modes = before.as_ref().map(|it| it.mode).zip(after.as_ref().map(|it| it.mode));
        let only_unknown = same_content && modes.is_some_and(|(before, after)| before == after);
        let lines = match before.zip(after) {
            Some((before, after)) if !only_unknown => self.write(edit, &Deed::Modified(&before, &after))?,
            _ => Written::No,
        };
        let kind_of_change = match edit.then.zip(edit.now) {
            Some((then, now)) if same_content => ChangeKind::ModeChanged(then.mode, now.mode),
            _ => ChangeKind::Modified,
        };
        self.push(edit, kind_of_change, kind, lines, conflict);
        Ok(())
    }

    fn write(&mut self, edit: &Edit, deed: &Deed<'_>) -> Result<Written, Refusal> {
        let begin = self.patch.len();
        let lines = patch::write(&edit.path, deed, &mut self.patch)?;
        if self.patch.len() > MAX_PATCH_BYTES {
            self.patch.truncate(begin);
            return Ok(Written::No);
        }
        Ok(Written::Yes(lines))
    }

    fn is_conflict(&self, edit: &Edit) -> Result<bool, Refusal> {
        Ok(!self.sides.is_untouched(&edit.path)?)
    }

    fn push(&mut self, edit: &Edit, kind: ChangeKind, file: Kind, written: Written, conflict: bool) {
        let (lines, in_patch) = match written {
            Written::Yes(lines) => (lines, true),
            Written::No => (None, false),
        };
        self.list.push(Change { path: edit.path.clone(), kind, file: file_kind(file), lines, in_patch, conflict });
    }
}

/// Whether a change got into the patch, and with how many lines of text.
enum Written {
    Yes(Option<LineCounts>),
    No,
}
