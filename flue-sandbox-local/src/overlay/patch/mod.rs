//! Changes of files in the form of `git diff --binary`, which `git apply` takes.

mod binary;
mod hunks;
mod name;

use std::path::Path;

use sha1::{Digest as _, Sha1};

use self::binary::binary;
use self::hunks::hunks;
pub(super) use self::hunks::kept_bytes;
use self::name::quoted;
use super::LineCounts;

/// The largest text that is compared line by line.
const MAX_TEXT_BYTES: usize = 4 << 20;
/// A NUL among so many first bytes makes content binary, as git has it.
const BINARY_PROBE_BYTES: usize = 8000;
/// The name of no content.
const NOTHING: &str = "0000000000000000000000000000000000000000";
/// Where a file comes from that was not there, or goes.
const NOWHERE: &[u8] = b"/dev/null";

/// A file or link, before or after.
#[derive(Debug)]
pub(super) struct Version {
    /// As git writes it.
    pub(super) mode: &'static str,
    /// Of a link, what it says.
    pub(super) content: Vec<u8>,
}

impl Version {
    /// Whether it is to be compared line by line.
    pub(super) fn is_text(&self) -> bool {
        self.content.len() <= MAX_TEXT_BYTES && !self.content[..self.content.len().min(BINARY_PROBE_BYTES)].contains(&0)
    }

    fn id(&self) -> String {
        let mut hash = Blob::new(self.content.len() as u64);
        hash.update(&self.content);
        hash.finish()
    }
}

/// The name that git gives to a content.
pub(super) struct Blob(Sha1);

impl Blob {
    /// Of a content of so many bytes, all of which are to follow.
    pub(super) fn new(len: u64) -> Self {
        Self(Sha1::new_with_prefix(format!("blob {len}\0")))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What happened to a file.
#[derive(Debug)]
pub(super) enum Deed<'a> {
    Added(&'a Version),
    Deleted(&'a Version),
    Modified(&'a Version, &'a Version),
    /// From another name; how much stayed the same, in percent.
    Renamed(&'a Path, u8, &'a Version, &'a Version),
}

/// Writes what happened to the file at `path`, and counts the lines of text.
pub(super) fn write(path: &Path, deed: &Deed<'_>, patch: &mut Vec<u8>) -> std::io::Result<Option<LineCounts>> {
    let from = if let Deed::Renamed(from, ..) = deed { *from } else { path };
    let (old_name, new_name) = (quoted("a/", from), quoted("b/", path));
    line(patch, &[b"diff --git ", &old_name, b" ", &new_name]);
    let (before, after) = match deed {
        Deed::Added(after) => {
            line(patch, &[b"new file mode ", after.mode.as_bytes()]);
            (None, Some(*after))
        }
        Deed::Deleted(before) => {
            line(patch, &[b"deleted file mode ", before.mode.as_bytes()]);
            (Some(*before), None)
        }
        Deed::Modified(before, after) | Deed::Renamed(_, _, before, after) => {
            if before.mode != after.mode {
                line(patch, &[b"old mode ", before.mode.as_bytes()]);
                line(patch, &[b"new mode ", after.mode.as_bytes()]);
            }
            (Some(*before), Some(*after))
        }
    };
    if let Deed::Renamed(from, similarity, ..) = deed {
        line(patch, &[format!("similarity index {similarity}%").as_bytes()]);
        line(patch, &[b"rename from ", &quoted("", from)]);
        line(patch, &[b"rename to ", &quoted("", path)]);
    }
    let (old, new) = (content(before), content(after));
    let same_file = before.is_some() && after.is_some();
    if same_file && old == new {
        return Ok(Some(LineCounts::default()));
    }
    let id = |version: Option<&Version>| version.map_or_else(|| NOTHING.to_owned(), Version::id);
    let mut index = format!("index {}..{}", id(before), id(after));
    if let (Some(before), Some(after)) = (before, after)
        && before.mode == after.mode
    {
        index.push_str(&format!(" {}", after.mode));
    }
    line(patch, &[index.as_bytes()]);
    if !before.is_none_or(Version::is_text) || !after.is_none_or(Version::is_text) {
        patch.extend_from_slice(&binary(old, new)?);
        return Ok(None);
    }
    let hunks = hunks(old, new);
    if !hunks.text.is_empty() {
        line(patch, &[b"--- ", &named(before.map(|_| &old_name))]);
        line(patch, &[b"+++ ", &named(after.map(|_| &new_name))]);
        patch.extend_from_slice(&hunks.text);
    }
    Ok(Some(LineCounts { added: hunks.added, removed: hunks.removed }))
}

fn content(version: Option<&Version>) -> &[u8] {
    version.map_or(&[], |version| &version.content)
}

/// A name that ends where the line does, also for readers that end names at a space.
fn named(name: Option<&Vec<u8>>) -> Vec<u8> {
    let mut name = name.map_or(NOWHERE, Vec::as_slice).to_vec();
    if name.contains(&b' ') {
        name.push(b'\t');
    }
    name
}

fn line(patch: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| patch.extend_from_slice(part));
    patch.push(b'\n');
}
