//! Directories: listed, made and removed.

use flue_core::{CreateDir, DirEntry, ErrorKind, FileKind, Remove, Result};

use super::group;
use crate::report::{CaseResult, ensure_eq};
use crate::sandbox::Case;
use crate::sandbox::subject::{Subject, refused};

pub(super) fn cases() -> Vec<Case> {
    group!("directories", [];
        a_list_is_sorted_by_name,
        a_list_has_dot_files_and_kinds_and_one_level,
        an_empty_directory_is_not_a_missing_one,
        a_file_is_not_listed,
        create_makes_one_directory,
        create_refuses_what_exists,
        create_needs_its_parent,
        create_recursive_makes_parents_and_accepts_a_directory,
        create_recursive_refuses_a_file,
        remove_a_file,
        remove_an_empty_directory,
        remove_refuses_a_full_directory,
        remove_recursive_takes_everything,
        remove_refuses_what_is_missing_unless_forced,
        what_was_removed_can_be_made_again,
    )
    .to_vec()
}

async fn create(t: &Subject, path: &str, options: CreateDir) -> Result<()> {
    t.fs().create_dir(&t.at(path)?, options).await
}

fn forced() -> Remove {
    Remove::default().forced()
}

async fn a_list_is_sorted_by_name(t: &Subject) -> CaseResult {
    let sorted = ["-", ".dot", "10", "9", "B", "Z z", "_", "a", "a-b", "a.b", "ab", "b", "é", "日本"];
    for name in sorted.iter().rev() {
        t.put(name, *name).await?;
    }
    // Sorted as a path `a/x` comes between `a-b`, `a.b` and `ab`; as a name it must not.
    t.put("a0/x", "").await?;
    let mut expected = sorted.to_vec();
    expected.insert(10, "a0");
    ensure_eq!(t.names("").await?, expected, "the names in a directory, in the order of their bytes");
    Ok(())
}

async fn a_list_has_dot_files_and_kinds_and_one_level(t: &Subject) -> CaseResult {
    t.put(".hidden", "").await?;
    t.put("dir/inner/file", "").await?;
    t.put("file", "").await?;
    let expected = [(".hidden", FileKind::File), ("dir", FileKind::Directory), ("file", FileKind::File)];
    ensure_eq!(
        t.fs().list(&t.dir).await?,
        expected.map(|(name, kind)| DirEntry::new(name, kind)),
        "the entries of a directory"
    );
    Ok(())
}

async fn an_empty_directory_is_not_a_missing_one(t: &Subject) -> CaseResult {
    create(t, "empty", CreateDir::default()).await?;
    ensure_eq!(t.names("empty").await?, [""; 0], "an empty directory");
    refused("list", t.names("missing").await, &[ErrorKind::NotFound])
}

async fn a_file_is_not_listed(t: &Subject) -> CaseResult {
    t.put("file", "").await?;
    refused("list", t.names("file").await, &[ErrorKind::NotADirectory])
}

async fn create_makes_one_directory(t: &Subject) -> CaseResult {
    create(t, "new", CreateDir::default()).await?;
    ensure_eq!(t.fs().metadata(&t.at("new")?).await?.kind, FileKind::Directory, "what was made");
    ensure_eq!(t.names("").await?, ["new"], "the parent's entries");
    Ok(())
}

async fn create_refuses_what_exists(t: &Subject) -> CaseResult {
    t.put("dir/file", "kept").await?;
    refused("a directory", create(t, "dir", CreateDir::default()).await, &[ErrorKind::AlreadyExists])?;
    refused("a file", create(t, "dir/file", CreateDir::default()).await, &[ErrorKind::AlreadyExists])?;
    ensure_eq!(t.get("dir/file").await?, "kept", "the file");
    Ok(())
}

async fn create_needs_its_parent(t: &Subject) -> CaseResult {
    refused("a missing parent", create(t, "a/b", CreateDir::default()).await, &[ErrorKind::NotFound])?;
    ensure_eq!(t.names("").await?, [""; 0], "nothing was made");
    t.put("file", "").await?;
    refused("a file as parent", create(t, "file/b", CreateDir::default()).await, &[ErrorKind::NotADirectory])
}

async fn create_recursive_makes_parents_and_accepts_a_directory(t: &Subject) -> CaseResult {
    create(t, "a/b/c", CreateDir::recursive()).await?;
    t.put("a/b/file", "kept").await?;
    create(t, "a/b/c", CreateDir::recursive()).await?;
    create(t, "a/b", CreateDir::recursive()).await?;
    ensure_eq!(t.names("a/b").await?, ["c", "file"], "what was there stays");
    Ok(())
}

async fn create_recursive_refuses_a_file(t: &Subject) -> CaseResult {
    t.put("file", "kept").await?;
    let kinds = [ErrorKind::AlreadyExists, ErrorKind::NotADirectory];
    refused("over a file", create(t, "file", CreateDir::recursive()).await, &kinds)?;
    refused("below a file", create(t, "file/a/b", CreateDir::recursive()).await, &kinds)?;
    ensure_eq!(t.get("file").await?, "kept", "the file");
    Ok(())
}

async fn remove_a_file(t: &Subject) -> CaseResult {
    for (name, options) in [("plain", Remove::default()), ("forced", forced()), ("both", Remove::recursive().forced())]
    {
        t.put(name, "").await?;
        t.remove(name, options).await??;
        refused("reading what was removed", t.get(name).await, &[ErrorKind::NotFound])?;
    }
    ensure_eq!(t.names("").await?, [""; 0], "what is left");
    Ok(())
}

async fn remove_an_empty_directory(t: &Subject) -> CaseResult {
    create(t, "dir", CreateDir::default()).await?;
    t.remove("dir", Remove::default()).await??;
    refused("listing what was removed", t.names("dir").await, &[ErrorKind::NotFound])?;
    create(t, "dir", CreateDir::default()).await?;
    t.remove("dir", Remove::recursive()).await??;
    refused("listing what was removed", t.names("dir").await, &[ErrorKind::NotFound])
}

async fn remove_refuses_a_full_directory(t: &Subject) -> CaseResult {
    t.put("dir/sub/file", "kept").await?;
    for options in [Remove::default(), forced()] {
        refused("a full directory", t.remove("dir", options).await?, &[ErrorKind::DirectoryNotEmpty])?;
    }
    ensure_eq!(t.get("dir/sub/file").await?, "kept", "what it holds");
    Ok(())
}

async fn remove_recursive_takes_everything(t: &Subject) -> CaseResult {
    for path in ["dir/a", "dir/.b", "dir/sub/deep/c", "dir-beside", "dir.beside/x"] {
        t.put(path, "").await?;
    }
    t.remove("dir", Remove::recursive()).await??;
    refused("listing what was removed", t.names("dir").await, &[ErrorKind::NotFound])?;
    ensure_eq!(t.names("").await?, ["dir-beside", "dir.beside"], "its neighbours stay");
    Ok(())
}

async fn remove_refuses_what_is_missing_unless_forced(t: &Subject) -> CaseResult {
    refused("missing", t.remove("missing", Remove::default()).await?, &[ErrorKind::NotFound])?;
    refused("missing, recursively", t.remove("missing", Remove::recursive()).await?, &[ErrorKind::NotFound])?;
    t.remove("missing", forced()).await??;
    t.remove("missing", Remove::recursive().forced()).await??;
    t.remove("missing/below", forced()).await??;
    Ok(())
}

async fn what_was_removed_can_be_made_again(t: &Subject) -> CaseResult {
    t.put("x", "a file").await?;
    t.remove("x", Remove::default()).await??;
    t.put("x/inside", "now a directory").await?;
    ensure_eq!(t.get("x/inside").await?, "now a directory", "a directory in the place of a file");
    t.remove("x", Remove::recursive()).await??;
    t.put("x", "a file again").await?;
    ensure_eq!(t.get("x").await?, "a file again", "a file in the place of a directory");
    Ok(())
}
