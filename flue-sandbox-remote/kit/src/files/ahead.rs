//! Search in few scripts: one tells all that lies below a directory, and one for each batch of files brings what is in them.
//!
//! The search itself, with its order and its bounds, is the core's; it finds here what it would ask for one by one. What is not
//! here is asked for: a file that changed, one that is large, or all of a tree that is too large to be told at once.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::search::{self, GlobHits, GlobQuery, GrepHits, GrepQuery, MAX_DEPTH, MAX_ENTRIES};
use flue_core::{CreateDir, DirEntry, FileKind, FileSystem, Metadata, Remove, Result, SandboxPath};
use tokio::sync::Mutex;

use super::{Files, MAX_ANSWER_BYTES, script};

/// The most files that one script brings.
const BATCH_FILES: usize = 256;
/// The most bytes that it brings, unless the provider answers with less.
const BATCH_BYTES: usize = 8 << 20;
/// The most bytes of paths that one script names: well below the length of any script.
const BATCH_PATH_BYTES: usize = 32 << 10;
/// The largest file that comes in a batch, in bytes: most sources are far smaller.
const BATCH_FILE_BYTES: usize = 512 << 10;

/// Finds files by name.
pub(crate) async fn glob(files: &Files, query: &GlobQuery) -> Result<GlobHits> {
    match Ahead::look(files, &query.path).await {
        Some(ahead) => search::glob(&ahead, query).await,
        None => search::glob(files, query).await,
    }
}

/// Finds files by content.
pub(crate) async fn grep(files: &Files, query: &GrepQuery) -> Result<GrepHits> {
    let Some(mut ahead) = Ahead::look(files, &query.path).await else { return search::grep(files, query).await };
    // What the search will read, in its order. A glob that is malformed is told by the search.
    let all = GlobQuery::new(query.include.as_deref().unwrap_or("*"), query.path.clone(), MAX_ENTRIES);
    ahead.order = search::glob(&ahead, &all).await.map(|hits| hits.paths).unwrap_or_default();
    search::grep(&ahead, query).await
}

/// What was told ahead of being asked for.
struct Ahead {
    files: Files,
    tree: BTreeMap<SandboxPath, Vec<DirEntry>>,
    order: Vec<SandboxPath>,
    batch: Mutex<Batch>,
}

/// What was brought.
#[derive(Default)]
struct Batch {
    /// Where in the order the next one begins.
    next: usize,
    came: BTreeMap<SandboxPath, Came>,
}

enum Came {
    Whole(Bytes),
    /// A file too large for a batch, with its size.
    Large(u64),
}

impl Ahead {
    /// Has all be told that lies below `base`; `None` if that cannot be, for whatever reason.
    async fn look(files: &Files, base: &SandboxPath) -> Option<Self> {
        let (most, depth) = (files.answer_bytes(MAX_ANSWER_BYTES).to_string(), (MAX_DEPTH + 1).to_string());
        let answer = files.ask("list", script::TREE, base, &[&most, &depth], None, MAX_ANSWER_BYTES).await.ok()?;
        let tree = parse_tree(base, &answer)?;
        Some(Self { files: files.clone(), tree, order: Vec::new(), batch: Mutex::default() })
    }

    /// Brings the batch that begins with `path`, where the search is.
    async fn bring(&self, batch: &mut Batch, path: &SandboxPath) {
        let Some(at) = self.order.iter().skip(batch.next).position(|next| next == path) else { return };
        let first = batch.next + at;
        let mut bytes = 0;
        let fits = |path: &&SandboxPath| {
            bytes += path.as_str().len();
            bytes <= BATCH_PATH_BYTES
        };
        let wanted: Vec<&SandboxPath> = self.order[first..].iter().take(BATCH_FILES).take_while(fits).collect();
        batch.next = first + wanted.len().max(1);
        batch.came.clear();
        let most = self.files.answer_bytes(BATCH_BYTES);
        let (total, one) = (most.to_string(), most.min(BATCH_FILE_BYTES).to_string());
        let mut args = vec![&*total, &*one];
        args.extend(wanted.iter().map(|path| path.as_str()));
        // Beside the bytes, each file has its size.
        let limit = most + wanted.len() * 32;
        // What did not come is asked for by itself.
        let Ok(answer) = self.files.ask("read", script::BATCH, path, &args, None, limit).await else { return };
        let mut rest = answer;
        for (index, path) in wanted.iter().enumerate() {
            let Some((came, left)) = parse_file(rest) else {
                batch.next = first + index.max(1);
                return;
            };
            if let Some(came) = came {
                batch.came.insert((*path).clone(), came);
            }
            rest = left;
        }
    }
}

/// Reads `dir NUL … NUL NUL file NUL … /`, all relative; `None` for what broke off.
fn parse_tree(base: &SandboxPath, answer: &[u8]) -> Option<BTreeMap<SandboxPath, Vec<DirEntry>>> {
    let mut tree = BTreeMap::from([(base.clone(), Vec::new())]);
    let mut fields = answer.strip_suffix(b"\0/")?.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    // A search that works finds its start first.
    (fields.next()? == ".").then_some(())?;
    let mut kind = FileKind::Directory;
    for field in fields {
        let Some(name) = field.strip_prefix("./") else {
            kind = FileKind::File;
            continue;
        };
        // One that cannot be named, as it is too long: the core's walk says what that means.
        let path = base.join(name).ok()?;
        if kind == FileKind::Directory {
            tree.entry(path.clone()).or_default();
        }
        tree.get_mut(&path.parent()?)?.push(DirEntry::new(path.file_name()?, kind));
    }
    for entries in tree.values_mut() {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Some(tree)
}

/// Reads `- NUL`, `> size NUL` or `= size NUL bytes NUL .`, and what is after it; `None` where it broke off.
fn parse_file(answer: Bytes) -> Option<(Option<Came>, Bytes)> {
    let end = answer.iter().position(|byte| *byte == 0)?;
    let (kind, size) = answer[..end].split_first()?;
    let rest = answer.slice(end + 1..);
    let size = || std::str::from_utf8(size).ok()?.parse::<u64>().ok();
    match kind {
        b'-' => Some((None, rest)),
        b'>' => Some((Some(Came::Large(size()?)), rest)),
        b'=' => {
            let size = usize::try_from(size()?).ok()?;
            let left = rest.get(size..)?.strip_prefix(b"\0.")?.len();
            Some((Some(Came::Whole(rest.slice(..size))), rest.slice(rest.len() - left..)))
        }
        _ => None,
    }
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("directories", &self.tree.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl FileSystem for Ahead {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        match self.batch.lock().await.came.remove(path) {
            Some(Came::Whole(data)) => Ok(data),
            _ => self.files.read(path).await,
        }
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        let mut batch = self.batch.lock().await;
        if !batch.came.contains_key(path) {
            self.bring(&mut batch, path).await;
        }
        let len = match batch.came.get(path) {
            Some(Came::Whole(data)) => data.len() as u64,
            Some(Came::Large(size)) => *size,
            None => return self.files.metadata(path).await,
        };
        Ok(Metadata::new(FileKind::File).with_len(len))
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        match self.tree.get(path) {
            Some(entries) => Ok(entries.clone()),
            None => self.files.list(path).await,
        }
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.files.write(path, data).await
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.files.create_dir(path, options).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.files.remove(path, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_whole_or_none() {
        let base = SandboxPath::new("/w").unwrap();
        let told = b".\0./d\0./d/e\0\0./d/a\nb\0./z\0./d/A\0/";
        let tree = parse_tree(&base, told).unwrap();
        let names = |dir: &str| -> Vec<String> {
            tree[&SandboxPath::new(dir).unwrap()].iter().map(|entry| entry.name.clone()).collect()
        };
        assert_eq!(names("/w"), ["d", "z"]);
        assert_eq!(names("/w/d"), ["A", "a\nb", "e"]);
        assert_eq!(names("/w/d/e"), [""; 0]);
        for end in 0..told.len() {
            assert!(parse_tree(&base, &told[..end]).is_none(), "{end}");
        }
        assert!(parse_tree(&base, b"\0/").is_none(), "a search that found not even its start");
    }

    #[test]
    fn a_batch_ends_where_it_breaks_off() {
        let answer = Bytes::from_static(b"=3\0a\0b\0.-\0>9999\0=0\0\0.=5\0ab");
        let (came, rest) = parse_file(answer).unwrap();
        assert!(matches!(came, Some(Came::Whole(data)) if data == "a\0b"));
        let (came, rest) = parse_file(rest).unwrap();
        assert!(came.is_none());
        let (came, rest) = parse_file(rest).unwrap();
        assert!(matches!(came, Some(Came::Large(9999))));
        let (came, rest) = parse_file(rest).unwrap();
        assert!(matches!(came, Some(Came::Whole(data)) if data.is_empty()));
        assert!(parse_file(rest).is_none());
        assert!(parse_file(Bytes::from_static(b"=3\0abcd\0.")).is_none(), "it grew meanwhile");
        assert!(parse_file(Bytes::from_static(b"=x\0\0.")).is_none());
        assert!(parse_file(Bytes::new()).is_none());
    }
}
