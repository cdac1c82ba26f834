//! What of all that was touched in a layer is a change of the host's directory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use flue_core::Result;

use super::base::Base;
use super::edit::Edit;
use super::patch::Version;
use super::tree::{Kind, Stamp, Tree};
use crate::files::{Refusal, refused};

/// The largest file whose content a patch carries.
const MAX_PATCH_FILE_BYTES: u64 = 16 << 20;
/// Bytes of two files that are compared at a time.
const COMPARED_BYTES: usize = 64 << 10;
/// Where git keeps a repository, or says where it is.
const GIT: &str = ".git";

/// The host's directory, as it was and as it is, and the layer over it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) base: &'a Base,
    pub(super) host: &'a Tree,
    pub(super) layer: &'a Tree,
}

/// What is to be done so that the host has what the layer has.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) edits: Vec<Edit>,
    /// Files that git ignores or keeps for itself.
    pub(super) ignored: u64,
}

impl Sides<'_> {
    /// The changes among what was touched, in the order of paths.
    pub(super) fn compare(
        &self,
        touched: &BTreeSet<PathBuf>,
        mut ignores: impl FnMut(&Path, bool) -> bool,
    ) -> Result<Found> {
        let mut found = Found::default();
        for path in touched {
            let look = || {
                let (then, now) = (self.base.get(path).copied(), self.layer.stamp(path)?);
                Ok((then, now, then.or(now).is_none() || self.is_same(path, now)?))
            };
            let (then, now, is_same) = look().map_err(|refusal| refused("diff", path.display(), refusal))?;
            let Some(stamp) = now.or(then) else { continue };
            let is_dir = stamp.kind == Kind::Directory;
            if path.iter().any(|name| name == GIT) || ignores(path, is_dir) {
                found.ignored += u64::from(!is_dir && !is_same);
            } else if !is_same {
                found.edits.push(Edit { path: path.clone(), then, now });
            }
        }
        // A directory that is new only for what git ignores in it is no change.
        let kept: Vec<bool> = (0..found.edits.len()).map(|at| found.is_kept(at, touched)).collect();
        let mut kept = kept.into_iter();
        found.edits.retain(|_| kept.next().unwrap_or(true));
        Ok(found)
    }

    /// Whether the host has at `path` what the layer has, `now`.
    pub(super) fn is_same(&self, path: &Path, now: Option<Stamp>) -> Result<bool, Refusal> {
        let there = self.host.stamp(path)?;
        let (Some(there), Some(now)) = (there, now) else { return Ok(there.is_none() && now.is_none()) };
        if there.kind != now.kind {
            return Ok(false);
        }
        Ok(match now.kind {
            Kind::Directory => there.mode == now.mode,
            Kind::Symlink => self.host.read_link(path)? == self.layer.read_link(path)?,
            Kind::File => there.mode == now.mode && self.has_same_content(path, there, now)?,
            Kind::Special => true,
        })
    }

    /// Whether a file has the same content on both sides.
    pub(super) fn has_same_content(&self, path: &Path, there: Stamp, now: Stamp) -> Result<bool, Refusal> {
        Ok(there.size == now.size && is_same_content(self.host.open_file(path)?, self.layer.open_file(path)?)?)
    }

    /// Whether nobody else changed what is at a path on the host since the layer was made.
    pub(super) fn is_untouched(&self, path: &Path) -> Result<bool, Refusal> {
        Ok(match (self.host.stamp(path)?, self.base.get(path)) {
            (None, None) => true,
            (Some(there), Some(then)) => there.is_still(then),
            _ => false,
        })
    }
}

impl Found {
    fn is_kept(&self, at: usize, touched: &BTreeSet<PathBuf>) -> bool {
        let edit = &self.edits[at];
        if edit.then.is_some() || !edit.is(Kind::Directory) {
            return true;
        }
        let after = (std::ops::Bound::Excluded(&edit.path), std::ops::Bound::Unbounded);
        let is_empty = !touched.range::<PathBuf, _>(after).next().is_some_and(|next| next.starts_with(&edit.path));
        is_empty || self.edits.get(at + 1).is_some_and(|next| next.is_within(&edit.path))
    }
}

fn is_same_content(one: File, other: File) -> std::io::Result<bool> {
    let mut one = BufReader::with_capacity(COMPARED_BYTES, one);
    let mut other = BufReader::with_capacity(COMPARED_BYTES, other);
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let common = left.len().min(right.len());
        if left[..common] != right[..common] {
            return Ok(false);
        }
        if common == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        one.consume(common);
        other.consume(common);
    }
}

/// The file or link at a path, whole; nothing when there is none, or one larger than a patch takes.
pub(super) fn load(tree: &Tree, path: &Path) -> Result<Option<Version>, Refusal> {
    let Some(stamp) = tree.stamp(path)? else { return Ok(None) };
    let content = match stamp.kind {
        Kind::Symlink => tree.read_link(path)?.as_os_str().as_bytes().to_vec(),
        Kind::File if stamp.size <= MAX_PATCH_FILE_BYTES => {
            let mut content = Vec::new();
            tree.open_file(path)?.take(MAX_PATCH_FILE_BYTES + 1).read_to_end(&mut content)?;
            if content.len() as u64 > MAX_PATCH_FILE_BYTES {
                return Ok(None);
            }
            content
        }
        _ => return Ok(None),
    };
    Ok(Some(Version { mode: stamp.git_mode(), content }))
}
