//! Files that went and others that came which are the same, or nearly.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::Path;

use super::compare::{Sides, load};
use super::edit::Edit;
use super::patch::{Blob, Version, kept_bytes};
use super::tree::{Kind, Stamp, Tree};

/// The most files on either side that are held against each other line by line.
const MAX_COMPARED: usize = 64;
/// The largest file that is.
const MAX_COMPARED_BYTES: u64 = 256 << 10;
/// What is read in one go.
const READ_BYTES: usize = 64 << 10;
/// How much must have stayed the same, in percent, as git has it.
const LEAST_SIMILARITY: u8 = 50;

/// A file that got another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rename {
    /// Which edit deletes it.
    pub(super) from: usize,
    /// Which edit adds it.
    pub(super) to: usize,
    /// How much stayed the same, in percent.
    pub(super) similarity: u8,
}

/// Finds the renames among `edits`: those with the same content first, then those that are most alike.
///
/// What cannot be read is in none: it is told of where it is shown.
pub(super) fn renames(sides: Sides<'_>, edits: &[Edit]) -> Vec<Rename> {
    let is_file = |stamp: Option<Stamp>| stamp.is_some_and(|it| it.kind == Kind::File && it.size > 0);
    let those = |is_one: &dyn Fn(&Edit) -> bool| -> Vec<usize> {
        edits.iter().enumerate().filter(|(_, edit)| is_one(edit)).map(|(at, _)| at).collect()
    };
    let mut gone = those(&|edit| is_file(edit.then) && edit.now.is_none());
    let mut came = those(&|edit| is_file(edit.now) && edit.then.is_none());
    let mut found = Vec::new();
    if gone.is_empty() || came.is_empty() {
        return found;
    }
    let sizes: HashSet<u64> = gone.iter().filter_map(|at| edits[*at].then.map(|it| it.size)).collect();
    let mut by_content: HashMap<String, Vec<usize>> = HashMap::new();
    for at in gone.iter().rev() {
        if let Some(id) = id(sides.host, &edits[*at].path) {
            by_content.entry(id).or_default().push(*at);
        }
    }
    for to in &came {
        if !edits[*to].now.is_some_and(|now| sizes.contains(&now.size)) {
            continue;
        }
        let Some(id) = id(sides.layer, &edits[*to].path) else { continue };
        if let Some(from) = by_content.get_mut(&id).and_then(Vec::pop) {
            found.push(Rename { from, to: *to, similarity: 100 });
        }
    }
    let is_free = |at: &usize| !found.iter().any(|rename| rename.from == *at || rename.to == *at);
    gone.retain(is_free);
    came.retain(is_free);
    found.extend(alike(sides, edits, &gone, &came));
    found
}

fn alike(sides: Sides<'_>, edits: &[Edit], gone: &[usize], came: &[usize]) -> Vec<Rename> {
    let texts = |tree: &Tree, list: &[usize]| {
        let mut texts = Vec::new();
        for at in list {
            let edit = &edits[*at];
            if edit.then.or(edit.now).is_none_or(|it| it.size > MAX_COMPARED_BYTES) {
                continue;
            }
            if let Some(version) = load(tree, &edit.path).ok().flatten().filter(Version::is_text) {
                texts.push((*at, version.content));
            }
            if texts.len() == MAX_COMPARED {
                break;
            }
        }
        texts
    };
    let (gone, came) = (texts(sides.host, gone), texts(sides.layer, came));
    let mut pairs = Vec::new();
    for (to, after) in &came {
        for (from, before) in &gone {
            let (small, large) = (before.len().min(after.len()), before.len().max(after.len()));
            // Not even all of the smaller one is enough.
            if small * 100 < large * usize::from(LEAST_SIMILARITY) {
                continue;
            }
            let similarity = u8::try_from(kept_bytes(before, after) * 100 / large.max(1)).unwrap_or(100).min(99);
            if similarity >= LEAST_SIMILARITY {
                pairs.push(Rename { from: *from, to: *to, similarity });
            }
        }
    }
    pairs.sort_by_key(|pair| (std::cmp::Reverse(pair.similarity), pair.to, pair.from));
    let mut found: Vec<Rename> = Vec::new();
    for pair in pairs {
        if !found.iter().any(|rename| rename.from == pair.from || rename.to == pair.to) {
            found.push(pair);
        }
    }
    found
}

/// The name of a file's content; nothing when it cannot be read.
fn id(tree: &Tree, path: &Path) -> Option<String> {
    let mut file = tree.open_file(path).ok()?;
    let mut blob = Blob::new(file.metadata().ok()?.len());
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(blob.finish()),
            read => blob.update(&buffer[..read]),
        }
    }
}
