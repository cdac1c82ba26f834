//! The tree of files behind the in-memory sandbox.

use std::collections::BTreeMap;

use bytes::Bytes;
use flue_core::{CreateDir, DirEntry, ErrorKind, FileKind, Metadata, Remove, SandboxPath};

/// The most bytes that the contents of one tree take.
const MAX_TOTAL_BYTES: usize = 256 << 20;
/// The most files and directories of one tree.
const MAX_ENTRIES: usize = 100_000;
/// The longest name, in bytes, as on Linux.
const MAX_NAME_BYTES: usize = 255;

/// Why an operation is refused.
pub(super) struct Refusal(pub(super) ErrorKind, pub(super) &'static str);

const MISSING: Refusal = Refusal(ErrorKind::NotFound, "no such file or directory");
const EXISTS: Refusal = Refusal(ErrorKind::AlreadyExists, "it exists already");
const NOT_A_DIRECTORY: Refusal = Refusal(ErrorKind::NotADirectory, "not a directory");
const IS_A_DIRECTORY: Refusal = Refusal(ErrorKind::IsADirectory, "it is a directory");

/// Files and directories by their whole path. The root is always there and has no entry.
#[derive(Default)]
pub(super) struct Tree {
    nodes: BTreeMap<SandboxPath, Node>,
    bytes: usize,
}

#[derive(Clone)]
enum Node {
    File(Bytes),
    Directory,
}

impl Tree {
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn read(&self, path: &SandboxPath) -> Result<Bytes, Refusal> {
        match self.find(path)? {
            Some(Node::File(data)) => Ok(data),
            Some(Node::Directory) => Err(IS_A_DIRECTORY),
            None => Err(MISSING),
        }
    }

    pub(super) fn write(&mut self, path: &SandboxPath, data: Bytes) -> Result<(), Refusal> {
        let old = match self.find(path)? {
            Some(Node::Directory) => return Err(IS_A_DIRECTORY),
            Some(Node::File(old)) => old.len(),
            None => 0,
        };
        let bytes = self.bytes - old + data.len();
        if bytes > MAX_TOTAL_BYTES {
            return Err(Refusal(ErrorKind::LimitExceeded, "the files in memory would become too large"));
        }
        check_names(path)?;
        if let Some(parent) = path.parent() {
            self.create_dir(&parent, CreateDir::recursive())?;
        }
        self.insert(path, Node::File(data))?;
        self.bytes = bytes;
        Ok(())
    }

    pub(super) fn metadata(&self, path: &SandboxPath) -> Result<Metadata, Refusal> {
        match self.find(path)? {
            Some(Node::File(data)) => Ok(Metadata::new(FileKind::File).with_len(data.len() as u64)),
            Some(Node::Directory) => Ok(Metadata::new(FileKind::Directory)),
            None => Err(MISSING),
        }
    }

    pub(super) fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>, Refusal> {
        match self.find(path)? {
            Some(Node::File(_)) => Err(NOT_A_DIRECTORY),
            None => Err(MISSING),
            Some(Node::Directory) => Ok(self
                .below(path)
                .filter_map(|(entry, node)| {
                    let name = entry.strip_prefix(path).filter(|rest| !rest.contains('/'))?;
                    Some(DirEntry::new(name, node.kind()))
                })
                .collect()),
        }
    }

    pub(super) fn create_dir(&mut self, path: &SandboxPath, options: CreateDir) -> Result<(), Refusal> {
        match self.find(path)? {
            Some(Node::Directory) if options.recursive => return Ok(()),
            Some(_) => return Err(EXISTS),
            None => check_names(path)?,
        }
        if let Some(parent) = path.parent() {
            if options.recursive {
                self.create_dir(&parent, options)?;
            } else if self.find(&parent)?.is_none() {
                return Err(MISSING);
            }
        }
        self.insert(path, Node::Directory)
    }

    pub(super) fn remove(&mut self, path: &SandboxPath, options: Remove) -> Result<(), Refusal> {
        if path.is_root() {
            return Err(Refusal(ErrorKind::PermissionDenied, "the root cannot be removed"));
        }
        let Some(node) = self.find(path)? else {
            return if options.force { Ok(()) } else { Err(MISSING) };
        };
        if let Node::Directory = node {
            let below: Vec<SandboxPath> = self.below(path).map(|(entry, _)| entry.clone()).collect();
            if !below.is_empty() && !options.recursive {
                return Err(Refusal(ErrorKind::DirectoryNotEmpty, "the directory is not empty"));
            }
            for entry in below {
                self.forget(&entry);
            }
        }
        self.forget(path);
        Ok(())
    }

    /// What `path` names; `None` for nothing in a directory that may be missing too.
    fn find(&self, path: &SandboxPath) -> Result<Option<Node>, Refusal> {
        if path.is_root() {
            return Ok(Some(Node::Directory));
        }
        if let Some(node) = self.nodes.get(path) {
            return Ok(Some(node.clone()));
        }
        let mut above = path.parent();
        while let Some(dir) = above {
            if let Some(Node::File(_)) = self.nodes.get(&dir) {
                return Err(NOT_A_DIRECTORY);
            }
            above = dir.parent();
        }
        Ok(None)
    }

    fn below<'a>(&'a self, path: &'a SandboxPath) -> impl Iterator<Item = (&'a SandboxPath, &'a Node)> {
        // Names with characters that sort before `/` may come between a directory and what is in it.
        self.nodes
            .range(path.clone()..)
            .take_while(move |(entry, _)| entry.as_str().starts_with(path.as_str()))
            .filter(move |(entry, _)| *entry != path && entry.is_within(path))
    }

    fn insert(&mut self, path: &SandboxPath, node: Node) -> Result<(), Refusal> {
        if self.nodes.len() >= MAX_ENTRIES && !self.nodes.contains_key(path) {
            return Err(Refusal(ErrorKind::LimitExceeded, "there are too many files in memory"));
        }
        self.nodes.insert(path.clone(), node);
        Ok(())
    }

    fn forget(&mut self, path: &SandboxPath) {
        if let Some(Node::File(data)) = self.nodes.remove(path) {
            self.bytes -= data.len();
        }
    }
}

impl Node {
    fn kind(&self) -> FileKind {
        match self {
            Self::File(_) => FileKind::File,
            Self::Directory => FileKind::Directory,
        }
    }
}

fn check_names(path: &SandboxPath) -> Result<(), Refusal> {
    if path.segments().any(|name| name.len() > MAX_NAME_BYTES) {
        return Err(Refusal(ErrorKind::InvalidInput, "a name is longer than 255 bytes"));
    }
    Ok(())
}
