//! Adds members to an archive, or takes some out.

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;

use super::super::super::files::{read_file, reason, resolve};
use super::super::sink::Sink;
use super::super::unpack::is_packed;
use super::config::Mode;
use super::create::{Packer, add, items};
use super::header::{BLOCK_BYTES, EXTENDED, Header, Kind, LONG_LINK, LONG_NAME};
use super::names::Wanted;
use super::read::{Archive, Broken};
use super::{Run, Stop, broken};

pub(super) async fn change(run: &mut Run<'_, '_>) -> Result<(), Stop> {
    let config = run.config;
    let path = resolve(run.ctx.cwd, &config.file);
    if config.gzip {
        return Err(Stop::Fatal("Cannot update compressed archives".into()));
    }
    let missing = config.file != "-" && run.ctx.fs.stat(&path).await.is_err();
    let old = if missing && config.mode != Mode::Delete { Vec::new() } else { run.archive_bytes().await? };
    if is_packed(&old) {
        return Err(Stop::Fatal("Cannot update compressed archives".into()));
    }
    let members = members(&old).map_err(broken)?;
    let mut wanted = Wanted::new(config.items.iter().map(|item| item.name.clone()), Vec::new(), config.wildcards);
    let kept = members.iter().filter(|(name, _)| config.mode != Mode::Delete || !wanted.has(&name.name));
    let mut bytes: Vec<u8> = kept.flat_map(|(_, range)| old[range.clone()].iter().copied()).collect();
    if config.mode == Mode::Catenate {
        for item in &config.items {
            let more = read_file(&*run.ctx.fs, &resolve(&item.directory, &item.name)).await;
            let more = more.map_err(|why| Stop::Fatal(format!("{}: Cannot open: {why}", item.name)))?;
            let end = self::members(&more).map_err(broken)?.last().map_or(0, |(_, range)| range.end);
            bytes.extend_from_slice(&more[..end]);
        }
    }
    let sink = if config.file == "-" { Sink::stdout(run.ctx) } else { Sink::file(run.ctx, path).await? };
    let mut packer = Packer { sink, encoder: None, written: 0 };
    packer
        .write(&bytes)
        .await
        .map_err(|error| Stop::Fatal(format!("{}: Cannot write: {}", config.file, reason(&error))))?;
    match config.mode {
        Mode::Append | Mode::Update => {
            let items = items(run).await?;
            let times: HashMap<&str, i64> = match config.mode {
                Mode::Update => members.iter().map(|(header, _)| (&*header.name, header.modified)).collect(),
                _ => HashMap::new(),
            };
            let newer = |name: &str, time: i64| times.get(name).is_none_or(|&old| time > old);
            add(run, &items, &mut packer, &newer).await?;
        }
        Mode::Delete => {
            for name in wanted.missing() {
                run.complain(&format!("{name}: Not found in archive")).await?;
            }
        }
        _ => {}
    }
    packer.finish(run).await
}

/// The members of an archive, each with where its blocks are.
fn members(archive: &[u8]) -> Result<Vec<(Header, Range<usize>)>, Broken> {
    let mut members = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(block) = archive.get(at..).and_then(|rest| rest.first_chunk::<BLOCK_BYTES>()) {
        if block.iter().all(|&byte| byte == 0) {
            break;
        }
        let (header, flag) = Header::decode(block).ok_or(Broken::NotTar)?;
        let has_data = !matches!(header.kind, Kind::HardLink | Kind::Symlink | Kind::Directory | Kind::Fifo);
        let size = if has_data { usize::try_from(header.size).map_err(|_| Broken::Truncated)? } else { 0 };
        let end = size.checked_next_multiple_of(BLOCK_BYTES).and_then(|size| size.checked_add(at + BLOCK_BYTES));
        at = end.filter(|&end| end <= archive.len()).ok_or(Broken::Truncated)?;
        if matches!(flag, LONG_NAME | LONG_LINK | EXTENDED | b'g') {
            continue;
        }
        let blocks = archive[start..at].to_vec();
        if let Some(header) = Archive::new(Box::new(Cursor::new(blocks))).next()? {
            members.push((header, start..at));
        }
        start = at;
    }
    Ok(members)
}
