//! Whole files: written, read, replaced, and what is told of them.

use bytes::Bytes;
use flue_core::{CreateDir, ErrorKind, FileKind};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use super::group;
use crate::report::{CaseResult, ensure, ensure_eq};
use crate::sandbox::Case;
use crate::sandbox::subject::{Subject, refused};

/// Large enough that no pipe, socket or argument list holds it at once.
const LARGE_BYTES: usize = 5 << 20;
/// As many files as an agent may well make.
const MANY_FILES: usize = 1_000;
/// How many of them are on their way at once.
const IN_FLIGHT: usize = 16;
/// How often a file is replaced while somebody reads it.
const REPLACEMENTS: usize = 40;

pub(super) fn cases() -> Vec<Case> {
    group!("files", [];
        what_is_written_is_read,
        write_makes_missing_parents,
        write_replaces_the_whole_file,
        every_byte_survives,
        a_large_file_survives,
        a_thousand_small_files,
        an_empty_file_is_not_a_missing_one,
        a_missing_file_is_not_found,
        a_directory_is_not_read,
        a_directory_is_not_overwritten,
        a_file_has_nothing_below_it,
        a_replacement_is_never_seen_half_done,
        a_dropped_write_leaves_the_old_or_the_new,
        metadata_tells_kind_and_size,
        a_path_may_be_deep,
    )
    .to_vec()
}

/// Bytes of every value in no order, the same every time.
pub(super) fn noise(len: usize) -> Bytes {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let bytes = std::iter::repeat_with(|| {
        // Knuth's MMIX generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    bytes.take(len).collect()
}

async fn what_is_written_is_read(t: &Subject) -> CaseResult {
    t.put("a.txt", "hello\n").await?;
    ensure_eq!(t.get("a.txt").await?, "hello\n", "the content of a file");
    t.put("no-newline", "x").await?;
    ensure_eq!(t.get("no-newline").await?, "x", "a file without a newline at its end");
    Ok(())
}

async fn write_makes_missing_parents(t: &Subject) -> CaseResult {
    t.put("a/b/c/file", "deep").await?;
    ensure_eq!(t.get("a/b/c/file").await?, "deep", "a file in new directories");
    t.put("a/b/other", "beside").await?;
    ensure_eq!(t.names("a/b").await?, ["c", "other"], "a directory that was made on the way");
    Ok(())
}

async fn write_replaces_the_whole_file(t: &Subject) -> CaseResult {
    t.put("f", "a long first content").await?;
    t.put("f", "short").await?;
    ensure_eq!(t.get("f").await?, "short", "nothing of the longer content is left");
    ensure_eq!(t.fs().metadata(&t.at("f")?).await?.len, Some(5), "the size after replacing");
    t.put("f", "").await?;
    ensure_eq!(t.get("f").await?, "", "a file may be emptied");
    ensure_eq!(t.names("").await?, ["f"], "no temporary file is left");
    Ok(())
}

async fn every_byte_survives(t: &Subject) -> CaseResult {
    let all: Bytes = (0..=255).collect();
    for (name, data) in [
        ("all", all),
        ("nul", Bytes::from_static(b"\0a\0\0b\0")),
        ("latin-1", Bytes::from_static(b"caf\xe9 \xa3\xff")),
        ("line-ends", Bytes::from_static(b"a\r\nb\nc\rd\r\n\n")),
        ("byte-order-mark", Bytes::from_static(b"\xef\xbb\xbfx")),
    ] {
        t.put(name, data.clone()).await?;
        ensure_eq!(t.get(name).await?, data, "the bytes of `{name}`");
    }
    Ok(())
}

async fn a_large_file_survives(t: &Subject) -> CaseResult {
    let data = noise(LARGE_BYTES);
    t.put("large", data.clone()).await?;
    ensure!(t.get("large").await? == data, "{LARGE_BYTES} bytes come back changed");
    ensure_eq!(t.fs().metadata(&t.at("large")?).await?.len, Some(LARGE_BYTES as u64), "the size of a large file");
    Ok(())
}

async fn a_thousand_small_files(t: &Subject) -> CaseResult {
    let name = |index: usize| format!("many/{index:04}");
    stream::iter(0..MANY_FILES)
        .map(|index| async move { t.put(&name(index), format!("{index}")).await })
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<()>()
        .await?;
    let listed = t.names("many").await?;
    let expected: Vec<String> = (0..MANY_FILES).map(|index| format!("{index:04}")).collect();
    ensure!(listed == expected, "{} of {MANY_FILES} files are listed, or not in order", listed.len());
    let read: Vec<Bytes> = stream::iter(0..MANY_FILES)
        .map(|index| async move { t.get(&name(index)).await })
        .buffered(IN_FLIGHT)
        .try_collect()
        .await?;
    for (index, data) in read.iter().enumerate() {
        ensure_eq!(*data, format!("{index}"), "the content of file {index}");
    }
    Ok(())
}

async fn an_empty_file_is_not_a_missing_one(t: &Subject) -> CaseResult {
    t.put("empty", "").await?;
    ensure_eq!(t.get("empty").await?, "", "the content of an empty file");
    let metadata = t.fs().metadata(&t.at("empty")?).await?;
    ensure_eq!((metadata.kind, metadata.len), (FileKind::File, Some(0)), "facts about an empty file");
    refused("reading a missing file", t.get("missing").await, &[ErrorKind::NotFound])?;
    ensure_eq!(t.names("").await?, ["empty"], "reading makes no file");
    Ok(())
}

async fn a_missing_file_is_not_found(t: &Subject) -> CaseResult {
    refused("read", t.get("missing").await, &[ErrorKind::NotFound])?;
    refused("metadata", t.fs().metadata(&t.at("missing")?).await, &[ErrorKind::NotFound])?;
    refused("read in a missing directory", t.get("missing/file").await, &[ErrorKind::NotFound])?;
    refused("metadata in a missing directory", t.fs().metadata(&t.at("missing/file")?).await, &[ErrorKind::NotFound])
}

async fn a_directory_is_not_read(t: &Subject) -> CaseResult {
    t.put("dir/file", "x").await?;
    refused("read", t.get("dir").await, &[ErrorKind::IsADirectory])
}

async fn a_directory_is_not_overwritten(t: &Subject) -> CaseResult {
    t.put("dir/file", "kept").await?;
    t.fs().create_dir(&t.at("bare")?, CreateDir::default()).await?;
    refused("write over a directory", t.put("dir", "x").await, &[ErrorKind::IsADirectory])?;
    refused("write over an empty directory", t.put("bare", "x").await, &[ErrorKind::IsADirectory])?;
    ensure_eq!(t.get("dir/file").await?, "kept", "what the directory holds");
    ensure_eq!(t.names("").await?, ["bare", "dir"], "nothing else was made");
    Ok(())
}

async fn a_file_has_nothing_below_it(t: &Subject) -> CaseResult {
    t.put("file", "kept").await?;
    refused("write below a file", t.put("file/below", "x").await, &[ErrorKind::NotADirectory])?;
    refused("write far below a file", t.put("file/a/b", "x").await, &[ErrorKind::NotADirectory])?;
    let either = [ErrorKind::NotADirectory, ErrorKind::NotFound];
    refused("read below a file", t.get("file/below").await, &either)?;
    refused("metadata below a file", t.fs().metadata(&t.at("file/below")?).await, &either)?;
    ensure_eq!(t.get("file").await?, "kept", "the file itself");
    Ok(())
}

async fn a_replacement_is_never_seen_half_done(t: &Subject) -> CaseResult {
    let [old, new] = [b'a', b'b'].map(|byte| Bytes::from(vec![byte; 1 << 20]));
    t.put("f", old.clone()).await?;
    let write = async {
        for index in 0..REPLACEMENTS {
            t.put("f", if index % 2 == 0 { new.clone() } else { old.clone() }).await?;
            tokio::task::yield_now().await;
        }
        CaseResult::Ok(())
    };
    let read = async {
        for _ in 0..REPLACEMENTS {
            let seen = t.get("f").await?;
            ensure!(seen == old || seen == new, "a reader saw {} bytes that nobody wrote", seen.len());
            tokio::task::yield_now().await;
        }
        CaseResult::Ok(())
    };
    let (written, seen) = futures_util::future::join(write, read).await;
    written.and(seen)
}

async fn a_dropped_write_leaves_the_old_or_the_new(t: &Subject) -> CaseResult {
    let (old, new) = (noise(1 << 20), Bytes::from(vec![b'n'; 2 << 20]));
    for wait in [0, 20, 50, 100, 300, 1000, 3000].map(std::time::Duration::from_micros) {
        t.put("f", old.clone()).await?;
        // Whether it ends in time is all the same: either way the file is whole.
        let _ = timeout(wait, t.put("f", new.clone())).await;
        let seen = t.get("f").await?;
        ensure!(seen == old || seen == new, "{} bytes are left that nobody wrote", seen.len());
    }
    Ok(())
}

async fn metadata_tells_kind_and_size(t: &Subject) -> CaseResult {
    t.put("dir/file", "four").await?;
    let file = t.fs().metadata(&t.at("dir/file")?).await?;
    ensure_eq!((file.kind, file.is_symlink, file.len), (FileKind::File, false, Some(4)), "a file");
    let dir = t.fs().metadata(&t.at("dir")?).await?;
    ensure_eq!((dir.kind, dir.is_symlink), (FileKind::Directory, false), "a directory");
    let root = t.fs().metadata(&flue_core::SandboxPath::root()).await?;
    ensure_eq!(root.kind, FileKind::Directory, "the root");
    if let Some(first) = file.modified {
        t.put("dir/file", "again").await?;
        let second = t.fs().metadata(&t.at("dir/file")?).await?.modified;
        ensure!(second.is_some_and(|second| second >= first), "a file that is rewritten does not become older");
    }
    Ok(())
}

async fn a_path_may_be_deep(t: &Subject) -> CaseResult {
    let dirs: Vec<String> = (0..48).map(|depth| format!("directory-{depth:02}")).collect();
    let path = format!("{}/file", dirs.join("/"));
    t.put(&path, "deep").await?;
    ensure_eq!(t.get(&path).await?, "deep", "a file 48 directories down");
    Ok(())
}
