//! Files by name.

use flue_core::ErrorKind;
use flue_core::search::{GlobQuery, MAX_GLOB_BYTES};

use super::group;
use crate::report::{CaseResult, ensure, ensure_eq, short};
use crate::sandbox::Case;
use crate::sandbox::subject::{Subject, refused};

/// More than any case finds.
const ALL: usize = 1_000;

pub(super) fn cases() -> Vec<Case> {
    group!("glob", [];
        a_pattern_without_a_slash_is_held_against_names,
        a_pattern_with_a_slash_is_held_against_paths,
        wildcards_classes_and_choices,
        paths_are_sorted_by_segment,
        hidden_files_are_found,
        directories_are_not_found,
        odd_names_are_found,
        finds_nothing_without_an_error,
        a_missing_directory_is_not_found,
        malformed_patterns_are_refused,
        patterns_that_are_too_large_are_refused,
        a_limit_bounds_paths_and_not_the_count,
    )
    .to_vec()
}

async fn put_all(t: &Subject, paths: &[&str]) -> CaseResult {
    for path in paths {
        t.put(path, "").await?;
    }
    Ok(())
}

/// The paths below the case's directory.
async fn found(t: &Subject, pattern: &str) -> CaseResult<Vec<String>> {
    let hits = t.sandbox.glob(GlobQuery::new(pattern, t.dir.clone(), ALL)).await?;
    ensure_eq!(hits.total, hits.paths.len() as u64, "the count for `{pattern}`, with no limit in the way");
    ensure!(!hits.incomplete, "a small search is complete");
    Ok(hits.paths.iter().map(|path| path.strip_prefix(&t.dir).unwrap_or("outside").to_owned()).collect())
}

async fn a_pattern_without_a_slash_is_held_against_names(t: &Subject) -> CaseResult {
    put_all(t, &["a.rs", "src/b.rs", "src/deep/c.rs", "src/b.rs.bak", "rs"]).await?;
    ensure_eq!(found(t, "*.rs").await?, ["a.rs", "src/b.rs", "src/deep/c.rs"], "*.rs at any depth");
    ensure_eq!(found(t, "b.rs").await?, ["src/b.rs"], "a plain name");
    Ok(())
}

async fn a_pattern_with_a_slash_is_held_against_paths(t: &Subject) -> CaseResult {
    put_all(t, &["a.rs", "src/b.rs", "src/deep/c.rs", "src/deep/er/d.rs", "other/src/e.rs"]).await?;
    for (pattern, expected) in [
        ("src/*.rs", &["src/b.rs"][..]),
        ("src/**/*.rs", &["src/b.rs", "src/deep/c.rs", "src/deep/er/d.rs"]),
        ("src/**", &["src/b.rs", "src/deep/c.rs", "src/deep/er/d.rs"]),
        ("**/src/*.rs", &["other/src/e.rs", "src/b.rs"]),
        ("**/*.rs", &["a.rs", "other/src/e.rs", "src/b.rs", "src/deep/c.rs", "src/deep/er/d.rs"]),
        ("./*.rs", &["a.rs"]),
        ("src/deep/c.rs", &["src/deep/c.rs"]),
        ("*/*/c.rs", &["src/deep/c.rs"]),
    ] {
        ensure_eq!(found(t, pattern).await?, expected, "{pattern}");
    }
    Ok(())
}

async fn wildcards_classes_and_choices(t: &Subject) -> CaseResult {
    put_all(t, &["a1.txt", "a12.txt", "b1.md", "c1.txt", "sub/a1.txt"]).await?;
    for (pattern, expected) in [
        ("a?.txt", &["a1.txt", "sub/a1.txt"][..]),
        ("[bc]1.*", &["b1.md", "c1.txt"]),
        ("[!a]1.txt", &["c1.txt"]),
        ("{a12,b1}.{txt,md}", &["a12.txt", "b1.md"]),
        ("[a-b]*.{md,txt}", &["a1.txt", "a12.txt", "b1.md", "sub/a1.txt"]),
        ("?1.txt", &["a1.txt", "c1.txt", "sub/a1.txt"]),
    ] {
        ensure_eq!(found(t, pattern).await?, expected, "{pattern}");
    }
    Ok(())
}

async fn paths_are_sorted_by_segment(t: &Subject) -> CaseResult {
    put_all(t, &["b", "a/z", "a/b/c", "a.x", "a-x", "B"]).await?;
    ensure_eq!(found(t, "*").await?, ["B", "a/b/c", "a/z", "a-x", "a.x", "b"], "every file");
    let hits = t.sandbox.glob(GlobQuery::new("*", t.at("a")?, ALL)).await?;
    ensure_eq!(hits.paths, [t.at("a/b/c")?, t.at("a/z")?], "every file below a directory");
    Ok(())
}

async fn hidden_files_are_found(t: &Subject) -> CaseResult {
    put_all(t, &[".hidden.rs", ".dir/b.rs", "c.rs", ".gitignore"]).await?;
    t.put(".gitignore", "*").await?;
    ensure_eq!(found(t, "*.rs").await?, [".dir/b.rs", ".hidden.rs", "c.rs"], "*.rs");
    Ok(())
}

async fn directories_are_not_found(t: &Subject) -> CaseResult {
    put_all(t, &["dir.rs/inside", "file.rs"]).await?;
    ensure_eq!(found(t, "*.rs").await?, ["file.rs"], "*.rs");
    Ok(())
}

async fn odd_names_are_found(t: &Subject) -> CaseResult {
    let names = ["$HOME.x", "-rf.x", "[a].x", "it's.x", "new\nline.x", "with space.x", "ünï.x", "日本.x"];
    put_all(t, &names).await?;
    ensure_eq!(found(t, "*.x").await?, names, "*.x");
    ensure_eq!(found(t, r"\[a\].x").await?, ["[a].x"], "brackets that are escaped");
    Ok(())
}

async fn finds_nothing_without_an_error(t: &Subject) -> CaseResult {
    ensure_eq!(found(t, "*").await?, [""; 0], "an empty directory");
    put_all(t, &["a"]).await?;
    ensure_eq!(found(t, "*.none").await?, [""; 0], "a pattern that no file matches");
    Ok(())
}

async fn a_missing_directory_is_not_found(t: &Subject) -> CaseResult {
    t.put("file", "").await?;
    let glob = |path| t.sandbox.glob(GlobQuery::new("*", path, ALL));
    refused("a missing directory", glob(t.at("missing")?).await, &[ErrorKind::NotFound])?;
    refused("a file", glob(t.at("file")?).await, &[ErrorKind::NotADirectory])
}

async fn malformed_patterns_are_refused(t: &Subject) -> CaseResult {
    put_all(t, &["a"]).await?;
    for pattern in ["[a", "{a,b", "a}", "[z-a]", "src/["] {
        let result = t.sandbox.glob(GlobQuery::new(pattern, t.dir.clone(), ALL)).await;
        refused(pattern, result, &[ErrorKind::InvalidInput])?;
    }
    Ok(())
}

async fn patterns_that_are_too_large_are_refused(t: &Subject) -> CaseResult {
    put_all(t, &["a"]).await?;
    let nested = format!("{}a{}", "{".repeat(1000), "}".repeat(1000));
    for pattern in ["*".repeat(MAX_GLOB_BYTES + 1), nested] {
        let result = t.sandbox.glob(GlobQuery::new(&pattern, t.dir.clone(), ALL)).await;
        refused(&short(&pattern), result, &[ErrorKind::InvalidInput])?;
    }
    ensure_eq!(found(t, "*").await?, ["a"], "the next search");
    Ok(())
}

async fn a_limit_bounds_paths_and_not_the_count(t: &Subject) -> CaseResult {
    put_all(t, &["a", "b", "c", "d", "e"]).await?;
    for limit in [0, 1, 4, 5, 6] {
        let hits = t.sandbox.glob(GlobQuery::new("*", t.dir.clone(), limit)).await?;
        ensure_eq!(
            (hits.paths.len(), hits.total),
            (limit.min(5), 5),
            "the paths and the count with a limit of {limit}"
        );
    }
    Ok(())
}
