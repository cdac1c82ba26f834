//! One listed file, and the orders files are listed in.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use bashkit::{FileType, Metadata};

use super::config::{Config, Order};

/// A file about to be listed.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) meta: Metadata,
    /// Where a symbolic link points, and what is there.
    pub(super) target: Option<(String, Option<Metadata>)>,
    /// Entries in this directory and directories among them, where asked for.
    pub(super) inside: usize,
    pub(super) subdirectories: usize,
}

/// Bytes of a block as `-s` and `total` count them.
const BLOCK: u64 = 1024;
/// Files take whole pages.
const PAGE: u64 = 4096;
/// Bytes of a directory entry, as tmpfs counts them.
const DIRECTORY_ENTRY: u64 = 20;

impl Entry {
    pub(super) fn is_dir(&self) -> bool {
        self.meta.file_type == FileType::Directory
    }

    pub(super) fn size(&self) -> u64 {
        match (self.meta.file_type, &self.target) {
            (FileType::Directory, _) => directory_size(self.inside),
            (FileType::Symlink, Some((target, _))) => target.len() as u64,
            _ => self.meta.size,
        }
    }

    /// Blocks of 1024 bytes; directories and links take none.
    pub(super) fn blocks(&self) -> u64 {
        match self.meta.file_type {
            FileType::File => self.meta.size.div_ceil(PAGE) * (PAGE / BLOCK),
            _ => 0,
        }
    }

    pub(super) fn links(&self) -> usize {
        if self.is_dir() { self.subdirectories + 2 } else { 1 }
    }
}

/// Bytes of a directory: its entries and its two links to directories.
pub(in super::super) fn directory_size(entries: usize) -> u64 {
    DIRECTORY_ENTRY * (entries as u64 + 2)
}

/// A number that stays the same for a path, in place of an inode.
pub(in super::super) fn inode(path: &Path) -> u64 {
    // FNV-1a, folded to the width inode numbers usually have.
    let hash = path
        .to_string_lossy()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash % 9_000_000 + 1_000_000
}

/// `drwxr-xr-x`.
pub(in super::super) fn mode_text(kind: FileType, mode: u32) -> String {
    let kind = match kind {
        FileType::Directory => 'd',
        FileType::Symlink => 'l',
        FileType::Fifo => 'p',
        FileType::File => '-',
    };
    let mut text = String::from(kind);
    for (shift, special, letters) in [(6, 0o4000, "sS"), (3, 0o2000, "sS"), (0, 0o1000, "tT")] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        let (set, clear) = letters.split_at(1);
        text.push_str(match (bits & 1 != 0, mode & special != 0) {
            (true, false) => "x",
            (false, false) => "-",
            (true, true) => set,
            (false, true) => clear,
        });
    }
    text
}

/// Sorts as asked; names decide among equals.
pub(super) fn sort(entries: &mut [Entry], config: &Config) {
    let order = |a: &Entry, b: &Entry| -> Ordering {
        let by_name = || a.name.cmp(&b.name);
        match config.order {
            Order::None => Ordering::Equal,
            Order::Name => by_name(),
            Order::Time => b.meta.modified.cmp(&a.meta.modified).then_with(by_name),
            Order::Size => b.size().cmp(&a.size()).then_with(by_name),
            Order::Extension => extension(&a.name).cmp(extension(&b.name)).then_with(by_name),
            Order::Version => version(&a.name, &b.name).then_with(by_name),
        }
    };
    entries.sort_by(|a, b| {
        let first = if config.directories_first { b.is_dir().cmp(&a.is_dir()) } else { Ordering::Equal };
        let rest = order(a, b);
        first.then(if config.reverse { rest.reverse() } else { rest })
    });
    if config.reverse && config.order == Order::None {
        entries.reverse();
    }
}

fn extension(name: &str) -> &str {
    name.rfind('.').map_or("", |at| &name[at..])
}

/// Compares digit runs as numbers and the rest byte by byte, letters first.
fn version(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let digits = |text: &[u8]| text.iter().take_while(|c| c.is_ascii_digit()).count();
                let (x, rest_a) = a.split_at(digits(a));
                let (y, rest_b) = b.split_at(digits(b));
                let trim = |text: &[u8]| -> Vec<u8> { text.iter().copied().skip_while(|&c| c == b'0').collect() };
                let (x, y) = (trim(x), trim(y));
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(&y));
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
            (x, y) => {
                let weight = |c: Option<&u8>| match c {
                    Some(b'~') => -1,
                    None => 0,
                    Some(c) if c.is_ascii_digit() => 0,
                    Some(c) if c.is_ascii_alphabetic() => i32::from(*c),
                    Some(c) => i32::from(*c) + 256,
                };
                let order = weight(x).cmp(&weight(y));
                if order != Ordering::Equal || x.is_none() || y.is_none() {
                    return order;
                }
                (a, b) = (&a[1..], &b[1..]);
            }
        }
    }
}
