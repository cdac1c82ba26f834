//! Symbolic links, made through the shell: there is no other way.

use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{DirEntry, ErrorKind, FileKind, Remove};

use super::group;
use crate::report::{CaseResult, ensure, ensure_eq};
use crate::sandbox::subject::{Subject, refused};
use crate::sandbox::{Case, Need};

pub(super) fn cases() -> Vec<Case> {
    group!("links", [Need::Symlinks];
        a_link_to_a_file_has_the_facts_of_its_target,
        a_link_to_a_directory_leads_into_it,
        a_dangling_link_is_listed_and_not_found,
        a_list_shows_links_as_links,
        a_write_goes_through_a_link,
        removing_a_link_leaves_its_target,
        removing_a_tree_leaves_what_its_links_point_to,
        a_loop_is_an_error,
        search_does_not_follow_links,
    )
    .to_vec()
}

async fn a_link_to_a_file_has_the_facts_of_its_target(t: &Subject) -> CaseResult {
    t.put("target", "four").await?;
    t.sh("ln -s target relative && ln -s \"$PWD/target\" absolute && ln -s relative twice").await?;
    for name in ["relative", "absolute", "twice"] {
        ensure_eq!(t.get(name).await?, "four", "what is read through `{name}`");
        let facts = t.fs().metadata(&t.at(name)?).await?;
        ensure_eq!((facts.kind, facts.is_symlink, facts.len), (FileKind::File, true, Some(4)), "facts about `{name}`");
    }
    ensure!(!t.fs().metadata(&t.at("target")?).await?.is_symlink, "the target is no link");
    Ok(())
}

async fn a_link_to_a_directory_leads_into_it(t: &Subject) -> CaseResult {
    t.put("dir/file", "inside").await?;
    t.sh("ln -s dir link").await?;
    let facts = t.fs().metadata(&t.at("link")?).await?;
    ensure_eq!((facts.kind, facts.is_symlink), (FileKind::Directory, true), "facts about the link");
    ensure!(!t.fs().metadata(&t.at("link/file")?).await?.is_symlink, "a file behind a link is no link");
    ensure_eq!(t.names("link").await?, ["file"], "the list through the link");
    ensure_eq!(t.get("link/file").await?, "inside", "a file behind the link");
    t.put("link/new/file", "made").await?;
    ensure_eq!(t.get("dir/new/file").await?, "made", "a file written behind the link");
    refused("reading the link", t.get("link").await, &[ErrorKind::IsADirectory])
}

async fn a_dangling_link_is_listed_and_not_found(t: &Subject) -> CaseResult {
    t.sh("ln -s missing link").await?;
    refused("metadata", t.fs().metadata(&t.at("link")?).await, &[ErrorKind::NotFound])?;
    refused("read", t.get("link").await, &[ErrorKind::NotFound])?;
    refused("list", t.names("link").await, &[ErrorKind::NotFound])?;
    ensure_eq!(t.fs().list(&t.dir).await?, [DirEntry::new("link", FileKind::Symlink)], "the list");
    t.remove("link", Remove::default()).await??;
    ensure_eq!(t.names("").await?, [""; 0], "what is left");
    Ok(())
}

async fn a_list_shows_links_as_links(t: &Subject) -> CaseResult {
    t.put("d/x", "").await?;
    t.put("f", "").await?;
    t.sh("ln -s d to-dir && ln -s f to-file").await?;
    let expected = [
        ("d", FileKind::Directory),
        ("f", FileKind::File),
        ("to-dir", FileKind::Symlink),
        ("to-file", FileKind::Symlink),
    ];
    ensure_eq!(t.fs().list(&t.dir).await?, expected.map(|(name, kind)| DirEntry::new(name, kind)), "the list");
    Ok(())
}

async fn a_write_goes_through_a_link(t: &Subject) -> CaseResult {
    t.put("target", "old").await?;
    t.sh("ln -s target link").await?;
    t.put("link", "new").await?;
    ensure_eq!(t.get("target").await?, "new", "the target");
    ensure!(t.fs().metadata(&t.at("link")?).await?.is_symlink, "the link was replaced by a file");
    Ok(())
}

async fn removing_a_link_leaves_its_target(t: &Subject) -> CaseResult {
    t.put("file", "kept").await?;
    t.put("dir/file", "kept").await?;
    for (target, options) in [
        ("file", Remove::default()),
        ("dir", Remove::default()),
        ("file", Remove::recursive()),
        ("dir", Remove::recursive()),
    ] {
        t.sh(&format!("ln -s {target} link")).await?;
        t.remove("link", options).await??;
        ensure_eq!(t.names("").await?, ["dir", "file"], "after removing a link to {target} with {options:?}");
    }
    ensure_eq!(t.get("dir/file").await?, "kept", "what the directory holds");
    Ok(())
}

async fn removing_a_tree_leaves_what_its_links_point_to(t: &Subject) -> CaseResult {
    t.put("outside/file", "kept").await?;
    t.put("tree/sub/file", "goes").await?;
    t.sh("ln -s ../outside tree/link && ln -s ../../outside/file tree/sub/link && ln -s . tree/self").await?;
    t.remove("tree", Remove::recursive()).await??;
    ensure_eq!(t.names("").await?, ["outside"], "what is left");
    ensure_eq!(t.get("outside/file").await?, "kept", "the target of a link in the tree");
    Ok(())
}

async fn a_loop_is_an_error(t: &Subject) -> CaseResult {
    t.sh("ln -s b a && ln -s a b").await?;
    ensure!(t.get("a").await.is_err(), "reading a link that leads to itself is an error");
    ensure!(t.fs().metadata(&t.at("a/b")?).await.is_err(), "nothing is below a link that leads to itself");
    ensure_eq!(t.names("").await?, ["a", "b"], "the list");
    Ok(())
}

async fn search_does_not_follow_links(t: &Subject) -> CaseResult {
    t.put("dir/file.txt", "needle\n").await?;
    t.sh("ln -s dir link && ln -s dir/file.txt link.txt && ln -s .. dir/up").await?;
    let found = t.sandbox.glob(GlobQuery::new("*.txt", t.dir.clone(), 100)).await?;
    ensure_eq!(found.paths, [t.at("dir/file.txt")?], "glob finds the file once");
    let found = t.sandbox.grep(GrepQuery::new("needle", t.dir.clone(), 100)).await?;
    ensure_eq!(found.total, 1, "grep finds the line once");
    Ok(())
}
