//! Lists an archive, or takes files out of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bashkit::FileType;

use super::super::super::files::{reason, resolve};
use super::super::super::streaming::Output;
use super::config::{Existing, Mode};
use super::create::{excluded, items};
use super::header::{Header, Kind};
use super::names::{Wanted, strip};
use super::read::Archive;
use super::{Run, Stop, broken};

/// Bytes taken out at a time.
const STEP_BYTES: usize = 256 * 1024;
/// Permission bits that are not given to files unless asked for.
const UMASK: u32 = 0o022;

pub(super) async fn extract(run: &mut Run<'_, '_>) -> Result<(), Stop> {
    let names = items(run).await?.into_iter().map(|item| item.name);
    let mut wanted = Wanted::new(names, excluded(run).await?, run.config.wildcards);
    if !run.ctx.fs.stat(&run.config.directory).await.is_ok_and(|meta| meta.file_type.is_dir()) {
        let directory = run.config.directory.display();
        return Err(Stop::Fatal(format!("{directory}: Cannot open: No such file or directory")));
    }
    let mut archive = run.open().await?;
    let mut output = Output::new(&run.ctx.stdout);
    let mut directories = Vec::new();
    while let Some(header) = archive.next().map_err(broken)? {
        if !wanted.has(&header.name) {
            continue;
        }
        if run.config.mode == Mode::List {
            let line = run.line(&header, run.config.verbose > 0);
            output.write(line.as_bytes()).await?;
            continue;
        }
        let Some(name) = strip(&header.name, run.config.strip) else { continue };
        if run.config.verbose > 0 {
            let line = run.line(&header, run.config.verbose > 1);
            if run.config.to_stdout {
                run.ctx.stderr.write_all(line.as_bytes()).await?;
            } else {
                output.write(line.as_bytes()).await?;
            }
        }
        if run.config.to_stdout {
            if header.kind == Kind::File {
                print(&mut archive, &mut output).await?;
            }
            continue;
        }
        let renamed = run.renamed(name);
        let name = run.relative(&renamed, "member names").await?;
        let Some(path) = target(run, name) else { continue };
        match put(run, &mut archive, &header, &path).await? {
            Ok(()) if header.kind == Kind::Directory => directories.push((path, header)),
            Ok(()) => settle(run, &path, &header).await,
            Err(message) => run.complain(&format!("{}: {message}", header.name)).await?,
        }
    }
    output.flush().await?;
    // What is put into a directory changes its time.
    for (path, header) in directories.iter().rev() {
        settle(run, path, header).await;
    }
    for name in wanted.missing() {
        run.complain(&format!("{name}: Not found in archive")).await?;
    }
    Ok(())
}

async fn print(archive: &mut Archive, output: &mut Output<'_>) -> Result<(), Stop> {
    loop {
        let piece = piece(archive)?;
        if piece.is_empty() {
            return Ok(());
        }
        output.write(&piece).await?;
    }
}

fn piece(archive: &mut Archive) -> Result<Vec<u8>, Stop> {
    let mut piece = vec![0; STEP_BYTES];
    let read = archive.read(&mut piece).map_err(broken)?;
    piece.truncate(read);
    Ok(piece)
}

/// Where a member goes; the root of the archive goes nowhere.
fn target(run: &Run<'_, '_>, name: &str) -> Option<PathBuf> {
    let base = match &run.config.top {
        Some(top) if name.trim_start_matches("./").split('/').next() != Some(top) => {
            resolve(&run.config.directory, top)
        }
        _ => run.config.directory.clone(),
    };
    let path = resolve(&base, name.trim_end_matches('/'));
    (path != base).then_some(path)
}

/// Makes what a member describes. The inner error is why that is not possible.
async fn put(
    run: &Run<'_, '_>,
    archive: &mut Archive,
    header: &Header,
    path: &Path,
) -> Result<Result<(), String>, Stop> {
    let fs = &run.ctx.fs;
    let cannot = |what: &str, error: &bashkit::Error| Ok(Err(format!("Cannot {what}: {}", reason(error))));
    if let Some(parent) = path.parent()
        && let Err(error) = fs.mkdir(parent, true).await
    {
        return cannot("mkdir", &error);
    }
    let there = fs.lstat(path).await.ok().map(|meta| meta.file_type);
    match (there, header.kind) {
        (Some(FileType::Directory), Kind::Directory) => return Ok(Ok(())),
        (Some(FileType::Directory), _) => return Ok(Err("Cannot open: Is a directory".into())),
        (Some(_), _) => match run.config.existing {
            Existing::Skip => return Ok(Ok(())),
            Existing::Refuse => return Ok(Err("Cannot open: File exists".into())),
            Existing::Replace => {
                if let Err(error) = fs.remove(path, false).await {
                    return cannot("unlink", &error);
                }
            }
        },
        (None, _) => {}
    }
    let made = match header.kind {
        Kind::Directory => fs.mkdir(path, false).await,
        Kind::Symlink => fs.symlink(Path::new(&header.link), path).await,
        Kind::HardLink => {
            // There is one name to a file here; the second gets a copy.
            let strip = strip(&header.link, run.config.strip).unwrap_or(&header.link);
            fs.copy(&resolve(&run.config.directory, strip.trim_start_matches('/')), path).await
        }
        Kind::Fifo => fs.mkfifo(path, header.mode).await,
        Kind::Other(flag) => {
            return Ok(Err(format!("Unknown file type ‘{}’, not extracted", char::from(flag))));
        }
        Kind::File => {
            let mut written = fs.write_file(path, &piece(archive)?).await;
            while written.is_ok() {
                let piece = piece(archive)?;
                if piece.is_empty() {
                    break;
                }
                written = fs.append_file(path, &piece).await;
            }
            written
        }
    };
    match made {
        Ok(()) => Ok(Ok(())),
        Err(error @ bashkit::Error::Io(_)) => cannot("write", &error),
        Err(error) => Err(error.into()),
    }
}

/// Gives a file the mode and the time it had. Neither is worth an error.
async fn settle(run: &Run<'_, '_>, path: &Path, header: &Header) {
    if matches!(header.kind, Kind::Symlink | Kind::HardLink) {
        return;
    }
    let mask = if run.config.exact_modes { 0o7777 } else { 0o777 & !UMASK };
    let _ = run.ctx.fs.chmod(path, header.mode & mask).await;
    if !run.config.touch {
        let time = UNIX_EPOCH + Duration::from_secs(u64::try_from(header.modified).unwrap_or(0));
        let _ = run.ctx.fs.set_modified_time(path, time).await;
    }
}
