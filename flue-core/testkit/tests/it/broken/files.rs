//! Defects of files, search and lifecycle, over the in-memory double.

use std::sync::Arc;

use flue_core_testkit::sandbox::suite;
use flue_core_testkit::{MemoryFactory, Outcome};

use super::{BrokenFactory, Defect, caught, failure, is_late, over_memory};
use async_trait::async_trait;
use bytes::Bytes;
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{
    DirEntry, Error, ErrorKind, FileSystem, OpenRequest, Remove, Result, Sandbox, SandboxFactory, SandboxPath,
};

#[derive(Debug)]
struct MissingFilesAreEmpty;

#[async_trait]
impl Defect for MissingFilesAreEmpty {
    async fn read(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Bytes> {
        match inner.read(path).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Bytes::new()),
            result => result,
        }
    }
}

#[test]
fn a_missing_file_that_reads_as_empty() {
    caught(MissingFilesAreEmpty, &["files::a_missing_file_is_not_found", "files::an_empty_file_is_not_a_missing_one"]);
}

#[test]
fn a_defect_that_is_known_is_a_skip_with_its_reason() {
    let name = "files::a_missing_file_is_not_found";
    let broken = BrokenFactory { inner: Arc::new(MemoryFactory::new()), defect: Arc::new(MissingFilesAreEmpty) };
    let report = suite(broken).only(&[name]).except(name, "not yet").run_blocking();
    assert_eq!(report.lines[0].outcome, Outcome::Skipped("known to fail: not yet".into()));
}

#[derive(Debug)]
struct TextOnly;

#[async_trait]
impl Defect for TextOnly {
    async fn read(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Bytes> {
        Ok(String::from_utf8_lossy(&inner.read(path).await?).into_owned().into())
    }
}

#[test]
fn files_that_pass_through_text() {
    caught(TextOnly, &["files::every_byte_survives", "files::a_large_file_survives"]);
}

#[derive(Debug)]
struct WritesInTwoSteps;

#[async_trait]
impl Defect for WritesInTwoSteps {
    async fn write(&self, inner: &dyn FileSystem, path: &SandboxPath, data: Bytes) -> Result<()> {
        inner.write(path, data.slice(..data.len() / 2)).await?;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        inner.write(path, data).await
    }
}

#[test]
fn a_write_that_can_be_seen_half_done() {
    caught(
        WritesInTwoSteps,
        &["files::a_replacement_is_never_seen_half_done", "files::a_dropped_write_leaves_the_old_or_the_new"],
    );
}

#[derive(Debug)]
struct WritesWithoutTruncating;

#[async_trait]
impl Defect for WritesWithoutTruncating {
    async fn write(&self, inner: &dyn FileSystem, path: &SandboxPath, data: Bytes) -> Result<()> {
        let old = inner.read(path).await.unwrap_or_default();
        let rest = old.get(data.len()..).unwrap_or_default();
        inner.write(path, [&data, rest].concat().into()).await
    }
}

#[test]
fn a_write_that_leaves_the_tail() {
    caught(WritesWithoutTruncating, &["files::write_replaces_the_whole_file"]);
}

#[derive(Debug)]
struct WritesOverDirectories;

#[async_trait]
impl Defect for WritesOverDirectories {
    async fn write(&self, inner: &dyn FileSystem, path: &SandboxPath, data: Bytes) -> Result<()> {
        inner.remove(path, Remove::recursive().forced()).await?;
        inner.write(path, data).await
    }
}

#[test]
fn a_write_that_replaces_a_directory() {
    caught(WritesOverDirectories, &["files::a_directory_is_not_overwritten"]);
}

#[derive(Debug)]
struct MakesNoParents;

#[async_trait]
impl Defect for MakesNoParents {
    async fn write(&self, inner: &dyn FileSystem, path: &SandboxPath, data: Bytes) -> Result<()> {
        if let Some(parent) = path.parent() {
            inner.metadata(&parent).await?;
        }
        inner.write(path, data).await
    }
}

#[test]
fn a_write_without_parents() {
    caught(MakesNoParents, &["files::write_makes_missing_parents"]);
}

#[derive(Debug)]
struct ListsBackwards;

#[async_trait]
impl Defect for ListsBackwards {
    async fn list(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        let mut entries = inner.list(path).await?;
        entries.reverse();
        Ok(entries)
    }
}

#[test]
fn a_list_that_is_not_sorted() {
    caught(ListsBackwards, &["directories::a_list_is_sorted_by_name", "files::a_thousand_small_files"]);
}

#[derive(Debug)]
struct HidesDotFiles;

#[async_trait]
impl Defect for HidesDotFiles {
    async fn list(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        let entries = inner.list(path).await?;
        Ok(entries.into_iter().filter(|entry| !entry.name.starts_with('.')).collect())
    }
}

#[test]
fn a_list_without_dot_files() {
    caught(HidesDotFiles, &["directories::a_list_has_dot_files_and_kinds_and_one_level", "names::wire_characters"]);
}

#[derive(Debug)]
struct MissingDirectoriesAreEmpty;

#[async_trait]
impl Defect for MissingDirectoriesAreEmpty {
    async fn list(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        Ok(inner.list(path).await.unwrap_or_default())
    }

    async fn glob(&self, inner: &dyn Sandbox, query: GlobQuery) -> Result<GlobHits> {
        Ok(inner.glob(query).await.unwrap_or_default())
    }
}

#[test]
fn a_missing_directory_that_lists_as_empty() {
    caught(
        MissingDirectoriesAreEmpty,
        &[
            "directories::an_empty_directory_is_not_a_missing_one",
            "directories::a_file_is_not_listed",
            "glob::a_missing_directory_is_not_found",
            "glob::malformed_patterns_are_refused",
        ],
    );
}

#[derive(Debug)]
struct LinesForNames;

#[async_trait]
impl Defect for LinesForNames {
    async fn list(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        let split = |entry: DirEntry| {
            let kind = entry.kind;
            entry.name.trim().lines().map(|line| DirEntry::new(line, kind)).collect::<Vec<_>>()
        };
        Ok(inner.list(path).await?.into_iter().flat_map(split).collect())
    }
}

#[test]
fn names_that_are_taken_for_lines() {
    caught(LinesForNames, &["names::shell_characters", "names::control_characters"]);
}

#[derive(Debug)]
struct RemovesTreesUnasked;

#[async_trait]
impl Defect for RemovesTreesUnasked {
    async fn remove(&self, inner: &dyn FileSystem, path: &SandboxPath, _: Remove) -> Result<()> {
        inner.remove(path, Remove::recursive().forced()).await
    }
}

#[test]
fn a_removal_that_ignores_its_options() {
    caught(
        RemovesTreesUnasked,
        &["directories::remove_refuses_a_full_directory", "directories::remove_refuses_what_is_missing_unless_forced"],
    );
}

#[derive(Debug)]
struct UnsupportedTooLate;

#[async_trait]
impl Defect for UnsupportedTooLate {
    async fn remove(&self, inner: &dyn FileSystem, path: &SandboxPath, options: Remove) -> Result<()> {
        inner.remove(path, options).await?;
        if options.recursive { Err(Error::unsupported("remove", "no trees")) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct UnsupportedInTime;

#[async_trait]
impl Defect for UnsupportedInTime {
    async fn remove(&self, inner: &dyn FileSystem, path: &SandboxPath, options: Remove) -> Result<()> {
        if options.recursive {
            return Err(Error::unsupported("remove", "no trees"));
        }
        inner.remove(path, options).await
    }
}

#[test]
fn unsupported_is_a_skip_only_before_anything_changed() {
    const CASE: &str = "directories::remove_recursive_takes_everything";
    caught(UnsupportedTooLate, &[CASE]);
    let report = over_memory(UnsupportedInTime);
    assert!(report.skipped().any(|line| line.name == CASE), "{report}");
    assert_eq!(report.failed().count(), 0, "{report}");
}

#[derive(Debug)]
struct CountsWhatItShows;

#[async_trait]
impl Defect for CountsWhatItShows {
    async fn grep(&self, inner: &dyn Sandbox, query: GrepQuery) -> Result<GrepHits> {
        let mut hits = inner.grep(query).await?;
        hits.total = hits.matches.len() as u64;
        Ok(hits)
    }

    async fn glob(&self, inner: &dyn Sandbox, query: GlobQuery) -> Result<GlobHits> {
        let mut hits = inner.glob(query).await?;
        hits.total = hits.paths.len() as u64;
        Ok(hits)
    }
}

#[test]
fn a_search_that_counts_only_what_it_shows() {
    caught(
        CountsWhatItShows,
        &["grep::a_limit_bounds_matches_and_not_the_count", "glob::a_limit_bounds_paths_and_not_the_count"],
    );
}

#[derive(Debug)]
struct SearchesPlainText;

#[async_trait]
impl Defect for SearchesPlainText {
    async fn grep(&self, inner: &dyn Sandbox, query: GrepQuery) -> Result<GrepHits> {
        inner.grep(query.literal(true)).await
    }
}

#[test]
fn a_search_that_takes_every_pattern_as_text() {
    caught(SearchesPlainText, &["grep::takes_regular_expressions", "grep::malformed_patterns_are_refused"]);
}

#[derive(Debug)]
struct NeverCloses;

#[async_trait]
impl Defect for NeverCloses {
    async fn close(&self, _: &dyn Sandbox) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_sandbox_that_stays_open() {
    caught(NeverCloses, &["lifecycle::a_closed_sandbox_says_so"]);
}

#[derive(Debug)]
struct ClosesOnce;

#[async_trait]
impl Defect for ClosesOnce {
    async fn close(&self, inner: &dyn Sandbox) -> Result<()> {
        // The double tells that it is closed by refusing its files.
        inner.fs().metadata(&SandboxPath::root()).await?;
        inner.close().await
    }
}

#[test]
fn a_sandbox_that_cannot_be_closed_twice() {
    caught(ClosesOnce, &["lifecycle::closing_twice_is_fine"]);
}

#[derive(Debug)]
struct OneTreeForAll;

#[async_trait]
impl Defect for OneTreeForAll {
    async fn open(&self, inner: &dyn SandboxFactory, mut request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        request.id = "shared".into();
        inner.open(request).await
    }
}

#[test]
fn ids_that_share_their_files() {
    caught(OneTreeForAll, &["lifecycle::another_id_has_other_files"]);
}

#[derive(Debug)]
struct Misbehaves;

#[async_trait]
impl Defect for Misbehaves {
    async fn read(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Bytes> {
        match path.file_name() {
            Some("f") => std::future::pending().await,
            Some("large") => std::thread::sleep(super::LIMIT * 2),
            Some("dir") => panic!("a defect"),
            _ => {}
        }
        inner.read(path).await
    }
}

#[test]
fn hanging_blocking_and_panicking_are_failures_and_the_suite_goes_on() {
    let report = over_memory(Misbehaves);
    for (name, what) in [
        ("files::write_replaces_the_whole_file", "a read that hangs"),
        ("files::a_large_file_survives", "a read that blocks its thread"),
    ] {
        assert!(is_late(&failure(&report, name)), "{what}: {}", failure(&report, name));
    }
    assert_eq!(failure(&report, "files::a_directory_is_not_read"), "panicked: a defect");
    assert!(report.passed().any(|line| line.name == "glob::hidden_files_are_found"), "{report}");
}
