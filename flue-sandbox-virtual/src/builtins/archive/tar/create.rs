//! Puts files into an archive.

use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use bashkit::{FileType, Metadata};
use chrono::Utc;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::super::files::{read_file, reason, resolve};
use super::super::super::identity::ID;
use super::super::super::{clock, date};
use super::super::sink::Sink;
use super::config::{Item, Mode};
use super::header::{BLOCK_BYTES, Header, Kind};
use super::names::is_excluded;
use super::{Run, Stop};

/// Archives are filled up to a whole number of these, as on tape.
const RECORD_BYTES: u64 = 20 * BLOCK_BYTES as u64;
/// Files and directories that one archive takes.
const MAX_MEMBERS: usize = 1_000_000;

pub(super) async fn create(run: &mut Run<'_, '_>) -> Result<(), Stop> {
    let items = items(run).await?;
    if items.is_empty() {
        return Err(Stop::Fatal("Cowardly refusing to create an empty archive".into()));
    }
    let file = &run.config.file;
    let sink = if file == "-" {
        Sink::stdout(run.ctx)
    } else {
        let opened = Sink::file(run.ctx, resolve(run.ctx.cwd, file)).await;
        opened.map_err(|error| Stop::Fatal(format!("{file}: Cannot open: {}", reason(&error))))?
    };
    let encoder = run.config.gzip.then(|| GzEncoder::new(Vec::new(), Compression::default()));
    let mut packer = Packer { sink, encoder, written: 0 };
    add(run, &items, &mut packer, &|_, _| true).await?;
    packer.finish(run).await
}

/// Everything named on the command line and in the files it names.
pub(super) async fn items(run: &mut Run<'_, '_>) -> Result<Vec<Item>, Stop> {
    let config = run.config;
    let mut items: Vec<Item> =
        config.items.iter().map(|item| Item { name: item.name.clone(), directory: item.directory.clone() }).collect();
    for list in &config.lists {
        let end = if config.nul_lists { '\0' } else { '\n' };
        for name in list_file(run, &list.name).await?.split(end).filter(|name| !name.is_empty()) {
            items.push(Item { name: name.to_string(), directory: list.directory.clone() });
        }
    }
    Ok(items)
}

/// The text of a file that lists names.
pub(super) async fn list_file(run: &Run<'_, '_>, name: &str) -> Result<String, Stop> {
    let bytes = if name == "-" {
        let mut bytes = Vec::new();
        while let Some(piece) = run.ctx.stdin.read_chunk().await? {
            bytes.extend_from_slice(&piece);
        }
        bytes
    } else {
        let read = read_file(&*run.ctx.fs, &resolve(run.ctx.cwd, name)).await;
        read.map_err(|why| Stop::Fatal(format!("{name}: Cannot open: {why}")))?
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The patterns of what stays out.
pub(super) async fn excluded(run: &Run<'_, '_>) -> Result<Vec<String>, Stop> {
    let mut patterns = run.config.exclude.clone();
    for list in &run.config.exclude_lists {
        patterns.extend(list_file(run, list).await?.lines().filter(|line| !line.is_empty()).map(String::from));
    }
    Ok(patterns)
}

/// Takes the bytes of an archive.
pub(super) struct Packer<'a> {
    pub(super) sink: Sink<'a>,
    pub(super) encoder: Option<GzEncoder<Vec<u8>>>,
    /// Bytes before packing.
    pub(super) written: u64,
}

impl Packer<'_> {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> bashkit::Result<()> {
        self.written += bytes.len() as u64;
        match &mut self.encoder {
            None => self.sink.write(bytes).await,
            Some(encoder) => {
                // Writing to memory does not fail.
                let _ = encoder.write_all(bytes);
                self.sink.write(encoder.get_ref()).await?;
                encoder.get_mut().clear();
                Ok(())
            }
        }
    }

    async fn pad(&mut self, unit: u64) -> bashkit::Result<()> {
        let missing = self.written.next_multiple_of(unit) - self.written;
        self.write(&vec![0; usize::try_from(missing).unwrap_or(0)]).await
    }

    /// Ends the archive.
    pub(super) async fn finish(mut self, run: &Run<'_, '_>) -> Result<(), Stop> {
        let ended = async {
            self.write(&[0; 2 * BLOCK_BYTES]).await?;
            self.pad(RECORD_BYTES).await?;
            if let Some(encoder) = self.encoder.take() {
                self.sink.write(&encoder.finish().unwrap_or_default()).await?;
            }
            self.sink.finish().await
        };
        ended.await.map_err(|error| cannot_write(run, error))
    }
}

/// An error of the archive's own file ends the run; one of a pipe is the engine's.
fn cannot_write(run: &Run<'_, '_>, error: bashkit::Error) -> Stop {
    if run.config.file == "-" {
        return Stop::Engine(error);
    }
    Stop::Fatal(format!("{}: Cannot write: {}", run.config.file, reason(&error)))
}

/// A file on its way into the archive.
struct Source {
    /// What it is called there.
    name: String,
    path: PathBuf,
}

/// Adds items and what is below them, as far as `wanted` has it.
pub(super) async fn add(
    run: &mut Run<'_, '_>,
    items: &[Item],
    packer: &mut Packer<'_>,
    wanted: &(dyn Fn(&str, i64) -> bool + Sync),
) -> Result<(), Stop> {
    let exclude = excluded(run).await?;
    let mtime = match &run.config.mtime {
        None => None,
        Some(text) => match date::parse(text, Utc::now(), clock::zone(run.ctx.env)) {
            Some(time) => Some(time.timestamp()),
            None => return Err(Stop::Fatal(format!("Invalid date: ‘{text}’"))),
        },
    };
    let archive = resolve(run.ctx.cwd, &run.config.file);
    let mut left = MAX_MEMBERS;
    for item in items {
        let mut sources = vec![Source { name: item.name.clone(), path: resolve(&item.directory, &item.name) }];
        let mut done = Vec::new();
        while let Some(source) = sources.pop() {
            if is_excluded(&exclude, &source.name) {
                continue;
            }
            let Some(left_now) = left.checked_sub(1) else {
                return Err(Stop::Fatal(format!("more than {MAX_MEMBERS} files")));
            };
            left = left_now;
            let Some(meta) = stat(run, &source).await? else { continue };
            if source.path == archive && run.config.file != "-" {
                run.warn(&format!("{}: file is the archive; not dumped", source.name)).await?;
                continue;
            }
            let Some(header) = describe(run, &source, &meta, mtime).await? else { continue };
            if header.kind == Kind::Directory && run.config.recurse {
                children(run, &source, &mut sources).await?;
            }
            if header.kind == Kind::Directory && run.config.mode == Mode::Update
                || !wanted(&header.name, header.modified)
            {
                continue;
            }
            member(run, packer, header, &source).await?;
            done.push(source.path);
        }
        if run.config.remove_files {
            for path in done.iter().rev() {
                if let Err(error) = run.ctx.fs.remove(path, false).await {
                    run.complain(&format!("{}: Cannot unlink: {}", path.display(), reason(&error))).await?;
                }
            }
        }
    }
    Ok(())
}

async fn stat(run: &mut Run<'_, '_>, source: &Source) -> Result<Option<Metadata>, Stop> {
    let fs = &run.ctx.fs;
    let meta = if run.config.dereference { fs.stat(&source.path).await } else { fs.lstat(&source.path).await };
    match meta {
        Ok(meta) => Ok(Some(meta)),
        Err(error) => {
            run.complain(&format!("{}: Cannot stat: {}", source.name, reason(&error))).await?;
            Ok(None)
        }
    }
}

/// Adds the entries of a directory, so that the first is taken next.
async fn children(run: &mut Run<'_, '_>, source: &Source, sources: &mut Vec<Source>) -> Result<(), Stop> {
    match run.ctx.fs.read_dir(&source.path).await {
        Ok(mut entries) => {
            entries.sort_by(|a, b| b.name.cmp(&a.name));
            let base = source.name.trim_end_matches('/');
            sources.extend(
                entries.into_iter().map(|entry| Source {
                    name: format!("{base}/{}", entry.name),
                    path: source.path.join(&entry.name),
                }),
            );
            Ok(())
        }
        Err(error) => run.complain(&format!("{}: Cannot open: {}", source.name, reason(&error))).await,
    }
}

async fn describe(
    run: &mut Run<'_, '_>,
    source: &Source,
    meta: &Metadata,
    mtime: Option<i64>,
) -> Result<Option<Header>, Stop> {
    let kind = match meta.file_type {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::File => Kind::File,
    };
    let link = match kind {
        Kind::Symlink => run.ctx.fs.read_link(&source.path).await?.to_string_lossy().into_owned(),
        _ => String::new(),
    };
    let renamed = run.renamed(&source.name);
    let mut name = run.relative(&renamed, "member names").await?.to_string();
    if kind == Kind::Directory {
        name.truncate(name.trim_end_matches('/').len());
        name.push('/');
    }
    // The root itself has no name.
    if name == "/" && !run.config.absolute {
        name = "./".into();
    }
    let user = run.ctx.env.get("USER").map_or("user", String::as_str);
    let (user, user_id) = owner(run.config.owner.as_deref(), user);
    let (group, group_id) = owner(run.config.group.as_deref(), &user);
    Ok(Some(Header {
        name,
        kind,
        mode: meta.mode & 0o7777,
        size: if kind == Kind::File { meta.size } else { 0 },
        modified: mtime.unwrap_or_else(|| seconds(meta.modified)),
        link,
        user,
        group,
        user_id,
        group_id,
    }))
}

/// `NAME`, `NAME:ID` or an id, as `--owner` takes them.
fn owner(option: Option<&str>, default: &str) -> (String, u64) {
    let Some(text) = option else { return (default.to_string(), ID.into()) };
    match text.split_once(':') {
        Some((name, id)) => (name.to_string(), id.parse().unwrap_or(ID.into())),
        None => match text.parse() {
            Ok(0) => ("root".into(), 0),
            Ok(id) => (String::new(), id),
            Err(_) => (text.to_string(), if text == "root" { 0 } else { ID.into() }),
        },
    }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

/// Writes one member, and its name if asked to.
async fn member(
    run: &mut Run<'_, '_>,
    packer: &mut Packer<'_>,
    mut header: Header,
    source: &Source,
) -> Result<(), Stop> {
    let mut data = Vec::new();
    if header.kind == Kind::File {
        match run.ctx.fs.read_file(&source.path).await {
            Ok(bytes) => data = bytes,
            Err(error) => {
                return run.complain(&format!("{}: Cannot open: {}", source.name, reason(&error))).await;
            }
        }
        header.size = data.len() as u64;
    }
    if run.config.verbose > 0 {
        let line = run.line(&header, run.config.verbose > 1);
        let to = if run.config.file == "-" { &run.ctx.stderr } else { &run.ctx.stdout };
        to.write_all(line.as_bytes()).await?;
    }
    let written = async {
        packer.write(&header.encode()).await?;
        packer.write(&data).await?;
        packer.pad(BLOCK_BYTES as u64).await
    };
    written.await.map_err(|error| cannot_write(run, error))
}
