//! `stat`, with its formats.

use std::fmt::Write as _;
use std::path::PathBuf;

use bashkit::{Builtin, BuiltinContext, DirEntry, ExecResult, FileType, Metadata, async_trait};
use chrono::{DateTime, Utc};

use super::clock::{self, Zone};
use super::files::{reason, resolve};
use super::identity;
use super::ls::entry::{directory_size, inode, mode_text};
use super::options::{LONG, Opt, flag, optional, parse, usage_error, value};

/// The `stat` command.
pub(super) struct Stat;

const OPTIONS: &[Opt] = &[
    value('c', "format"),
    value(LONG, "printf"),
    flag('f', "file-system"),
    flag('L', "dereference"),
    flag('t', "terse"),
    optional(LONG, "cached"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

/// Number of the one device there is.
const DEVICE: u64 = 50;
const IO_BLOCK: u64 = 4096;
/// Unit of `%b`.
const BLOCK: u64 = 512;

const DEFAULT: &str = "  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\n\
Device: 0,%d\tInode: %-11i Links: %h\n\
Access: (%04a/%A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\n\
Access: %x\nModify: %y\nChange: %z\n Birth: %w\n";
const TERSE: &str = "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o\n";
const FILE_SYSTEM: &str = "  File: \"%n\"\n    ID: 0 Namelen: 255     Type: %T\n";

#[async_trait]
impl Builtin for Stat {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("stat", &message, 1)),
        };
        let (mut format, mut follow, mut file_system, mut terse) = (None, false, false, false);
        for (name, text) in parsed.options {
            match name {
                "format" => format = text.map(|text| text + "\n"),
                "printf" => format = text.map(|text| unescape(&text)),
                "file-system" => file_system = true,
                "dereference" => follow = true,
                "terse" => terse = true,
                _ => {}
            }
        }
        if parsed.operands.is_empty() {
            return Ok(usage_error("stat", "missing operand", 1));
        }
        let zone = clock::zone(ctx.env);
        let user = identity::user(&ctx);
        let mut result = ExecResult::default();
        let (mut out, mut err) = (String::new(), String::new());
        for operand in parsed.operands {
            let path = resolve(ctx.cwd, &operand);
            let fs = &ctx.fs;
            let meta = if follow { fs.stat(&path).await } else { fs.lstat(&path).await };
            let meta = match meta {
                Ok(meta) => meta,
                Err(error) => {
                    let call = if file_system { "cannot read file system information for" } else { "cannot statx" };
                    let _ = writeln!(err, "stat: {call} '{operand}': {}", reason(&error));
                    result.exit_code = 1;
                    continue;
                }
            };
            let target = match meta.file_type {
                FileType::Symlink => fs.read_link(&path).await.ok(),
                _ => None,
            };
            let inside = match meta.file_type {
                FileType::Directory => fs.read_dir(&path).await.unwrap_or_default(),
                _ => Vec::new(),
            };
            let is_dir = |entry: &&DirEntry| entry.metadata.file_type.is_dir();
            let facts = Facts {
                entries: inside.len(),
                subdirectories: inside.iter().filter(is_dir).count(),
                name: operand,
                path,
                meta,
                target: target.map(|target| target.to_string_lossy().into_owned()),
                user: user.clone(),
                zone,
                file_system,
            };
            if format.is_none() && !file_system && !terse {
                let _ = match &facts.target {
                    Some(target) => writeln!(out, "  File: {} -> {target}", facts.name),
                    None => writeln!(out, "  File: {}", facts.name),
                };
            }
            let format = match (&format, file_system, terse) {
                (Some(format), ..) => format,
                (None, true, _) => FILE_SYSTEM,
                (None, _, true) => TERSE,
                _ => DEFAULT,
            };
            facts.write(format, &mut out);
        }
        result.stdout = out.into();
        result.stderr = err.into();
        Ok(result)
    }
}

struct Facts {
    name: String,
    path: PathBuf,
    meta: Metadata,
    /// Entries of a directory, and directories among them.
    entries: usize,
    subdirectories: usize,
    target: Option<String>,
    user: String,
    zone: Zone,
    file_system: bool,
}

impl Facts {
    fn write(&self, format: &str, out: &mut String) {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let end = after.find(|c: char| !matches!(c, '-' | '+' | ' ' | '#' | '\'' | '.' | '0'..='9'));
            let Some((end, letter)) = end.and_then(|end| Some((end, after[end..].chars().next()?))) else {
                out.push_str(&rest[at..]);
                return;
            };
            self.directive(&after[..end], letter, out);
            rest = &after[end + letter.len_utf8()..];
        }
        out.push_str(rest);
    }

    fn directive(&self, flags: &str, letter: char, out: &mut String) {
        let text = self.value(letter);
        let left = flags.contains('-');
        let zero = flags.starts_with('0') && !left;
        let width = flags.trim_start_matches(|c: char| !c.is_ascii_digit() || c == '0');
        let width: usize = width.split('.').next().unwrap_or("").parse().unwrap_or(0);
        // Wider than this only costs memory.
        let width = width.min(1024);
        let _ = match (left, zero) {
            (true, _) => write!(out, "{text:<width$}"),
            (_, true) => write!(out, "{text:0>width$}"),
            _ => write!(out, "{text:>width$}"),
        };
    }

    fn value(&self, letter: char) -> String {
        let meta = &self.meta;
        if self.file_system {
            return match letter {
                'n' => self.name.clone(),
                'T' => "tmpfs".into(),
                't' => "1021994".into(),
                's' | 'S' => IO_BLOCK.to_string(),
                'l' => "255".into(),
                '%' => "%".into(),
                _ => "0".into(),
            };
        }
        let seconds = |time| DateTime::<Utc>::from(time).timestamp().to_string();
        let stamp = |time| clock::file_time(time, self.zone);
        let kind_bits = match meta.file_type {
            FileType::Fifo => 0o010_000,
            FileType::Directory => 0o040_000,
            FileType::File => 0o100_000,
            FileType::Symlink => 0o120_000,
        };
        let size = match (&self.target, meta.file_type) {
            (Some(target), _) => target.len() as u64,
            (None, FileType::Directory) => directory_size(self.entries),
            _ => meta.size,
        };
        match letter {
            'a' => format!("{:o}", meta.mode & 0o7777),
            'A' => mode_text(meta.file_type, meta.mode),
            'b' if meta.file_type == FileType::File => (size.div_ceil(IO_BLOCK) * (IO_BLOCK / BLOCK)).to_string(),
            'b' => "0".into(),
            'B' => BLOCK.to_string(),
            'C' => "?".into(),
            'd' => DEVICE.to_string(),
            'D' => format!("{DEVICE:x}"),
            'f' => format!("{:x}", kind_bits | (meta.mode & 0o7777)),
            'F' => match meta.file_type {
                FileType::File if meta.size == 0 => "regular empty file",
                FileType::File => "regular file",
                FileType::Directory => "directory",
                FileType::Symlink => "symbolic link",
                FileType::Fifo => "fifo",
            }
            .into(),
            'g' | 'u' => identity::ID.to_string(),
            'G' | 'U' => self.user.clone(),
            'h' if meta.file_type.is_dir() => (self.subdirectories + 2).to_string(),
            'h' => "1".into(),
            'i' => inode(&self.path).to_string(),
            'm' => "/".into(),
            'n' => self.name.clone(),
            'N' => match &self.target {
                Some(target) => format!("'{}' -> '{target}'", self.name),
                None => format!("'{}'", self.name),
            },
            'o' => IO_BLOCK.to_string(),
            's' => size.to_string(),
            't' | 'T' => "0".into(),
            'w' => stamp(meta.created),
            'W' => seconds(meta.created),
            // Access and change times are not kept apart from modification.
            'x' | 'y' | 'z' => stamp(meta.modified),
            'X' | 'Y' | 'Z' => seconds(meta.modified),
            '%' => "%".into(),
            other => format!("?{other}"),
        }
    }
}

/// The escapes of `--printf`.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('0') => out.push('\0'),
            Some('e') => out.push('\x1b'),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}
